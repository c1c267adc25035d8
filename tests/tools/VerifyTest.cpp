// SPDX-License-Identifier: Apache-2.0
// verify finds nothing where all is right, and finds each kind of mistake where one is planted.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "ir/Conventions.h"
#include "ir/Dialect.h"
#include "runtime/io/FileLayer.h"
#include "runtime/io/Safetensors.h"
#include "runtime/io/SafetensorsWriter.h"
#include "tools/driver/Tolerances.h"
#include "tools/driver/VerifyParts.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

using namespace mlir;

namespace heddle::tools {
namespace {

using testing::Contains;
using testing::HasSubstr;

std::string sourceFolder() {
  const char *folder = std::getenv("HEDDLE_SOURCE_DIR");
  return folder ? folder : ".";
}

Source open(const std::string &relative) {
  auto source = openSource(sourceFolder() + "/" + relative, {});
  EXPECT_TRUE(source.ok()) << source.status();
  return *std::move(source);
}

VerifyRequest requestOf(int64_t batch, int64_t seq) {
  VerifyRequest request;
  request.compile.batch = batch;
  request.compile.seq = seq;
  return request;
}

std::vector<std::string> checkNames(const VerifyReport &report) {
  std::vector<std::string> names;
  for (const VerifyCheck &check : report.checks)
    if (std::find(names.begin(), names.end(), check.check) == names.end())
      names.push_back(check.check);
  return names;
}

void expectAllOk(const StatusOr<VerifyReport> &report) {
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->checks.empty());
  for (const VerifyCheck &check : report->checks)
    EXPECT_TRUE(check.ok()) << check.check << " " << check.subject << ": " << check.error;
}

TEST(VerifyTest, FindsNothingInAModelThatIsRight) {
  for (const char *model : {"tiny-gpt", "tiny-llama"}) {
    SCOPED_TRACE(model);
    Source source = open(std::string("tests/tools/Inputs/") + model + ".textproto");
    VerifyRequest request = requestOf(2, 7);
    request.grad = request.passes = true;
    auto report = verify(source, request);
    expectAllOk(report);
    std::vector<std::string> names = checkNames(*report);
    for (const char *name : {"forward", "loss", "grad", "step", "prefill", "decode", "kernel gemm",
                             "kernel attention", "kernel attention_grad", "central difference",
                             "pass heddle-fuse-attention", "pass heddle-form-kernels"})
      EXPECT_THAT(names, Contains(name));
  }
}

TEST(VerifyTest, EveryTargetThatThisMachineHas) {
  Source source = open("tests/tools/Inputs/tiny-llama.textproto");
  for (const char *name : {"cpu:scalar", "cpu:avx2"}) {
    if (std::string(name) == "cpu:avx2" && codegen::hostTarget().isa() == codegen::Isa::Scalar)
      continue;
    SCOPED_TRACE(name);
    VerifyRequest request = requestOf(1, 5);
    request.compile.target = *codegen::parseTarget(name);
    expectAllOk(verify(source, request));
  }
}

TEST(VerifyTest, OfALargeModelTheKernelsAreVerified) {
  Source source = open("tests/tools/Inputs/tiny-gpt.textproto");
  VerifyRequest request = requestOf(2, 7);
  request.grad = request.passes = true;
  request.largestBytes = 1000;
  auto report = verify(source, request);
  expectAllOk(report);
  EXPECT_THAT(checkNames(*report), Contains("kernel attention_grad"));
  EXPECT_THAT(checkNames(*report), testing::Not(Contains("forward")));
  EXPECT_THAT(report->remarks, Contains(HasSubstr("forward is not compared as a whole")));
  EXPECT_THAT(report->remarks, Contains(HasSubstr("passes over loss are not compared")));
  EXPECT_THAT(report->remarks, Contains(HasSubstr("on values made up")));
  for (const std::string &remark : report->remarks)
    EXPECT_THAT(remark, testing::Not(HasSubstr("that compute on indices")));
}

TEST(VerifyTest, RefusesAnExecutable) {
  Source source;
  source.path = "model.heddle";
  Source model = open("tests/tools/Inputs/tiny-llama.textproto");
  auto subject = makeSubject(model, requestOf(1, 4), {"forward"});
  ASSERT_TRUE(subject.ok()) << subject.status();
  source.executable = subject->executable;
  auto report = verify(source, requestOf(1, 4));
  EXPECT_TRUE(absl::IsInvalidArgument(report.status()));
  EXPECT_THAT(std::string(report.status().message()), HasSubstr("model.heddle"));
}

/// Makes result 0 of a function one part in a thousand larger.
void spoil(func::FuncOp function) {
  Operation *terminator = function.getBody().front().getTerminator();
  OpBuilder builder(terminator);
  Value value = terminator->getOperand(0);
  auto type = cast<RankedTensorType>(value.getType());
  auto scalar = RankedTensorType::get({}, type.getElementType());
  Value factor =
      ir::ConstantOp::create(builder, function.getLoc(), DenseElementsAttr::get(scalar, 1.001f));
  terminator->setOperand(
      0, ir::MulOp::create(builder, function.getLoc(), type, value, factor).getResult());
}

class PlantedMistake : public testing::Test {
protected:
  void SetUp() override {
    auto made = makeSubject(source_, request_, {"forward", "loss", "grad"});
    ASSERT_TRUE(made.ok()) << made.status();
    subject_ = std::make_unique<VerifySubject>(*std::move(made));
  }
  long wrong() const {
    return std::count_if(report_.checks.begin(), report_.checks.end(),
                         [](const VerifyCheck &check) { return !check.ok(); });
  }

