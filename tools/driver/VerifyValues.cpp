// SPDX-License-Identifier: Apache-2.0
#include "tools/driver/VerifyValues.h"

#include <algorithm>
#include <cmath>

#include "ir/Conventions.h"
#include "ir/Dialect.h"
#include "ir/InputFacts.h"
#include "ir/PaddingId.h"
#include "ir/interpreter/Interpreter.h"
#include "ir/interpreter/Philox.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace heddle::tools {
namespace {

constexpr int64_t kIgnored = -100;

/// FNV-1a: the same on every machine.
uint32_t hashOf(const std::string &text) {
  uint32_t hash = 2166136261u;
  for (unsigned char c : text)
    hash = (hash ^ c) * 16777619u;
  return hash;
}

/// Random numbers of one tensor: a function of seed, name and position.
class Stream {
public:
  Stream(uint64_t seed, const std::string &name) : seed_(seed), hash_(hashOf(name)) {}

  double uniform(int64_t i) const {
    auto words = ir::philox({static_cast<uint32_t>(i), static_cast<uint32_t>(i >> 32), hash_, 1},
                            seed_ ^ 0x6865646c65ull);
    return (words[0] >> 8) * 0x1p-24;
  }
  int64_t below(int64_t i, int64_t limit) const {
    return std::min(limit - 1, static_cast<int64_t>(uniform(i) * static_cast<double>(limit)));
  }
  double normal(int64_t i) const {
    constexpr double kTwoPi = 6.283185307179586;
    return std::sqrt(-2 * std::log(1 - uniform(2 * i))) * std::cos(kTwoPi * uniform(2 * i + 1));
  }

private:
  uint64_t seed_;
  uint32_t hash_;
};

bool startsWith(const std::string &text, StringRef prefix) {
  return StringRef(text).starts_with(prefix);
}

/// The tokens of sequence `row` that are no padding.
int64_t realTokens(int64_t row, int64_t seq) { return std::max<int64_t>(1, seq - row % seq); }

} // namespace

std::vector<ir::TensorRef> ArgumentValues::of(func::FuncOp function) {
  std::vector<ir::TensorRef> values;
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    values.push_back(of(function, i));
  return values;
}

ir::TensorRef ArgumentValues::of(func::FuncOp function, unsigned index) {
  auto type = cast<RankedTensorType>(function.getArgumentTypes()[index]);
  // The interpreter checks types itself; one it does not know fails there by name.
  auto kind = ir::elementKindOf(type.getElementType());
  return make(ir::argumentKind(function, index).str(), ir::argumentName(function, index).str(),
              ir::Tensor::zeros(kind.ok() ? *kind : ir::ElementKind::f32, type.getShape().vec()),
              {ir::inputFact(function, index, ir::kEndAttr),
               ir::inputFact(function, index, ir::kPaddingAttr)});
}

ir::TensorRef ArgumentValues::ofName(const std::string &name, std::vector<int64_t> shape) {
  return make("", name, ir::Tensor::zeros(ir::ElementKind::f32, std::move(shape)), {});
}

ir::TensorRef ArgumentValues::make(const std::string &kind, const std::string &name,
                                   ir::Tensor zeros, const Limits &limits) {
  if (kind == ir::kKindParam)
    if (auto found = parameters_.find(name); found != parameters_.end())
      return found->second;
  ir::TensorRef &tensor = made_[{name, zeros.shape}];
  if (tensor)
    return tensor;
  if (zeros.isFloat())
    fillFloats(kind, name, zeros);
  else
    fillIntegers(name, limits, zeros);
  for (double &value : zeros.floats)
    value = static_cast<float>(value);
  tensor = std::make_shared<const ir::Tensor>(std::move(zeros));
  return tensor;
}

void ArgumentValues::fillIntegers(const std::string &name, const Limits &limits,
                                  ir::Tensor &tensor) const {
  Stream random(seed_, name);
  const bool isTokens = name == "input_ids" || name == "decoder_input_ids";
  const int64_t T = tensor.shape.empty() ? 1 : std::max<int64_t>(1, tensor.shape.back());
  if (name == "rng" && tensor.elements() == 3) {
    tensor.ints = {static_cast<int64_t>(seed_), 3, 1};
    return;
  }
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const int64_t row = i / T, column = i % T;
    const bool isPadding = column >= realTokens(row, T);
    int64_t &value = tensor.ints[i];
    if (name == "attention_mask" || name == "decoder_attention_mask")
      value = isPadding ? 0 : 1;
    else if (name == "position_ids")
      value = column + (limits.padding ? *limits.padding + 1 : 0);
    else if (name == "positions") // most of the cache filled, by another number in each sequence
      value = (seq_ * 3 / 4 + i) % seq_;
    else if (name == "last_index")
      value = realTokens(i, seq_) - 1;
    else if (name == "targets" && (isPadding || column % 5 == 3))
      value = kIgnored;
    else
      value = random.below(i, limits.end.value_or(isTokens || name == "targets" ? vocabulary_ : 2));
    // Its gradient is none on purpose; differences would show one.
    if (isTokens && value == padding_)
      value = (value + 1) % vocabulary_;
  }
}

void ArgumentValues::fillFloats(const std::string &kind, const std::string &name,
                                ir::Tensor &tensor) const {
  Stream random(seed_, name);
  if (name == "hyper" && tensor.elements() == 9) {
    // lr, decay, beta1, 1-beta1, beta2, 1-beta2, eps, 1-beta1^t, 1-beta2^t of the tenth step.
    constexpr int kStep = 10;
    tensor.floats = {
        1e-3, 0.1, 0.9, 0.1, 0.99, 0.01, 1e-8, 1 - std::pow(0.9, kStep), 1 - std::pow(0.99, kStep)};
    return;
  }
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    double &value = tensor.floats[i];
    if (name == "grad_clip")
      value = 1;
    else if (name == "loss_scale")
      value = 0.5;
    else if (startsWith(name, ir::kAdamM) || startsWith(name, ir::kGradient))
      value = 1e-3 * random.normal(i);
    else if (startsWith(name, ir::kAdamV))
      value = 1e-6 * (1 + random.uniform(i));
    else
      value = (kind == ir::kKindParam ? 0.1 : 1) * random.normal(i);
  }
}

int64_t vocabularyOf(ModuleOp module) {
  int64_t smallest = 0;
  module.walk([&](ir::EmbeddingOp op) {
    auto argument = dyn_cast<BlockArgument>(op.getIds());
    auto function = op->getParentOfType<func::FuncOp>();
    if (!argument || ir::argumentName(function, argument.getArgNumber()) != "input_ids")
      return;
    int64_t rows = cast<RankedTensorType>(op.getTable().getType()).getShape()[0];
    smallest = smallest == 0 ? rows : std::min(smallest, rows);
  });
  return smallest == 0 ? 2 : smallest;
}

int64_t paddingOf(ModuleOp module) {
  int64_t padding = -1;
  module.walk([&](ir::EmbeddingOp op) { padding = ir::paddingIdOf(op).value_or(padding); });
  return padding;
}

int64_t sequenceOf(ModuleOp module) {
  int64_t longest = 1;
  for (auto function : module.getOps<func::FuncOp>())
    if (auto index = ir::findArgument(function, "input_ids"))
      if (auto type = cast<RankedTensorType>(function.getArgumentTypes()[*index]); type.getRank())
        longest = std::max(longest, type.getShape().back());
  return longest;
}

} // namespace heddle::tools
