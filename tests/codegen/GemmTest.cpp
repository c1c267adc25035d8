// SPDX-License-Identifier: Apache-2.0
// Generated gemm kernels against plain loops in double precision.

#include <cmath>

#include "codegen/cpu/Gemm.h"
#include "tests/codegen/JitHarness.h"
#include "tests/codegen/KernelText.h"
#include "gtest/gtest.h"

namespace heddle::codegen {
namespace {

struct GemmShape {
  int64_t batch, m, n, k;
  bool transposeA, transposeB;
};

void PrintTo(const GemmShape &s, std::ostream *out) {
  *out << s.batch << "x" << s.m << "x" << s.n << "x" << s.k << (s.transposeA ? " TA" : "")
       << (s.transposeB ? " TB" : "");
}

std::vector<int64_t> withBatch(const GemmShape &s, int64_t x, int64_t y) {
  return s.batch == 1 ? std::vector<int64_t>{x, y} : std::vector<int64_t>{s.batch, x, y};
}

std::string matmulText(const GemmShape &s, const std::string &a, const std::string &b,
                       const std::string &y) {
  std::string attributes;
  if (s.transposeA || s.transposeB)
    attributes = std::string(" {") + (s.transposeA ? "transpose_a" : "") +
                 (s.transposeA && s.transposeB ? ", " : "") + (s.transposeB ? "transpose_b" : "") +
                 "}";
  return "    %y = heddle.matmul %0, %1" + attributes + " : (" + a + ", " + b + ") -> " + y + "\n";
}

std::vector<double> reference(const GemmShape &s, const std::vector<float> &a,
                              const std::vector<float> &b) {
  std::vector<double> y(s.batch * s.m * s.n, 0.0);
  for (int64_t batch = 0; batch < s.batch; ++batch)
    for (int64_t i = 0; i < s.m; ++i)
      for (int64_t k = 0; k < s.k; ++k) {
        double x = a[batch * s.m * s.k + (s.transposeA ? k * s.m + i : i * s.k + k)];
        double *row = &y[(batch * s.m + i) * s.n];
        const float *column = &b[batch * s.n * s.k];
        for (int64_t j = 0; j < s.n; ++j)
          row[j] += x * column[s.transposeB ? j * s.k + k : k * s.n + j];
      }
  return y;
}

/// Sums of k products of numbers below 1 are off by a few units in the last place of their size.
void expectClose(const std::vector<float> &actual, const std::vector<double> &expected,
                 double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i)
    ASSERT_NEAR(actual[i], expected[i], tolerance) << "at " << i;
}

class GemmTest : public testing::TestWithParam<std::string> {
protected:
  Target target() const { return *parseTarget(GetParam()); }

  JitKernel compile(const KernelText &text) {
    mlir::OwningOpRef<mlir::ModuleOp> module;
    ir::KernelOp kernel = parseKernel(text, module);
    std::string reason;
    auto generated = generateGemm(kernel, target(), &reason);
    if (failed(generated))
      throw std::runtime_error(reason);
    StatusOr<JitKernel> jit = JitKernel::compile(std::move(*generated), target());
    if (!jit.ok())
      throw std::runtime_error(std::string(jit.status().message()));
    return std::move(*jit);
  }

  void checkPlain(const GemmShape &s) {
    std::string a = tensorText(s.transposeA ? withBatch(s, s.k, s.m) : withBatch(s, s.m, s.k));
    std::string b = tensorText(s.transposeB ? withBatch(s, s.n, s.k) : withBatch(s, s.k, s.n));
    std::string y = tensorText(withBatch(s, s.m, s.n));
    JitKernel kernel = compile({{a, b}, matmulText(s, a, b, y), {"%y"}, {y}});
    std::vector<float> left = randomFloats(s.batch * s.m * s.k, 1);
    std::vector<float> right = randomFloats(s.batch * s.k * s.n, 2);
    GuardedBuffer once(s.batch * s.m * s.n * sizeof(float)), split(once.size());
    kernel.run({left.data(), right.data(), once.data()});
    expectClose(floatsOf(once), reference(s, left, right),
                1e-6 * std::sqrt(s.k) + 6e-8 * s.k + 1e-6);
    kernel.run({left.data(), right.data(), split.data()}, 5);
    EXPECT_EQ(floatsOf(once), floatsOf(split)) << "the bits depend on how tasks are grouped";
  }

