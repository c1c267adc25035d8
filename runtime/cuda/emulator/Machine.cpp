// SPDX-License-Identifier: Apache-2.0
#include "runtime/cuda/emulator/Machine.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>

namespace heddle::emulator {
namespace {

// What a block may have at most on sm_90, and room behind it that belongs to nobody.
constexpr size_t kWindowBytes = 512 << 10;
// Room in the clocks for engines: mbarriers that loads report to, warpgroups, threads that store.
constexpr uint32_t kEnginesOfBlock = 64;

thread_local Machine *runningMachine = nullptr;
// Its stacks live on from launch to launch.
thread_local StackPool stackPool;

} // namespace

Machine &machine() { return *runningMachine; }

Machine::Machine(const KernelObject &object, const std::string &kernel, const LaunchShape &shape,
                 void **parameters, const GlobalMemory &memory, const EmulatorOptions &options)
    : object_(object), kernel_(kernel), shape_(shape), parameters_(parameters), memory_(memory),
      options_(options), entry_(object.find(kernel)), random_(options.seed) {
  uint32_t agents = threadAgents() + kEnginesOfBlock * shape.cluster;
  clockWidth_ = (agents + 15) / 16 * 16;
  runningMachine = this;
}

Machine::~Machine() {
  runningMachine = nullptr;
  if (windows_)
    munmap(windows_, kWindowBytes * shape_.cluster);
}

Status Machine::prepare() {
  HEDDLE_RETURN_IF_ERROR(stackPool.reserve(threadAgents()));
  void *memory = mmap(nullptr, kWindowBytes * shape_.cluster, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    return absl::ResourceExhaustedError(
        absl::StrCat("no memory for emulated shared memory: ", strerror(errno)));
  windows_ = static_cast<uint8_t *>(memory);
  return absl::OkStatus();
}

bool Machine::isStack(uint64_t address) const { return stackPool.contains(address); }

void Machine::setUpBlock(Block &block, uint32_t rank, std::array<uint32_t, 3> number) {
  block.rank = rank;
  block.number = number;
  block.shared = windows_ + rank * kWindowBytes;
  memset(block.shared, 0xff, shape_.sharedBytes); // NaN, so that misuse shows in values, too
  block.threads = std::vector<CudaThread>(shape_.threads);
  block.running = shape_.threads;
  block.warps.resize((shape_.threads + kWarpSize - 1) / kWarpSize);
  block.warpgroups.resize((shape_.threads + kWarpgroupSize - 1) / kWarpgroupSize);
  if (checks())
    block.shadow = std::make_unique<Shadow>(shape_.sharedBytes, threadAgents(), clockWidth_);
  for (uint32_t t = 0; t < shape_.threads; ++t) {
    CudaThread &thread = block.threads[t];
    thread.ids = {t,
                  shape_.threads,
                  {number[0], number[1], number[2]},
                  {shape_.grid[0], shape_.grid[1], shape_.grid[2]},
                  rank,
                  shape_.cluster};
    thread.block = &block;
    thread.index = t;
    thread.agent = rank * shape_.threads + t;
    if (checks()) {
      thread.clock.assign(2 * clockWidth_, 0);
      thread.clock[thread.agent] = 1;
    }
    thread.context.prepare(stackPool, thread.agent, fiberMain);
    runnable_.push_back(&thread);
  }
}

bool Machine::runCluster(std::array<uint32_t, 3> first) {
  runnable_.clear();
  loads_.clear();
  engineNames_.clear();
  clusterBarrier_ = {};
  blocks_ = std::vector<Block>(shape_.cluster);
  for (uint32_t rank = 0; rank < shape_.cluster; ++rank)
    setUpBlock(blocks_[rank], rank, {first[0] + rank, first[1], first[2]});
  for (;;) {
    while (CudaThread *thread = next()) {
      current_ = thread;
      steps_ = 0;
      FiberContext::switchTo(scheduler_, thread->context);
      if (isStopped_)
        return false;
    }
    if (landOneLoad(*this, options_.seed ? random_() : 0))
      continue;
    for (const Block &block : blocks_)
      if (block.running) {
        reportDeadlock();
        return false;
      }
    return true;
  }
}

CudaThread *Machine::next() {
  if (runnable_.empty())
    return nullptr;
  if (options_.seed)
    std::swap(runnable_.front(), runnable_[random_() % runnable_.size()]);
  CudaThread *thread = runnable_.front();
  runnable_.pop_front();
  return thread;
}

void Machine::fiberMain() {
  fiberEntered();
  Machine &self = machine();
  self.entry_(self.parameters_);
  self.exitThread();
}

void Machine::exitThread() {
  CudaThread &thread = *current_;
  finishThread(*this, thread);
  thread.isDone = true;
  --thread.block->running;
  FiberContext::switchTo(thread.context, scheduler_);
  __builtin_unreachable();
}

void Machine::stop() {
  isStopped_ = true;
  FiberContext::switchTo(current_->context, scheduler_);
  __builtin_unreachable();
}

void Machine::wait(WaitKind kind, uint32_t object, uint32_t parity) {
  CudaThread &thread = *current_;
  thread.waitKind = kind;
  thread.waitObject = object;
  thread.waitParity = parity;
  FiberContext::switchTo(thread.context, scheduler_);
  thread.waitKind = WaitKind::None;
}

void Machine::wake(Waiters &waiters) {
  runnable_.insert(runnable_.end(), waiters.begin(), waiters.end());
  waiters.clear();
}

void Machine::addFault(FaultKind kind, uint32_t pc, uint32_t otherPc, std::string message) {
  Fault fault{kind,
              kernel_,
              object_.line(pc),
              otherPc ? object_.line(otherPc) : SourceLine{},
              current_->block->number,
              current_->index,
              std::move(message)};
  faults_.add(pc, otherPc, std::move(fault));
  if (faults_.size() >= options_.faultLimit)
    isStopped_ = true; // once the running thread gives way
}

void Machine::join(Clock &into, const Clock &from) const {
  if (!checks() || from.empty())
    return;
  if (into.empty()) {
    into = from;
    return;
  }
  uint32_t *a = into.data();
  const uint32_t *b = from.data();
  for (uint32_t i = 0; i < 2 * clockWidth_; ++i)
    a[i] = a[i] > b[i] ? a[i] : b[i];
}

void Machine::release(Clock &into, CudaThread &thread) const {
  if (!checks())
    return;
  join(into, thread.clock);
  ++thread.clock[thread.agent];
}

uint32_t Machine::newAgent(std::string name) {
  uint32_t agent = threadAgents() + static_cast<uint32_t>(engineNames_.size());
  if (agent >= clockWidth_)
    fatal(FaultKind::Unsupported, current_->pc, [&] {
      return absl::StrCat("more than ", kEnginesOfBlock,
                          " mbarriers and threads with bulk copies in a block");
    });
  engineNames_.push_back(std::move(name));
  return agent;
}

std::string Machine::agentName(uint32_t agent) const {
  if (agent >= threadAgents())
    return engineNames_[agent - threadAgents()];
  std::string name = absl::StrCat("thread ", agent % shape_.threads);
  if (shape_.cluster > 1)
    absl::StrAppend(&name, " of block ", agent / shape_.threads, " of the cluster");
  return name;
}

} // namespace heddle::emulator
