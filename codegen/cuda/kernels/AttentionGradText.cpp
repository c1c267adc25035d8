// SPDX-License-Identifier: Apache-2.0
// The gradient of attention (arXiv:2307.08691), reproducible: one launch for the rows' deltas, one
// for dq, one for dk and dv, one for dbias. Each sum is made by one warp, in order.
#include "codegen/cuda/kernels/AttentionText.h"

using namespace mlir;

namespace heddle::codegen::cuda {
namespace {

constexpr int64_t kQueryRows = 16;

class GradientWriter {
public:
  GradientWriter(const FormInput &input, const AttentionProblem &problem)
      : input_(input), p_(problem), text_(out_, input.kernel, problem),
        headLanes_(toLanes(problem.headSize)), valueLanes_(toLanes(problem.valueSize)) {}

  CudaProgram write() {
    kernel_.workspaceBytes = p_.batches * p_.heads * p_.queries * 4;
    writeDeltas();
    if (p_.dq)
      writeQueryGradient();
    if (p_.dk || p_.dv)
      writeKeyGradients();
    if (p_.dBias)
      writeBiasGradient();
    kernel_.text = out_.text();
    return std::move(kernel_);
  }

private:
  void open(int64_t blocks, int64_t sharedFloats) {
    std::string name = input_.name;
    if (!kernel_.launches.empty()) {
      name += "_" + std::to_string(kernel_.launches.size());
      out_.line("");
    }
    kernel_.launches.push_back({name, blocks, kAttentionThreads, sharedFloats * 4});
    openFunction(out_, input_.kernel, name, kAttentionThreads, /*workspace=*/true);
    out_.line("const u32 thread = gk_thread(), lane = thread % 32, warp = thread / 32;");
    out_.line("float *deltas = (float *)workspace;");
  }
  void close() { closeFunction(out_, kernel_.launches.back().function); }

  std::string rowIndex() const {
    return "((u64)b * " + std::to_string(p_.heads) + " + h) * " + std::to_string(p_.queries) +
           " + t";
  }
  std::string headParts() const { return std::to_string(headLanes_ / kLanes); }
  std::string valueParts() const { return std::to_string(valueLanes_ / kLanes); }

  /// A warp for each query: delta = do . o.
  void writeDeltas() {
    int64_t rows = p_.batches * p_.heads * p_.queries;
    out_.line("// [" + Twine(p_.batches) + "][" + Twine(p_.heads) + "] heads on " +
              Twine(p_.groups) + ", " + Twine(p_.queries) + " queries, " + Twine(p_.keys) +
              " keys, head size " + Twine(p_.headSize) + ", " + Twine(p_.valueSize));
    open(ceilDiv(rows, kWarps), 0);
    out_.line("const u64 row = (u64)gk_block_x() * 4 + warp;");
    out_.line("if (row >= " + Twine(rows) + ")");
    out_.line("  return;");
    std::vector<std::string> place =
        splitIndex(out_, "row", {p_.batches, p_.heads, p_.queries}, "u64", "place");
    out_.line("const u64 b = " + place[0] + ", h = " + place[1] + ", t = " + place[2] + ";");
    out_.line("float sum = 0.0f;");
    out_.line("for (u32 d = lane; d < " + Twine(p_.valueSize) + "; d += 32)");
    out_.line("  sum = gk_fma(" + text_.at(p_.dO, "h", "t", "d") + ", " +
              text_.at(*p_.o, "h", "t", "d") + ", sum);");
    out_.line("sum = gk_warp_sum(sum);");
    out_.line("if (lane == 0)");
    out_.line("  deltas[row] = sum;");
    close();
  }

  /// Defines `weight`, after dropout, and `ds` of query t and key s; row pointers of the two sides
  /// are given as expressions of element d.
  void writeProducts(const std::string &q, const std::string &k, const std::string &dO,
                     const std::string &v) {
    out_.line("float dot = 0.0f, along = 0.0f;");
    out_.line("for (u32 d = 0; d < " + Twine(p_.headSize) + "; ++d)");
    out_.line("  dot = gk_fma(" + q + ", " + k + ", dot);");
    out_.line("for (u32 d = 0; d < " + Twine(p_.valueSize) + "; ++d)");
    out_.line("  along = gk_fma(" + dO + ", " + v + ", along);");
    text_.writeScore();
    out_.line("const u64 line = " + rowIndex() + ";");
    out_.line("float weight = seen ? gk_exp_flushed(score - " + text_.operand(*p_.lse) +
              "[line]) : 0.0f;");
    text_.writeMask();
    if (text_.hasDropout())
      out_.line("along *= mask;");
    out_.line("float ds = seen ? weight * (along - deltas[line])" +
              Twine(p_.softCap > 0 ? " * slope" : "") + " : 0.0f;");
    if (text_.hasDropout())
      out_.line("weight *= mask;");
  }

