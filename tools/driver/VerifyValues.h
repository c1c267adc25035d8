// SPDX-License-Identifier: Apache-2.0
// Values for the arguments of any entry, the same for both sides of a comparison.

#ifndef HEDDLE_TOOLS_DRIVER_VERIFYVALUES_H
#define HEDDLE_TOOLS_DRIVER_VERIFYVALUES_H

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ir/interpreter/Tensor.h"
#include "runtime/base/Status.h"

namespace mlir {
class ModuleOp;
namespace func {
class FuncOp;
} // namespace func
} // namespace mlir

namespace heddle::tools {

using NamedTensors = std::map<std::string, ir::TensorRef>;

/// Makes values up by name and shape and remembers them, so that entries that share an argument get
/// the same one. Every float is an f32 number: what the interpreter sees is what a device sees.
/// One thread at a time.
class ArgumentValues {
public:
  /// `vocabulary` bounds token ids, `seq` positions. Parameters that are not in `parameters` are
  /// made up too. `padding` is a token id that input_ids shall not hold; negative: none.
  ArgumentValues(uint64_t seed, int64_t vocabulary, int64_t seq, NamedTensors parameters,
                 int64_t padding = -1)
      : seed_(seed), vocabulary_(vocabulary), seq_(seq), padding_(padding),
        parameters_(std::move(parameters)) {}

  /// One per argument of the function, in order. Optimizer moments and accumulators are small and
  /// not zero, so that a first step is as well conditioned as any other: with moments of zero,
  /// AdamW turns the sign of a gradient that is all rounding error into a full step.
  std::vector<ir::TensorRef> of(mlir::func::FuncOp function);
  /// That of one argument.
  ir::TensorRef of(mlir::func::FuncOp function, unsigned index);
  /// For a value that no argument holds: normally distributed floats, by name.
  ir::TensorRef ofName(const std::string &name, std::vector<int64_t> shape);

private:
  /// What the builder says of an input's integers.
  struct Limits {
    std::optional<int64_t> end, padding;
  };
  ir::TensorRef make(const std::string &kind, const std::string &name, ir::Tensor zeros,
                     const Limits &limits);
  void fillIntegers(const std::string &name, const Limits &limits, ir::Tensor &tensor) const;
  void fillFloats(const std::string &kind, const std::string &name, ir::Tensor &tensor) const;

  uint64_t seed_;
  int64_t vocabulary_, seq_, padding_;
  NamedTensors parameters_;
  std::map<std::pair<std::string, std::vector<int64_t>>, ir::TensorRef> made_;
};

/// The largest token id + 1 that every embedding in the module can look up: for modules whose
/// manifest does not say.
int64_t vocabularyOf(mlir::ModuleOp module);
/// The token whose lookup has no gradient (ir/PaddingId.h); -1: there is none.
int64_t paddingOf(mlir::ModuleOp module);
/// The longest input_ids of all entries: likewise.
int64_t sequenceOf(mlir::ModuleOp module);

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_DRIVER_VERIFYVALUES_H
