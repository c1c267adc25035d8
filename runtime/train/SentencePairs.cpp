// SPDX-License-Identifier: Apache-2.0
#include "runtime/train/SentencePairs.h"

#include <algorithm>

#include "runtime/text/Tokenizer.h"
#include "runtime/train/RowSetup.h"
#include "runtime/train/TextRows.h"

namespace heddle::runtime {
namespace {

/// A sentence and the one that follows it in its document.
struct Meeting {
  size_t document = 0, sentence = 0;
};

/// Documents `begin` to `end`.
struct DocumentRange {
  size_t begin = 0, end = 0;
  std::vector<Meeting> meetings;
};

/// The numbers drawn for a row, each from its own place in the stream.
enum Draw : uint64_t { kFollows, kDocument, kSentence, kDraws };

class SentencePairSource : public RowSource {
public:
  SentencePairSource(std::vector<Document> documents, DocumentRange training,
                     DocumentRange validation, TextFramer framer, uint64_t seed)
      : documents_(std::move(documents)), training_(std::move(training)),
        validation_(std::move(validation)), framer_(std::move(framer)), order_(seed, "data.order"),
        trainingDraws_(seed, "data.pairs"), validationDraws_(seed, "data.pairs.val") {}

  void row(Part part, uint64_t number, Example &example) const override {
    const bool training = part == Part::Training;
    const DocumentRange &range = training ? training_ : validation_;
    const RandomStream &draws = training ? trainingDraws_ : validationDraws_;
    const uint64_t count = range.meetings.size();
    uint64_t at = number % count;
    if (training) {
      PhiloxCounter words = order_.block(number / count);
      at = shuffledIndex({words[0], words[1]}, at, count);
    }
    const Meeting &meeting = range.meetings[at];
    const uint64_t draw = number * kDraws;
    const bool follows = draws.bits64(draw + kFollows) >> 63 != 0;
    Meeting second = {meeting.document, meeting.sentence + 1};
    if (!follows) {
      second.document = range.begin + draws.below(draw + kDocument, range.end - range.begin - 1);
      second.document += second.document >= meeting.document;
      second.sentence = draws.below(draw + kSentence, documents_[second.document].size());
    }
    const auto room = static_cast<size_t>(framer_.room(true));
    std::vector<int32_t> first = before(meeting, room / 2);
    std::vector<int32_t> next = from(second, room - first.size());
    // Both fit, so nothing is cut, and the framer stays as it is.
    TextFramer framer = framer_;
    example = framer.frame(std::move(first), std::move(next), "")->example;
    example.other = follows ? 0 : 1;
  }

  bool hasValidation() const override { return !validation_.meetings.empty(); }
  std::string describe() const override {
    std::string text = absl::StrCat(documents_.size(), " documents, ",
                                    training_.meetings.size() + validation_.meetings.size(),
                                    " pairs of sentences");
    if (hasValidation())
      absl::StrAppend(&text, ", the last ", validation_.end - validation_.begin,
                      " documents for validation");
    return text;
  }
  std::string fingerprint() const override {
    uint64_t hash = 0;
    for (const Document &document : documents_)
      for (const std::vector<int32_t> &ids : document)
        hash = (hash ^ streamHash({reinterpret_cast<const char *>(ids.data()), 4 * ids.size()})) *
                   0x100000001B3 +
               ids.size();
    return absl::StrCat(documents_.size(), " documents, hash ", absl::Hex(hash));
  }

private:
  /// The last `room` tokens up to the end of a sentence, whole sentences where one fits.
  std::vector<int32_t> before(const Meeting &last, size_t room) const {
    const Document &document = documents_[last.document];
    std::vector<int32_t> ids = document[last.sentence];
    for (size_t s = last.sentence; s > 0 && ids.size() + document[s - 1].size() <= room; --s)
      ids.insert(ids.begin(), document[s - 1].begin(), document[s - 1].end());
    if (ids.size() > room)
      ids.erase(ids.begin(), ids.end() - static_cast<ptrdiff_t>(room));
    return ids;
  }

  /// The first `room` tokens from a sentence on.
  std::vector<int32_t> from(const Meeting &first, size_t room) const {
    const Document &document = documents_[first.document];
    std::vector<int32_t> ids = document[first.sentence];
    for (size_t s = first.sentence + 1;
         s < document.size() && ids.size() + document[s].size() <= room; ++s)
      ids.insert(ids.end(), document[s].begin(), document[s].end());
    ids.resize(std::min(ids.size(), room));
    return ids;
  }

  std::vector<Document> documents_;
  DocumentRange training_, validation_;
  TextFramer framer_;
  RandomStream order_, trainingDraws_, validationDraws_;
};

StatusOr<DocumentRange> rangeOf(const std::vector<Document> &documents, size_t begin, size_t end,
                                const std::string &name, const char *part) {
  DocumentRange range{begin, end, {}};
  for (size_t d = begin; d < end; ++d)
    for (size_t s = 0; s + 1 < documents[d].size(); ++s)
      range.meetings.push_back({d, s});
  if (end - begin < 2)
    return invalidInput(name, ": ", end - begin, " documents for ", part,
                        ", next-sentence takes at least 2 (a blank line ends a document)");
  if (range.meetings.empty())
    return invalidInput(name, ": no document for ", part,
                        " has two sentences (a sentence is a line)");
  return range;
}

} // namespace

Status appendDocuments(std::string_view text, const Tokenizer &tokenizer, const std::string &place,
                       std::vector<Document> &documents) {
  Document document;
  auto finish = [&] {
    if (!document.empty())
      documents.push_back(std::move(document));
    document = {};
  };
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
      finish();
      continue;
    }
    auto ids = tokenizer.encode(line, Framing::None);
    if (!ids.ok())
      return withContext(ids.status(), place);
    if (!ids->empty())
      document.push_back(*std::move(ids));
  }
  finish();
  return absl::OkStatus();
}

StatusOr<std::unique_ptr<TrainingData>> makeSentencePairs(std::vector<Document> documents,
                                                          const std::string &name,
                                                          const Tokenizer &tokenizer,
                                                          const DataOptions &options) {
  HEDDLE_ASSIGN_OR_RETURN(auto masker, maskerFor(tokenizer, options));
  HEDDLE_ASSIGN_OR_RETURN(auto framer,
                          TextFramer::create(tokenizer, options.seq, options.task.strict));
  HEDDLE_RETURN_IF_ERROR(framer.frame({0}, {0}, name).status()); // pairs, and room for them
  HEDDLE_ASSIGN_OR_RETURN(uint64_t training,
                          trainingShare(documents.size(), "documents", name, options));
  HEDDLE_ASSIGN_OR_RETURN(DocumentRange first, rangeOf(documents, 0, training, name, "training"));
  DocumentRange second;
  if (training < documents.size()) {
    HEDDLE_ASSIGN_OR_RETURN(second,
                            rangeOf(documents, training, documents.size(), name, "validation"));
  }
  auto source = std::make_unique<SentencePairSource>(
      std::move(documents), std::move(first), std::move(second), std::move(framer), options.seed);
  return makeRowData(std::move(source), layoutFor(options), std::move(masker));
}

} // namespace heddle::runtime