  /// Tiles of 16 queries (q, do) against 32 keys (k, v), the keys' rows shifted by a bank each.
  int64_t queryTileFloats() const {
    return kQueryRows * (p_.headSize + p_.valueSize) + kLanes * (headLanes_ + p_.valueSize + 2);
  }
  void writeQueryTilePointers() {
    out_.line("float *q = (float *)gk_shared(), *gradient = q + " +
              Twine(kQueryRows * p_.headSize) + ";");
    out_.line("float *k = gradient + " + Twine(kQueryRows * p_.valueSize) + ", *v = k + " +
              Twine(kLanes * (headLanes_ + 1)) + ";");
  }
  void writeQueryTiles() {
    text_.writeTile(
        {"q", p_.q, "h", "t0", kQueryRows, p_.queries, p_.headSize, p_.headSize, p_.headSize});
    text_.writeTile({"gradient", p_.dO, "h", "t0", kQueryRows, p_.queries, p_.valueSize,
                     p_.valueSize, p_.valueSize});
  }
  void writeKeyTiles() {
    text_.writeTile(
        {"k", p_.k, "g", "s0", kLanes, p_.keys, p_.headSize, headLanes_ + 1, headLanes_});
    text_.writeTile(
        {"v", p_.v, "g", "s0", kLanes, p_.keys, p_.valueSize, p_.valueSize + 1, p_.valueSize});
  }
  void writeQueryProducts() {
    std::string row = "(warp * 4 + r) * ";
    writeProducts("q[" + row + std::to_string(p_.headSize) + " + d]",
                  "k[lane * " + std::to_string(headLanes_ + 1) + " + d]",
                  "gradient[" + row + std::to_string(p_.valueSize) + " + d]",
                  "v[lane * " + std::to_string(p_.valueSize + 1) + " + d]");
  }

  void writeQueryGradient() {
    int64_t tiles = ceilDiv(p_.queries, kQueryRows);
    open(p_.batches * p_.heads * tiles, queryTileFloats());
    std::vector<std::string> place =
        splitIndex(out_, "gk_block_x()", {p_.batches, p_.heads, tiles}, "u32", "place");
    out_.line("const u32 b = " + place[0] + ", h = " + place[1] + ", g = h / " +
              Twine(p_.headsPerGroup()) + ", t0 = " + place[2] + " * 16;");
    text_.writePrologue();
    writeQueryTilePointers();
    writeQueryTiles();
    out_.line("float dq[4][" + headParts() + "];");
    out_.line("GK_UNROLL for (u32 r = 0; r < 4; ++r)");
    out_.line("  GK_UNROLL for (u32 j = 0; j < " + headParts() + "; ++j)");
    out_.line("    dq[r][j] = 0.0f;");
    text_.writeKeyRange("t0", kQueryRows);
    out_.open("for (u32 s0 = firstKey; s0 < endKey; s0 += 32)");
    out_.line("gk_syncthreads();");
    writeKeyTiles();
    out_.line("gk_syncthreads();");
    out_.open("GK_UNROLL for (u32 r = 0; r < 4; ++r)");
    out_.line("const u32 t = t0 + warp * 4 + r, s = s0 + lane;");
    writeQueryProducts();
    out_.open("for (u32 c = 0; c < 32; ++c)");
    out_.line("const float w = gk_shuffle(ds, c);");
    out_.line("GK_UNROLL for (u32 j = 0; j < " + headParts() + "; ++j)");
    out_.line("  dq[r][j] = gk_fma(w, k[c * " + Twine(headLanes_ + 1) +
              " + lane + j * 32], dq[r][j]);");
    out_.close();
    out_.close();
    out_.close();
    writeStore(*p_.dq, "dq", "4", "t", "t0 + warp * 4 + r", p_.queries, p_.headSize, headParts(),
               "h", floatLiteral(p_.scale));
    close();
  }

  void writeStore(const HeadsView &view, const char *sums, const char *rows, const char *row,
                  const std::string &place, int64_t end, int64_t width, const std::string &parts,
                  const char *head, const std::string &scale) {
    out_.open("GK_UNROLL for (u32 r = 0; r < " + Twine(rows) + "; ++r)");
    out_.line("const u32 " + Twine(row) + " = " + place + ";");
    out_.open("GK_UNROLL for (u32 j = 0; j < " + parts + "; ++j)");
    out_.line("if (" + Twine(row) + " < " + Twine(end) + " && lane + j * 32 < " + Twine(width) +
              ")");
    out_.line("  " + text_.at(view, head, row, "(lane + j * 32)") + " = " + sums + "[r][j]" +
              (scale.empty() ? "" : " * " + scale) + ";");
    out_.close();
    out_.close();
  }

