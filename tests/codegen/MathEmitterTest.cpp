// SPDX-License-Identifier: Apache-2.0
// The elementary functions over all exponents of f32, against the C library in float64: the bounds
// that MathEmitter.h states.
#include <bit>
#include <cmath>
#include <cstdlib>
#include <random>

#include "codegen/cpu/KernelGenerator.h"
#include "tests/codegen/JitHarness.h"
#include "tests/codegen/KernelCheck.h"
#include "gtest/gtest.h"

namespace heddle::codegen {
namespace {

/// Every exponent with both signs, and what is special.
std::vector<float> sweep() {
  std::vector<float> values = {0.0f,      -0.0f,    INFINITY, -INFINITY, NAN,    1.0f,   -1.0f,
                               88.72283f, 88.7229f, -103.97f, -104.0f,   1e-45f, -1e-45f};
  std::mt19937 random(1);
  for (uint32_t exponent = 0; exponent < 255; ++exponent)
    for (uint32_t sign : {0u, 1u})
      for (int i = 0; i < 48; ++i)
        values.push_back(std::bit_cast<float>(
            static_cast<uint32_t>(sign << 31 | exponent << 23 | random() >> 9)));
  // Where most of the work is.
  for (int i = 0; i < 20000; ++i)
    values.push_back(static_cast<float>((i - 10000) * 0.0105));
  for (int i = 0; i < 20000; ++i)
    values.push_back(static_cast<float>((i - 10000) * 0.0005));
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
  double ulps;     // with fused multiply-add; one more without
  double absolute; // errors below are none
};

void checkFunction(const Function &function, const std::string &targetName) {
  SCOPED_TRACE(function.op + " on " + targetName);
  std::vector<float> x = sweep(), y(x.size());
  std::string type = tensorText({static_cast<int64_t>(x.size())});
  mlir::OwningOpRef<mlir::ModuleOp> module;
  ir::KernelOp kernel =
      parseKernel({{type}, "%y = heddle." + function.op + " : " + type, {"%y"}, {type}}, module);
  Target target = *parseTarget(targetName);
  std::string reason;
  auto generated = generateKernel(kernel, target, &reason);
  ASSERT_TRUE(mlir::succeeded(generated)) << reason;
  StatusOr<JitKernel> jit = JitKernel::compile(std::move(*generated), target);
  ASSERT_TRUE(jit.ok()) << jit.status();
  jit->run({x.data(), y.data()});
  double worst = 0;
  float worstAt = 0;
  int wrong = 0;
  for (size_t i = 0; i < x.size() && wrong < 5; ++i) {
    double want = function.exact(x[i]);
    if (std::isnan(want) || std::isnan(y[i])) {
      if (std::isnan(want) != std::isnan(y[i]) && ++wrong)
        ADD_FAILURE() << "at " << x[i] << ": " << y[i] << ", expected " << want;
      continue;
    }
    auto nearest = static_cast<float>(want);
    if (y[i] == nearest || std::abs(y[i] - want) <= function.absolute)
      continue;
    if (std::isinf(nearest) || std::isinf(y[i])) {
      // At the very edge of the range the last bit decides.
      if (std::abs(want) < 3.4028e38 || std::isinf(nearest))
        if (std::abs(want) < 3.4027e38 || std::abs(want) > 3.4029e38)
          ADD_FAILURE() << "at " << x[i] << ": " << y[i] << ", expected " << want, ++wrong;
      continue;
    }
    double error = std::abs(y[i] - want) / ulpOf(want);
    if (error > worst)
      worst = error, worstAt = x[i];
  }
  double bound = function.ulps + (target.hasFma() ? 0 : 1);
  EXPECT_LE(worst, bound) << "at " << worstAt;
  if (getenv("HEDDLE_TEST_VERBOSE"))
    printf("%-36s %-10s %.3f ulp at %.9g\n", function.op.c_str(), targetName.c_str(), worst,
           worstAt);
}

TEST(MathEmitter, BoundsHoldOverAllExponents) {
  const double tiny = 0x1p-126; // results that would be subnormal may be zero
  for (const Function &function :
       std::vector<Function>{{"exp %0", [](double x) { return std::exp(x); }, 1, 0},
                             {"log %0", [](double x) { return std::log(x); }, 1, 0},
                             {"tanh %0", [](double x) { return std::tanh(x); }, 2, 0},
                             {"erf %0", [](double x) { return std::erf(x); }, 2.5, 0},
                             {"sigmoid %0", sigmoid, 2, tiny},
                             {"sqrt %0", [](double x) { return std::sqrt(x); }, 0.5, 0},
                             {"rsqrt %0", [](double x) { return 1 / std::sqrt(x); }, 1.5, 0},
                             {"silu %0", [](double x) { return x * sigmoid(x); }, 3, 100 * tiny},
                             {"relu %0", [](double x) { return x < 0 ? 0 : x; }, 0, 0}})
    for (const std::string &target : runnableTargets())
      checkFunction(function, target);
}

/// Products of a function and its argument: relatively exact near zero, absolutely in the lower
/// tail.
TEST(MathEmitter, GeluIsExactWhereItMatters) {
  for (const Function &function : std::vector<Function>{
           {"gelu %0", [](double x) { return x * phi(x); }, 12, 2e-8},
           {"gelu %0 {tanh_approximation}",
            [](double x) { return x == -INFINITY ? NAN : x * sigmoid(geluTanhArgument(x)); }, 5,
            2e-8}})
    for (const std::string &target : runnableTargets())
      checkFunction(function, target);
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
    check.absolute = 3e-7;
    check.given[0] = x;
    checkKernel(check);
  }
}

TEST(MathEmitter, ComparesAndExtremesKnowNaN) {
  std::string t = "tensor<9xf32>", m = "tensor<9xi1>";
  KernelCheck check;
  check.text = {{t, t},
                "%a = heddle.maximum %0, %1 : (" + t + ", " + t + ") -> " + t +
                    "\n%b = heddle.minimum %0, %1 : (" + t + ", " + t + ") -> " + t +
                    "\n%lt = heddle.compare lt %0, %1 : (" + t + ", " + t + ") -> " + m +
                    "\n%ne = heddle.compare ne %0, %1 : (" + t + ", " + t + ") -> " + m +
                    "\n%ge = heddle.compare ge %0, %1 : (" + t + ", " + t + ") -> " + m +
                    "\n%d = heddle.div %0, %1 : (" + t + ", " + t + ") -> " + t,
                {"%a", "%b", "%lt", "%ne", "%ge", "%d"},
                {t, t, m, m, m, t}};
  const double inf = INFINITY, nan = NAN;
  check.given[0] = {1, 2, nan, 0, inf, -inf, nan, 5, 0};
  check.given[1] = {2, 1, 0, nan, 1, 1, nan, 5, 0};
  checkKernel(check);
}

} // namespace
} // namespace heddle::codegen
