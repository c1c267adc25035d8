// SPDX-License-Identifier: Apache-2.0
// Models of transformers, fused and differentiated: every gradient as PyTorch computed it in
// float64, and every layer's attention and FFN lifted.
#include <cmath>

#include "frontend/Dimensions.h"
#include "ir/Conventions.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Pipelines.h"
#include "tests/frontend/DecoderGoldens.h"

namespace heddle::test {
namespace {

class GoldenGradient : public testing::TestWithParam<const char *> {};

TEST_P(GoldenGradient, EveryParameter) {
  auto model = frontend::loadModel(runtime::FileLayer::system(), goldenFolder(GetParam()));
  ASSERT_TRUE(model.ok()) << model.status();
  const Feed golden = readTensors(goldenFolder(GetParam()) + "/golden.safetensors");
  Feed feed = readTensors(goldenFolder(GetParam()) + "/model.safetensors");
  for (const char *name : {"input_ids", "attention_mask", "position_ids"})
    feed[name] = golden.at("in." + std::string(name));
  feed["targets"] = shiftedLabels(golden.at("in.labels"));

  mlir::MLIRContext context;
  const std::vector<int64_t> &shape = feed["input_ids"]->shape;
  frontend::BuildOptions options{shape[0], shape[1], {"loss"}, frontend::Element::f64};
  auto module = frontend::buildModule(context, model->definition, options);
  ASSERT_TRUE(module.ok()) << module.status();
  passes::PipelineOptions pipeline;
  pipeline.gradient = true;
  passes::RunHooks hooks;
  hooks.stopAfter = "differentiated";
  int64_t attentions = 0, ffns = 0;
  hooks.afterStage = [&](const passes::Stage &stage, mlir::ModuleOp now) {
    if (stage.name == "fused")
      now.walk([&](mlir::Operation *op) {
        attentions += mlir::isa<ir::AttentionOp>(op);
        ffns += mlir::isa<ir::FfnOp>(op);
      });
  };
  ASSERT_TRUE(mlir::succeeded(passes::runStages(**module, passes::compileStages(pipeline), hooks)));
  EXPECT_EQ(attentions, model->definition.layers());
  EXPECT_EQ(ffns, model->definition.layers());

  auto grad = (*module)->lookupSymbol<mlir::func::FuncOp>("grad");
  ASSERT_TRUE(grad);
  std::vector<ir::TensorRef> arguments;
  for (unsigned i = 0; i < grad.getNumArguments(); ++i) {
    const std::string name = ir::argumentName(grad, i).str();
    ASSERT_TRUE(feed.count(name)) << name;
    arguments.push_back(feed[name]);
  }
  auto results = ir::evaluate(grad, arguments);
  ASSERT_TRUE(results.ok()) << results.status();
  const double tolerance = frontend::hasLearnedPositions(model->definition) ? 1e-11 : 1e-6;
  std::map<std::string, ir::TensorRef> named;
  for (size_t i = 0; i < results->size(); ++i)
    named[ir::resultName(grad, i).str()] = (*results)[i];
  EXPECT_EQ(named.size(), model->parameters.size() + 1);
  EXPECT_LT(largestDifference(named["loss"], golden.at("out.loss")), tolerance);
  for (const frontend::ParameterSpec &spec : model->parameters) {
    const ir::TensorRef expected = goldenGradient(golden, spec), found = named["grad." + spec.name];
    ASSERT_TRUE(expected && found) << spec.name;
    EXPECT_LT(largestDifference(found, expected), tolerance) << spec.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenGradient, testing::ValuesIn(kDecoderGoldens), nameOfGolden);

} // namespace
} // namespace heddle::test
