// SPDX-License-Identifier: Apache-2.0
#include "tests/codegen/KernelCheck.h"
#include "gtest/gtest.h"

namespace heddle::codegen {
namespace {

const std::string t24 = "tensor<24xf32>", t3x24 = "tensor<3x24xf32>";

TEST(MapKernel, AddsOfOddSizes) {
  for (std::vector<int64_t> shape : std::vector<std::vector<int64_t>>{
           {}, {1}, {13}, {3, 8}, {13, 131}, {3, 1, 771}, {2, 9001}, {16384}}) {
    std::string t = tensorText(shape);
    SCOPED_TRACE(t);
    checkKernel(
        {.text = {{t, t}, "%y = heddle.add %0, %1 : (" + t + ", " + t + ") -> " + t, {"%y"}, {t}},
         .inPlace = {{0, 0}}});
  }
}

TEST(MapKernel, BroadcastsRowsColumnsAndScalars) {
  checkKernel(
      {.text =
           {{"tensor<5x3x24xf32>", "tensor<24xf32>", "tensor<3x1xf32>", "tensor<f32>"},
            R"(%a = heddle.add %0, %1 : (tensor<5x3x24xf32>, tensor<24xf32>) -> tensor<5x3x24xf32>
    %b = heddle.mul %a, %2 : (tensor<5x3x24xf32>, tensor<3x1xf32>) -> tensor<5x3x24xf32>
    %c = heddle.sub %3, %b : (tensor<f32>, tensor<5x3x24xf32>) -> tensor<5x3x24xf32>)",
            {"%b", "%c"},
            {"tensor<5x3x24xf32>", "tensor<5x3x24xf32>"}},
       .inPlace = {{0, 1}}});
}

TEST(MapKernel, ReadsThroughViews) {
  // A transpose (last axis not contiguous), a slice, a broadcast and a plain operand.
  checkKernel(
      {.text = {
           {"tensor<24x13xf32>", "tensor<13x72xf32>", "tensor<13x1xf32>"},
           R"(%t = heddle.transpose %0 {permutation = array<i64: 1, 0>} : (tensor<24x13xf32>) -> tensor<13x24xf32>
    %s = heddle.slice %1 {offsets = array<i64: 0, 24>, sizes = array<i64: 13, 24>} : (tensor<13x72xf32>) -> tensor<13x24xf32>
    %b = heddle.broadcast %2 : tensor<13x1xf32> -> tensor<13x24xf32>
    %a = heddle.mul %t, %s : (tensor<13x24xf32>, tensor<13x24xf32>) -> tensor<13x24xf32>
    %y = heddle.add %a, %b : (tensor<13x24xf32>, tensor<13x24xf32>) -> tensor<13x24xf32>
    %r = heddle.reshape %y : tensor<13x24xf32> -> tensor<312xf32>)",
           {"%y", "%r"},
           {"tensor<13x24xf32>", "tensor<312xf32>"}}});
}

TEST(MapKernel, CopiesHeadsTogether) {
  checkKernel({.text = {{"tensor<2x5x3x16xf32>"},
                        "%t = heddle.transpose %0 {permutation = array<i64: 0, 2, 1, 3>} : "
                        "(tensor<2x5x3x16xf32>) -> tensor<2x3x5x16xf32>",
                        {"%t"},
                        {"tensor<2x3x5x16xf32>"}}});
}

TEST(MapKernel, Transposes) {
  struct Case {
    std::vector<int64_t> shape;
    std::string permutation;
    std::vector<int64_t> result;
  };
  for (const Case &c : std::vector<Case>{{{48, 32}, "1, 0", {32, 48}},
                                         {{131, 77}, "1, 0", {77, 131}},
                                         {{13, 9}, "1, 0", {9, 13}},
                                         {{40, 3}, "1, 0", {3, 40}},
                                         {{3, 40}, "1, 0", {40, 3}},
                                         {{3, 21, 5, 24}, "0, 2, 3, 1", {3, 5, 24, 21}},
                                         {{3, 21, 24}, "2, 0, 1", {24, 3, 21}},
                                         {{17, 2, 19}, "2, 1, 0", {19, 2, 17}}}) {
    std::string x = tensorText(c.shape), y = tensorText(c.result);
    SCOPED_TRACE(x + " by " + c.permutation);
    checkKernel({.text = {{x},
                          "%y = heddle.transpose %0 {permutation = array<i64: " + c.permutation +
                              ">} : (" + x + ") -> " + y,
                          {"%y"},
                          {y}}});
  }
}

TEST(MapKernel, MasksAndConstants) {
  checkKernel({.text = {{"tensor<2x4x5x21xf32>", "tensor<5xi32>"},
                        R"(%m = heddle.causal_mask {window = 6 : i64} : tensor<5x21xi1>
    %l = heddle.length_mask %1 : tensor<5xi32> -> tensor<5x21xi1>
    %both = heddle.logical_and %m, %l : (tensor<5x21xi1>, tensor<5x21xi1>) -> tensor<5x21xi1>
    %low = heddle.constant dense<-1.0e30> : tensor<f32>
    %row = heddle.constant dense<[[1.0], [2.0], [3.0], [4.0], [5.0]]> : tensor<5x1xf32>
    %x = heddle.mul %0, %row : (tensor<2x4x5x21xf32>, tensor<5x1xf32>) -> tensor<2x4x5x21xf32>
    %y = heddle.select %both, %x, %low : (tensor<5x21xi1>, tensor<2x4x5x21xf32>, tensor<f32>) -> tensor<2x4x5x21xf32>)",
                        {"%y"},
                        {"tensor<2x4x5x21xf32>"}},
               .integerBound = 21});
}

TEST(MapKernel, MasksAreBytes) {
  checkKernel(
      {.text = {{"tensor<3x21xi32>", "tensor<3x21xi1>"},
                R"(%z = heddle.constant dense<0> : tensor<i32>
    %n = heddle.compare ne %0, %z : (tensor<3x21xi32>, tensor<i32>) -> tensor<3x21xi1>
    %y = heddle.logical_and %n, %1 : (tensor<3x21xi1>, tensor<3x21xi1>) -> tensor<3x21xi1>
    %f = heddle.cast %y : tensor<3x21xi1> -> tensor<3x21xf32>
    %i = heddle.cast %f : tensor<3x21xf32> -> tensor<3x21xi32>
    %w = heddle.cast %0 : tensor<3x21xi32> -> tensor<3x21xi64>)",
                {"%y", "%f", "%i", "%w"},
                {"tensor<3x21xi1>", "tensor<3x21xf32>", "tensor<3x21xi32>", "tensor<3x21xi64>"}},
       .inPlace = {{1, 0}}});
}

TEST(MapKernel, DropoutKeepsTheSameElementsEverywhere) {
  for (std::string t : {"tensor<3x7x24xf32>", "tensor<10001xf32>"})
    checkKernel({.text = {{t, "tensor<3xi64>"},
                          "%y = heddle.dropout %0, %1 {p = 0.25 : f64, rng_id = 7 : i64} : (" + t +
                              ", tensor<3xi64>) -> " + t,
                          {"%y"},
                          {t}},
                 .given = {{1, {1234567890123456789.0, 11, 3}}}});
}

} // namespace
} // namespace heddle::codegen
