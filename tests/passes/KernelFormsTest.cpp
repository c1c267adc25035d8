// SPDX-License-Identifier: Apache-2.0
// Which bodies are kernels, of which form, and what is said of those that are not.

#include <gtest/gtest.h>

#include "ir/Dialect.h"
#include "ir/KernelForms.h"
#include "mlir/Parser/Parser.h"
#include "tests/passes/TinyTransformer.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {
namespace {

/// A module with one kernel over %a, %b, %c of the given type; `body` ends in a yield.
OwningOpRef<ModuleOp> kernelOf(const std::string &body, const std::string &results,
                               const std::string &type = "tensor<6x4xf32>") {
  std::string types = type + ", " + type + ", " + type;
  return parseSourceString<ModuleOp>(
      "func.func @f(%x: " + type + ", %y: " + type + ", %z: " + type +
          ") {\n%r = heddle.kernel \"k\" (%a = %x, %b = %y, %c = %z)"
          " : (" +
          types + ") -> " + results + " {\n" + body + "\n}\nreturn\n}",
      &testContext());
}

struct BodyCase {
  std::string name, body, result;
  KernelForm form = KernelForm::Map;
  std::string reason; // when it is no kernel
};

class KernelBodies : public testing::TestWithParam<BodyCase> {};

TEST_P(KernelBodies, AreClassified) {
  const BodyCase &test = GetParam();
  OwningOpRef<ModuleOp> module = kernelOf(test.body, test.result);
  ASSERT_TRUE(module);
  module->walk([&](KernelOp kernel) {
    std::string reason;
    std::optional<KernelAnatomy> anatomy = classifyKernel(kernel, &reason);
    if (test.reason.empty()) {
      ASSERT_TRUE(anatomy) << reason;
      EXPECT_EQ(kernelFormName(anatomy->form).str(), kernelFormName(test.form).str());
      EXPECT_EQ(anatomy->anchor == nullptr, test.form == KernelForm::Map);
    } else {
      EXPECT_FALSE(anatomy);
      EXPECT_NE(reason.find(test.reason), std::string::npos) << reason;
    }
  });
}

const std::string k64 = "tensor<6x4xf32>", k66 = "tensor<6x6xf32>";
const std::string kProduct = "%p = heddle.matmul %a, %b {transpose_b} : (tensor<6x4xf32>, "
                             "tensor<6x4xf32>) -> tensor<6x6xf32>\n";
const std::string kNorm = "%n, %s = heddle.rms_norm %a {eps = 1.0e-5 : f64} : (tensor<6x4xf32>) -> "
                          "(tensor<6x4xf32>, tensor<6xf32>)\n";

INSTANTIATE_TEST_SUITE_P(
    Bodies, KernelBodies,
    testing::Values(
        BodyCase{"gemm",
                 kProduct +
                     "%q = heddle.gelu %p : tensor<6x6xf32>\nheddle.yield %q : tensor<6x6xf32>",
                 k66, KernelForm::Gemm, ""},
        BodyCase{
            "transposed_operand",
            "%t = heddle.transpose %a {permutation = array<i64: 1, 0>} : (tensor<6x4xf32>) -> "
            "tensor<4x6xf32>\n"
            "%p = heddle.matmul %t, %b : (tensor<4x6xf32>, tensor<6x4xf32>) -> tensor<4x4xf32>\n"
            "heddle.yield %p : tensor<4x4xf32>",
            "tensor<4x4xf32>", KernelForm::Gemm, ""},
        BodyCase{"two_matmuls",
                 kProduct + "%q = heddle.matmul %p, %c : (tensor<6x6xf32>, tensor<6x4xf32>) -> "
                            "tensor<6x4xf32>\n"
                            "heddle.yield %q : tensor<6x4xf32>",
                 k64, KernelForm::Gemm, "heddle.matmul and heddle.matmul in one kernel"},
        BodyCase{"prologue",
                 "%e = heddle.exp %a : tensor<6x4xf32>\n"
                 "%p = heddle.matmul %e, %b {transpose_b} : (tensor<6x4xf32>, tensor<6x4xf32>) -> "
                 "tensor<6x6xf32>\n"
                 "heddle.yield %p : tensor<6x6xf32>",
                 k66, KernelForm::Gemm, "where an input is needed"},
        BodyCase{"copied_operand",
                 "%t = heddle.transpose %a {permutation = array<i64: 1, 0>} : (tensor<6x4xf32>) -> "
                 "tensor<4x6xf32>\n"
                 "%u = heddle.reshape %t : tensor<4x6xf32> -> tensor<6x4xf32>\n"
                 "%p = heddle.matmul %u, %b {transpose_b} : (tensor<6x4xf32>, tensor<6x4xf32>) -> "
                 "tensor<6x6xf32>\n"
                 "heddle.yield %p : tensor<6x6xf32>",
                 k66, KernelForm::Gemm, "is no strided access"},
        BodyCase{"turned_result",
                 kProduct + "%t = heddle.transpose %p {permutation = array<i64: 1, 0>} : "
                            "(tensor<6x6xf32>) -> tensor<6x6xf32>\n"
                            "heddle.yield %t : tensor<6x6xf32>",
                 k66, KernelForm::Gemm, "yields a value that it does not compute"},
        BodyCase{
            "column_in_an_epilogue",
            kProduct +
                "%t = heddle.slice %c {offsets = array<i64: 0, 0>, sizes = array<i64: 6, 1>} : "
                "(tensor<6x4xf32>) -> tensor<6x1xf32>\n"
                "%q = heddle.add %p, %t : (tensor<6x6xf32>, tensor<6x1xf32>) -> "
                "tensor<6x6xf32>\nheddle.yield %q : tensor<6x6xf32>",
            k66, KernelForm::Gemm, "broadcasts along rows"},
        BodyCase{"map",
                 "%s = heddle.add %a, %b : (tensor<6x4xf32>, tensor<6x4xf32>) -> tensor<6x4xf32>\n"
                 "heddle.yield %s : tensor<6x4xf32>",
                 k64, KernelForm::Map, ""},
        BodyCase{"copy",
                 "%t = heddle.transpose %a {permutation = array<i64: 1, 0>} : (tensor<6x4xf32>) -> "
                 "tensor<4x6xf32>\n"
                 "heddle.yield %t : tensor<4x6xf32>",
                 "tensor<4x6xf32>", KernelForm::Map, ""},
        BodyCase{
            "fill",
            "%n = heddle.constant dense<0.0> : tensor<6x4xf32>\nheddle.yield %n : tensor<6x4xf32>",
            k64, KernelForm::Map, ""},
        BodyCase{"view_of_computed",
                 "%s = heddle.exp %a : tensor<6x4xf32>\n"
                 "%t = heddle.slice %s {offsets = array<i64: 2, 0>, sizes = array<i64: 1, 4>} : "
                 "(tensor<6x4xf32>) -> tensor<1x4xf32>\n"
                 "%u = heddle.add %a, %t : (tensor<6x4xf32>, tensor<1x4xf32>) -> "
                 "tensor<6x4xf32>\nheddle.yield %u : tensor<6x4xf32>",
                 k64, KernelForm::Map, "reads a view of a computed value"},
        // Which elements drop out is counted in the dropout's own shape.
        BodyCase{"broadcast_dropout",
                 "%r = heddle.constant dense<[1, 2, 3]> : tensor<3xi64>\n"
                 "%t = heddle.slice %b {offsets = array<i64: 0, 0>, sizes = array<i64: 1, 4>} : "
                 "(tensor<6x4xf32>) -> tensor<1x4xf32>\n"
                 "%d = heddle.dropout %t, %r {p = 0.5 : f64, rng_id = 1 : i64} : (tensor<1x4xf32>, "
                 "tensor<3xi64>) -> tensor<1x4xf32>\n"
                 "%u = heddle.add %a, %d : (tensor<6x4xf32>, tensor<1x4xf32>) -> "
                 "tensor<6x4xf32>\nheddle.yield %u : tensor<6x4xf32>",
                 k64, KernelForm::Map, "dropout of another shape"},
        BodyCase{"concluding_reshape",
                 "%s = heddle.exp %a : tensor<6x4xf32>\n"
                 "%t = heddle.reshape %s : tensor<6x4xf32> -> tensor<4x6xf32>\nheddle.yield %t : "
                 "tensor<4x6xf32>",
                 "tensor<4x6xf32>", KernelForm::Map, ""},
        BodyCase{
            "row",
            kNorm +
                "%q = heddle.add %n, %b : (tensor<6x4xf32>, tensor<6x4xf32>) -> tensor<6x4xf32>\n"
                "heddle.yield %q : tensor<6x4xf32>",
            k64, KernelForm::Row, ""},
        BodyCase{
            "statistic_read",
            kNorm +
                "%t = heddle.reshape %s : tensor<6xf32> -> tensor<6x1xf32>\n"
                "%q = heddle.mul %n, %t : (tensor<6x4xf32>, tensor<6x1xf32>) -> tensor<6x4xf32>\n"
                "heddle.yield %q : tensor<6x4xf32>",
            k64, KernelForm::Row, "moves its last axis"},
        BodyCase{"one_number",
                 "%t = heddle.slice %a {offsets = array<i64: 0, 0>, sizes = array<i64: 1, 1>} : "
                 "(tensor<6x4xf32>) -> tensor<1x1xf32>\n"
                 "%s = heddle.sum %t {axes = array<i64: 1>} : (tensor<1x1xf32>) -> tensor<1xf32>\n"
                 "%e = heddle.exp %s : tensor<1xf32>\nheddle.yield %e : tensor<1xf32>",
                 "tensor<1xf32>", KernelForm::Row, "reads a statistic"},
        BodyCase{"two_rows",
                 kNorm +
                     "%q = heddle.softmax %n : tensor<6x4xf32>\nheddle.yield %q : tensor<6x4xf32>",
                 k64, KernelForm::Row, "heddle.rms_norm and heddle.softmax in one kernel"},
        BodyCase{"columns",
                 "%e = heddle.exp %a : tensor<6x4xf32>\n"
                 "%s = heddle.sum %e {axes = array<i64: 0>} : (tensor<6x4xf32>) -> tensor<4xf32>\n"
                 "heddle.yield %s : tensor<4xf32>",
                 "tensor<4xf32>", KernelForm::ColumnReduce, ""},
        BodyCase{"behind_columns",
                 "%s = heddle.sum %a {axes = array<i64: 0>} : (tensor<6x4xf32>) -> tensor<4xf32>\n"
                 "%e = heddle.exp %s : tensor<4xf32>\nheddle.yield %e : tensor<4xf32>",
                 "tensor<4xf32>", KernelForm::ColumnReduce, "behind a reduction"},
        BodyCase{"single",
                 "%s = heddle.concat %a, %b {axis = 1 : i64} : (tensor<6x4xf32>, tensor<6x4xf32>) "
                 "-> tensor<6x8xf32>\n"
                 "heddle.yield %s : tensor<6x8xf32>",
                 "tensor<6x8xf32>", KernelForm::Single, ""},
        BodyCase{"single_and_more",
                 "%s = heddle.concat %a, %b {axis = 1 : i64} : (tensor<6x4xf32>, tensor<6x4xf32>) "
                 "-> tensor<6x8xf32>\n"
                 "%e = heddle.exp %s : tensor<6x8xf32>\nheddle.yield %e : tensor<6x8xf32>",
                 "tensor<6x8xf32>", KernelForm::Single, "stands alone in a kernel"}),
    [](const testing::TestParamInfo<BodyCase> &info) { return info.param.name; });

} // namespace
} // namespace heddle::passes
