// SPDX-License-Identifier: Apache-2.0
// Windows of a text for models that guess its masked tokens.
#include <algorithm>

#include "runtime/text/Tokenizer.h"
#include "runtime/train/RowSetup.h"
#include "runtime/train/TextRows.h"

namespace heddle::runtime {
namespace {

class WindowSource : public RowSource {
public:
  WindowSource(std::vector<int32_t> tokens, uint64_t training, TextFramer framer, uint64_t seed)
      : tokens_(std::move(tokens)), training_(training), framer_(std::move(framer)),
        trainingPlaces_(seed, "data.train"), validationPlaces_(seed, "data.val") {}

  void row(Part part, uint64_t number, Example &example) const override {
    const auto window = static_cast<uint64_t>(framer_.room(false));
    const bool training = part == Part::Training;
    const uint64_t begin = training ? 0 : training_;
    const uint64_t size = training ? training_ : tokens_.size() - training_;
    const RandomStream &places = training ? trainingPlaces_ : validationPlaces_;
    const int32_t *first = tokens_.data() + begin + places.below(number, size - window + 1);
    TextFramer framer = framer_; // as long as the room, so nothing is cut
    example = framer.frame(std::vector<int32_t>(first, first + window), "")->example;
  }
  bool hasValidation() const override { return training_ < tokens_.size(); }
  std::string describe() const override {
    std::string text = absl::StrCat(tokens_.size(), " tokens");
    if (hasValidation())
      absl::StrAppend(&text, ", the last ", tokens_.size() - training_, " for validation");
    return text;
  }
  std::string fingerprint() const override {
    std::string_view bytes(reinterpret_cast<const char *>(tokens_.data()), 4 * tokens_.size());
    return absl::StrCat(tokens_.size(), " tokens, hash ", absl::Hex(streamHash(bytes)));
  }

private:
  std::vector<int32_t> tokens_;
  uint64_t training_;
  TextFramer framer_;
  RandomStream trainingPlaces_, validationPlaces_;
};

} // namespace

StatusOr<std::unique_ptr<TrainingData>> makeMaskedWindows(std::vector<int32_t> tokens,
                                                          const std::string &name,
                                                          const Tokenizer &tokenizer,
                                                          const DataOptions &options) {
  HEDDLE_ASSIGN_OR_RETURN(auto masker, maskerFor(tokenizer, options));
  HEDDLE_ASSIGN_OR_RETURN(auto framer,
                          TextFramer::create(tokenizer, options.seq, options.task.strict));
  for (size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i] < 0 || tokens[i] >= tokenizer.vocabSize())
      return invalidInput(name, ": token ", tokens[i], " at ", i, " is none of the tokenizer's ",
                          tokenizer.vocabSize());
  HEDDLE_ASSIGN_OR_RETURN(uint64_t training, trainingShare(tokens.size(), "tokens", name, options));
  const auto window = static_cast<uint64_t>(framer.room(false));
  const uint64_t validation = tokens.size() - training;
  if (training < window || (validation > 0 && validation < window))
    return invalidInput(name, ": ", training, " tokens for training and ", validation,
                        " for validation, a window takes ", window, " (sequence ", options.seq,
                        " without its special tokens)");
  if (std::all_of(tokens.begin(), tokens.begin() + static_cast<ptrdiff_t>(training),
                  [&](int32_t id) { return tokenizer.isSpecial(id); }))
    return invalidInput(name, ": the text for training has nothing to learn (it holds no tokens ",
                        "but special ones)");
  auto source =
      std::make_unique<WindowSource>(std::move(tokens), training, std::move(framer), options.seed);
  return makeRowData(std::move(source), layoutFor(options), std::move(masker));
}

} // namespace heddle::runtime
