// SPDX-License-Identifier: Apache-2.0
// A launch under way: its cluster of blocks, their threads, and what is on its way between them.
// Internal to the emulator. Everything happens on one thread of the system.

#ifndef HEDDLE_RUNTIME_CUDA_EMULATOR_MACHINE_H
#define HEDDLE_RUNTIME_CUDA_EMULATOR_MACHINE_H

#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "runtime/cuda/emulator/Emulator.h"
#include "runtime/cuda/emulator/EmulatorAbi.h"
#include "runtime/cuda/emulator/Fiber.h"
#include "runtime/cuda/emulator/Shadow.h"
#include "runtime/cuda/emulator/TensorMap.h"

namespace heddle::emulator {

/// Shared address of a block's first byte: not 0, so that a forgotten address is out of bounds.
constexpr uint32_t kSharedBase = 1024;
constexpr uint32_t kNamedBarriers = 16, kWarpSize = 32, kWarpgroupSize = 128;

struct Block;
struct CudaThread;
using Waiters = std::vector<CudaThread *>;

struct NamedBarrier {
  uint32_t expected = 0, arrived = 0;
  Clock clock;
  Waiters waiting;
};

struct Mbarrier {
  uint32_t count = 0, pending = 0, phase = 0;
  int64_t bytes = 0; ///< expected and not yet come; negative: more came than was expected
  uint32_t initAgent = 0, initEpoch = 0;
  bool isFenced = false;
  uint32_t loadAgent = 0, loads = 0; ///< the engine of the loads that report here
  Clock current, done;               ///< of the phase at hand and of the last one
  Waiters waiting;
};

/// A bulk load that has been issued and not landed.
struct BulkLoad {
  TensorMap map;
  bool hasMap;
  int coordinates[4];
  uint64_t source; ///< without a map
  uint32_t bytes, target, mbarrier, agent, epoch, pc;
  uint32_t block;
  CudaThread *issuer;
};

/// A bulk store, reduction or 1-D store of a thread.
struct BulkStore {
  TensorMap map;
  bool hasMap, isAdd;
  int coordinates[4];
  uint64_t target; ///< without a map
  uint32_t bytes, source, pc, epoch;
  int64_t group = -1;   ///< not yet committed
  bool isTaken = false; ///< the shared memory has been read into `data`
  std::vector<uint8_t> data;
};

struct CpAsync {
  uint32_t target, bytes, valid, pc, epoch;
  uint64_t source;
  int64_t group = -1;
};

/// Registers that a wgmma of a thread writes.
struct Accumulator {
  uint64_t first, last;    ///< addresses; last is beyond
  int64_t pendingSequence; ///< of the newest wgmma under way, or -1
  bool isTouched;          ///< by ordinary code since the last wgmma.fence
};

/// A wgmma as the threads of its warpgroup have issued it.
struct WgmmaOperation {
  gk_WgmmaCall call;
  bool hasRegisters;
  uint32_t pc, arrived = 0;
  float *accumulators[kWarpgroupSize] = {};
  std::vector<uint32_t> registers; ///< four a thread
  Clock known;                     ///< what all warps know: the smallest of their clocks
};

struct Warpgroup {
  std::deque<WgmmaOperation> operations; ///< number firstOperation and on
  int64_t firstOperation = 0, issued = 0;
  uint32_t agent = 0;
  Waiters waiting;
};

enum class WarpOperation { Sync, Shuffle, Ldmatrix, Stmatrix, MmaBf16, MmaTf32 };
const char *operationName(WarpOperation operation);

struct Warp {
  WarpOperation operation = WarpOperation::Sync; ///< of those that have arrived
  uint32_t pc = 0;
  Waiters arrived;
};

enum class WaitKind { None, Barrier, ClusterBarrier, Mbarrier, Warp, Wgmma };

struct CudaThread {
  gk_Ids ids;
  FiberContext context;
  Block *block = nullptr;
  uint32_t index = 0, agent = 0, pc = 0;
  bool isDone = false;
  Clock clock;
  WaitKind waitKind = WaitKind::None;
  uint32_t waitObject = 0, waitParity = 0;

  uint32_t in[10], out[4]; ///< what warps exchange

  std::vector<CpAsync> cpAsyncs;
  int64_t cpAsyncGroups = 0;
  std::vector<BulkStore> stores;
  int64_t storeGroups = 0;
  uint32_t storeAgent = 0, storeCount = 0;

  std::vector<Accumulator> accumulators;
  int64_t wgmmas = 0;
  std::vector<int64_t> wgmmaGroups; ///< the number of wgmmas before each commit
  bool hasFenced = false;

  uint32_t epoch() const { return clock[agent]; }
};

struct Block {
  uint32_t rank = 0;
  std::array<uint32_t, 3> number{};
  uint8_t *shared = nullptr;
  std::vector<CudaThread> threads;
  uint32_t running = 0;
  std::vector<Warp> warps;
  std::vector<Warpgroup> warpgroups;
  NamedBarrier barriers[kNamedBarriers];
  std::map<uint32_t, Mbarrier> mbarriers;
  std::unique_ptr<Shadow> shadow;
  uint8_t *at(uint32_t address) { return shared + (address - kSharedBase); }
};

class Machine {
public:
  Machine(const KernelObject &object, const std::string &kernel, const LaunchShape &shape,
          void **parameters, const GlobalMemory &memory, const EmulatorOptions &options);
  ~Machine();
  Status prepare();
  /// Runs the cluster whose first block is `first`; false where the launch has to end.
  bool runCluster(std::array<uint32_t, 3> first);

