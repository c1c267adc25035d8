// SPDX-License-Identifier: Apache-2.0
#include "tests/passes/TinyTransformer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "ir/Conventions.h"
#include "ir/Dialect.h"
#include "ir/LayerPath.h"
#include "ir/interpreter/Interpreter.h"
#include "mlir/IR/Verifier.h"
#include "passes/EntrySignature.h"
#include "passes/autodiff/Gradients.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {
namespace {

using Shape = std::vector<int64_t>;

constexpr int64_t kBatch = 2, kTokens = 5, kWidth = 8, kHeads = 2, kHeadSize = 4, kHidden = 12,
                  kVocabulary = 11;

class Builder {
public:
  explicit Builder(MLIRContext &context) : b_(&context), module_(ModuleOp::create(loc())) {
    b_.setInsertionPointToEnd(module_->getBody());
    function_ = func::FuncOp::create(b_, loc(), "train_loss", b_.getFunctionType({}, {}));
    b_.setInsertionPointToEnd(function_.addEntryBlock());
  }

  OwningOpRef<ModuleOp> build() {
    // Arguments first: those of one kind stand together.
    Value wte = param("wte.weight", {kVocabulary, kWidth}), wpe = param("wpe.weight", {9, kWidth});
    for (const char *name : {"h.0.ln_1", "h.0.ln_2", "ln_f"}) {
      param(std::string(name) + ".weight", {kWidth});
      param(std::string(name) + ".bias", {kWidth});
    }
    param("h.0.attn.c_attn.weight", {kWidth, 3 * kWidth});
    param("h.0.attn.c_attn.bias", {3 * kWidth});
    param("h.0.attn.c_proj.weight", {kWidth, kWidth});
    param("h.0.mlp.c_fc.weight", {kWidth, kHidden});
    param("h.0.mlp.c_fc.bias", {kHidden});
    param("h.0.mlp.c_proj.weight", {kHidden, kWidth});
    param("h.0.mlp.c_proj.bias", {kWidth});
    param("h.1.norm.weight", {kWidth});
    param("h.1.q_proj.weight", {kWidth, kWidth});
    param("h.1.k_proj.weight", {kHeadSize, kWidth});
    param("h.1.v_proj.weight", {kHeadSize, kWidth});
    param("h.1.gate_proj.weight", {kHidden, kWidth});
    param("h.1.up_proj.weight", {kHidden, kWidth});
    param("h.1.down_proj.weight", {kWidth, kHidden});
    Value ids = argument("input_ids", kKindInput, {kBatch, kTokens}, b_.getI32Type());
    Value targets = argument("targets", kKindInput, {kBatch, kTokens}, b_.getI32Type());
    rng_ = argument("rng", kKindRng, {3}, b_.getI64Type());

    layer_ = "embed";
    SmallVector<int32_t> numbers = llvm::to_vector(llvm::seq<int32_t>(0, kTokens));
    Value positions = make<ConstantOp>(DenseElementsAttr::get(
        RankedTensorType::get({1, kTokens}, b_.getI32Type()), ArrayRef<int32_t>(numbers)));
    Value x = make<AddOp>(make<EmbeddingOp>(wte, ids), make<EmbeddingOp>(wpe, positions));
    x = plainLayer(x);
    x = gatedLayer(x, positions);
    layer_ = "head";
    Value rows = reshape(norm(x, "ln_f"), {kBatch * kTokens, kWidth});
    Value loss = make<LinearCrossEntropyOp>(rows, wte, Value(),
                                            reshape(targets, {kBatch * kTokens}), b_.getUnitAttr(),
                                            b_.getI64IntegerAttr(-100), b_.getF64FloatAttr(0.0));
    func::ReturnOp::create(b_, loc(), loss);
    EntryResults results(function_);
    results.add(loss, kKindOutput, "loss");
    results.finish();
    EXPECT_TRUE(succeeded(verify(*module_)));
    return std::move(module_);
  }

private:
  Location loc() { return layerLoc(b_.getContext(), layer_); }

