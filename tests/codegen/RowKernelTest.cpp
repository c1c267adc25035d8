// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "tests/codegen/KernelCheck.h"
#include "gtest/gtest.h"

namespace heddle::codegen {
namespace {

struct RowShape {
  int64_t rows, columns;
  std::string full() const { return tensorText({rows, columns}); }
  std::string row() const { return tensorText({columns}); }
  std::string column() const { return tensorText({rows}); }
  std::string labels() const { return tensorText({rows}, "i32"); }
};

std::vector<RowShape> shapes() { return {{1, 1}, {3, 8}, {13, 24}, {3, 131}, {13, 768}, {3, 771}}; }

std::vector<double> filled(size_t count, double from, double to) {
  std::vector<double> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] = from + (to - from) * static_cast<double>((i * 7919) % 1009) / 1009;
  return values;
}

TEST(RowKernel, LayerNorm) {
  for (RowShape s : shapes()) {
    SCOPED_TRACE(s.full());
    std::string x = s.full(), c = s.row(), r = s.column();
    checkKernel(
        {.text = {{x, c, c},
                  "%y:3 = heddle.layer_norm %0 gamma(%1) beta(%2) {eps = 1.0e-5 : f64} : (" + x +
                      ", " + c + ", " + c + ") -> (" + x + ", " + r + ", " + r + ")",
                  {"%y#0", "%y#1", "%y#2"},
                  {x, r, r}},
         .inPlace = {{0, 0}}});
  }
}

TEST(RowKernel, LayerNormOfAResidualSumInPlace) {
  // The sum replaces one operand, the result the other.
  checkKernel({.text = {{"tensor<2x5x131xf32>", "tensor<10x131xf32>", "tensor<131xf32>"},
                        R"(%r = heddle.reshape %1 : tensor<10x131xf32> -> tensor<2x5x131xf32>
    %s = heddle.add %0, %r : (tensor<2x5x131xf32>, tensor<2x5x131xf32>) -> tensor<2x5x131xf32>
    %y:3 = heddle.layer_norm %s gamma(%2) {eps = 1.0e-5 : f64} : (tensor<2x5x131xf32>, tensor<131xf32>) -> (tensor<2x5x131xf32>, tensor<2x5xf32>, tensor<2x5xf32>)
    %z = heddle.add %y#0, %0 : (tensor<2x5x131xf32>, tensor<2x5x131xf32>) -> tensor<2x5x131xf32>
    %f = heddle.reshape %z : tensor<2x5x131xf32> -> tensor<10x131xf32>)",
                        {"%s", "%f", "%y#1"},
                        {"tensor<2x5x131xf32>", "tensor<10x131xf32>", "tensor<2x5xf32>"}},
               .inPlace = {{0, 0}, {1, 1}}});
}

TEST(RowKernel, LayerNormKeepsDigitsFarFromZero) {
  checkKernel({.text = {{"tensor<3x768xf32>"},
                        "%y:3 = heddle.layer_norm %0 {eps = 1.0e-5 : f64} : (tensor<3x768xf32>) -> "
                        "(tensor<3x768xf32>, tensor<3xf32>, tensor<3xf32>)",
                        {"%y#0"},
                        {"tensor<3x768xf32>"}},
               .given = {{0, filled(3 * 768, 999, 1001)}}});
}

TEST(RowKernel, LayerNormGrad) {
  for (RowShape s : shapes()) {
    SCOPED_TRACE(s.full());
    std::string x = s.full(), c = s.row(), r = s.column();
    checkKernel({.text = {{x, x, r, r, c},
                          "%y = heddle.layer_norm_grad %0, %1, %2, %3 gamma(%4) : (" + x + ", " +
                              x + ", " + r + ", " + r + ", " + c + ") -> " + x,
                          {"%y"},
                          {x}},
                 .inPlace = {{0, 0}}});
  }
}