  /// A block has 32 keys of a group, eight a warp; a lane has a query.
  void writeKeyGradients() {
    int64_t tiles = ceilDiv(p_.keys, kLanes);
    int64_t shared = kLanes * (p_.headSize + p_.valueSize + headLanes_ + valueLanes_ + 2);
    open(p_.batches * p_.groups * tiles, shared);
    std::vector<std::string> place =
        splitIndex(out_, "gk_block_x()", {p_.batches, p_.groups, tiles}, "u32", "place");
    out_.line("const u32 b = " + place[0] + ", g = " + place[1] + ", s0 = " + place[2] + " * 32;");
    text_.writePrologue();
    out_.line("float *k = (float *)gk_shared(), *v = k + " + Twine(kLanes * p_.headSize) + ";");
    out_.line("float *q = v + " + Twine(kLanes * p_.valueSize) + ", *gradient = q + " +
              Twine(kLanes * (headLanes_ + 1)) + ";");
    text_.writeTile({"k", p_.k, "g", "s0", kLanes, p_.keys, p_.headSize, p_.headSize, p_.headSize});
    text_.writeTile(
        {"v", p_.v, "g", "s0", kLanes, p_.keys, p_.valueSize, p_.valueSize, p_.valueSize});
    out_.line("float dk[8][" + headParts() + "], dv[8][" + valueParts() + "];");
    out_.open("GK_UNROLL for (u32 r = 0; r < 8; ++r)");
    out_.line("GK_UNROLL for (u32 j = 0; j < " + headParts() + "; ++j)");
    out_.line("  dk[r][j] = 0.0f;");
    out_.line("GK_UNROLL for (u32 j = 0; j < " + valueParts() + "; ++j)");
    out_.line("  dv[r][j] = 0.0f;");
    out_.close();
    writeQueryRange();
    out_.open("for (u32 h = g * " + Twine(p_.headsPerGroup()) + "; h < (g + 1) * " +
              Twine(p_.headsPerGroup()) + "; ++h)");
    out_.open("for (u32 t0 = firstQuery; t0 < endQuery; t0 += 32)");
    out_.line("gk_syncthreads();");
    text_.writeTile(
        {"q", p_.q, "h", "t0", kLanes, p_.queries, p_.headSize, headLanes_ + 1, headLanes_});
    text_.writeTile({"gradient", p_.dO, "h", "t0", kLanes, p_.queries, p_.valueSize,
                     valueLanes_ + 1, valueLanes_});
    out_.line("gk_syncthreads();");
    out_.open("GK_UNROLL for (u32 r = 0; r < 8; ++r)");
    out_.line("const u32 s = s0 + warp * 8 + r, t = t0 + lane;");
    std::string row = "(warp * 8 + r) * ";
    writeProducts("q[lane * " + std::to_string(headLanes_ + 1) + " + d]",
                  "k[" + row + std::to_string(p_.headSize) + " + d]",
                  "gradient[lane * " + std::to_string(valueLanes_ + 1) + " + d]",
                  "v[" + row + std::to_string(p_.valueSize) + " + d]");
    out_.open("for (u32 c = 0; c < 32; ++c)");
    out_.line("const float x = gk_shuffle(ds, c), w = gk_shuffle(weight, c);");
    out_.line("GK_UNROLL for (u32 j = 0; j < " + headParts() + "; ++j)");
    out_.line("  dk[r][j] = gk_fma(x, q[c * " + Twine(headLanes_ + 1) +
              " + lane + j * 32], dk[r][j]);");
    out_.line("GK_UNROLL for (u32 j = 0; j < " + valueParts() + "; ++j)");
    out_.line("  dv[r][j] = gk_fma(w, gradient[c * " + Twine(valueLanes_ + 1) +
              " + lane + j * 32], dv[r][j]);");
    out_.close();
    out_.close();
    out_.close();
    out_.close();
    if (p_.dk)
      writeStore(*p_.dk, "dk", "8", "s", "s0 + warp * 8 + r", p_.keys, p_.headSize, headParts(),
                 "g", floatLiteral(p_.scale));
    if (p_.dv)
      writeStore(*p_.dv, "dv", "8", "s", "s0 + warp * 8 + r", p_.keys, p_.valueSize, valueParts(),
                 "g", "");
    close();
  }

