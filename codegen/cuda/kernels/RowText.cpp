// SPDX-License-Identifier: Apache-2.0
// KernelForm::Row: a block for each row.
#include "codegen/cuda/kernels/KernelForms.h"
#include "codegen/cuda/kernels/RowOpText.h"

using namespace mlir;

namespace heddle::codegen::cuda {
namespace {

/// As many threads as have four columns each, within what a block holds.
int threadsFor(int64_t columns) {
  int threads = 32;
  while (threads < 512 && threads * 4 < columns)
    threads *= 2;
  return threads;
}

class RowWriter {
public:
  RowWriter(const FormInput &input, std::vector<int64_t> shape)
      : input_(input), reads_(std::move(shape), input.reason),
        element_(out_, reads_, input.tables) {
    if (!reads_.space().shape().empty())
      reads_.space().keepApart(reads_.space().shape().size() - 1);
    RowReads operands = rowReadsOf(input.anchor);
    for (Value value : operands.full) {
      if (!cast<RankedTensorType>(value.getType()).getElementType().isF32())
        reads_.fail("rows of another type than f32");
      reads_.addLeaves(value);
    }
    for (Value value : operands.statistics)
      reads_.addStatistic(value);
    for (Value yielded : yieldsOf(input.kernel))
      reads_.addLeaves(underReshapes(yielded), input.anchor->getResults());
    reads_.space().collapse();
  }

  FormResult write() {
    if (!reads_.ok())
      return failure();
    const IterationSpace &space = reads_.space();
    int64_t rows = space.rows(), columns = space.inner();
    int threads = threadsFor(columns);
    out_.line("// " + Twine(rows) + " rows as " + shapeText(ArrayRef(space.sizes()).drop_back()) +
              " of " + Twine(columns));
    openFunction(out_, input_.kernel, input_.name, threads, /*workspace=*/false);
    const char *type = indexType(reads_, rows * columns);
    out_.line("const " + Twine(type) + " row = gk_block_x();");
    out_.line("const u32 t = gk_thread();");
    out_.line("float *scratch = (float *)gk_shared();");
    element_.readRandomStates();
    RowText row(out_, element_, reads_,
                splitIndex(out_, "row", ArrayRef(space.sizes()).drop_back(), type, "i"), threads);
    writeRow(row, columns);
    closeFunction(out_, input_.name);
    if (!reads_.ok())
      return failure();
    return CudaProgram{out_.text(), {{input_.name, rows, threads, 4 * (threads / 32)}}, 0};
  }

private:
  void writeRow(RowText &row, int64_t columns) {
    RowResult result = writeRowOp(row, input_.anchor);
    SmallVector<std::pair<Value, size_t>> full;
    SmallVector<std::string> scalars;
    for (auto [i, yielded] : llvm::enumerate(yieldsOf(input_.kernel))) {
      Value value = underReshapes(yielded);
      auto found =
          llvm::find_if(result.statistics, [&](const auto &entry) { return entry.first == value; });
      if (found == result.statistics.end())
        full.push_back({value, i});
      else
        scalars.push_back("out" + std::to_string(i) + "[row] = " + found->second + ";");
    }
    // All reads of an element stand before its stores: an output may replace an input.
    if (!full.empty())
      row.forColumns([&](ElementPoint &point) {
        if (result.full)
          point.known[result.fullValue] = result.full(point);
        SmallVector<std::string> names;
        for (auto [value, i] : full)
          names.push_back(row.value(point, value));
        for (auto [entry, name] : llvm::zip(full, names))
          out_.line("out" + Twine(entry.second) + "[(u64)row * " + Twine(columns) +
                    " + c] = " + name + ";");
      });
    if (scalars.empty())
      return;
    out_.open("if (t == 0)");
    for (const std::string &line : scalars)
      out_.line(line);
    out_.close();
  }

  const FormInput &input_;
  BodyReads reads_;
  TextWriter out_;
  ElementText element_;
};

} // namespace

FormResult generateRow(const FormInput &input) {
  for (const std::vector<int64_t> &shape : iterationShapes(input.kernel, input.anchor))
    if (FormResult result = RowWriter(input, shape).write(); succeeded(result))
      return result;
  return failure();
}

} // namespace heddle::codegen::cuda