  /// The first row of each batch entry, of a product with `m` rows.
  std::vector<float> firstRows(const GemmShape &s) {
    std::string a = tensorText(withBatch(s, s.m, s.k));
    std::string b = tensorText(s.transposeB ? withBatch(s, s.n, s.k) : withBatch(s, s.k, s.n));
    std::string y = tensorText(withBatch(s, s.m, s.n));
    JitKernel kernel = compile({{a, b}, matmulText(s, a, b, y), {"%y"}, {y}});
    std::vector<float> row = randomFloats(s.batch * s.k, 1),
                       left = randomFloats(s.batch * s.m * s.k, 3);
    for (int64_t batch = 0; batch < s.batch; ++batch)
      std::copy_n(&row[batch * s.k], s.k, &left[batch * s.m * s.k]);
    std::vector<float> right = randomFloats(s.batch * s.k * s.n, 2), rows;
    GuardedBuffer result(s.batch * s.m * s.n * sizeof(float));
    kernel.run({left.data(), right.data(), result.data()});
    std::vector<float> all = floatsOf(result);
    for (int64_t batch = 0; batch < s.batch; ++batch)
      rows.insert(rows.end(), &all[batch * s.m * s.n], &all[batch * s.m * s.n] + s.n);
    return rows;
  }
};

INSTANTIATE_TEST_SUITE_P(Targets, GemmTest, testing::Values("cpu:avx512", "cpu:avx2", "cpu:scalar"),
                         [](const auto &info) { return info.param.substr(4); });

TEST_P(GemmTest, AllTransposesOfOddShapes) {
  for (int64_t m : {1, 3, 13, 37})
    for (int64_t n : {5, 131})
      for (int64_t k : {1, 24, 101})
        for (bool transposeA : {false, true})
          for (bool transposeB : {false, true}) {
            GemmShape shape{1, m, n, k, transposeA, transposeB};
            SCOPED_TRACE(testing::PrintToString(shape));
            checkPlain(shape);
            if (HasFatalFailure())
              return;
          }
}

TEST_P(GemmTest, LargerShapes) {
  for (GemmShape shape :
       {GemmShape{1, 200, 771, 100, false, false}, GemmShape{1, 150, 96, 1000, false, true},
        GemmShape{1, 33, 64, 300, false, false}, GemmShape{6, 37, 50, 64, false, true},
        GemmShape{6, 140, 64, 37, false, false}, GemmShape{3, 140, 33, 19, true, false}}) {
    SCOPED_TRACE(testing::PrintToString(shape));
    checkPlain(shape);
  }
}

TEST_P(GemmTest, FewRowsOfManyBatches) {
  checkPlain({5, 3, 70, 90, false, false});
  checkPlain({40, 1, 64, 33, false, true});
  checkPlain({3, 2, 300, 17, true, false});
  checkPlain({7, 4, 37, 50, false, false});
  checkPlain({16, 1, 200, 19, false, false});
}

TEST_P(GemmTest, FewRowsByAWeightBeyondTheCaches) {
  const int64_t k = 1010, n = target().l2Bytes() / k + 40; // 4 times the cache and a little more
  for (int64_t m : {1, 3})
    checkPlain({1, m, n, k, false, true});
}

/// An answer must not depend on how many others are generated with it.
TEST_P(GemmTest, ARowDoesNotDependOnTheRowsBesideIt) {
  for (GemmShape one :
       {GemmShape{4, 1, 300, 90, false, false}, GemmShape{1, 1, 300, 700, false, true},
        GemmShape{1, 1, target().l2Bytes() / 700 + 40, 700, false, true}})
    for (int64_t m : {2, 5, 16}) {
      GemmShape several = one;
      several.m = m;
      SCOPED_TRACE(testing::PrintToString(several));
      EXPECT_EQ(firstRows(one), firstRows(several));
    }
}

TEST_P(GemmTest, DepthInPasses) { checkPlain({1, 133, 80, 9001, false, false}); }

TEST_P(GemmTest, DepthInPassesTransposed) { checkPlain({1, 133, 50, 9001, false, true}); }

TEST_P(GemmTest, DepthInPassesOfManyPanels) {
  checkPlain({1, 13, 790, 10001, false, false});
  checkPlain({1, 37, 790, 10001, false, true});
}

TEST_P(GemmTest, ColumnsFarApart) { checkPlain({1, 5003, 100, 32, true, false}); }

} // namespace
} // namespace heddle::codegen
