// SPDX-License-Identifier: Apache-2.0
// KernelForm::Gemm on the ordinary cores: f32 in, f32 products and sums, nothing rounded on the
// way. A block computes a tile from panels in shared memory; where there are few tiles and a long
// depth, the depth is cut and a second launch adds the parts in order.
#include "codegen/body/GemmProblem.h"
#include "codegen/cuda/kernels/KernelForms.h"

using namespace mlir;

namespace heddle::codegen::cuda {
namespace {

/// k per step, and the threads along each side of a tile.
constexpr int64_t kDepth = 16, kSide = 16;
constexpr int64_t kWantedTiles = 264, kLeastDepth = 256;

struct GemmTiling {
  int64_t tile = 0;  // rows and columns
  int64_t parts = 1; // of the depth
  int64_t partDepth = 0;
  int64_t rowTiles = 0, columnTiles = 0;
  int64_t perThread() const { return tile / kSide; }
};

GemmTiling chooseTiling(const GemmProblem &problem) {
  GemmTiling tiling;
  auto tiles = [&](int64_t tile) {
    return problem.batch() * ceilDiv(problem.m, tile) * ceilDiv(problem.n, tile);
  };
  tiling.tile = tiles(128) >= kWantedTiles ? 128 : std::min(problem.m, problem.n) > 32 ? 64 : 32;
  tiling.rowTiles = ceilDiv(problem.m, tiling.tile);
  tiling.columnTiles = ceilDiv(problem.n, tiling.tile);
  int64_t wanted = kWantedTiles / tiles(tiling.tile);
  tiling.parts = std::max<int64_t>(1, std::min(wanted, problem.k / kLeastDepth));
  tiling.partDepth = ceilDiv(ceilDiv(problem.k, tiling.parts), kDepth) * kDepth;
  tiling.parts = ceilDiv(problem.k, tiling.partDepth);
  return tiling;
}

/// The shapes under which the epilogue's full values occur: they differ in how the rows are split.
std::vector<std::vector<int64_t>> epilogueShapes(ir::KernelOp kernel, ir::MatmulOp matmul) {
  auto type = cast<RankedTensorType>(matmul.getY().getType());
  std::vector<std::vector<int64_t>> shapes = {type.getShape().vec()};
  for (Operation &op : kernel.getBody().front().without_terminator())
    for (Value result : op.getResults()) {
      auto other = cast<RankedTensorType>(result.getType());
      if (other.getNumElements() == type.getNumElements() && other.getRank() > 0 &&
          other.getShape().back() == type.getShape().back() &&
          !llvm::is_contained(shapes, other.getShape().vec()))
        shapes.push_back(other.getShape().vec());
    }
  return shapes;
}

class GemmWriter {
public:
  GemmWriter(const FormInput &input, const GemmProblem &problem, std::vector<int64_t> shape)
      : input_(input), problem_(problem), tiling_(chooseTiling(problem)),
        reads_(std::move(shape), input.reason), element_(out_, reads_, input.tables) {
    reads_.space().keepApart(reads_.space().shape().size() - 1);
    for (Value yielded : yieldsOf(input.kernel))
      reads_.addLeaves(underReshapes(yielded), problem_.matmul->getResults());
    reads_.space().collapse();
    if (reads_.space().inner() != problem_.n)
      reads_.fail("a gemm's epilogue changes the last axis");
  }

  FormResult write() {
    if (!reads_.ok())
      return failure();
    int64_t elements = problem_.batch() * problem_.m * problem_.n;
    CudaProgram kernel;
    writeTiles();
    kernel.launches.push_back(
        {input_.name, tiling_.parts * problem_.batch() * tiling_.rowTiles * tiling_.columnTiles,
         kThreads, kDepth * 2 * panelRow() * 4});
    if (tiling_.parts > 1) {
      writePartSums(elements);
      kernel.workspaceBytes = tiling_.parts * elements * 4;
      kernel.launches.push_back({input_.name + "_1", ceilDiv(elements, kThreads), kThreads, 0});
    }
    kernel.text = out_.text();
    if (!reads_.ok())
      return failure();
    return kernel;
  }

private:
  /// Floats of a row of a panel: shifted by a few banks from the next.
  int64_t panelRow() const { return tiling_.tile + 4; }

