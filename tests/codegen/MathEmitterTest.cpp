// SPDX-License-Identifier: Apache-2.0
// The elementary functions over all exponents of f32, against the C library in float64: the bounds
// that MathEmitter.h states.
#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdlib>
#include <iomanip>

#include "codegen/cpu/KernelGenerator.h"
#include "tests/codegen/JitHarness.h"
#include "tests/codegen/KernelCheck.h"
#include "gtest/gtest.h"

namespace heddle::codegen {
namespace {

constexpr size_t kChunk = 1 << 16;

/// Bit patterns from one to the next: a prime, so that all exponents and signs come up with many
/// mantissas. With HEDDLE_MATH_STRIDE=1 it is every number of f32, for a minute a function.
uint64_t stride() {
  const char *text = getenv("HEDDLE_MATH_STRIDE");
  return text ? std::max<uint64_t>(strtoull(text, nullptr, 10), 1) : 8191;
}

/// What is special, and where most of the work is.
std::vector<float> choice() {
  std::vector<float> values = {0.0f,    -0.0f,     INFINITY, -INFINITY, NAN,      1.0f,
                               -1.0f,   88.72283f, 88.7229f, -103.97f,  -104.0f,  1e-45f,
                               -1e-45f, FLT_MIN,   -FLT_MIN, FLT_MAX,   -FLT_MAX, 0x1p-149f};
  for (int i = 0; i < 30000; ++i)
    values.push_back(static_cast<float>((i - 15000) * 0.007));
  for (int i = 0; i < 30000; ++i)
    values.push_back(static_cast<float>((i - 15000) * 0.0003));
  values.resize(kChunk);
  return values;
}

/// Distance between neighbours of f32 around x.
double ulpOf(double x) {
  int exponent;
  std::frexp(x, &exponent);
  return std::ldexp(1.0, std::max(exponent - 24, -149));
}

double phi(double x) { return 0.5 * std::erfc(-x * M_SQRT1_2); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double geluTanhArgument(double x) { return 2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x); }

struct Function {
  std::string op;
  double (*exact)(double);
  double ulps; // with fused multiply-add; one more without
  /// Errors below are none; those below `flushed` times max(|x|, 1) neither.
  double absolute = 0;
  double flushed = 0;
};

/// Holds one function on one target against float64.
class FunctionCheck {
public:
  FunctionCheck(const Function &function, const Target &target, const JitKernel &kernel)
      : function_(function), bound_(function.ulps + (target.hasFma() ? 0 : 1)), kernel_(kernel) {}

  void check(std::vector<float> x) {
    std::vector<float> y(x.size());
    kernel_.run({x.data(), y.data()});
    for (size_t i = 0; i < x.size() && wrong_ < 5; ++i)
      checkOne(x[i], y[i]);
  }

  double worst() const { return worst_; }
  float worstAt() const { return worstAt_; }

private:
  void checkOne(float x, float y) {
    double want = function_.exact(x);
    auto nearest = static_cast<float>(want);
    if (std::bit_cast<uint32_t>(y) == std::bit_cast<uint32_t>(nearest))
      return;
    if (std::isnan(want) || std::isnan(y)) {
      if (std::isnan(want) != std::isnan(y))
        fail(x, y, want);
      return;
    }
    if (y == nearest && y != 0)
      return;
    if (std::isinf(nearest) || std::isinf(y)) {
      // At the very edge of the range the last bit decides.
      if (std::isinf(want) || std::abs(want) < 3.4027e38 || std::abs(want) > 3.4029e38)
        fail(x, y, want);
      return;
    }
    if (want == 0 && y != 0)
      return fail(x, y, want);
    double slack = std::max(function_.absolute,
                            function_.flushed * std::max(1.0, std::abs(static_cast<double>(x))));
    double error = std::abs(y - want);
    if (error <= slack)
      return;
    if (double ulps = error / ulpOf(want); ulps > worst_)
      worst_ = ulps, worstAt_ = x;
    if (error / ulpOf(want) > bound_)
      fail(x, y, want);
  }

  void fail(float x, float y, double want) {
    ++wrong_;
    ADD_FAILURE() << std::setprecision(9) << "at " << x << ": " << y << ", expected " << want
                  << " to " << bound_ << " ulp";
  }