  template <typename Op, typename... Args> Value make(Args &&...args) {
    return Op::create(b_, loc(), std::forward<Args>(args)...)->getResult(0);
  }

  Value argument(const std::string &name, StringRef kind, Shape shape, Type element) {
    const unsigned index = function_.getNumArguments();
    EXPECT_TRUE(succeeded(function_.insertArgument(index, RankedTensorType::get(shape, element),
                                                   b_.getDictionaryAttr({}), loc())));
    setArgumentNames(function_, index, kind, name);
    return function_.getArgument(index);
  }

  Value param(const std::string &name, Shape shape) {
    return argument(name, kKindParam, std::move(shape), b_.getF32Type());
  }

  Value weight(const std::string &name) {
    return function_.getArgument(*findArgument(function_, name));
  }

  Value reshape(Value x, Shape shape) {
    return make<ReshapeOp>(cast<RankedTensorType>(x.getType()).clone(shape), x);
  }

  Value heads(Value x, int64_t count) {
    return make<TransposeOp>(reshape(x, {kBatch, kTokens, count, kHeadSize}), Shape{0, 2, 1, 3});
  }

  Value norm(Value x, const std::string &name) {
    return make<LayerNormOp>(x, weight(name + ".weight"), weight(name + ".bias"),
                             b_.getF64FloatAttr(1e-5));
  }

  Value dropout(Value x, int64_t id) {
    return make<DropoutOp>(x.getType(), x, rng_, b_.getF64FloatAttr(0.2), b_.getI64IntegerAttr(id));
  }

  Value attend(Value q, Value k, Value v, double p, int64_t id) {
    auto op =
        AttentionOp::create(b_, loc(), q, k, v, Value(), Value(), Value(), p > 0 ? rng_ : Value(),
                            b_.getF64FloatAttr(0.5), b_.getUnitAttr(), IntegerAttr(), FloatAttr(),
                            b_.getF64FloatAttr(p), b_.getI64IntegerAttr(id));
    Value rows = make<TransposeOp>(op.getO(), Shape{0, 2, 1, 3});
    return reshape(rows, {kBatch, kTokens, kWidth});
  }

  Value plainLayer(Value x) {
    layer_ = "h.0.attn";
    Value merged =
        make<MatmulOp>(norm(x, "h.0.ln_1"), weight("h.0.attn.c_attn.weight"), false, false);
    merged = make<AddOp>(merged, weight("h.0.attn.c_attn.bias"));
    SmallVector<Value> qkv;
    for (int64_t part = 0; part < 3; ++part)
      qkv.push_back(
          heads(make<SliceOp>(merged, Shape{0, 0, part * kWidth}, Shape{kBatch, kTokens, kWidth}),
                kHeads));
    Value o = attend(qkv[0], qkv[1], qkv[2], 0.1, 1);
    o = make<MatmulOp>(o, weight("h.0.attn.c_proj.weight"), false, false);
    x = make<AddOp>(x, dropout(o, 2));
    layer_ = "h.0.mlp";
    Value y = make<FfnOp>(norm(x, "h.0.ln_2"), weight("h.0.mlp.c_fc.weight"),
                          weight("h.0.mlp.c_fc.bias"), Value(), Value(),
                          weight("h.0.mlp.c_proj.weight"), weight("h.0.mlp.c_proj.bias"), Value(),
                          ActivationAttr::get(b_.getContext(), Activation::gelu_tanh), UnitAttr(),
                          b_.getF64FloatAttr(0), b_.getI64IntegerAttr(0));
    return make<AddOp>(x, dropout(y, 3));
  }

