// SPDX-License-Identifier: Apache-2.0
#include "runtime/tokenizer/BytePairTrainer.h"

#include <algorithm>
#include <queue>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "runtime/base/Limits.h"
#include "runtime/base/Utf8.h"
#include "runtime/io/JsonWriter.h"
#include "runtime/tokenizer/ByteAlphabet.h"
#include "runtime/tokenizer/Characters.h"
#include "runtime/tokenizer/PreTokenizer.h"

namespace heddle::runtime {
namespace {

using Pair = std::pair<int32_t, int32_t>;

/// A word of the text, as symbols, and how often it comes.
struct Word {
  std::vector<int32_t> symbols;
  int64_t count = 0;
};

/// A pair that may be merged next. Words that came to have the pair later are in entries of their
/// own: a pair can come again when one token arises from two different pairs.
struct Candidate {
  int64_t count;
  Pair pair;
  std::vector<uint32_t> words;
  bool operator<(const Candidate &other) const {
    return count != other.count ? count < other.count : pair > other.pair;
  }
};

class Trainer {
public:
  explicit Trainer(std::vector<Word> words) : words_(std::move(words)) {
    std::vector<uint32_t> characters;
    for (unsigned byte = 0; byte < 256; ++byte)
      characters.push_back(byteCharacter(static_cast<uint8_t>(byte)));
    std::sort(characters.begin(), characters.end());
    for (uint32_t character : characters) {
      std::string token;
      appendCharacter(character, token);
      idOf_.emplace(token, static_cast<int32_t>(tokens_.size()));
      tokens_.push_back(std::move(token));
    }
  }

  void run(int64_t size) {
    countPairs();
    while (static_cast<int64_t>(tokens_.size()) < size && !queue_.empty()) {
      Candidate top = queue_.top();
      queue_.pop();
      int64_t count = counts_[top.pair];
      if (count != top.count) {
        top.count = count;
        queue_.push(std::move(top));
        continue;
      }
      if (count < 1)
        break;
      if (lengthOf(top.pair) <= limits::kTokenBytes) // no reader would take a longer one
        merge(top);
    }
  }

  std::string json() const {
    JsonWriter json(2);
    json.beginObject().member("version", "1.0");
    json.key("truncation").null().key("padding").null();
    json.key("added_tokens").beginArray().endArray().key("normalizer").null();
    for (const char *part : {"pre_tokenizer", "post_processor", "decoder"})
      json.key(part)
          .beginObject()
          .member("type", "ByteLevel")
          .member("add_prefix_space", false)
          .member("trim_offsets", true)
          .member("use_regex", true)
          .endObject();
    json.key("model").beginObject().member("type", "BPE");
    for (const char *none :
         {"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"})
      json.key(none).null();
    for (const char *off : {"fuse_unk", "byte_fallback", "ignore_merges"})
      json.member(off, false);
    json.key("vocab").beginObject();
    for (size_t id = 0; id < tokens_.size(); ++id)
      json.member(tokens_[id], static_cast<int64_t>(id));
    json.endObject().key("merges").beginArray();
    // Of a pair that was merged twice the later rank counts.
    absl::flat_hash_map<Pair, size_t> last;
    for (size_t i = 0; i < merges_.size(); ++i)
      last[merges_[i]] = i;
    for (size_t i = 0; i < merges_.size(); ++i)
      if (auto [left, right] = merges_[i]; last[merges_[i]] == i)
        json.beginArray()
            .value(tokens_[static_cast<size_t>(left)])
            .value(tokens_[static_cast<size_t>(right)])
            .endArray();
    json.endArray().endObject().endObject();
    return json.take() + "\n";
  }

private:
  void countPairs() {
    absl::flat_hash_map<Pair, std::vector<uint32_t>> places;
    for (uint32_t w = 0; w < words_.size(); ++w) {
      const std::vector<int32_t> &symbols = words_[w].symbols;
      for (size_t i = 0; i + 1 < symbols.size(); ++i) {
        Pair pair(symbols[i], symbols[i + 1]);
        counts_[pair] += words_[w].count;
        addPlace(places[pair], w);
      }
    }
    push(places);
  }

  /// Words come in ascending order: one that is there is the last.
  static void addPlace(std::vector<uint32_t> &words, uint32_t word) {
    if (words.empty() || words.back() != word)
      words.push_back(word);
  }