  void writeTiles() {
    out_.line("// [" + Twine(problem_.batch()) + "] of [" + Twine(problem_.m) + "][" +
              Twine(problem_.k) + "] * [" + Twine(problem_.k) + "][" + Twine(problem_.n) +
              "], tiles of " + Twine(tiling_.tile) + ", depth in " + Twine(tiling_.parts) +
              " parts");
    openFunction(out_, input_.kernel, input_.name, kThreads, tiling_.parts > 1);
    writeBlockPlace();
    int64_t per = tiling_.perThread();
    out_.line("float *panelA = (float *)gk_shared(), *panelB = panelA + " +
              Twine(kDepth * panelRow()) + ";");
    out_.line("float acc[" + Twine(per) + "][" + Twine(per) + "];");
    out_.line("GK_UNROLL for (u32 i = 0; i < " + Twine(per) + "; ++i)");
    out_.line("  GK_UNROLL for (u32 j = 0; j < " + Twine(per) + "; ++j)");
    out_.line("    acc[i][j] = 0.0f;");
    out_.open("for (u32 k0 = first; k0 < end; k0 += 16)");
    writePanel("panelA", "a", "row0", problem_.m, problem_.a);
    writePanel("panelB", "b", "column0", problem_.n, problem_.b);
    out_.line("gk_syncthreads();");
    writeProducts(per);
    out_.line("gk_syncthreads();");
    out_.close();
    writeResults(per);
    closeFunction(out_, input_.name);
  }

  /// Which tile, batch entry and part of the depth the block has.
  void writeBlockPlace() {
    out_.line("const u32 thread = gk_thread(), x = thread % 16, y = thread / 16;");
    std::vector<std::string> place = splitIndex(
        out_, "gk_block_x()",
        {tiling_.parts, problem_.batch(), tiling_.rowTiles, tiling_.columnTiles}, "u32", "tile");
    out_.line("const u32 row0 = " + place[2] + " * " + Twine(tiling_.tile) +
              ", column0 = " + place[3] + " * " + Twine(tiling_.tile) + ";");
    out_.line("const u32 first = " + place[0] + " * " + Twine(tiling_.partDepth) +
              ", end = gk_min(first + " + Twine(tiling_.partDepth) + ", " + Twine(problem_.k) +
              ");");
    out_.line("const u64 part = " + place[0] + ", batch = " + place[1] + ";");
    SmallVector<int64_t> sizes;
    for (const GemmProblem::BatchAxis &axis : problem_.batchAxes)
      sizes.push_back(axis.size);
    std::vector<std::string> axes = splitIndex(out_, "batch", sizes, "u64", "batch");
    std::string a = std::to_string(problem_.a.offset), b = std::to_string(problem_.b.offset);
    for (auto [name, axis] : llvm::zip(axes, problem_.batchAxes)) {
      a = sumText(a, productText(name, axis.aStride));
      b = sumText(b, productText(name, axis.bStride));
    }
    out_.line("const float *a = in" + Twine(problem_.a.argument) + " + " + a + ";");
    out_.line("const float *b = in" + Twine(problem_.b.argument) + " + " + b + ";");
  }

  /// Copies [depth][tile] of an operand, along what is contiguous in it, zeros beyond its edges.
  void writePanel(const char *panel, const char *from, const char *origin, int64_t size,
                  const GemmProblem::Operand &operand) {
    bool alongDepth = operand.kStride == 1 && operand.otherStride != 1;
    std::string tile = std::to_string(tiling_.tile);
    out_.open("GK_UNROLL for (u32 e = thread; e < " + Twine(kDepth * tiling_.tile) + "; e += 256)");
    if (alongDepth)
      out_.line("const u32 k = e % 16, i = e / 16;");
    else
      out_.line("const u32 k = e / " + Twine(tile) + ", i = e % " + Twine(tile) + ";");
    std::string at =
        sumText(productText("(u64)(k0 + k)", operand.kStride),
                productText("(u64)(" + std::string(origin) + " + i)", operand.otherStride));
    out_.line("const bool inside = k0 + k < end && " + Twine(origin) + " + i < " + Twine(size) +
              ";");
    out_.line(Twine(panel) + "[k * " + Twine(panelRow()) + " + i] = inside ? " + from + "[" + at +
              "] : 0.0f;");
    out_.close();
  }

