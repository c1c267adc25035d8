// SPDX-License-Identifier: Apache-2.0
// What is known of each two bytes of a block's shared memory: who wrote and who read them last.

#ifndef HEDDLE_RUNTIME_CUDA_EMULATOR_SHADOW_H
#define HEDDLE_RUNTIME_CUDA_EMULATOR_SHADOW_H

#include <cstdint>
#include <map>
#include <vector>

namespace heddle::emulator {

/// A vector clock, twice: [0, width) is what an agent knows of the others' accesses; [width,
/// 2 width) what of their ordinary stores the asynchronous engines may see (proxy fences).
using Clock = std::vector<uint32_t>;

/// Who accesses memory: a CUDA thread or an asynchronous engine, at a moment of its own time.
struct Access {
  uint32_t agent, epoch;
  const Clock *clock; ///< what was ordered before
  uint32_t issuer;    ///< the thread that started it; the agent itself for ordinary accesses
  bool isAsync;       ///< by a copy engine or wgmma
  uint32_t pc;
};

constexpr uint32_t kCellBytes = 2;

struct Cell {
  static constexpr int kReaders = 4;
  uint32_t writeEpoch = 0, writePc = 0, readPc = 0;
  uint32_t readEpochs[kReaders];
  uint16_t readers[kReaders];
  uint16_t writer = 0;
  uint8_t readerCount = 0;
  bool isInitialised = false, isInFlight = false, hasMoreReaders = false, isMbarrier = false;
};

/// What a check found; None when all is well.
enum class Conflict {
  None,
  InFlight,
  Uninitialised,
  WithWrite, ///< a race with the last write
  WithRead,  ///< a race with an earlier read
  ProxyFence,
  Mbarrier, ///< an ordinary access to an mbarrier's bytes
};
struct Finding {
  Conflict conflict = Conflict::None;
  uint32_t otherAgent = 0, otherPc = 0;
};

/// One block's shared memory, by cells.
class Shadow {
public:
  /// Agents below `threads` are CUDA threads, whose stores need a proxy fence.
  Shadow(uint32_t bytes, uint32_t threads, uint32_t clockWidth)
      : cells_((bytes + kCellBytes - 1) / kCellBytes), threads_(threads), width_(clockWidth) {}

  Finding read(uint32_t cell, const Access &by);
  /// `staysInFlight`: the data comes later; land() ends that.
  Finding write(uint32_t cell, const Access &by, bool staysInFlight);
  /// The write of (agent, epoch) has landed; it counts as of `landedEpoch`.
  void land(uint32_t cell, uint32_t agent, uint32_t epoch, uint32_t landedEpoch);
  void markMbarrier(uint32_t cell) { cells_[cell].isMbarrier = true; }

private:
  struct Reader {
    uint16_t agent;
    uint32_t epoch;
  };
  void remember(Cell &cell, uint32_t index, const Access &by);

  std::vector<Cell> cells_;
  std::map<uint32_t, std::vector<Reader>> moreReaders_; ///< of cells with hasMoreReaders
  uint32_t threads_, width_;
};

} // namespace heddle::emulator

#endif // HEDDLE_RUNTIME_CUDA_EMULATOR_SHADOW_H
