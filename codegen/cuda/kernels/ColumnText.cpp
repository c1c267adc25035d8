// SPDX-License-Identifier: Apache-2.0
// KernelForm::ColumnReduce: blocks of 32 columns by 8 rows at a time. Where few columns would leave
// the device idle, rows are cut into chunks whose sums a second launch adds in order.
#include "codegen/cuda/kernels/KernelForms.h"

using namespace mlir;

namespace heddle::codegen::cuda {
namespace {

constexpr int64_t kLines = 8, kColumns = 32;
/// Blocks that keep a large device busy, and the fewest rows that are worth a block.
constexpr int64_t kWantedColumnBlocks = 512, kLeastChunk = 64;

class ColumnWriter {
public:
  ColumnWriter(const FormInput &input, const std::vector<int64_t> &shape)
      : input_(input), anchor_(input.anchor), reads_(shape, input.reason),
        element_(out_, reads_, input.tables) {
    std::optional<LeadingReduction> reduction = leadingReduction(anchor_, shape);
    if (!reduction) {
      reads_.fail("the axes that are summed are split in another way");
      return;
    }
    rows_ = reduction->rows;
    outer_ = reduction->outer;
    reads_.space().keepApart(reduction->axes);
    reads_.space().keepApart(shape.size() - 1);
    registerReads();
    reads_.space().collapse();
    columns_ = reads_.space().inner();
    columnBlocks_ = ceilDiv(columns_, kColumns);
    chunks_ = std::clamp<int64_t>(ceilDiv(kWantedColumnBlocks, outer_ * columnBlocks_), 1,
                                  ceilDiv(rows_, kLeastChunk));
    chunkRows_ = ceilDiv(ceilDiv(rows_, chunks_), kLines) * kLines;
    chunks_ = ceilDiv(rows_, chunkRows_);
  }

  FormResult write() {
    if (!reads_.ok())
      return failure();
    size_t results = anchor_->getNumResults();
    CudaProgram kernel;
    kernel.launches.push_back({input_.name, chunks_ * outer_ * columnBlocks_, kThreads,
                               static_cast<int64_t>(results) * kThreads * 4});
    writeSums();
    if (chunks_ > 1) {
      kernel.workspaceBytes = static_cast<int64_t>(results) * chunks_ * outer_ * columns_ * 4;
      kernel.launches.push_back(
          {input_.name + "_1", ceilDiv(outer_ * columns_, kThreads), kThreads, 0});
      writeTotals();
    }
    kernel.text = out_.text();
    if (!reads_.ok())
      return failure();
    return kernel;
  }

private:
  void registerReads() {
    for (auto [i, operand] : llvm::enumerate(anchor_->getOperands())) {
      if (!cast<RankedTensorType>(operand.getType()).getElementType().isF32())
        reads_.fail("columns of another type than f32");
      if (i < 2)
        reads_.addLeaves(operand);
      else
        reads_.addStatistic(operand);
    }
  }

  void writeSums() {
    size_t results = anchor_->getNumResults();
    const char *type = indexType(reads_, rows_ * outer_ * columns_);
    out_.line("// sums over " + Twine(rows_) + " rows of " + shapeText({outer_, columns_}) +
              ", in " + Twine(chunks_) + " chunks");
    openFunction(out_, input_.kernel, input_.name, kThreads, chunks_ > 1);
    out_.line("const u32 lane = gk_thread() % 32, line = gk_thread() / 32;");
    out_.line("const u32 block = gk_block_x();");
    out_.line("const u32 c = block % " + Twine(columnBlocks_) + " * 32 + lane;");
    out_.line("const " + Twine(type) + " outer = block / " + Twine(columnBlocks_) + " % " +
              Twine(outer_) + ";");
    out_.line("const u32 chunk = block / " + Twine(columnBlocks_ * outer_) + ";");
    element_.readRandomStates();
    for (size_t k = 0; k < results; ++k)
      out_.line("float sum" + Twine(k) + " = 0.0f;");
    out_.open("if (c < " + Twine(columns_) + ")");
    out_.line("const u32 end = gk_min((chunk + 1) * " + Twine(chunkRows_) + ", " + Twine(rows_) +
              ");");
    out_.open("for (u32 r = chunk * " + Twine(chunkRows_) + " + line; r < end; r += 8)");
    out_.line("const " + Twine(type) + " row = r * " + Twine(outer_) + " + outer;");
    ArrayRef<int64_t> sizes = reads_.space().sizes();
    point_.axes = splitIndex(out_, "row", sizes.drop_back(), type, "i");
    point_.axes.push_back("c");
    point_.number = "(u64)row * " + std::to_string(columns_) + " + c";
    writeTerms();
    out_.close();
    out_.close();
    writeBlockTotals(results);
    closeFunction(out_, input_.name);
  }

