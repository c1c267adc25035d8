// SPDX-License-Identifier: Apache-2.0
// The CPU that kernels are generated for: an instruction set and cache sizes, never a CPU's name.

#ifndef HEDDLE_CODEGEN_CPU_TARGET_H
#define HEDDLE_CODEGEN_CPU_TARGET_H

#include <cstdint>
#include <string>
#include <vector>

#include "codegen/cpu/object/ObjectEmitter.h"
#include "runtime/base/Status.h"

namespace heddle::codegen {

enum class Isa { Scalar, Avx2, Avx512 };

/// Rows and vectors of a register tile.
struct RegisterTile {
  int rows = 0;
  int vectors = 0;
};

/// A value type; the default is the portable baseline (x86-64 with SSE2).
class Target {
public:
  Target() = default;
  /// Cache sizes in bytes; l1Ways is the associativity of the first-level data cache.
  Target(Isa isa, int64_t l1Bytes, int l1Ways, int64_t l2Bytes)
      : isa_(isa), l1Bytes_(l1Bytes), l1Ways_(l1Ways), l2Bytes_(l2Bytes) {}

  Isa isa() const { return isa_; }
  /// f32 elements of a native vector: 16, 8 or 4.
  int lanes() const;
  /// Vector registers.
  int registers() const { return isa_ == Isa::Avx512 ? 32 : 16; }
  /// Whether a fused multiply-add is one instruction; without it kernels multiply, then add.
  bool hasFma() const { return isa_ != Isa::Scalar; }
  int64_t l1Bytes() const { return l1Bytes_; }
  int64_t l2Bytes() const { return l2Bytes_; }

  /// The GEMM tile: the accumulators cover the latency of the FMA pipes, all registers of a step
  /// fit without a spill, each broadcast feeds at least two vectors, and the rows fit the L1's ways
  /// (spike_cpu_zen5.md, section 6).
  RegisterTile gemmTile() const;
  /// The tile for kernels whose epilogue needs registers of its own.
  RegisterTile attentionTile() const;
  /// The most rows of a tile with `vectors` vectors that neither spills nor outgrows the L1's ways.
  int maxRows(int vectors) const;

  /// "cpu:avx512", "cpu:avx2" or "cpu:scalar".
  std::string name() const;
  /// Everything that changes the code generated, as text: part of the kernel cache's key.
  std::string cacheText() const;
  /// CPU features that a machine must have to run the code, by the names of /proc/cpuinfo.
  std::vector<std::string> requiredFeatures() const;
  MachineOptions machineOptions() const;

private:
  Isa isa_ = Isa::Scalar;
  int64_t l1Bytes_ = 32 << 10;
  int l1Ways_ = 8;
  int64_t l2Bytes_ = 512 << 10;
};

/// The best target that this machine can run.
Target hostTarget();

/// "cpu" is the host; "cpu:avx512", "cpu:avx2" and "cpu:scalar" use this machine's cache sizes but
/// do not ask whether it can run the code.
StatusOr<Target> parseTarget(const std::string &text);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_TARGET_H