TEST(RowKernel, RmsNormAndGrad) {
  for (RowShape s : shapes()) {
    SCOPED_TRACE(s.full());
    std::string x = s.full(), c = s.row(), r = s.column();
    checkKernel({.text = {{x, c},
                          "%y:2 = heddle.rms_norm %0 gamma(%1) {eps = 1.0e-6 : f64} : (" + x +
                              ", " + c + ") -> (" + x + ", " + r + ")",
                          {"%y#0", "%y#1"},
                          {x, r}}});
    checkKernel({.text = {{x, x, r, c, x},
                          "%y = heddle.rms_norm_grad %0, %1, %2 gamma(%3) : (" + x + ", " + x +
                              ", " + r + ", " + c + ") -> " + x +
                              "\n    %z = heddle.add %y, %4 : (" + x + ", " + x + ") -> " + x,
                          {"%z"},
                          {x}},
                 .inPlace = {{4, 0}}});
  }
}

TEST(RowKernel, SoftmaxAndGrad) {
  for (RowShape s : shapes()) {
    SCOPED_TRACE(s.full());
    std::string x = s.full();
    checkKernel({.text = {{x}, "%y = heddle.softmax %0 : " + x, {"%y"}, {x}},
                 .given = {{0, filled(s.rows * s.columns, -30, 30)}},
                 .inPlace = {{0, 0}}});
    checkKernel({.text = {{x, x}, "%y = heddle.softmax_grad %0, %1 : " + x, {"%y"}, {x}},
                 .inPlace = {{1, 0}}});
  }
}

TEST(RowKernel, SoftmaxOfMaskedRows) {
  std::vector<double> values(4 * 24, -INFINITY);
  for (int i = 24; i < 48; ++i)
    values[i] = i;
  values[50] = 3;
  values[80] = NAN;
  checkKernel(
      {.text = {{"tensor<4x24xf32>", "tensor<f32>"},
                R"(%s = heddle.mul %0, %1 : (tensor<4x24xf32>, tensor<f32>) -> tensor<4x24xf32>
    %y = heddle.softmax %s : tensor<4x24xf32>)",
                {"%y"},
                {"tensor<4x24xf32>"}},
       .given = {{0, values}, {1, {0.5}}}});
}

TEST(RowKernel, CrossEntropyOfALargeVocabulary) {
  RowShape s{3, 50257};
  std::string x = s.full(), r = s.column(), i = s.labels();
  checkKernel({.text = {{x, i},
                        "%y:2 = heddle.cross_entropy %0, %1 : (" + x + ", " + i + ") -> (" + r +
                            ", " + r + ")",
                        {"%y#0", "%y#1"},
                        {r, r}},
               .given = {{0, filled(s.rows * s.columns, -12, 12)}, {1, {50256, -100, 17}}}});
  std::string mean = "tensor<f32>";
  checkKernel({.text = {{x, i, r, mean},
                        "%y = heddle.cross_entropy_grad %0, %1, %2, %3 : (" + x + ", " + i + ", " +
                            r + ", " + mean + ") -> " + x,
                        {"%y"},
                        {x}},
               .given = {{0, filled(s.rows * s.columns, -12, 12)},
                         {1, {50256, -100, 17}},
                         {2, {19.9, 20.1, 20}}},
               .inPlace = {{0, 0}}});
}

TEST(RowKernel, CrossEntropyWithSmoothingAndPrologue) {
  checkKernel(
      {.text =
           {{"tensor<13x131xf32>", "tensor<131xf32>", "tensor<13xi64>"},
            R"(%s = heddle.add %0, %1 : (tensor<13x131xf32>, tensor<131xf32>) -> tensor<13x131xf32>
    %y:2 = heddle.cross_entropy %s, %2 {label_smoothing = 0.1 : f64, ignore_index = 5 : i64} : (tensor<13x131xf32>, tensor<13xi64>) -> (tensor<13xf32>, tensor<13xf32>))",
            {"%y#0", "%y#1", "%s"},
            {"tensor<13xf32>", "tensor<13xf32>", "tensor<13x131xf32>"}},
       .integerBound = 10});
  checkKernel(
      {.text =
           {{"tensor<13x131xf32>", "tensor<13xi32>", "tensor<13xf32>", "tensor<13xf32>"},
            R"(%y = heddle.cross_entropy_grad %0, %1, %2, %3 {label_smoothing = 0.1 : f64, ignore_index = 5 : i64} : (tensor<13x131xf32>, tensor<13xi32>, tensor<13xf32>, tensor<13xf32>) -> tensor<13x131xf32>)",
            {"%y"},
            {"tensor<13x131xf32>"}},
       .given = {{2, filled(13, 4, 6)}},
       .integerBound = 10});
}

