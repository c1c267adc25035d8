// SPDX-License-Identifier: Apache-2.0
#include "codegen/cuda/kernels/SingleText.h"

#include "codegen/cuda/kernels/InputText.h"
#include "ir/ViewChain.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace heddle::codegen::cuda {

FormResult generateSingle(const FormInput &input) {
  return llvm::TypeSwitch<Operation *, FormResult>(input.anchor)
      .Case([&](ir::ConcatOp o) { return generateConcat(input, o); })
      .Case([&](ir::PadOp o) { return generatePad(input, o); })
      .Case<ir::SumOp, ir::MaxOp>([&](Operation *o) { return generateReduce(input, o); })
      .Case([&](ir::CountTargetsOp o) { return generateCountTargets(input, o); })
      .Case([&](ir::EmbeddingOp o) { return generateEmbedding(input, o); })
      .Case([&](ir::EmbeddingGradOp o) { return generateEmbeddingGrad(input, o); })
      .Case([&](ir::GatherRowsOp o) { return generateGatherRows(input, o); })
      .Case([&](ir::CacheUpdateOp o) { return generateCacheUpdate(input, o); })
      .Case([&](ir::RopeOp o) { return generateRope(input, o); })
      .Case([&](ir::AdamWOp o) { return generateAdamW(input, o); })
      .Case([&](ir::SumSquaresOp o) { return generateSumSquares(input, o); })
      .Case([&](ir::NormOfPartialsOp o) {
        return generateNorm(input, o.getPartials(), /*square=*/false);
      })
      .Case(
          [&](ir::GlobalNormOp o) { return generateNorm(input, o.getTensors(), /*square=*/true); })
      .Default([&](Operation *o) -> FormResult {
        *input.reason = "no code for " + o->getName().getStringRef().str();
        return failure();
      });
}

FormResult generateAdamW(const FormInput &input, ir::AdamWOp op) {
  BodyReads reads(op.getParam().getType().getShape().vec(), input.reason);
  TextWriter out;
  ElementText element(out, reads, input.tables);
  for (Value value : {op.getParam(), op.getGradient(), op.getM(), op.getV()})
    reads.addLeaves(value);
  std::optional<InputText> hyper = InputText::of(op.getHyper(), input);
  std::optional<InputText> scale = InputText::of(op.getGradientScale(), input);
  if (!op.getParam().getType().getElementType().isF32())
    reads.fail("adamw takes f32");
  if (!reads.ok() || !hyper || !scale)
    return failure();
  reads.space().collapse();
  int64_t elements = op.getParam().getType().getNumElements();
  out.line("// adamw " + shapeText(op.getParam().getType().getShape()));
  openFunction(out, input.kernel, input.name, kThreads, /*workspace=*/false);
  out.line("const u64 i = (u64)gk_block_x() * 256 + gk_thread();");
  out.line("if (i >= " + Twine(elements) + ")");
  out.line("  return;");
  auto number = [&](int index) { return hyper->at({std::to_string(index)}); };
  std::vector<std::string> none(scale->sizes().size(), "0");
  ElementPoint point;
  point.axes = splitIndex(out, "i", reads.space().sizes(), "u64", "i");
  std::string p = element.value(point, op.getParam()), m = element.value(point, op.getM());
  std::string v = element.value(point, op.getV());
  out.line("const float g = " + element.value(point, op.getGradient()) + " * " + scale->at(none) +
           ";");
  out.line("const float m = gk_fma(" + number(2) + ", " + m + ", " + number(3) + " * g);");
  out.line("const float v = gk_fma(" + number(4) + ", " + v + ", " + number(5) + " * g * g);");
  // p - p (lr decay), not p (1 - lr decay): the small number keeps its digits.
  out.line("const float p = " +
           (op.getDecay() ? "gk_fma(" + p + ", -(" + number(0) + " * " + number(1) + "), " + p + ")"
                          : p) +
           ";");
  out.line("const float denominator = gk_sqrt(v) / gk_sqrt(" + number(8) + ") + " + number(6) +
           ";");
  out.line("const float updated = p - " + number(0) + " / " + number(7) + " * m / denominator;");
  for (auto [i, yielded] : llvm::enumerate(yieldsOf(input.kernel))) {
    Value value = underReshapes(yielded);
    const char *result = value == op.getNewParam() ? "updated" : value == op.getNewM() ? "m" : "v";
    out.line("out" + Twine(i) + "[i] = " + result + ";");
  }
  closeFunction(out, input.name);
  if (!reads.ok())
    return failure();
  return CudaProgram{out.text(), {{input.name, ceilDiv(elements, kThreads), kThreads, 0}}, 0};
}

} // namespace heddle::codegen::cuda
