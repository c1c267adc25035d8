// SPDX-License-Identifier: Apache-2.0
#include "runtime/text/VocabularyTokenizer.h"

#include <algorithm>

#include "runtime/tokenizer/Pipeline.h"

namespace heddle::runtime {
namespace {

class VocabularyTokenizer : public Tokenizer {
public:
  VocabularyTokenizer(std::string json, std::unique_ptr<TokenizerPipeline> pipeline)
      : json_(std::move(json)), pipeline_(std::move(pipeline)) {}

  std::string kind() const override {
    std::string kind = pipeline_->type();
    std::transform(kind.begin(), kind.end(), kind.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return kind;
  }
  int64_t vocabSize() const override { return pipeline_->size(); }
  StatusOr<std::vector<int32_t>> encode(std::string_view text, Framing framing) const override {
    return pipeline_->encode(text, framing != Framing::None, framing == Framing::Full);
  }
  std::string decode(const std::vector<int32_t> &ids) const override {
    return pipeline_->decode(ids);
  }
  size_t settled(const std::vector<int32_t> &ids) const override { return pipeline_->settled(ids); }
  TextFrame frame(bool pair) const override { return pipeline_->frame(pair); }
  std::optional<int32_t> idOf(std::string_view token) const override {
    return pipeline_->idOf(token);
  }
  bool isSpecial(int32_t id) const override { return pipeline_->isSpecial(id); }
  std::string fileName() const override { return kVocabularyFile; }
  std::string toJson() const override { return json_; }

private:
  std::string json_;
  std::unique_ptr<TokenizerPipeline> pipeline_;
};

} // namespace

StatusOr<std::unique_ptr<Tokenizer>> makeVocabularyTokenizer(std::string json,
                                                             const JsonDocument &document) {
  HEDDLE_ASSIGN_OR_RETURN(auto pipeline, TokenizerPipeline::create(document.ref()));
  return std::make_unique<VocabularyTokenizer>(std::move(json), std::move(pipeline));
}

} // namespace heddle::runtime
