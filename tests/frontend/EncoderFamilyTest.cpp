// SPDX-License-Identifier: Apache-2.0
// config.json of encoders: which head "architectures" names, the keys of heads, and what is wrong
// with others, in the user's words.
#include <algorithm>

#include "frontend/Dimensions.h"
#include "frontend/Validate.h"
#include "tests/frontend/ConfigText.h"
#include "tests/frontend/ModelHarness.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::test {
namespace {

using frontend::proto::Head;

/// A small folder's config, with an architecture if one is given and more members at its end.
std::string config(const std::string &family, const std::string &architecture,
                   const std::string &more = "") {
  const std::string sizes =
      family == "distilbert"
          ? R"("dim": 20, "n_layers": 2, "n_heads": 5, "hidden_dim": 24)"
          : R"("hidden_size": 20, "num_hidden_layers": 2, "num_attention_heads": 5,
               "intermediate_size": 24)";
  const std::string named =
      architecture.empty() ? "" : R"(, "architectures": [")" + architecture + R"("])";
  return R"({"model_type": ")" + family +
         R"(", "vocab_size": 31, "max_position_embeddings": 16, )" + sizes + named + more + "}";
}
std::string bert(const std::string &more) {
  return config("bert", "BertForSequenceClassification", more);
}

bool hasParameter(const frontend::proto::ModelDef &model, const std::string &name) {
  const std::vector<frontend::ParameterSpec> all = frontend::parametersOf(model).all();
  return std::any_of(all.begin(), all.end(), [&](const frontend::ParameterSpec &spec) {
    return spec.name == name ||
           std::find(spec.aliases.begin(), spec.aliases.end(), name) != spec.aliases.end();
  });
}

TEST(EncoderFamily, ArchitecturesNameTheHead) {
  const struct {
    const char *family, *architecture, *parameter;
    Head::Kind kind;
  } rows[] = {
      {"bert", "BertModel", "pooler.dense.weight", Head::NONE},
      {"bert", "BertForMaskedLM", "cls.predictions.bias", Head::LANGUAGE_MODEL},
      {"bert", "BertForPreTraining", "cls.seq_relationship.bias", Head::LANGUAGE_MODEL},
      {"bert", "BertForNextSentencePrediction", "cls.seq_relationship.weight",
       Head::SEQUENCE_CLASSES},
      {"bert", "BertForSequenceClassification", "bert.pooler.dense.bias", Head::SEQUENCE_CLASSES},
      {"bert", "BertForTokenClassification", "classifier.weight", Head::TOKEN_CLASSES},
      {"bert", "BertForQuestionAnswering", "qa_outputs.bias", Head::SPAN},
      {"roberta", "RobertaModel", "roberta.pooler.dense.weight", Head::NONE},
      {"roberta", "RobertaForMaskedLM", "lm_head.decoder.weight", Head::LANGUAGE_MODEL},
      {"roberta", "RobertaForSequenceClassification", "classifier.out_proj.weight",
       Head::SEQUENCE_CLASSES},
      {"roberta", "RobertaForTokenClassification", "classifier.bias", Head::TOKEN_CLASSES},
      {"roberta", "RobertaForQuestionAnswering", "qa_outputs.weight", Head::SPAN},
      {"distilbert", "DistilBertModel", "distilbert.embeddings.LayerNorm.weight", Head::NONE},
      {"distilbert", "DistilBertForMaskedLM", "vocab_projector.weight", Head::LANGUAGE_MODEL},
      {"distilbert", "DistilBertForSequenceClassification", "pre_classifier.weight",
       Head::SEQUENCE_CLASSES},
      {"distilbert", "DistilBertForTokenClassification", "classifier.weight", Head::TOKEN_CLASSES},
      {"distilbert", "DistilBertForQuestionAnswering", "qa_outputs.weight", Head::SPAN},
      {"electra", "ElectraModel", "electra.embeddings_project.weight", Head::NONE},
      {"electra", "ElectraForMaskedLM", "generator_lm_head.weight", Head::LANGUAGE_MODEL},
      {"electra", "ElectraForPreTraining", "discriminator_predictions.dense_prediction.weight",
       Head::REPLACED_TOKEN_DETECTION},
      {"electra", "ElectraForSequenceClassification", "classifier.dense.weight",
       Head::SEQUENCE_CLASSES},
      {"electra", "ElectraForTokenClassification", "classifier.weight", Head::TOKEN_CLASSES},
      {"electra", "ElectraForQuestionAnswering", "qa_outputs.weight", Head::SPAN},
  };
  for (const auto &row : rows) {
    auto model = readConfigText(config(row.family, row.architecture));
    ASSERT_THAT(model, IsOk()) << row.architecture;
    EXPECT_EQ(model->head().kind(), row.kind) << row.architecture;
    EXPECT_TRUE(hasParameter(*model, row.parameter)) << row.architecture;
  }
}

