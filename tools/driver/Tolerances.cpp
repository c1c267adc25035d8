// SPDX-License-Identifier: Apache-2.0
#include "tools/driver/Tolerances.h"

#include <cassert>

namespace heddle::tools {

// u is half an ulp of f32, 6e-8. A kernel that leaves out a tile, a mask or a term is off by 1e-3
// and more on random inputs, so bounds leave room for bad luck in rounding and none for mistakes.
const std::vector<Tolerance> &tolerances() {
  static const std::vector<Tolerance> table = {
      {"kernel", "map", "f32", 3e-6,
       "a chain of some ten roundings; elementary functions are good to 2.5 ulp"},
      {"kernel", "gemm", "f32", 3e-5,
       "sums of up to 2^17 products (a vocabulary): sqrt(K) u expected, with an epilogue"},
      {"kernel", "row", "f32", 2e-5, "sums over a row, and differences of them in gradients"},
      {"kernel", "column_reduce", "f32", 2e-5, "sums over all tokens"},
      {"kernel", "attention", "f32", 2e-5,
       "two products around exp, whose argument has the error of the scores"},
      {"kernel", "attention_grad", "f32", 5e-5,
       "four products; dP - delta cancels where a query sees few keys"},
      {"kernel", "*", "f32", 2e-5, "sums of squares, table look-ups, an optimizer step"},

      {"entry", "forward", "f32", 1e-4, "errors of all layers add up along the residual stream"},
      {"entry", "prefill", "f32", 1e-4, "as forward"},
      {"entry", "decode", "f32", 1e-4, "as forward"},
      {"entry", "loss", "f32", 2e-5, "a mean over tokens averages the errors of the logits"},
      {"entry", "eval", "f32", 2e-5, "as loss"},
      {"entry", "*", "f32", 3e-4,
       "gradients (grad, accumulate, step): forward's errors once more on the way back"},

      {"pass", "*", "f64", 1e-9,
       "the same sums in float64 in another order; constants are exact on both sides"},

      {"pass", "heddle-fuse-attention", "f64", 5e-6,
       "a soft cap as a constant of f32 and its rounded reciprocal become one number: 2^-24 of a "
       "score of some tens, which exp makes relative"},
      {"rewrite", "*", "f64", 5e-6,
       "attention written out has its scale and cap as constants of f32: likewise"},

      {"golden", "logits", "f32", 2e-4, "as forward, against a file that may hold f32 itself"},
      {"golden", "loss", "f32", 5e-5, "as loss, against a file that may hold f32 itself"},
      {"golden", "*", "f32", 6e-4, "as gradients, against a file that may hold f32 itself"},

      {"error-bound", "*", "f32", 2,
       "times u M, for what a first-order bound leaves out: products of errors, and kernels that "
       "rewrite a formula (a reciprocal for a quotient, x e^-lse for a division)"},

      {"central-difference", "*", "f64", 1e-6,
       "five points h apart: truncation h^4 and rounding 1e-16 / h are both far below"},
  };
  return table;
}

const Tolerance &toleranceFor(std::string_view check, std::string_view subject,
                              std::string_view dtype) {
  const Tolerance *fallback = nullptr;
  for (const Tolerance &row : tolerances()) {
    if (row.check != check || row.dtype != dtype)
      continue;
    if (row.subject == subject)
      return row;
    if (row.subject == "*")
      fallback = &row;
  }
  // Every check of the program has a "*"; tests hold that.
  assert(fallback && "a check without a tolerance");
  return *fallback;
}

} // namespace heddle::tools
