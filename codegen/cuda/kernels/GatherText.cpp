// SPDX-License-Identifier: Apache-2.0
// Single ops of which each element of the result is computed by itself from where it stands: a
// thread an element.
#include "codegen/cuda/kernels/InputText.h"
#include "codegen/cuda/kernels/SingleText.h"

using namespace mlir;

namespace heddle::codegen::cuda {
namespace {

using Axes = std::vector<std::string>;

std::string number(int64_t value) { return std::to_string(value); }
std::string brackets(const std::string &text) { return "(" + text + ")"; }

/// Writes a kernel of one output; `body` gets the writer and the index of the element along each
/// axis of `shape`, and returns the element's value, or nothing where it has stored by itself.
CudaProgram eachElement(const FormInput &input, ArrayRef<int64_t> shape,
                        const std::function<std::string(TextWriter &, const Axes &)> &body) {
  int64_t elements = 1;
  for (int64_t size : shape)
    elements *= size;
  TextWriter out;
  out.line("// " + input.anchor->getName().getStringRef() + " " + shapeText(shape));
  openFunction(out, input.kernel, input.name, kThreads, /*workspace=*/false);
  out.line("const u64 i = (u64)gk_block_x() * 256 + gk_thread();");
  out.line("if (i >= " + Twine(elements) + ")");
  out.line("  return;");
  Axes axes = splitIndex(out, "i", shape, "u64", "i");
  if (std::string value = body(out, axes); !value.empty())
    out.line("out0[i] = " + value + ";");
  closeFunction(out, input.name);
  return {out.text(), {{input.name, ceilDiv(elements, kThreads), kThreads, 0}}, 0};
}

} // namespace

FormResult generateConcat(const FormInput &input, ir::ConcatOp op) {
  SmallVector<InputText> parts;
  for (Value part : op.getParts()) {
    std::optional<InputText> window = InputText::of(part, input);
    if (!window)
      return failure();
    parts.push_back(*window);
  }
  int64_t axis = op.getAxis();
  return eachElement(input, shapeOf(op.getY()), [&](TextWriter &, const Axes &axes) {
    std::string text;
    int64_t begin = 0;
    for (auto [i, part] : llvm::enumerate(parts)) {
      Axes inside = axes;
      inside[axis] = begin == 0 ? axes[axis] : brackets(axes[axis] + " - " + number(begin));
      begin += part.sizes()[axis];
      if (i + 1 < parts.size())
        text += axes[axis] + " < " + number(begin) + " ? " + part.at(inside) + " : ";
      else
        text += part.at(inside);
    }
    return text;
  });
}

FormResult generatePad(const FormInput &input, ir::PadOp op) {
  std::optional<InputText> x = InputText::of(op.getX(), input);
  if (!x)
    return failure();
  return eachElement(input, shapeOf(op.getY()), [&](TextWriter &, const Axes &axes) {
    Axes inside = axes;
    std::string condition;
    for (size_t axis = 0; axis < axes.size(); ++axis) {
      int64_t low = op.getLow()[axis], high = op.getHigh()[axis];
      if (low == 0 && high == 0)
        continue;
      // As an unsigned number an index before the first is large.
      inside[axis] = brackets(axes[axis] + " - " + number(low));
      condition +=
          (condition.empty() ? "" : " && ") + inside[axis] + " < " + number(x->sizes()[axis]);
    }
    return condition.empty() ? x->at(inside) : condition + " ? " + x->at(inside) + " : 0";
  });
}

FormResult generateEmbedding(const FormInput &input, ir::EmbeddingOp op) {
  std::optional<InputText> table = InputText::of(op.getTable(), input);
  std::optional<InputText> ids = InputText::of(op.getIds(), input);
  if (!table || !ids)
    return failure();
  return eachElement(input, shapeOf(op.getY()), [&](TextWriter &out, const Axes &axes) {
    out.line("const u64 id = " + ids->at(ArrayRef(axes).drop_back()) + ";");
    return table->at({"id", axes.back()});
  });
}

FormResult generateGatherRows(const FormInput &input, ir::GatherRowsOp op) {
  std::optional<InputText> x = InputText::of(op.getX(), input);
  std::optional<InputText> index = InputText::of(op.getIndex(), input);
  if (!x || !index)
    return failure();
  return eachElement(input, shapeOf(op.getY()), [&](TextWriter &out, const Axes &axes) {
    out.line("const u64 position = " + index->at({axes[0]}) + ";");
    return x->at({axes[0], "position", axes[1]});
  });
}

/// Where the cache is its own new value, what stays is not copied.
FormResult generateCacheUpdate(const FormInput &input, ir::CacheUpdateOp op) {
  std::optional<InputText> cache = InputText::of(op.getCache(), input);
  std::optional<InputText> x = InputText::of(op.getX(), input);
  std::optional<InputText> positions = InputText::of(op.getPositions(), input);
  if (!cache || !x || !positions)
    return failure();
  return eachElement(input, shapeOf(op.getY()), [&](TextWriter &out, const Axes &axes) {
    out.line("const u64 added = " + axes[2] + " - " + positions->at({axes[0]}) + ";");
    out.line("const bool isNew = added < " + Twine(shapeOf(op.getX())[2]) + ";");
    out.line("if (!isNew && " + cache->buffer() + " == out0)");
    out.line("  return;");
    return "isNew ? " + x->at({axes[0], axes[1], "added", axes[3]}) + " : " + cache->at(axes);
  });
}

FormResult generateRope(const FormInput &input, ir::RopeOp op) {
  std::optional<InputText> x = InputText::of(op.getX(), input);
  std::optional<InputText> positions = InputText::of(op.getPositions(), input);
  if (!x || !positions)
    return failure();
  int64_t pairs = static_cast<int64_t>(op.getInvFreq().size());
  std::string table = input.tables.add(op.getInvFreq());
  // A thread for each pair, so that y may replace x, and for each component that passes.
  std::vector<int64_t> shape = shapeOf(op.getY()).vec();
  int64_t size = shape[3];
  shape[3] -= pairs;
  return eachElement(input, shape, [&](TextWriter &out, const Axes &axes) {
    const std::string &d = axes[3];
    out.line("float *y = out0 + (i - " + d + ") / " + Twine(shape[3]) + " * " + Twine(size) + ";");
    Axes first = axes, second = axes;
    if (2 * pairs < size) {
      first[3] = brackets(d + " + " + number(pairs));
      out.open("if (" + d + " >= " + Twine(pairs) + ")");
      out.line("y[" + first[3] + "] = " + x->at(first) + ";");
      out.line("return;");
      out.close();
    }
    first[3] = op.getInterleaved() ? brackets(d + " * 2") : d;
    second[3] =
        op.getInterleaved() ? brackets(d + " * 2 + 1") : brackets(d + " + " + number(pairs));
    out.line("const float u = " + x->at(first) + ", v = " + x->at(second) + ";");
    std::string row = positions->sizes()[0] == 1 ? "0" : axes[0];
    double scaling = op.getAttentionScaling().convertToDouble();
    out.line("const gk_Turn turn = gk_turn((double)" + positions->at({row, axes[2]}) + " * " +
             table + "[" + d + "], " + floatLiteral(scaling) + ");");
    out.line("const float sine = " + Twine(op.getInverse() ? "-turn.sine;" : "turn.sine;"));
    out.line("y[" + first[3] + "] = u * turn.cosine - v * sine;");
    out.line("y[" + second[3] + "] = v * turn.cosine + u * sine;");
    return std::string();
  });
}

} // namespace heddle::codegen::cuda