TEST(RowKernel, SumAndMaxOverTheLastAxis) {
  for (RowShape s : shapes())
    for (std::string op : {"sum", "max"}) {
      SCOPED_TRACE(op + " " + s.full());
      std::string x = s.full(), r = s.column();
      checkKernel({.text = {{x, x, r},
                            "%c = heddle.reshape %2 : " + r + " -> " + tensorText({s.rows, 1}) +
                                "\n    %p = heddle.mul %0, %1 : (" + x + ", " + x + ") -> " + x +
                                "\n    %q = heddle.sub %p, %c : (" + x + ", " +
                                tensorText({s.rows, 1}) + ") -> " + x + "\n    %y = heddle." + op +
                                " %q {axes = array<i64: 1>} : (" + x + ") -> " + r,
                            {"%y"},
                            {r}}});
    }
}

TEST(RowKernel, ReadsStridedRows) {
  // Queries inside a merged projection: [B, T, 3, C] sliced, normalised over the last axis.
  checkKernel(
      {.text = {
           {"tensor<2x5x72xf32>", "tensor<24xf32>"},
           R"(%s = heddle.slice %0 {offsets = array<i64: 0, 0, 24>, sizes = array<i64: 2, 5, 24>} : (tensor<2x5x72xf32>) -> tensor<2x5x24xf32>
    %y:2 = heddle.rms_norm %s gamma(%1) {eps = 1.0e-6 : f64} : (tensor<2x5x24xf32>, tensor<24xf32>) -> (tensor<2x5x24xf32>, tensor<2x5xf32>))",
           {"%y#0"},
           {"tensor<2x5x24xf32>"}}});
}

TEST(RowKernel, ReadsRowsThatAreStridedUnderAnotherShapeOnly) {
  // The first tokens of each batch row: no strided view once batch and tokens are one axis.
  checkKernel(
      {.text = {
           {"tensor<3x9x24xf32>", "tensor<3x5x24xf32>"},
           R"(%s = heddle.slice %0 {offsets = array<i64: 0, 2, 0>, sizes = array<i64: 3, 5, 24>} : (tensor<3x9x24xf32>) -> tensor<3x5x24xf32>
    %a = heddle.add %s, %1 : (tensor<3x5x24xf32>, tensor<3x5x24xf32>) -> tensor<3x5x24xf32>
    %r = heddle.reshape %a : tensor<3x5x24xf32> -> tensor<15x24xf32>
    %y:3 = heddle.layer_norm %r {eps = 1.0e-5 : f64} : (tensor<15x24xf32>) -> (tensor<15x24xf32>, tensor<15xf32>, tensor<15xf32>))",
           {"%y#0", "%y#1"},
           {"tensor<15x24xf32>", "tensor<15xf32>"}}});
}

TEST(RowKernel, DropoutAndResidualBehindTheNorm) {
  checkKernel(
      {.text =
           {{"tensor<7x131xf32>", "tensor<3xi64>", "tensor<7x131xf32>"},
            R"(%d = heddle.dropout %0, %1 {p = 0.5 : f64, rng_id = 3 : i64} : (tensor<7x131xf32>, tensor<3xi64>) -> tensor<7x131xf32>
    %s = heddle.add %d, %2 : (tensor<7x131xf32>, tensor<7x131xf32>) -> tensor<7x131xf32>
    %y:3 = heddle.layer_norm %s {eps = 1.0e-5 : f64} : (tensor<7x131xf32>) -> (tensor<7x131xf32>, tensor<7xf32>, tensor<7xf32>))",
            {"%s", "%y#0"},
            {"tensor<7x131xf32>", "tensor<7x131xf32>"}},
       .given = {{1, {42, 1, 0}}},
       .inPlace = {{2, 0}}});
}

} // namespace
} // namespace heddle::codegen
