// SPDX-License-Identifier: Apache-2.0
#include "tools/driver/Inspect.h"

#include <cstdlib>

#include "nlohmann/json.hpp"
#include "tools/driver/InspectText.h"
#include "tools/driver/OpenSource.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace heddle::tools {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class InspectTest : public testing::Test {
protected:
  InspectTest() {
    const char *folder = std::getenv("HEDDLE_SOURCE_DIR");
    auto source = openSource(
        std::string(folder ? folder : ".") + "/tests/tools/Inputs/tiny-gpt.textproto", {});
    EXPECT_TRUE(source.ok()) << source.status();
    source_ = *std::move(source);
    request_.compile.batch = 2;
    request_.compile.seq = 7;
  }
  Inspection inspected() { return inspected(source_); }
  Inspection inspected(const Source &source) {
    auto result = inspect(source, request_);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *std::move(result) : Inspection();
  }
  /// The model with these entries, as a .heddle file of it opens.
  Source compiled(std::vector<std::string> entries) {
    CompileRequest request = request_.compile;
    request.entries = std::move(entries);
    auto compilation = startCompilation(source_, request);
    EXPECT_TRUE(compilation.ok()) << compilation.status();
    auto executable = compilation->finish();
    EXPECT_TRUE(executable.ok()) << executable.status();
    Source source;
    source.path = "model.heddle";
    source.executable = *runtime::Executable::create(*std::move(executable), source.path);
    return source;
  }

  Source source_;
  InspectRequest request_;
};

TEST_F(InspectTest, WithoutFlagsIsASummary) {
  Inspection result = inspected();
  ASSERT_TRUE(result.summary);
  EXPECT_EQ(result.summary->name, "tiny-gpt");
  EXPECT_EQ(result.summary->longestSequence, 32);
  EXPECT_THAT(result.summary->entries, ElementsAre("forward", "loss", "prefill", "decode"));
  EXPECT_THAT(inspectionText(result), HasSubstr("parameters  46,040"));
}

TEST_F(InspectTest, CountsParametersByLayer) {
  request_.params = true;
  Inspection result = inspected();
  EXPECT_FALSE(result.summary);
  ASSERT_TRUE(result.params);
  // V C + P C + layers (4 C C + 4 C + 8 C C + 5 C + 4 C) + 2 C
  const int64_t C = 40;
  EXPECT_EQ(result.params->elements, 131 * C + 32 * C + 2 * (12 * C * C + 13 * C) + 2 * C);
  int64_t sum = 0;
  for (const ParameterSection::Layer &layer : result.params->layers)
    sum += layer.elements;
  EXPECT_EQ(sum, result.params->elements);
}

