// SPDX-License-Identifier: Apache-2.0
#include "codegen/cuda/kernels/AttentionText.h"

#include <cmath>

using namespace mlir;

namespace heddle::codegen::cuda {

std::string AttentionText::at(const HeadsView &view, const std::string &head,
                              const std::string &row, const std::string &column) const {
  std::string offset =
      sumText(productText("(u64)b", view.batch), productText("(u64)" + head, view.head));
  offset = sumText(offset, productText("(u64)(" + row + ")", view.row));
  offset = sumText(offset, productText(column, view.column));
  return operand(view.operand) + "[" + sumText(offset, std::to_string(view.offset)) + "]";
}

void AttentionText::writeTile(const Tile &tile) {
  std::string padded = std::to_string(tile.padded);
  out_.open("for (u32 e = thread; e < " + Twine(tile.rows * tile.padded) +
            "; e += " + Twine(kAttentionThreads) + ")");
  out_.line("const u32 r = e / " + padded + ", d = e % " + padded + ";");
  std::string inside = tile.first + " + r < " + std::to_string(tile.end);
  if (tile.padded > tile.width)
    inside += " && d < " + std::to_string(tile.width);
  out_.line(Twine(tile.name) + "[r * " + Twine(tile.stride) + " + d] = " + inside + " ? " +
            at(tile.view, tile.head, tile.first + " + r", "d") + " : 0.0f;");
  out_.close();
}

void AttentionText::writePrologue() {
  if (hasDropout())
    out_.line("const gk_Rng rng = gk_rng(" + operand(*p_.rng) + ");");
  out_.line("const u32 keys = " +
            (p_.lengths ? "gk_max(0, gk_min(" + std::to_string(p_.keys) + ", (int)" +
                              operand(*p_.lengths) + "[b]))"
                        : std::to_string(p_.keys)) +
            ";");
}

void AttentionText::writeKeyRange(const std::string &first, int64_t count) {
  int64_t shift = p_.keys - p_.queries;
  std::string end = "(int)keys", begin = "0";
  if (p_.causal)
    end = "gk_min(" + end + ", gk_max(0, (int)(" + first + ") + " + std::to_string(count + shift) +
          "))";
  if (p_.window)
    begin = "gk_max(0, (int)(" + first + ") + " + std::to_string(shift - *p_.window + 1) +
            ") / 32 * 32";
  out_.line("const u32 firstKey = " + begin + ", endKey = " + end + ";");
}

void AttentionText::writeScore() {
  int64_t shift = p_.keys - p_.queries;
  std::string seen = "t < " + std::to_string(p_.queries) + " && s < keys";
  if (p_.causal)
    seen += " && (int)s <= (int)t + " + std::to_string(shift);
  if (p_.window)
    seen += " && (int)s > (int)t + " + std::to_string(shift - *p_.window);
  if (p_.keyMask) // read only where there is a key
    seen += " && " + operand(*p_.keyMask) + "[(u64)b * " + std::to_string(p_.keys) + " + s] != 0";
  out_.line("const bool seen = " + seen + ";");
  std::string score = "dot * " + floatLiteral(p_.scale);
  if (p_.bias)
    score = "seen ? " + score + " + " + at(*p_.bias, "h", "t", "s") + " : 0.0f";
  if (p_.softCap <= 0) {
    out_.line("const float score = " + score + ";");
    return;
  }
  std::string cap = floatLiteral(p_.softCap);
  out_.line("const float bent = gk_tanh_exact((" + score + ") / " + cap + ");");
  out_.line("const float score = " + cap + " * bent, slope = 1.0f - bent * bent;");
}

void AttentionText::writeMask() {
  if (!hasDropout())
    return;
  auto threshold = static_cast<int64_t>(std::ceil(std::ldexp(p_.dropout, 24)));
  double kept = p_.dropout < 1 ? 1 / (1 - p_.dropout) : 0;
  out_.line("const u64 element = (((u64)b * " + Twine(p_.heads) + " + h) * " + Twine(p_.queries) +
            " + t) * " + Twine(p_.keys) + " + s;");
  out_.line("const float mask = gk_keep(rng, " + Twine(p_.rngId) + ", element, " +
            Twine(threshold) + ") ? " + floatLiteral(kept) + " : 0.0f;");
}

namespace {

constexpr int64_t kRowsOfWarp = 4, kRows = kWarps * kRowsOfWarp;

class ForwardWriter {
public:
  ForwardWriter(const FormInput &input, const AttentionProblem &problem)
      : input_(input), p_(problem), text_(out_, input.kernel, problem),
        valueLanes_(toLanes(problem.valueSize)) {}

