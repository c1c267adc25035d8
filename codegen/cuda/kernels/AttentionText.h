// SPDX-License-Identifier: Apache-2.0
// What the kernels of attention and of its gradient have in common: tiles of rows in shared memory,
// and one score of a query with a key.

#ifndef HEDDLE_CODEGEN_CUDA_KERNELS_ATTENTIONTEXT_H
#define HEDDLE_CODEGEN_CUDA_KERNELS_ATTENTIONTEXT_H

#include "codegen/body/AttentionProblem.h"
#include "codegen/cuda/kernels/KernelForms.h"

namespace heddle::codegen::cuda {

/// Threads of a block: four warps, each with rows of its own. A lane has a row of the other side.
inline constexpr int kAttentionThreads = 128;
inline constexpr int64_t kWarps = 4, kLanes = 32;

class AttentionText {
public:
  AttentionText(TextWriter &out, ir::KernelOp kernel, const AttentionProblem &problem)
      : out_(out), kernel_(kernel), p_(problem) {}

  std::string operand(unsigned number) const { return ElementText::operandName(kernel_, number); }
  /// Element [b, head, row, column] of a tensor.
  std::string at(const HeadsView &view, const std::string &head, const std::string &row,
                 const std::string &column) const;

  /// A loop in which the block copies `rows` rows of `width` elements from `first` on into
  /// tile[rows][stride], zeros from `end` on and up to `padded` columns.
  struct Tile {
    const char *name;
    const HeadsView &view;
    std::string head, first;
    int64_t rows, end, width, stride, padded;
  };
  void writeTile(const Tile &tile);

  /// Defines `score` (scaled, with bias, capped) and `seen`, and, capped, `slope`, the derivative
  /// by the score before the cap, of query `t` and key `s` (u32 names) from `dot`.
  void writeScore();
  /// Defines `mask`, what dropout multiplies the weight of `t` and `s` with.
  void writeMask();
  /// Statements before all loops: the random state, the number of keys of batch row `b`.
  void writePrologue();
  /// The range of keys that any of the queries [first, first + count) sees, as two u32 names.
  void writeKeyRange(const std::string &first, int64_t count);

  bool hasDropout() const { return p_.dropout > 0; }

private:
  TextWriter &out_;
  ir::KernelOp kernel_;
  const AttentionProblem &p_;
};

/// The smallest multiple of a warp's lanes that is at least `size`.
inline int64_t toLanes(int64_t size) { return ceilDiv(size, kLanes) * kLanes; }

} // namespace heddle::codegen::cuda

#endif // HEDDLE_CODEGEN_CUDA_KERNELS_ATTENTIONTEXT_H