TEST_F(InspectTest, CountsAHugeModelWithoutBuildingIt) {
  frontend::proto::ModelDef &definition = source_.model->definition;
  definition.set_width(12288);
  definition.set_layers(96);
  definition.mutable_attention()->set_heads(96);
  source_.model->parameters = frontend::parametersOf(definition).all();
  request_.params = true;
  EXPECT_GT(inspected().params->elements, int64_t{170'000'000'000});
}

TEST_F(InspectTest, ShowsShapesAsTheBuilderWroteThem) {
  request_.shapes = true;
  Inspection result = inspected();
  EXPECT_EQ(result.entry, "forward");
  ASSERT_TRUE(result.shapes);
  const OpRow &first = result.shapes->front();
  EXPECT_EQ(first.op, "embedding");
  EXPECT_EQ(first.operands, "131x40xf32, 2x7xi32");
  EXPECT_EQ(first.results, "2x7x40xf32");
  EXPECT_EQ(first.layer, "decoder.embeddings");
  request_.train = true;
  EXPECT_EQ(inspected().entry, "train_loss");
}

TEST_F(InspectTest, NamesSizesByLetter) {
  // Sizes that are equal have different letters: B = H = 5, T = D = 8, V = C = 40.
  frontend::proto::ModelDef &definition = source_.model->definition;
  definition.set_vocab_size(40);
  source_.model->parameters = frontend::parametersOf(definition).all();
  request_.shapes = true;
  request_.compile.batch = 5;
  request_.compile.seq = 8;
  Inspection result = inspected();
  EXPECT_EQ(result.lettersMissing, "");
  EXPECT_EQ(result.shapes->front().letters, "[V,C], [B,T] -> [B,T,C]");
  std::string text = inspectionText(result);
  EXPECT_THAT(text, HasSubstr("[B,T,C], [C,3C] -> [B,T,3C]"));
  EXPECT_THAT(text, HasSubstr("[B,H,T,D], [B,H,T,D] -> [B,H,T,T]"));
  EXPECT_THAT(text, HasSubstr("[B,T,F], [F,C] -> [B,T,C]"));
}

TEST_F(InspectTest, CachesOfWindowsGrowNoFurther) {
  frontend::proto::ModelDef &definition = source_.model->definition;
  definition.mutable_attention()->set_window(2048);
  definition.mutable_attention()->add_window_layers(true);
  definition.mutable_attention()->add_window_layers(false);
  request_.shapes = true;
  Inspection result = inspected();
  ASSERT_TRUE(result.growth);
  for (const Growth &row : *result.growth) {
    const double positions = static_cast<double>(row.seq + std::min<int64_t>(row.seq, 2048));
    EXPECT_DOUBLE_EQ(row.cacheBytes, 2 * 4 * 2 * 40 * positions) << row.seq; // B = 2, C = 40
  }
}

TEST_F(InspectTest, MemoryTellsTheCaches) {
  frontend::proto::ModelDef &definition = source_.model->definition;
  definition.mutable_attention()->set_window(3);
  definition.mutable_attention()->add_window_layers(true);
  definition.mutable_attention()->add_window_layers(false);
  request_.memory = true;
  const Inspection ofDefinition = inspected();
  EXPECT_EQ(ofDefinition.cacheBytes, 2 * 4 * 2 * 40 * (7 + 3)); // B = 2, C = 40, T = 7
  EXPECT_THAT(inspectionText(ofDefinition), HasSubstr("kept while generating: 6.2 KiB"));
  EXPECT_THAT(inspectionJson(ofDefinition), HasSubstr("\"cache_bytes\":6400"));

  EXPECT_EQ(inspected(compiled({"prefill", "decode"})).cacheBytes, ofDefinition.cacheBytes);
}

TEST_F(InspectTest, CountsWhatGrowsWithT) {
  request_.shapes = true;
  Inspection result = inspected();
  ASSERT_TRUE(result.growth);
  ASSERT_EQ(result.growth->size(), 7u);
  const double B = 2, C = 40, V = 131, layers = 2, parameters = 46040;
  double T = 512;
  for (const Growth &row : *result.growth) {
    EXPECT_EQ(row.seq, T);
    EXPECT_DOUBLE_EQ(row.attentionFlops, layers * 2 * 2 * B * T * T * C);
    EXPECT_DOUBLE_EQ(row.forwardFlops,
                     row.attentionFlops + layers * 2 * B * T * 12 * C * C + 2 * B * T * C * V);
    EXPECT_DOUBLE_EQ(row.cacheBytes, 2 * 4 * layers * B * T * C);
    EXPECT_GT(row.trainingBytes, 16 * parameters + row.scoreBytes);
    EXPECT_GT(row.inferenceBytes, 4 * parameters + 4 * B * T * V);
    EXPECT_GT(row.trainingBytes, row.inferenceBytes);
    T *= 2;
  }
  // Scores, scaled, masked and their softmax, [B, H, T, T] each, beside the masks of a byte.
  EXPECT_GE(result.growth->back().scoreBytes, layers * 4 * 4 * B * 5 * 32768.0 * 32768);
  EXPECT_LE(result.growth->back().scoreBytes, layers * 6 * 4 * B * 5 * 32768.0 * 32768);
  EXPECT_THAT(inspectionJson(result), HasSubstr("\"seq\":32768,"));
}

TEST_F(InspectTest, ShowsFusions) {
  request_.fusions = true;
  Inspection result = inspected();
  ASSERT_TRUE(result.fusions);
  int attention = 0;
  for (const passes::FusionEntry &entry : *result.fusions)
    attention += entry.op == "attention" && entry.kind == passes::FusionEntry::Kind::Fused;
  EXPECT_EQ(attention, 2);
  EXPECT_THAT(inspectionText(result), HasSubstr("fused in forward: attention 2, ffn 2"));
}

TEST_F(InspectTest, SaysWhyAFusionWasMissed) {
  Inspection result;
  passes::FusionEntry missed;
  missed.kind = passes::FusionEntry::Kind::Missed;
  missed.op = "attention";
  missed.function = "forward";
  missed.layer = "decoder.layers.0.attention";
  missed.reason = "the softmax is over another axis";
  missed.advice = "put the keys last";
  result.fusions = {missed};
  std::string text = inspectionText(result);
  EXPECT_THAT(text, HasSubstr("nothing was fused"));
  EXPECT_THAT(text, HasSubstr("attention in forward (decoder.layers.0.attention): the softmax"));
  EXPECT_THAT(text, HasSubstr("put the keys last"));
}

TEST_F(InspectTest, ShowsMemoryOfTheStep) {
  request_.memory = request_.train = true;
  Inspection result = inspected();
  ASSERT_TRUE(result.memory);
  ASSERT_FALSE(result.memory->empty());
  bool hasStep = false;
  for (const PlanMemory &memory : *result.memory) {
    hasStep |= memory.entry == "step";
    EXPECT_GE(memory.report.arenaBytes, memory.report.peakBytes);
    EXPECT_FALSE(memory.report.tensors.empty());
  }
  EXPECT_TRUE(hasStep);
  EXPECT_THAT(inspectionText(result), HasSubstr("there live:"));
}

TEST_F(InspectTest, ShowsKernelsOfModelAndExecutableAlike) {
  request_.kernels = true;
  Inspection fromModel = inspected();
  ASSERT_TRUE(fromModel.kernels);
  int64_t launches = 0;
  for (const KernelRow &row : *fromModel.kernels) {
    launches += row.launches;
    EXPECT_FALSE(row.layers.empty()) << row.symbol;
  }
  EXPECT_LT(fromModel.kernels->size(), static_cast<size_t>(launches)); // layers share kernels

  const Source source = compiled({"forward"});
  request_.params = request_.memory = true;
  Inspection fromExecutable = inspected(source);
  EXPECT_EQ(fromExecutable.kernels->size(), fromModel.kernels->size());
  EXPECT_EQ(fromExecutable.params->elements, 46040);
  ASSERT_EQ(fromExecutable.memory->size(), 1u);
  EXPECT_GT(fromExecutable.memory->front().report.arenaBytes, 0);

  request_.fusions = true;
  auto impossible = inspect(source, request_);
  EXPECT_TRUE(absl::IsInvalidArgument(impossible.status()));
  EXPECT_THAT(std::string(impossible.status().message()), HasSubstr("--fusions"));
}

TEST_F(InspectTest, PrintsTheIrOfAStage) {
  request_.ir = "fused";
  std::string ir = inspected().ir;
  EXPECT_THAT(ir, HasSubstr("heddle.attention"));
  EXPECT_THAT(ir, Not(HasSubstr("heddle.kernel")));
  EXPECT_THAT(ir, HasSubstr("decoder.layers.1.attention"));
  request_.ir = "nonsense";
  auto result = inspect(source_, request_);
  EXPECT_TRUE(absl::IsInvalidArgument(result.status()));
}

TEST_F(InspectTest, IrTextIsAModelToo) {
  request_.ir = "builder";
  Source text;
  text.path = "model.mlir";
  text.mlirText = inspected().ir;
  request_.ir = "";
  EXPECT_EQ(inspected(text).summary->parameters, 46040);
  request_.params = true;
  EXPECT_EQ(inspected(text).params->parameters.front().layer, "decoder.embeddings");
}

TEST_F(InspectTest, JsonHasAMemberASection) {
  request_.params = request_.shapes = request_.fusions = request_.memory = request_.kernels = true;
  request_.ir = "planned";
  auto json = nlohmann::json::parse(inspectionJson(inspected()));
  EXPECT_EQ(json["params"]["elements"], 46040);
  EXPECT_EQ(json["entry"], "forward");
  EXPECT_FALSE(json["shapes"].empty());
  EXPECT_EQ(json["fusions"][0]["kind"], "fused");
  EXPECT_LE(json["memory"][0]["ratio"].get<double>(), 1.01);
  EXPECT_GT(json["kernels"][0]["flops"].get<double>(), 0);
  EXPECT_THAT(json["ir"].get<std::string>(), HasSubstr("heddle.kernel"));
}

} // namespace
} // namespace heddle::tools