  Source source_ = open("tests/tools/Inputs/tiny-llama.textproto");
  VerifyRequest request_ = requestOf(1, 5);
  std::unique_ptr<VerifySubject> subject_;
  VerifyReport report_;
};

TEST_F(PlantedMistake, InAnEntry) {
  spoil(subject_->reference("forward"));
  ASSERT_TRUE(checkEntries(*subject_, report_).ok());
  report_.sortWorstFirst();
  EXPECT_EQ(wrong(), 1);
  EXPECT_EQ(report_.checks.front().check, "forward");
  EXPECT_EQ(report_.checks.front().subject, "logits");
  EXPECT_NEAR(report_.checks.front().error, 1e-3, 1e-5);
}

TEST_F(PlantedMistake, InAKernel) {
  // The code was made before: now the graph says something else than it does.
  ir::MatmulOp matmul;
  subject_->compilation.module().walk([&](ir::MatmulOp op) {
    matmul = op;
    return WalkResult::interrupt();
  });
  ASSERT_TRUE(matmul);
  OpBuilder builder(matmul);
  builder.setInsertionPointAfter(matmul);
  Value twice = ir::AddOp::create(builder, matmul.getLoc(), matmul.getY(), matmul.getY());
  matmul.getY().replaceAllUsesExcept(twice, twice.getDefiningOp());
  ASSERT_TRUE(checkKernels(*subject_, report_).ok());
  EXPECT_EQ(wrong(), 1);
}

TEST_F(PlantedMistake, InAGradient) {
  spoil(subject_->reference("loss"));
  ASSERT_TRUE(checkCentralDifferences(*subject_, report_).ok());
  EXPECT_GT(wrong(), 0);
  for (const VerifyCheck &check : report_.checks)
    EXPECT_LT(check.error, 2e-3) << check.subject;
}

/// A copy of a golden file with the first element of one tensor larger by `offset`.
std::string changedGolden(const std::string &path, const std::string &tensor, double offset) {
  auto file = runtime::SafetensorsFile::open(runtime::FileLayer::system(), path);
  EXPECT_TRUE(file.ok()) << file.status();
  std::vector<std::string> contents;
  std::vector<runtime::TensorToWrite> tensors;
  contents.reserve(file->size());
  for (size_t i = 0; i < file->size(); ++i) {
    runtime::TensorView view = file->at(i);
    contents.emplace_back(view.content());
    if (view.name() == tensor) {
      EXPECT_EQ(view.dtype(), DType::F64);
      double value;
      std::memcpy(&value, contents.back().data(), sizeof value);
      value += offset;
      std::memcpy(contents.back().data(), &value, sizeof value);
    }
    tensors.push_back(
        runtime::tensorFromMemory(view.name(), view.dtype(), view.shape(), contents.back().data()));
  }
  std::string copy = testing::TempDir() + "/changed_golden.safetensors";
  EXPECT_TRUE(
      runtime::writeSafetensorsFile(runtime::FileLayer::system(), copy, std::move(tensors)).ok());
  return copy;
}

TEST(GoldenTest, ComparesOutputsAndGradientsWithTheFile) {
  const std::string folder = "tests/goldens/gpt2-default";
  Source source = open(folder);
  VerifyRequest request = requestOf(1, 1); // the file's B and T count
  request.against = sourceFolder() + "/" + folder + "/golden.safetensors";
  expectAllOk(verify(source, request));

  const std::string gradient = "grad.transformer.h.1.attn.c_proj.weight";
  request.against = changedGolden(request.against, gradient, 1.0);
  auto report = verify(source, request);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_FALSE(report->ok());
  EXPECT_EQ(report->checks.front().subject, gradient);
}

TEST(GoldenTest, SaysWhatIsWrongWithTheFile) {
  Source source = open("tests/goldens/gpt2-default");
  std::vector<int32_t> ids = {1, 2};
  std::vector<float> zero = {0};
  auto message = [&](std::vector<runtime::TensorToWrite> tensors) {
    VerifyRequest request = requestOf(1, 1);
    request.against = testing::TempDir() + "/bad_golden.safetensors";
    EXPECT_TRUE(runtime::writeSafetensorsFile(runtime::FileLayer::system(), request.against,
                                              std::move(tensors))
                    .ok());
    Status status = verify(source, request).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  };
  auto input = [&] {
    return runtime::tensorFromMemory("in.input_ids", DType::I32, {1, 2}, ids.data());
  };
  auto named = [&](const char *name) {
    return runtime::tensorFromMemory(name, DType::F32, {1}, zero.data());
  };
  EXPECT_THAT(message({named("out.loss")}), HasSubstr("in.input_ids"));
  EXPECT_THAT(message({input()}), HasSubstr("nothing to compare"));
  EXPECT_THAT(message({input(), named("result")}), HasSubstr("in., out. or grad."));
  EXPECT_THAT(message({input(), named("out.loss")}), HasSubstr("in.labels"));
  EXPECT_THAT(message({input(), named("out.hidden")}), HasSubstr("no output hidden"));
}

TEST(VerifyReportTest, IsWorstFirstWithinGroups) {
  VerifyReport report;
  double nan = std::nan("");
  report.checks = {
      {"b", "small", 1, 10}, {"a", "x", 0, 1}, {"b", "large", 9, 10}, {"b", "nan", nan, 1}};
  EXPECT_FALSE(report.ok());
  report.sortWorstFirst();
  std::vector<std::string> subjects;
  for (const VerifyCheck &check : report.checks)
    subjects.push_back(check.subject);
  EXPECT_EQ(subjects, (std::vector<std::string>{"nan", "large", "small", "x"}));
}

TEST(TolerancesTest, EveryCheckHasARowForTheRest) {
  for (const char *check : {"kernel", "entry", "golden"})
    EXPECT_EQ(toleranceFor(check, "something new", "f32").subject, "*");
  EXPECT_EQ(toleranceFor("pass", "any", "f64").bound, 1e-9);
  EXPECT_EQ(toleranceFor("central-difference", "any", "f64").bound, 1e-6);
  for (const Tolerance &row : tolerances())
    EXPECT_FALSE(row.reason.empty()) << row.check << " " << row.subject;
}

TEST(ArgumentValuesTest, AreTheSameForEveryEntryAndMakeSense) {
  Source source = open("tests/tools/Inputs/tiny-gpt.textproto");
  auto subject = makeSubject(source, requestOf(3, 6), {"forward", "loss"});
  ASSERT_TRUE(subject.ok()) << subject.status();
  auto valueOf = [&](const char *entry, const char *name) {
    func::FuncOp function = subject->reference(entry);
    return subject->values.of(function)[*ir::findArgument(function, name)];
  };
  EXPECT_EQ(valueOf("forward", "input_ids"), valueOf("loss", "input_ids"));
  for (int64_t id : valueOf("loss", "input_ids")->ints) {
    EXPECT_GE(id, 0);
    EXPECT_LT(id, 131);
  }
  // The first sequence is whole, the others are padded, and padding is no target.
  ir::TensorRef mask = valueOf("loss", "attention_mask"), targets = valueOf("loss", "targets");
  EXPECT_EQ(mask->ints[5], 1);
  EXPECT_EQ(mask->ints[11], 0);
  EXPECT_EQ(targets->ints[11], -100);
  EXPECT_GE(targets->ints[6], 0);
}

} // namespace
} // namespace heddle::tools