TEST(EncoderFamily, WithoutArchitecturesTheModelHasNoHead) {
  auto model = readConfigText(config("bert", ""));
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->head().kind(), Head::NONE);
  EXPECT_FALSE(model->has_pooler());
}

TEST(EncoderFamily, UnsupportedArchitectures) {
  EXPECT_THAT(readConfigText(config("bert", "BertForMultipleChoice")),
              IsBadInput("\"BertForMultipleChoice\" is not supported; supported: BertModel, "
                         "BertForMaskedLM, "));
  EXPECT_THAT(
      readConfigText(config("bert", "", R"(, "architectures": ["BertModel", "BertForMaskedLM"])")),
      IsBadInput("names 2 architectures, expected one"));
}

TEST(EncoderFamily, LabelsAreCounted) {
  auto named = readConfigText(bert(R"(, "id2label": {"0": "bad", "1": "fair", "2": "good"})"));
  ASSERT_THAT(named, IsOk());
  EXPECT_EQ(named->head().classes(), 3);
  auto counted = readConfigText(bert(R"(, "num_labels": 7)"));
  ASSERT_THAT(counted, IsOk());
  EXPECT_EQ(counted->head().classes(), 7);
  auto neither = readConfigText(bert(""));
  ASSERT_THAT(neither, IsOk());
  EXPECT_EQ(neither->head().classes(), 2);
  EXPECT_THAT(readConfigText(bert(R"(, "id2label": {"0": "bad", "1": "good"}, "num_labels": 3)")),
              IsBadInput("key \"num_labels\": found 3, but key \"id2label\""));
}

TEST(EncoderFamily, Losses) {
  auto one = readConfigText(bert(R"(, "id2label": {"0": "score"})"));
  ASSERT_THAT(one, IsOk());
  EXPECT_EQ(frontend::lossKind(*one), frontend::proto::Loss::MEAN_SQUARED_ERROR);
  auto several = readConfigText(bert(R"(, "problem_type": "multi_label_classification")"));
  ASSERT_THAT(several, IsOk());
  EXPECT_EQ(frontend::lossKind(*several), frontend::proto::Loss::BINARY_CROSS_ENTROPY);
  EXPECT_THAT(readConfigText(bert(R"(, "problem_type": "ranking")")),
              IsBadInput("key \"problem_type\": \"ranking\" is not supported; supported: "
                         "single_label_classification, regression, multi_label"));
  // What is not asked for does not matter.
  auto tokens = readConfigText(config("bert", "BertForTokenClassification",
                                      R"(, "num_labels": 1, "problem_type": "regression")"));
  ASSERT_THAT(tokens, IsOk());
  EXPECT_EQ(frontend::lossKind(*tokens), frontend::proto::Loss::CROSS_ENTROPY);
}

TEST(EncoderFamily, DetectorsOfReplacedTokens) {
  auto model = readConfigText(
      config("electra", "ElectraForPreTraining", R"(, "hidden_act": "relu", "embedding_size": 8)"));
  ASSERT_THAT(model, IsOk());
  EXPECT_EQ(model->head().transform().activation(), frontend::proto::Ffn::RELU);
  EXPECT_EQ(frontend::Dimensions(*model).classes, 1);
  EXPECT_EQ(frontend::lossKind(*model), frontend::proto::Loss::BINARY_CROSS_ENTROPY);
  model->mutable_loss()->set_label_smoothing(0.1);
  EXPECT_THAT(frontend::validateModel(*model, "m"),
              IsBadInput("field \"loss.label_smoothing\": needs loss.kind: CROSS_ENTROPY"));
}