  void push(absl::flat_hash_map<Pair, std::vector<uint32_t>> &places) {
    for (auto &[pair, words] : places)
      if (int64_t count = counts_[pair]; count > 0)
        queue_.push({count, pair, std::move(words)});
  }

  size_t lengthOf(Pair pair) const {
    return tokens_[static_cast<size_t>(pair.first)].size() +
           tokens_[static_cast<size_t>(pair.second)].size();
  }

  void merge(const Candidate &top) {
    std::string token = tokens_[static_cast<size_t>(top.pair.first)] +
                        tokens_[static_cast<size_t>(top.pair.second)];
    auto [at, isNew] = idOf_.emplace(token, static_cast<int32_t>(tokens_.size()));
    if (isNew)
      tokens_.push_back(std::move(token));
    merges_.push_back(top.pair);
    absl::flat_hash_map<Pair, std::vector<uint32_t>> places;
    for (uint32_t w : top.words)
      mergeIn(w, top.pair, at->second, places);
    push(places);
  }

  void mergeIn(uint32_t w, Pair pair, int32_t id,
               absl::flat_hash_map<Pair, std::vector<uint32_t>> &places) {
    std::vector<int32_t> &symbols = words_[w].symbols;
    int64_t count = words_[w].count;
    auto gain = [&](Pair made) {
      counts_[made] += count;
      addPlace(places[made], w);
    };
    size_t out = 0; // symbols[0..out) are done
    for (size_t i = 0; i < symbols.size(); ++i) {
      if (symbols[i] != pair.first || i + 1 == symbols.size() || symbols[i + 1] != pair.second) {
        symbols[out++] = symbols[i];
        continue;
      }
      if (out > 0) {
        counts_[{symbols[out - 1], pair.first}] -= count;
        gain({symbols[out - 1], id});
      }
      ++i;
      if (i + 1 < symbols.size()) {
        counts_[{pair.second, symbols[i + 1]}] -= count;
        gain({id, symbols[i + 1]});
      }
      symbols[out++] = id;
    }
    symbols.resize(out);
  }

  std::vector<Word> words_;
  std::vector<std::string> tokens_; // by id
  absl::flat_hash_map<std::string, int32_t> idOf_;
  std::vector<Pair> merges_;
  absl::flat_hash_map<Pair, int64_t> counts_;
  std::priority_queue<Candidate> queue_;
};

/// The words of all lines, each with its line break, in the symbols of the trainer.
StatusOr<std::vector<Word>> wordsOf(std::string_view text) {
  HEDDLE_ASSIGN_OR_RETURN(auto preTokenizer, makeByteLevelPreTokenizer(false, true));
  std::vector<uint32_t> sorted;
  for (unsigned byte = 0; byte < 256; ++byte)
    sorted.push_back(byteCharacter(static_cast<uint8_t>(byte)));
  std::sort(sorted.begin(), sorted.end());
  absl::flat_hash_map<std::string, int64_t> counts;
  Workspace workspace;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.find('\n', begin), text.size() - 1) + 1;
    HEDDLE_RETURN_IF_ERROR(
        preTokenizer->apply({text.substr(begin, end - begin), false}, workspace, [&](Piece piece) {
          ++counts[std::string(piece.text)];
          return absl::OkStatus();
        }));
    begin = end;
  }
  std::vector<Word> words;
  for (const auto &[spelled, count] : counts) {
    Word word{{}, count};
    forEachCharacter(spelled, [&](Character c, size_t) {
      auto at = std::lower_bound(sorted.begin(), sorted.end(), c.code);
      word.symbols.push_back(static_cast<int32_t>(at - sorted.begin()));
    });
    words.push_back(std::move(word));
  }
  return words;
}

} // namespace

StatusOr<std::string> trainBytePairs(std::string_view text, int64_t size) {
  std::string mended;
  if (!isValidUtf8(text)) {
    mended = lossyUtf8(text);
    text = mended;
  }
  HEDDLE_ASSIGN_OR_RETURN(std::vector<Word> words, wordsOf(text));
  Trainer trainer(std::move(words));
  trainer.run(size);
  return trainer.json();
}

} // namespace heddle::runtime