  void writeProducts(int64_t per) {
    out_.open("GK_UNROLL for (u32 k = 0; k < 16; ++k)");
    out_.line("float p[" + Twine(per) + "], q[" + Twine(per) + "];");
    out_.open("GK_UNROLL for (u32 i = 0; i < " + Twine(per) + "; ++i)");
    out_.line("p[i] = panelA[k * " + Twine(panelRow()) + " + y + i * 16];");
    out_.line("q[i] = panelB[k * " + Twine(panelRow()) + " + x + i * 16];");
    out_.close();
    out_.line("GK_UNROLL for (u32 i = 0; i < " + Twine(per) + "; ++i)");
    out_.line("  GK_UNROLL for (u32 j = 0; j < " + Twine(per) + "; ++j)");
    out_.line("    acc[i][j] = gk_fma(p[i], q[j], acc[i][j]);");
    out_.close();
  }

  void writeResults(int64_t per) {
    if (tiling_.parts == 1)
      element_.readRandomStates();
    out_.open("GK_UNROLL for (u32 i = 0; i < " + Twine(per) + "; ++i)");
    out_.open("GK_UNROLL for (u32 j = 0; j < " + Twine(per) + "; ++j)");
    out_.line("const u32 m = row0 + y + i * 16, column = column0 + x + j * 16;");
    out_.line("if (m >= " + Twine(problem_.m) + " || column >= " + Twine(problem_.n) + ")");
    out_.line("  continue;");
    out_.line("const u64 row = batch * " + Twine(problem_.m) + " + m;");
    if (tiling_.parts > 1) {
      int64_t rows = problem_.batch() * problem_.m;
      out_.line("((float *)workspace)[(part * " + Twine(rows) + " + row) * " + Twine(problem_.n) +
                " + column] = acc[i][j];");
    } else {
      writeEpilogue("acc[i][j]");
    }
    out_.close();
    out_.close();
  }

  /// `row` and `column` are defined. All reads stand before the stores: an output may replace an
  /// input.
  void writeEpilogue(const std::string &sum) {
    ElementPoint point;
    point.axes = splitIndex(out_, "row", ArrayRef(reads_.space().sizes()).drop_back(), "u64", "i");
    point.axes.push_back("column");
    out_.line("const u64 at = row * " + Twine(problem_.n) + " + column;");
    point.number = "at";
    point.known[problem_.matmul.getY()] = sum;
    SmallVector<std::string> results;
    for (Value yielded : yieldsOf(input_.kernel))
      results.push_back(element_.value(point, underReshapes(yielded)));
    for (auto [i, result] : llvm::enumerate(results))
      out_.line("out" + Twine(i) + "[at] = " + result + ";");
  }

  void writePartSums(int64_t elements) {
    std::string name = input_.name + "_1";
    out_.line("");
    openFunction(out_, input_.kernel, name, kThreads, /*workspace=*/true);
    out_.line("const u64 i = (u64)gk_block_x() * 256 + gk_thread();");
    out_.line("if (i >= " + Twine(elements) + ")");
    out_.line("  return;");
    out_.line("const u64 row = i / " + Twine(problem_.n) + ", column = i % " + Twine(problem_.n) +
              ";");
    element_.readRandomStates();
    out_.line("float sum = 0.0f;");
    out_.line("for (u32 part = 0; part < " + Twine(tiling_.parts) + "; ++part)");
    out_.line("  sum += ((const float *)workspace)[part * " + Twine(elements) + "ull + i];");
    writeEpilogue("sum");
    closeFunction(out_, name);
  }

  const FormInput &input_;
  GemmProblem problem_;
  GemmTiling tiling_;
  BodyReads reads_;
  TextWriter out_;
  ElementText element_;
};

} // namespace

FormResult generateGemm(const FormInput &input) {
  FailureOr<GemmProblem> problem = matchGemm(input.kernel, input.reason);
  if (failed(problem))
    return failure();
  for (const std::vector<int64_t> &shape : epilogueShapes(input.kernel, problem->matmul))
    if (FormResult result = GemmWriter(input, *problem, shape).write(); succeeded(result))
      return result;
  return failure();
}

} // namespace heddle::codegen::cuda
