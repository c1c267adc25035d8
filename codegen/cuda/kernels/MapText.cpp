// SPDX-License-Identifier: Apache-2.0
// KernelForm::Map: a thread for each element, or for four that lie side by side in every operand.
#include "codegen/cuda/kernels/KernelForms.h"

using namespace mlir;

namespace heddle::codegen::cuda {
namespace {

bool isF32(Value value) { return elementTypeOf(value).isF32(); }

/// Whether four elements along a row can be read and written by one instruction each.
bool fitsFours(const BodyReads &reads, ArrayRef<Value> stored) {
  const IterationSpace &space = reads.space();
  if (space.inner() % 4 != 0 || !llvm::all_of(stored, isF32))
    return false;
  return llvm::all_of(reads.leaves(), [&](const BodyReads::Leaf &leaf) {
    const std::vector<int64_t> &strides = space.strides(leaf.window);
    if (leaf.splat || strides.back() == 0)
      return true;
    bool whole = llvm::all_of(ArrayRef(strides).drop_back(), [](int64_t s) { return s % 4 == 0; });
    return isF32(leaf.root) && strides.back() == 1 && whole && space.offset(leaf.window) % 4 == 0;
  });
}

class MapWriter {
public:
  MapWriter(const FormInput &input, BodyReads &reads, ArrayRef<Value> stored)
      : input_(input), reads_(reads), stored_(stored), element_(out_, reads, input.tables) {}

  CudaProgram write() {
    const IterationSpace &space = reads_.space();
    int64_t elements = space.rows() * space.inner();
    lanes_ = fitsFours(reads_, stored_) ? 4 : 1;
    std::string type = indexType(reads_, elements);
    out_.line("// " + Twine(elements) + " elements as " + shapeText(space.sizes()));
    openFunction(out_, input_.kernel, input_.name, kThreads, /*workspace=*/false);
    std::string thread =
        "(" + type + ")gk_block_x() * " + std::to_string(kThreads) + " + gk_thread()";
    out_.line("const " + type + " i = " + (lanes_ == 4 ? "(" + thread + ") * 4" : thread) + ";");
    out_.line("if (i >= " + Twine(elements) + ")");
    out_.line("  return;");
    element_.readRandomStates();
    ElementPoint point;
    point.axes = splitIndex(out_, "i", space.sizes(), type.c_str(), "i");
    if (lanes_ == 4)
      writeFours(point);
    else
      writeOne(point);
    closeFunction(out_, input_.name);
    return {out_.text(), {{input_.name, ceilDiv(elements, kThreads * lanes_), kThreads, 0}}, 0};
  }

private:
  std::string outputName(size_t i) const { return "out" + std::to_string(i); }

  /// All reads stand before the first store: an output may replace an input.
  void writeOne(ElementPoint &point) {
    point.number = "i";
    std::vector<std::string> results;
    for (Value value : stored_)
      results.push_back(element_.value(point, value));
    for (auto [i, result] : llvm::enumerate(results))
      out_.line(outputName(i) + "[i] = " + result + ";");
  }

  void writeFours(ElementPoint &point) {
    std::vector<std::string> columns = point.axes;
    for (auto [i, leaf] : llvm::enumerate(reads_.leaves())) {
      if (leaf.splat || reads_.space().innerStride(leaf.window) == 0)
        continue;
      std::string array = "x" + std::to_string(i);
      std::string root = "in" + std::to_string(cast<BlockArgument>(leaf.root).getArgNumber());
      out_.line("float " + array + "[4];");
      out_.line("gk_load4(" + array + ", " + root + " + " + element_.offset(leaf, columns) + ");");
      point.known[leaf.value] = array + "[l]";
    }
    for (size_t i = 0; i < stored_.size(); ++i)
      out_.line("float y" + Twine(i) + "[4];");
    out_.open("GK_UNROLL for (u32 l = 0; l < 4; ++l)");
    point.number = "i + l";
    point.axes.back() = "(" + columns.back() + " + l)";
    for (auto [i, value] : llvm::enumerate(stored_))
      out_.line("y" + Twine(i) + "[l] = " + element_.value(point, value) + ";");
    out_.close();
    for (size_t i = 0; i < stored_.size(); ++i)
      out_.line("gk_store4(" + outputName(i) + " + i, y" + Twine(i) + ");");
  }

  const FormInput &input_;
  BodyReads &reads_;
  ArrayRef<Value> stored_;
  TextWriter out_;
  ElementText element_;
  int lanes_ = 1;
};

} // namespace

FormResult generateMap(const FormInput &input) {
  SmallVector<Value> stored;
  for (Value yielded : yieldsOf(input.kernel))
    stored.push_back(storedValue(yielded));
  auto shape = cast<RankedTensorType>(stored.front().getType()).getShape().vec();
  BodyReads reads(shape, input.reason);
  for (Value value : stored)
    reads.addLeaves(value);
  if (!reads.ok())
    return failure();
  reads.space().collapse();
  CudaProgram kernel = MapWriter(input, reads, stored).write();
  if (!reads.ok())
    return failure();
  return kernel;
}

} // namespace heddle::codegen::cuda