  /// The queries that may see any of the keys [s0, s0 + 32).
  void writeQueryRange() {
    int64_t shift = p_.keys - p_.queries;
    std::string begin = "0", end = std::to_string(p_.queries);
    if (p_.causal)
      begin = "gk_max(0, (int)s0 - " + std::to_string(shift) + ") / 32 * 32";
    if (p_.window)
      end = "gk_max(0, gk_min(" + end + ", (int)s0 + " +
            std::to_string(kLanes - 1 + *p_.window - shift) + "))";
    out_.line("const u32 firstQuery = " + begin + ", endQuery = " + end + ";");
  }

  /// A block has a tile of dbias; what the bias is repeated along is added up in order.
  void writeBiasGradient() {
    const HeadsView &view = *p_.dBias;
    bool batch = view.batch != 0 || p_.batches == 1, head = view.head != 0 || p_.heads == 1;
    bool row = view.row != 0 || p_.queries == 1, column = view.column != 0 || p_.keys == 1;
    int64_t queryTiles = ceilDiv(p_.queries, kQueryRows), keyTiles = ceilDiv(p_.keys, kLanes);
    std::vector<int64_t> grid = {batch ? p_.batches : 1, head ? p_.heads : 1, row ? queryTiles : 1,
                                 column ? keyTiles : 1};
    open(grid[0] * grid[1] * grid[2] * grid[3], queryTileFloats() + kAttentionThreads);
    std::vector<std::string> place = splitIndex(out_, "gk_block_x()", grid, "u32", "place");
    writeQueryTilePointers();
    out_.line("float *part = v + " + Twine(kLanes * (p_.valueSize + 1)) + ";");
    out_.line("float sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};");
    auto loop = [&](bool own, const char *name, const std::string &at, int64_t end, int64_t step) {
      std::string from = own ? productText(at, step) : "0";
      std::string to = own ? from + " + " + std::to_string(step) : std::to_string(end);
      out_.open("for (u32 " + Twine(name) + " = " + from + "; " + name + " < " + to + "; " + name +
                " += " + Twine(step) + ")");
    };
    loop(batch, "b", place[0], p_.batches, 1);
    text_.writePrologue();
    loop(head, "h", place[1], p_.heads, 1);
    out_.line("const u32 g = h / " + Twine(p_.headsPerGroup()) + ";");
    loop(row, "t0", place[2], queryTiles * kQueryRows, kQueryRows);
    loop(column, "s0", place[3], keyTiles * kLanes, kLanes);
    out_.line("gk_syncthreads();");
    writeQueryTiles();
    writeKeyTiles();
    out_.line("gk_syncthreads();");
    out_.open("GK_UNROLL for (u32 r = 0; r < 4; ++r)");
    out_.line("const u32 t = t0 + warp * 4 + r, s = s0 + lane;");
    writeQueryProducts();
    out_.line("sum[r] += ds;");
    for (int i = 0; i < 5; ++i)
      out_.close();
    writeBiasStores(view, place, row, column);
    close();
  }

  void writeBiasStores(const HeadsView &view, const std::vector<std::string> &place, bool row,
                       bool column) {
    out_.line("const u32 b = " + place[0] + ", h = " + place[1] + ";");
    if (!column) {
      out_.line("GK_UNROLL for (u32 r = 0; r < 4; ++r)");
      out_.line("  sum[r] = gk_warp_sum(sum[r]);");
    }
    if (!row) {
      // The rows of a warp, then those of the four.
      out_.line("part[thread] = sum[0] + sum[1] + sum[2] + sum[3];");
      out_.line("gk_syncthreads();");
      out_.line("sum[0] = part[lane] + part[lane + 32] + part[lane + 64] + part[lane + 96];");
    }
    out_.open("GK_UNROLL for (u32 r = 0; r < " + Twine(row ? 4 : 1) + "; ++r)");
    out_.line("const u32 t = " +
              (row ? productText(place[2], kQueryRows) + " + warp * 4 + r" : "0") + ";");
    out_.line("const u32 s = " + (column ? productText(place[3], kLanes) + " + lane" : "0") + ";");
    std::string mine = "t < " + std::to_string(p_.queries) + " && s < " + std::to_string(p_.keys);
    if (!row)
      mine += " && warp == 0";
    if (!column)
      mine += " && lane == 0";
    out_.line("if (" + mine + ")");
    out_.line("  " + text_.at(view, "h", "t", "s") + " = sum[r];");
    out_.close();
  }

  const FormInput &input_;
  const AttentionProblem &p_;
  TextWriter out_;
  AttentionText text_;
  int64_t headLanes_, valueLanes_;
  CudaProgram kernel_;
};

} // namespace

FormResult generateAttentionGrad(const FormInput &input) {
  FailureOr<AttentionProblem> problem = matchAttentionGrad(input.kernel, input.reason);
  if (failed(problem))
    return failure();
  return GradientWriter(input, *problem).write();
}

} // namespace heddle::codegen::cuda
