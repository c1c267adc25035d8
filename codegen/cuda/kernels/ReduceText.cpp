// SPDX-License-Identifier: Apache-2.0
// Sums and maxima over any axes, counts, norms, and the gradient of an embedding: in an order that
// the shape fixes.
#include "codegen/cuda/kernels/InputText.h"
#include "codegen/cuda/kernels/SingleText.h"

using namespace mlir;

namespace heddle::codegen::cuda {
namespace {

int64_t product(ArrayRef<int64_t> sizes) {
  int64_t result = 1;
  for (int64_t size : sizes)
    result *= size;
  return result;
}

} // namespace

/// A thread for each element of the result where the last axis stays, so that neighbours read side
/// by side; else a block.
FormResult generateReduce(const FormInput &input, Operation *op) {
  Value operand = op->getOperand(0);
  std::optional<InputText> x = InputText::of(operand, input);
  if (!x || !elementTypeOf(operand).isF32())
    return failure();
  bool isSum = isa<ir::SumOp>(op);
  ArrayRef<int64_t> axes = isSum ? cast<ir::SumOp>(op).getAxes() : cast<ir::MaxOp>(op).getAxes();
  SmallVector<int64_t> kept, keptSizes, reducedSizes;
  for (auto [axis, size] : llvm::enumerate(x->sizes()))
    if (llvm::is_contained(axes, static_cast<int64_t>(axis))) {
      reducedSizes.push_back(size);
    } else {
      kept.push_back(static_cast<int64_t>(axis));
      keptSizes.push_back(size);
    }
  int64_t results = product(keptSizes), terms = product(reducedSizes);
  bool byThread = !kept.empty() && kept.back() + 1 == static_cast<int64_t>(x->sizes().size());
  TextWriter out;
  out.line("// " + op->getName().getStringRef() + " " + shapeText(x->sizes()) + " to " +
           shapeText(keptSizes));
  openFunction(out, input.kernel, input.name, kThreads, /*workspace=*/false);
  out.line("const u64 i = " +
           Twine(byThread ? "(u64)gk_block_x() * 256 + gk_thread();" : "gk_block_x();"));
  if (byThread) {
    out.line("if (i >= " + Twine(results) + ")");
    out.line("  return;");
  }
  std::vector<std::string> outer = splitIndex(out, "i", keptSizes, "u64", "i");
  out.line("float result = " + Twine(isSum ? "0.0f" : "-gk_infinity()") + ";");
  out.open(byThread ? "for (u64 j = 0; j < " + Twine(terms) + "; ++j)"
                    : "for (u64 j = gk_thread(); j < " + Twine(terms) + "; j += 256)");
  std::vector<std::string> inner = splitIndex(out, "j", reducedSizes, "u64", "j"), index;
  size_t nextKept = 0, nextReduced = 0;
  for (size_t axis = 0; axis < x->sizes().size(); ++axis)
    index.push_back(nextKept < kept.size() && kept[nextKept] == static_cast<int64_t>(axis)
                        ? outer[nextKept++]
                        : inner[nextReduced++]);
  out.line(isSum ? "result += " + x->at(index) + ";"
                 : "result = gk_maximum(result, " + x->at(index) + ");");
  out.close();
  int64_t shared = 0;
  if (!byThread) {
    shared = kThreads * 4;
    out.line("float *part = (float *)gk_shared();");
    out.line("part[gk_thread()] = result;");
    out.line("gk_syncthreads();");
    out.open("for (u32 half = 128; half > 0; half /= 2)");
    out.line("if (gk_thread() < half)");
    out.line(
        isSum ? "  part[gk_thread()] += part[gk_thread() + half];"
              : "  part[gk_thread()] = gk_maximum(part[gk_thread()], part[gk_thread() + half]);");
    out.line("gk_syncthreads();");
    out.close();
    out.line("if (gk_thread() != 0)");
    out.line("  return;");
    out.line("result = part[0];");
  }
  out.line("out0[i] = result;");
  closeFunction(out, input.name);
  return CudaProgram{
      out.text(),
      {{input.name, byThread ? ceilDiv(results, kThreads) : results, kThreads, shared}},
      0};
}

namespace {

/// One block that sums in f64 what `term` names for element j of each of the tensors, and stores
/// what `finish` makes of it.
CudaProgram blockSum(const FormInput &input, ArrayRef<std::pair<InputText, int64_t>> tensors,
                     const std::function<std::string(const std::string &)> &term,
                     const std::string &finish) {
  TextWriter out;
  openFunction(out, input.kernel, input.name, kThreads, /*workspace=*/false);
  out.line("double sum = 0;");
  for (const auto &[tensor, elements] : tensors) {
    out.open("for (u64 j = gk_thread(); j < " + Twine(elements) + "; j += 256)");
    std::vector<std::string> axes = splitIndex(out, "j", tensor.sizes(), "u64", "j");
    out.line("sum += " + term(tensor.at(axes)) + ";");
    out.close();
  }
  out.line("sum = gk_block_sum_f64(sum, (double *)gk_shared());");
  out.line("if (gk_thread() == 0)");
  out.line("  out0[0] = " + finish + ";");
  closeFunction(out, input.name);
  return {out.text(), {{input.name, 1, kThreads, kThreads * 8}}, 0};
}

} // namespace

FormResult generateCountTargets(const FormInput &input, ir::CountTargetsOp op) {
  std::optional<InputText> targets = InputText::of(op.getTargets(), input);
  if (!targets)
    return failure();
  std::string ignored = std::to_string(op.getIgnoreIndex());
  return blockSum(
      input, {{*targets, elementsOf(op.getTargets())}},
      [&](const std::string &x) { return x + " == " + ignored + " ? 0.0 : 1.0"; },
      "(float)(sum < 1.0 ? 1.0 : sum)");
}

FormResult generateNorm(const FormInput &input, ValueRange tensors, bool square) {
  SmallVector<std::pair<InputText, int64_t>> windows;
  for (Value tensor : tensors) {
    std::optional<InputText> window = InputText::of(tensor, input);
    if (!window)
      return failure();
    windows.push_back({*window, elementsOf(tensor)});
  }
  return blockSum(
      input, windows,
      [&](const std::string &x) { return square ? "(double)" + x + " * " + x : "(double)" + x; },
      "(" + memoryType(elementTypeOf(input.anchor->getResult(0))) + ")gk_sqrt_f64(sum)");
}

FormResult generateSumSquares(const FormInput &input, ir::SumSquaresOp op) {
  BodyReads reads(shapeOf(op.getX()).vec(), input.reason);
  reads.addLeaves(op.getX());
  if (!reads.ok())
    return failure();
  reads.space().collapse();
  int64_t elements = elementsOf(op.getX()), chunk = ir::SumSquaresOp::kChunk;
  TextWriter out;
  ElementText element(out, reads, input.tables);
  out.line("// chunks of " + Twine(chunk) + " of " + Twine(elements) + " elements");
  openFunction(out, input.kernel, input.name, kThreads, /*workspace=*/false);
  out.line("const u64 first = (u64)gk_block_x() * " + Twine(chunk) + ";");
  out.line("double sum = 0;");
  out.open("for (u64 j = first + gk_thread(); j < first + " + Twine(chunk) + " && j < " +
           Twine(elements) + "; j += 256)");
  ElementPoint point;
  point.axes = splitIndex(out, "j", reads.space().sizes(), "u64", "j");
  std::string x = element.value(point, op.getX());
  out.line("sum += (double)" + x + " * " + x + ";");
  out.close();
  out.line("sum = gk_block_sum_f64(sum, (double *)gk_shared());");
  out.line("if (gk_thread() == 0)");
  out.line("  out0[gk_block_x()] = sum;");
  closeFunction(out, input.name);
  if (!reads.ok())
    return failure();
  return CudaProgram{
      out.text(), {{input.name, ceilDiv(elements, chunk), kThreads, kThreads * 8}}, 0};
}

/// The first launch fills the table. In the second the block of each token adds up all rows of its
/// id, in the order of the tokens, unless an earlier token has that id.
FormResult generateEmbeddingGrad(const FormInput &input, ir::EmbeddingGradOp op) {
  std::optional<InputText> ids = InputText::of(op.getIds(), input);
  std::optional<InputText> dy = InputText::of(op.getDy(), input);
  std::optional<InputText> init;
  if (op.getInit())
    init = InputText::of(op.getInit(), input);
  if (!ids || !dy || (op.getInit() && !init) || !elementTypeOf(op.getDtable()).isF32())
    return failure();
  int64_t tokens = elementsOf(op.getIds()), elements = elementsOf(op.getDtable());
  int64_t columns = shapeOf(op.getDtable())[1];
  TextWriter out;
  out.line("// " + Twine(tokens) + " rows into " + shapeText(shapeOf(op.getDtable())));
  openFunction(out, input.kernel, input.name, kThreads, /*workspace=*/false);
  out.line("const u64 i = (u64)gk_block_x() * 256 + gk_thread();");
  out.line("if (i >= " + Twine(elements) + (init ? " || " + init->buffer() + " == out0)" : ")"));
  out.line("  return;");
  std::vector<std::string> place =
      init ? splitIndex(out, "i", {elements / columns, columns}, "u64", "i")
           : std::vector<std::string>();
  out.line("out0[i] = " + (init ? init->at(place) : "0.0f") + ";");
  closeFunction(out, input.name);

  std::string name = input.name + "_1";
  out.line("");
  openFunction(out, input.kernel, name, kThreads, /*workspace=*/false);
  auto idOf = [&](const std::string &token) {
    std::vector<std::string> axes = splitIndex(out, token, ids->sizes(), "u64", token + "_");
    return ids->at(axes);
  };
  out.line("const u64 own = gk_block_x();");
  out.line("const u32 thread = gk_thread();");
  out.line("const long long id = " + idOf("own") + ";");
  out.line("u32 *words = (u32 *)gk_shared(); // a bit for each of 256 tokens");
  // Chunks before the own one decide whether the block has work; the others are its work.
  out.open("for (u64 first = 0; first < " + Twine(tokens) + "; first += 256)");
  out.line("const u64 token = first + thread;");
  out.line("bool same = false;");
  out.open("if (token < " + Twine(tokens) + ")");
  out.line("same = " + idOf("token") + " == id;");
  out.close();
  out.line("const u32 word = gk_warp_or(same ? 1u << gk_lane() : 0);");
  out.line("if (gk_lane() == 0)");
  out.line("  words[thread / 32] = word;");
  out.line("gk_syncthreads();");
  out.open("for (u32 w = 0; w < 8; ++w)");
  out.open("for (u32 rest = words[w]; rest != 0; rest &= rest - 1)");
  out.line("const u64 found = first + w * 32 + gk_lowest_bit(rest);");
  out.line("if (found < own)");
  out.line("  return;");
  out.open("for (u64 c = thread; c < " + Twine(columns) + "; c += 256)");
  std::vector<std::string> at = splitIndex(out, "found", ids->sizes(), "u64", "found_");
  at.push_back("c");
  out.line("out0[id * " + Twine(columns) + " + c] += " + dy->at(at) + ";");
  out.close();
  out.close();
  out.close();
  out.line("gk_syncthreads();");
  out.close();
  closeFunction(out, name);
  return CudaProgram{
      out.text(),
      {{input.name, ceilDiv(elements, kThreads), kThreads, 0}, {name, tokens, kThreads, 32}},
      0};
}

} // namespace heddle::codegen::cuda