  // --- what the operations use (the thread that is running: current) ---

  CudaThread &current() { return *current_; }
  bool checks() const { return options_.checks; }
  uint32_t clockWidth() const { return clockWidth_; }
  uint32_t threadAgents() const { return shape_.threads * shape_.cluster; }
  Block &blockOf(uint32_t rank) { return blocks_[rank]; }
  uint32_t clusterSize() const { return shape_.cluster; }
  const LaunchShape &shape() const { return shape_; }
  const GlobalMemory &memory() const { return memory_; }
  const KernelObject &object() const { return object_; }
  NamedBarrier &clusterBarrier() { return clusterBarrier_; }
  std::vector<BulkLoad> &loads() { return loads_; }
  KernelEntry entry() const { return entry_; }
  void **parameters() const { return parameters_; }
  bool isStack(uint64_t address) const;

  /// Notes where the running thread is in its text.
  uint32_t at(const void *pc) { return current_->pc = object_.offsetOf(pc); }
  /// Counts what a thread does without giving way; stops one that goes on for ever.
  void countStep(const void *pc) {
    if (++steps_ > options_.stepLimit)
      fatal(FaultKind::Deadlock, at(pc), [&] {
        return absl::StrCat("the thread has gone on for ", options_.stepLimit,
                            " memory accesses without waiting for anybody");
      });
  }
  /// Whose doing faults are from here on: of a copy that lands, the thread's that issued it.
  void actFor(CudaThread &thread) { current_ = &thread; }
  /// Gives way until wake() is called with a list that holds this thread.
  void wait(WaitKind kind, uint32_t object = 0, uint32_t parity = 0);
  void wake(Waiters &waiters);
  /// The running thread's last act.
  [[noreturn]] void exitThread();
  /// Ends the launch: what follows cannot be run.
  [[noreturn]] void stop();

  template <typename Message>
  void fault(FaultKind kind, uint32_t pc, uint32_t otherPc, Message message) {
    if (!faults_.countAgain(kind, pc, otherPc))
      addFault(kind, pc, otherPc, message());
  }
  /// A fault after which the launch ends.
  template <typename Message>
  [[noreturn]] void fatal(FaultKind kind, uint32_t pc, Message message) {
    fault(kind, pc, 0, message);
    stop();
  }

  void join(Clock &into, const Clock &from) const;
  /// What `thread` did so far becomes known to whoever joins `into`.
  void release(Clock &into, CudaThread &thread) const;
  uint32_t newAgent(std::string name);
  std::string agentName(uint32_t agent) const;

  /// Stops where the bytes are not in the block's shared memory.
  void checkShared(uint32_t address, uint32_t bytes, uint32_t pc, const char *what);
  void checkGlobal(uint64_t address, uint64_t bytes, uint32_t pc, const char *what);
  /// Records a read (write) of shared memory that is in bounds, and reports conflicts.
  void readCells(Block &block, uint32_t address, uint32_t bytes, const Access &by,
                 const char *what);
  void writeCells(Block &block, uint32_t address, uint32_t bytes, const Access &by,
                  bool staysInFlight, const char *what);
  /// An ordinary access of the running thread.
  Access ordinary(uint32_t pc);

  void setFinished(bool finished) { isFinished_ = finished; }
  LaunchResult takeResult() { return {faults_.take(), isFinished_}; }

private:
  static void fiberMain();
  void addFault(FaultKind kind, uint32_t pc, uint32_t otherPc, std::string message);
  void report(const Finding &finding, uint32_t address, const Access &by, const char *what);
  void setUpBlock(Block &block, uint32_t rank, std::array<uint32_t, 3> number);
  CudaThread *next();
  void reportDeadlock();

  const KernelObject &object_;
  std::string kernel_;
  LaunchShape shape_;
  void **parameters_;
  const GlobalMemory &memory_;
  EmulatorOptions options_;
  KernelEntry entry_ = nullptr;

  uint32_t clockWidth_ = 0;
  std::vector<Block> blocks_;
  NamedBarrier clusterBarrier_;
  std::vector<BulkLoad> loads_;
  std::vector<std::string> engineNames_;
  std::deque<CudaThread *> runnable_;
  CudaThread *current_ = nullptr;
  FiberContext scheduler_;
  uint64_t steps_ = 0; ///< of the running thread since it was resumed
  bool isStopped_ = false, isFinished_ = false;
  FaultLog faults_;
  std::mt19937_64 random_;
  uint8_t *windows_ = nullptr; ///< a window of shared memory a block
};

/// The launch that runs on this thread of the system.
Machine &machine();

/// The mbarrier at an address; stops where there is none, reports where its init is not visible to
/// the running thread or, `byEngine`, to a bulk copy.
Mbarrier &findMbarrier(Machine &machine, Block &block, uint32_t address, uint32_t pc,
                       bool byEngine);
/// Ends the phase if all arrivals and bytes have come.
void endPhase(Machine &machine, Mbarrier &mbarrier);

/// Lets one bulk load land; false where none is under way.
bool landOneLoad(Machine &machine, uint64_t choice);
/// What a thread's copies and products still need when it ends.
void finishThread(Machine &machine, CudaThread &thread);

} // namespace heddle::emulator

#endif // HEDDLE_RUNTIME_CUDA_EMULATOR_MACHINE_H