  Value gatedLayer(Value x, Value positions) {
    layer_ = "h.1";
    Value n = make<RmsNormOp>(x, weight("h.1.norm.weight"), b_.getF64FloatAttr(1e-6));
    auto project = [&](const char *name, int64_t count) {
      return heads(make<MatmulOp>(n, weight(name), false, true), count);
    };
    auto rotate = [&](Value value) {
      return make<RopeOp>(value.getType(), value, positions, b_.getDenseF64ArrayAttr({1.0, 0.1}),
                          b_.getF64FloatAttr(1.0), UnitAttr(), UnitAttr());
    };
    Value o =
        attend(rotate(project("h.1.q_proj.weight", kHeads)),
               rotate(project("h.1.k_proj.weight", 1)), project("h.1.v_proj.weight", 1), 0, 0);
    Value y = make<FfnOp>(o, weight("h.1.up_proj.weight"), Value(), weight("h.1.gate_proj.weight"),
                          Value(), weight("h.1.down_proj.weight"), Value(), Value(),
                          ActivationAttr::get(b_.getContext(), Activation::silu), b_.getUnitAttr(),
                          b_.getF64FloatAttr(0), b_.getI64IntegerAttr(0));
    return make<AddOp>(x, y);
  }

  OpBuilder b_;
  std::string layer_ = "model";
  OwningOpRef<ModuleOp> module_;
  func::FuncOp function_;
  Value rng_;
};

Tensor madeUp(StringRef kind, StringRef name, RankedTensorType type, std::mt19937_64 &random) {
  Tensor value = Tensor::zeros(*elementKindOf(type.getElementType()), type.getShape().vec());
  auto below = [&](int64_t limit) { return static_cast<int64_t>(random() % limit); };
  if (name == "rng")
    value.ints = {7, 3, 1};
  else if (name == "hyper") // lr, decay, beta1, 1-beta1, beta2, 1-beta2, eps, 1-beta1^t, 1-beta2^t
    value.floats = {0.01, 0.1, 0.9, 0.1, 0.99, 0.01, 1e-8, 0.1, 0.01};
  else if (name == "grad_clip")
    value.floats = {std::numeric_limits<double>::infinity()};
  else if (name == "loss_scale")
    value.floats = {1.0};
  else if (!value.isFloat())
    for (int64_t &element : value.ints)
      element = name == "targets" && below(5) == 0 ? -100 : below(kVocabulary);
  else if (kind != kKindState)
    for (double &element : value.floats)
      element = std::uniform_real_distribution<double>(-0.6, 0.6)(random);
  return value;
}

} // namespace

MLIRContext &testContext() {
  static MLIRContext *context = [] {
    DialectRegistry registry;
    registerGradients(registry);
    registry.insert<HeddleDialect, func::FuncDialect>();
    auto *made = new MLIRContext(registry, MLIRContext::Threading::DISABLED);
    made->loadAllAvailableDialects();
    return made;
  }();
  return *context;
}

OwningOpRef<ModuleOp> buildTinyTransformer() { return Builder(testContext()).build(); }

std::vector<TensorRef> argumentsOf(func::FuncOp function, const NamedTensors &known) {
  std::vector<TensorRef> values;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    std::string name = argumentName(function, i).str();
    // Seeded by the name, so that a tensor is the same in every entry.
    std::mt19937_64 random(std::hash<std::string>()(name));
    if (auto found = known.find(name); found != known.end())
      values.push_back(found->second);
    else
      values.push_back(std::make_shared<Tensor>(
          madeUp(argumentKind(function, i), name,
                 cast<RankedTensorType>(function.getArgumentTypes()[i]), random)));
  }
  return values;
}

NamedTensors evaluateNamed(func::FuncOp function, const std::vector<TensorRef> &arguments) {
  NamedTensors named;
  absl::StatusOr<std::vector<TensorRef>> results = evaluate(function, arguments);
  if (!results.ok()) {
    ADD_FAILURE() << results.status();
    return named;
  }
  for (unsigned i = 0; i < results->size(); ++i)
    named[resultName(function, i).str()] = (*results)[i];
  return named;
}

} // namespace heddle::passes