TEST(EncoderFamily, OtherMathematics) {
  EXPECT_THAT(readConfigText(bert(R"(, "is_decoder": true)")), IsBadInput("key \"is_decoder\""));
  EXPECT_THAT(readConfigText(bert(R"(, "position_embedding_type": "relative_key")")),
              IsBadInput("key \"position_embedding_type\": \"relative_key\" is not supported"));
  EXPECT_THAT(readConfigText(bert(R"(, "hidden_acts": "relu")")),
              IsBadInput("key \"hidden_acts\": unknown"));
  EXPECT_THAT(readConfigText(bert(R"(, "pad_token_id": 31)")), IsBadInput("key \"pad_token_id\""));
  EXPECT_THAT(readConfigText(bert(R"(, "type_vocab_size": 0)")),
              IsBadInput("key \"type_vocab_size\""));
}

TEST(EncoderFamily, ClassifierDropout) {
  auto given = readConfigText(bert(R"(, "classifier_dropout": 0.3)"));
  ASSERT_THAT(given, IsOk());
  EXPECT_EQ(given->dropout().classifier(), 0.3);
  auto followed =
      readConfigText(bert(R"(, "classifier_dropout": null, "hidden_dropout_prob": 0.2)"));
  ASSERT_THAT(followed, IsOk());
  EXPECT_EQ(followed->dropout().classifier(), 0.2);
  EXPECT_EQ(followed->dropout().pooled(), 0);
  auto roberta = readConfigText(config("roberta", "RobertaForSequenceClassification"));
  ASSERT_THAT(roberta, IsOk());
  EXPECT_EQ(roberta->dropout().pooled(), 0.1);
  auto distilled = readConfigText(config("distilbert", "DistilBertForSequenceClassification"));
  ASSERT_THAT(distilled, IsOk());
  EXPECT_EQ(distilled->dropout().classifier(), 0.2);
  EXPECT_EQ(distilled->dropout().attention_output(), 0);
}

TEST(EncoderFamily, PositionsThatLeavePaddingOutReachLessFar) {
  auto model = readConfigText(config("roberta", "RobertaModel", R"(, "pad_token_id": 3)"));
  ASSERT_THAT(model, IsOk());
  EXPECT_THAT(frontend::validateShape(*model, 1, 12), IsOk());
  EXPECT_THAT(frontend::validateShape(*model, 1, 13),
              IsBadInput("13 is more than the 12 positions of the model"));
}

TEST(EncoderFamily, OldNamesOfNorms) {
  auto model = readConfigText(bert(""));
  ASSERT_THAT(model, IsOk());
  EXPECT_TRUE(hasParameter(*model, "bert.embeddings.LayerNorm.gamma"));
  EXPECT_TRUE(hasParameter(*model, "encoder.layer.1.output.LayerNorm.beta"));
}

TEST(EncoderDefinition, Mistakes) {
  const std::string sizes = "vocab_size: 31 width: 20 layers: 1 max_positions: 16 "
                            "attention { heads: 5 ";
  const std::pair<const char *, const char *> rows[] = {
      {"head { kind: SEQUENCE_CLASSES }", "field \"head.classes\": is missing"},
      {"head { kind: TOKEN_CLASSES classes: 0 }", "field \"head.classes\""},
      {"head { next_sentence: true }", "field \"head.next_sentence\": needs a pooler"},
      {"embedding_sum_width: 8", "field \"embedding_sum_width\": a tied head needs head.transform"},
      {"embedding_sum_width: 0", "field \"embedding_sum_width\": expected a number from 1"},
      {"padding_id: 31", "field \"padding_id\": expected one of the 31 tokens, found 31"},
      {"positions { learned { padding_id: 15 } }", "field \"positions.learned.padding_id\""},
      {"dropout { classifier: 1 }", "field \"dropout.classifier\""},
      {"names { head_bias: \"\" }", "field \"names.head_bias\": is empty"},
  };
  for (const auto &[text, message] : rows)
    EXPECT_THAT(
        frontend::validateModel(parseModel(sizes + "causal: false } " + text), "m.textproto"),
        IsBadInput(message))
        << text;
  EXPECT_THAT(
      frontend::validateModel(parseModel(sizes + "causal: false } head { kind: SPAN }"), "m"),
      IsOk());
  EXPECT_THAT(
      frontend::validateModel(parseModel(sizes + "} head { kind: REPLACED_TOKEN_DETECTION }"), "m"),
      IsBadInput("field \"head.kind\": needs attention.causal: false"));
  EXPECT_THAT(frontend::validateModel(parseModel(sizes + "} head { kind: SPAN }"), "m"),
              IsBadInput("field \"head.kind\": needs attention.causal: false"));
}

} // namespace
} // namespace heddle::test