  void writeTerms() {
    if (auto sum = dyn_cast<ir::SumOp>(anchor_)) {
      out_.line("sum0 += " + element_.value(point_, sum.getX()) + ";");
      return;
    }
    if (auto op = dyn_cast<ir::LayerNormParamGradOp>(anchor_)) {
      std::string dy = element_.value(point_, op.getDy()), x = element_.value(point_, op.getX());
      out_.line("sum0 += " + dy + " * ((" + x + " - " + statistic(op.getMean()) + ") * " +
                statistic(op.getRstd()) + ");");
      out_.line("sum1 += " + dy + ";");
      return;
    }
    auto op = cast<ir::RmsNormParamGradOp>(anchor_);
    std::string dy = element_.value(point_, op.getDy()), x = element_.value(point_, op.getX());
    out_.line("sum0 += " + dy + " * (" + x + " * " + statistic(op.getRstd()) + ");");
  }

  std::string statistic(Value value) {
    std::vector<std::string> axes = point_.axes;
    axes.back() = "0";
    return element_.read(value, axes);
  }

  /// Adds up the lines of the block, in order.
  void writeBlockTotals(size_t results) {
    out_.line("float *part = (float *)gk_shared();");
    for (size_t k = 0; k < results; ++k)
      out_.line("part[" + Twine(k * kThreads) + " + gk_thread()] = sum" + Twine(k) + ";");
    out_.line("gk_syncthreads();");
    out_.line("if (line != 0 || c >= " + Twine(columns_) + ")");
    out_.line("  return;");
    out_.line("const u64 column = (u64)outer * " + Twine(columns_) + " + c;");
    for (size_t k = 0; k < results; ++k) {
      std::string total = "total" + std::to_string(k);
      out_.line("float " + total + " = part[" + Twine(k * kThreads) + " + lane];");
      out_.line("for (u32 l = 1; l < 8; ++l)");
      out_.line("  " + total + " += part[" + Twine(k * kThreads) + " + l * 32 + lane];");
      if (chunks_ > 1)
        out_.line("((float *)workspace)[(" + Twine(k * chunks_) + " + (u64)chunk) * " +
                  Twine(outer_ * columns_) + " + column] = " + total + ";");
      else
        writeStores(k, total);
    }
  }

  void writeTotals() {
    std::string name = input_.name + "_1";
    out_.line("");
    openFunction(out_, input_.kernel, name, kThreads, /*workspace=*/true);
    out_.line("const u64 column = (u64)gk_block_x() * 256 + gk_thread();");
    out_.line("if (column >= " + Twine(outer_ * columns_) + ")");
    out_.line("  return;");
    for (size_t k = 0; k < anchor_->getNumResults(); ++k) {
      std::string total = "total" + std::to_string(k);
      out_.line("float " + total + " = 0.0f;");
      out_.line("for (u32 chunk = 0; chunk < " + Twine(chunks_) + "; ++chunk)");
      out_.line("  " + total + " += ((const float *)workspace)[(" + Twine(k * chunks_) +
                " + (u64)chunk) * " + Twine(outer_ * columns_) + " + column];");
      writeStores(k, total);
    }
    closeFunction(out_, name);
  }

  void writeStores(size_t result, const std::string &total) {
    for (auto [i, yielded] : llvm::enumerate(yieldsOf(input_.kernel)))
      if (cast<OpResult>(underReshapes(yielded)).getResultNumber() == result)
        out_.line("out" + Twine(i) + "[column] = " + total + ";");
  }

  const FormInput &input_;
  Operation *anchor_;
  BodyReads reads_;
  TextWriter out_;
  ElementText element_;
  ElementPoint point_;
  int64_t rows_ = 1, outer_ = 1, columns_ = 0;
  int64_t columnBlocks_ = 1, chunks_ = 1, chunkRows_ = 1;
};

} // namespace

FormResult generateColumnReduce(const FormInput &input) {
  for (const std::vector<int64_t> &shape : iterationShapes(input.kernel, input.anchor))
    if (FormResult result = ColumnWriter(input, shape).write(); succeeded(result))
      return result;
  return failure();
}

} // namespace heddle::codegen::cuda