  CudaProgram write() {
    int64_t tiles = ceilDiv(p_.queries, kRows);
    out_.line("// [" + Twine(p_.batches) + "][" + Twine(p_.heads) + "] heads on " +
              Twine(p_.groups) + ", " + Twine(p_.queries) + " queries, " + Twine(p_.keys) +
              " keys, head size " + Twine(p_.headSize) + ", " + Twine(p_.valueSize));
    openFunction(out_, input_.kernel, input_.name, kAttentionThreads, /*workspace=*/false);
    out_.line("const u32 thread = gk_thread(), lane = thread % 32, warp = thread / 32;");
    std::vector<std::string> place =
        splitIndex(out_, "gk_block_x()", {p_.batches, p_.heads, tiles}, "u32", "place");
    out_.line("const u32 b = " + place[0] + ", h = " + place[1] + ", g = h / " +
              Twine(p_.headsPerGroup()) + ", t0 = " + place[2] + " * " + Twine(kRows) + ";");
    text_.writePrologue();
    out_.line("float *q = (float *)gk_shared(), *k = q + " + Twine(kRows * p_.headSize) +
              ", *v = k + " + Twine(kLanes * (p_.headSize + 1)) + ";");
    text_.writeTile(
        {"q", p_.q, "h", "t0", kRows, p_.queries, p_.headSize, p_.headSize, p_.headSize});
    writeKeyLoop();
    writeResults();
    closeFunction(out_, input_.name);
    int64_t shared = kRows * p_.headSize + kLanes * (p_.headSize + 1) + kLanes * valueLanes_;
    return {out_.text(),
            {{input_.name, p_.batches * p_.heads * tiles, kAttentionThreads, shared * 4}},
            0};
  }

private:
  std::string parts() const { return std::to_string(valueLanes_ / kLanes); }

  void writeKeyLoop() {
    out_.line("float most[4], sum[4], o[4][" + parts() + "];");
    out_.open("GK_UNROLL for (u32 r = 0; r < 4; ++r)");
    out_.line("most[r] = -gk_infinity();");
    out_.line("sum[r] = 0.0f;");
    out_.line("GK_UNROLL for (u32 j = 0; j < " + parts() + "; ++j)");
    out_.line("  o[r][j] = 0.0f;");
    out_.close();
    text_.writeKeyRange("t0", kRows);
    out_.open("for (u32 s0 = firstKey; s0 < endKey; s0 += 32)");
    out_.line("gk_syncthreads();");
    text_.writeTile(
        {"k", p_.k, "g", "s0", kLanes, p_.keys, p_.headSize, p_.headSize + 1, p_.headSize});
    text_.writeTile(
        {"v", p_.v, "g", "s0", kLanes, p_.keys, p_.valueSize, valueLanes_, valueLanes_});
    out_.line("gk_syncthreads();");
    out_.open("GK_UNROLL for (u32 r = 0; r < 4; ++r)");
    out_.line("const u32 t = t0 + warp * 4 + r, s = s0 + lane;");
    out_.line("float dot = 0.0f;");
    out_.line("for (u32 d = 0; d < " + Twine(p_.headSize) + "; ++d)");
    out_.line("  dot = gk_fma(q[(warp * 4 + r) * " + Twine(p_.headSize) + " + d], k[lane * " +
              Twine(p_.headSize + 1) + " + d], dot);");
    text_.writeScore();
    out_.line("const float top = gk_fmax(most[r], gk_warp_max(seen ? score : -gk_infinity()));");
    out_.line("const float shift = top == -gk_infinity() ? 0.0f : top;");
    out_.line("float weight = seen ? gk_exp_flushed(score - shift) : 0.0f;");
    out_.line("const float fade = gk_exp_flushed(most[r] - shift);");
    out_.line("sum[r] = gk_fma(sum[r], fade, gk_warp_sum(weight));");
    out_.line("most[r] = top;");
    text_.writeMask();
    if (text_.hasDropout())
      out_.line("weight *= mask;");
    out_.line("GK_UNROLL for (u32 j = 0; j < " + parts() + "; ++j)");
    out_.line("  o[r][j] *= fade;");
    out_.open("for (u32 c = 0; c < 32; ++c)");
    out_.line("const float w = gk_shuffle(weight, c);");
    out_.line("GK_UNROLL for (u32 j = 0; j < " + parts() + "; ++j)");
    out_.line("  o[r][j] = gk_fma(w, v[c * " + Twine(valueLanes_) + " + lane + j * 32], o[r][j]);");
    out_.close();
    out_.close();
    out_.close();
  }

  void writeResults() {
    out_.open("GK_UNROLL for (u32 r = 0; r < 4; ++r)");
    out_.line("const u32 t = t0 + warp * 4 + r;");
    out_.line("if (t >= " + Twine(p_.queries) + ")");
    out_.line("  continue;");
    if (p_.lse) {
      out_.line("if (lane == 0)");
      out_.line("  " + text_.operand(*p_.lse) + "[((u64)b * " + Twine(p_.heads) + " + h) * " +
                Twine(p_.queries) +
                " + t] = most[r] == -gk_infinity() ? most[r] : most[r] + gk_log(sum[r]);");
    }
    if (p_.o) {
      // A query that sees no key yields zeros.
      out_.line("const float scale = sum[r] == 0.0f ? 0.0f : 1.0f / sum[r];");
      out_.open("GK_UNROLL for (u32 j = 0; j < " + parts() + "; ++j)");
      out_.line("if (lane + j * 32 < " + Twine(p_.valueSize) + ")");
      out_.line("  " + text_.at(*p_.o, "h", "t", "(lane + j * 32)") + " = o[r][j] * scale;");
      out_.close();
    }
    out_.close();
  }

  const FormInput &input_;
  const AttentionProblem &p_;
  TextWriter out_;
  AttentionText text_;
  int64_t valueLanes_;
};

} // namespace

FormResult generateAttention(const FormInput &input) {
  FailureOr<AttentionProblem> problem = matchAttention(input.kernel, input.reason);
  if (failed(problem))
    return failure();
  return ForwardWriter(input, *problem).write();
}

} // namespace heddle::codegen::cuda
