// SPDX-License-Identifier: Apache-2.0
// `heddle verify`: never silently different. Everything that was made of a model is compared with
// the float64 interpreter, or with a file of known results.
//
//   entries              each compiled entry against the builder's graph, output by output;
//   gradients
//                        parameter by parameter
//   kernels              each distinct kernel alone, on inputs as they occur in the model
//   central differences  (--grad) the gradients in float64 against differences of the loss
//   passes               (--passes) each function after each pass that changed it, against before
//   golden               (--against FILE) outputs and gradients against the file's, instead of the
//                        above
//
// Bounds are in tools/driver/Tolerances.h.

#ifndef HEDDLE_TOOLS_DRIVER_VERIFY_H
#define HEDDLE_TOOLS_DRIVER_VERIFY_H

#include <string>
#include <vector>

#include "runtime/base/Status.h"
#include "tools/driver/Compile.h"

namespace heddle::tools {

struct Source;

/// One thing compared with another.
struct VerifyCheck {
  std::string check;   // "forward", "kernel gemm", "pass heddle-fuse-ffn", "golden", ...
  std::string subject; // "grad.h.0.ln_1.weight", a kernel's name and layer, an entry's result
  double error = 0;    // relative to the largest magnitude expected; infinity where shapes differ
  double bound = 0;

  /// False for an error that is NaN.
  bool ok() const { return error <= bound; }
};

struct VerifyReport {
  /// Groups in the order in which they were made, each worst first.
  std::vector<VerifyCheck> checks;
  /// What was left out, and why.
  std::vector<std::string> remarks;

  bool ok() const;
  /// Orders `checks` as said above: checks of the same name are a group, the worst has the largest
  /// error over bound.
  void sortWorstFirst();
};

struct VerifyRequest {
  /// B, T, target, threads, cache. Entries and hooks are set by verify.
  CompileRequest compile;
  /// A folder or safetensors file in place of the model's own weights; empty: those, else random.
  std::string weights;
  /// For random weights and for the inputs.
  uint64_t seed = 0;
  bool grad = false;
  bool passes = false;
  /// What a function may take in float64, arguments and results. Of functions above, only the
  /// kernels are verified, on values made up. Results that they are compared with and values on the
  /// way come on top, so the default is a part of an ordinary machine's memory.
  double largestBytes = 2.5e9;
  /// safetensors with in.<name>, out.<name>, grad.<parameter>. B and T are then the file's.
  std::string against;
};

/// Compiles, runs and compares. A difference is no error but a check that is not ok; errors are for
/// what cannot be compiled, read or run. Inputs are a function of the seed alone: ids below the
/// vocabulary, some targets ignored, of a batch all sequences but the first padded.
StatusOr<VerifyReport> verify(const Source &source, const VerifyRequest &request);

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_DRIVER_VERIFY_H