  const Function &function_;
  double bound_;
  const JitKernel &kernel_;
  double worst_ = 0;
  float worstAt_ = 0;
  int wrong_ = 0;
};

void checkFunction(const Function &function, const std::string &targetName) {
  SCOPED_TRACE(function.op + " on " + targetName);
  std::string type = tensorText({static_cast<int64_t>(kChunk)});
  mlir::OwningOpRef<mlir::ModuleOp> module;
  ir::KernelOp kernel =
      parseKernel({{type}, "%y = heddle." + function.op + " : " + type, {"%y"}, {type}}, module);
  Target target = *parseTarget(targetName);
  std::string reason;
  auto generated = generateKernel(kernel, target, &reason);
  ASSERT_TRUE(mlir::succeeded(generated)) << reason;
  StatusOr<JitKernel> jit = JitKernel::compile(std::move(*generated), target);
  ASSERT_TRUE(jit.ok()) << jit.status();
  FunctionCheck check(function, target, *jit);
  check.check(choice());
  std::vector<float> chunk;
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += stride()) {
    chunk.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
    if (chunk.size() == kChunk) {
      check.check(std::move(chunk));
      chunk = {};
    }
  }
  chunk.resize(kChunk);
  check.check(std::move(chunk));
  if (getenv("HEDDLE_TEST_VERBOSE"))
    printf("%-36s %-10s %.3f ulp at %.9g\n", function.op.c_str(), targetName.c_str(), check.worst(),
           check.worstAt());
}

TEST(MathEmitter, BoundsHoldOverAllExponents) {
  const double tiny = 0x1p-126; // results that would be subnormal may be zero
  for (const Function &function :
       std::vector<Function>{{"exp %0", [](double x) { return std::exp(x); }, 1},
                             {"log %0", [](double x) { return std::log(x); }, 1},
                             {"tanh %0", [](double x) { return std::tanh(x); }, 2.5},
                             {"erf %0", [](double x) { return std::erf(x); }, 2.5},
                             {"sigmoid %0", sigmoid, 2.5, 0, tiny},
                             {"sqrt %0", [](double x) { return std::sqrt(x); }, 0.5},
                             {"rsqrt %0", [](double x) { return 1 / std::sqrt(x); }, 1.5},
                             {"silu %0", [](double x) { return x * sigmoid(x); }, 3, 0, tiny},
                             {"gelu %0", [](double x) { return x * phi(x); }, 7.5, 0, tiny},
                             {"relu %0", [](double x) { return x <= 0 ? 0 : x; }, 0}})
    for (const std::string &target : runnableTargets())
      checkFunction(function, target);
}

/// The argument of the sigmoid is rounded: relatively exact near zero and above, absolutely in the
/// lower tail.
TEST(MathEmitter, TanhGeluIsExactWhereItMatters) {
  Function gelu{"gelu %0 {tanh_approximation}",
                [](double x) { return x == -INFINITY ? NAN : x * sigmoid(geluTanhArgument(x)); }, 6,
                2e-8};
  for (const std::string &target : runnableTargets())
    checkFunction(gelu, target);
}

TEST(MathEmitter, CastsToIntegersSaturate) {
  for (std::string to : {"i32", "i64"}) {
    std::string x = tensorText({18}), y = tensorText({18}, to);
    KernelCheck check{.text = {{x}, "%y = heddle.cast %0 : " + x + " -> " + y, {"%y"}, {y}}};
    check.given[0] = {0,        -0.0,    0.9,          -0.9,
                      1.5,      -2.5,    2147483520.0, 0x1p31,
                      3e9,      -0x1p31, -3e9,         9223371487098961920.0,
                      0x1p63,   -0x1p63, 1e30,         -INFINITY,
                      INFINITY, NAN};
    checkKernel(check);
  }
}

/// To nearest and ties to even; what is too large for bf16 is infinite, and NaN stays one.
TEST(MathEmitter, RoundsToBf16AndBack) {
  std::string x = tensorText({14}), half = tensorText({14}, "bf16");
  KernelCheck check{.text = {{x},
                             "%h = heddle.cast %0 : " + x + " -> " + half +
                                 "\n%y = heddle.cast %h : " + half + " -> " + x,
                             {"%y"},
                             {x}}};
  check.given[0] = {0,         -0.0,         1.0,          0x1.01p0, 0x1.03p0,  0x1.010002p0,
                    -0x1.03p0, 0x1.fffffep5, 0.0883883461, FLT_MAX,  -INFINITY, 257,
                    NAN,       1e-40};
  checkKernel(check);
}

TEST(MathEmitter, ActivationGradients) {
  std::string t = "tensor<2001xf32>";
  std::vector<double> x(2001);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = (static_cast<double>(i) - 1000) * 0.02;
  x[0] = 1e30, x[1] = -1e30, x[2] = NAN, x[3] = 3e4, x[4] = -3e4;
  for (std::string op : {"relu_grad %0, %1", "silu_grad %0, %1", "gelu_grad %0, %1",
                         "gelu_grad %0, %1 {tanh_approximation}"}) {
    SCOPED_TRACE(op);
    KernelCheck check{.text = {{t, t}, "%y = heddle." + op + " : " + t, {"%y"}, {t}}};
    check.given[0] = x;
    checkKernel(check);
  }
}

TEST(MathEmitter, BinaryOpsOnSpecialValues) {
  const std::vector<double> special = {0,        -0.0,    1,        -1,        1.5,
                                       -3,       1e-40,   -1e-40,   FLT_MIN,   1e30,
                                       -FLT_MAX, FLT_MAX, INFINITY, -INFINITY, NAN};
  const auto count = static_cast<int64_t>(special.size());
  std::string t = tensorText({count, count}), column = tensorText({count, 1});
  std::string row = tensorText({count}), m = tensorText({count, count}, "i1");
  std::string types = " : (" + column + ", " + row + ") -> ";
  KernelCheck check;
  check.text.inputs = {column, row};
  for (std::string op : {"add", "sub", "mul", "div", "maximum", "minimum"}) {
    check.text.body += "%" + op + " = heddle." + op + " %0, %1" + types + t + "\n";
    check.text.yields.push_back("%" + op);
    check.text.results.push_back(t);
  }
  for (std::string order : {"eq", "ne", "lt", "le", "gt", "ge"}) {
    check.text.body += "%" + order + " = heddle.compare " + order + " %0, %1" + types + m + "\n";
    check.text.yields.push_back("%" + order);
    check.text.results.push_back(m);
  }
  check.given = {{0, special}, {1, special}};
  checkKernel(check);
}

} // namespace
} // namespace heddle::codegen
