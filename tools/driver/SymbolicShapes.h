// SPDX-License-Identifier: Apache-2.0
// The sizes of a graph by their letters, and what they cost as T grows.

#ifndef HEDDLE_TOOLS_DRIVER_SYMBOLICSHAPES_H
#define HEDDLE_TOOLS_DRIVER_SYMBOLICSHAPES_H

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "runtime/base/Status.h"

namespace heddle::frontend {
struct Model;
}

namespace heddle::tools {

/// A size of a tensor: "T" 1024, "3C" 2304. Sizes that no letter explains are their number.
struct Size {
  std::string text;
  int64_t value = 0;
  int powerOfT = 0; // how the value grows with T

  double at(int64_t seq, int64_t boundSeq) const;
};

/// Operands, then results, of the ops of a function in order; scalars are empty.
using OpSizes = std::vector<std::vector<Size>>;

/// Letters: B T, C width, H heads, G key and value heads, D head size, F hidden, V vocabulary,
/// P positions. Builds the definition a second time with sizes that differ from each other where
/// the real ones may be equal, so that a letter says where a size comes from. Errors say why the
/// definition has no such twin.
StatusOr<std::vector<OpSizes>> symbolicShapes(const frontend::Model &model,
                                              mlir::func::FuncOp function, int64_t batch,
                                              int64_t seq);

/// What one sequence length takes, in f32, of the graph as the builder wrote it.
struct Growth {
  int64_t seq = 0;
  double forwardFlops = 0;   // of matrix products; a training step takes three times as many
  double attentionFlops = 0; // of those, what grows with the square of T
  double bytesMoved = 0;     // read and written by all ops of a forward pass, one by one
  double inferenceBytes = 0; // weights and the most that is alive at a time
  double trainingBytes = 0;  // weights, gradients, two moments, and every result kept for backward
  double scoreBytes = 0;     // of trainingBytes, [.., T, T]: fused attention keeps none of them
  double cacheBytes = 0;     // keys and values for generation; 0 for models that do not generate
};

/// Of keys and values in f32; 0 for models that do not generate, or have an encoder.
double cacheBytes(const frontend::Model &model, int64_t batch, int64_t seq);

/// For T = 512 to 32,768, also where that is more than the model has positions for.
std::vector<Growth> growthWithT(const frontend::Model &model, mlir::func::FuncOp function,
                                const std::vector<OpSizes> &sizes, int64_t batch, int64_t seq);

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_DRIVER_SYMBOLICSHAPES_H
