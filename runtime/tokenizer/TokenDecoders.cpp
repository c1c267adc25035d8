// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <functional>

#include "runtime/base/Utf8.h"
#include "runtime/tokenizer/ByteAlphabet.h"
#include "runtime/tokenizer/Characters.h"
#include "runtime/tokenizer/Normalizer.h"
#include "runtime/tokenizer/PreTokenizer.h"
#include "runtime/tokenizer/ReadHelpers.h"
#include "runtime/tokenizer/Segments.h"
#include "runtime/tokenizer/TokenDecoder.h"

namespace heddle::runtime {
namespace {

using Tokens = std::vector<std::string>;

class SimpleDecoder : public TokenDecoder {
public:
  using Function = std::function<void(Tokens &, Workspace &)>;
  explicit SimpleDecoder(Function function) : function_(std::move(function)) {}
  void apply(Tokens &tokens, Workspace &workspace) const override { function_(tokens, workspace); }

private:
  Function function_;
};

std::unique_ptr<TokenDecoder> simple(SimpleDecoder::Function function) {
  return std::make_unique<SimpleDecoder>(std::move(function));
}

std::string joined(const Tokens &tokens) {
  std::string text;
  for (const std::string &token : tokens)
    text += token;
  return text;
}

void replaceAll(std::string &text, std::string_view what, std::string_view content) {
  size_t at = what.empty() ? std::string::npos : text.find(what);
  if (at == std::string::npos)
    return;
  std::string replaced;
  size_t done = 0;
  for (; at != std::string::npos; at = text.find(what, done)) {
    replaced.append(text, done, at - done).append(content);
    done = at + what.size();
  }
  text = replaced.append(text, done);
}

void decodeByteLevel(Tokens &tokens, Workspace &) {
  std::string bytes;
  for (const std::string &token : tokens)
    appendSpelledBytes(token, bytes);
  tokens.assign(1, lossyUtf8(bytes));
}

/// "<0x41>" stands for a byte. Bytes in a row are text together, or U+FFFD each.
void decodeByteFallback(Tokens &tokens, Workspace &) {
  Tokens decoded;
  std::string bytes;
  auto flush = [&] {
    if (bytes.empty())
      return;
    if (isValidUtf8(bytes)) {
      decoded.push_back(bytes);
    } else {
      for (size_t i = 0; i < bytes.size(); ++i)
        decoded.push_back("\xEF\xBF\xBD");
    }
    bytes.clear();
  };
  for (std::string &token : tokens) {
    if (int byte = fallbackByte(token); byte >= 0) {
      bytes.push_back(static_cast<char>(byte));
      continue;
    }
    flush();
    decoded.push_back(std::move(token));
  }
  flush();
  tokens = std::move(decoded);
}

void fuse(Tokens &tokens, Workspace &) { tokens.assign(1, joined(tokens)); }

/// English written apart by a tokenizer of words.
void cleanUp(std::string &token) {
  static constexpr std::pair<const char *, const char *> kRules[] = {
      {" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
      {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
      {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (auto [apart, together] : kRules)
    replaceAll(token, apart, together);
}

StatusOr<std::unique_ptr<TokenDecoder>> readWordPiece(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"type", "prefix", "cleanup"}));
  HEDDLE_ASSIGN_OR_RETURN(std::string prefix, json.getString("prefix"));
  HEDDLE_ASSIGN_OR_RETURN(bool cleanup, json.getBool("cleanup"));
  return simple([=](Tokens &tokens, Workspace &) {
    for (size_t i = 0; i < tokens.size(); ++i) {
      std::string &token = tokens[i];
      if (i > 0 && token.starts_with(prefix))
        token.erase(0, prefix.size());
      else if (i > 0)
        token.insert(0, " ");
      if (cleanup)
        cleanUp(token);
    }
  });
}

StatusOr<std::unique_ptr<TokenDecoder>> readMetaspaceDecoder(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(
      json, {"type", "replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"}));
  HEDDLE_ASSIGN_OR_RETURN(uint32_t replacement, getCharacter(json, "replacement"));
  HEDDLE_ASSIGN_OR_RETURN(PrependScheme scheme, readPrependScheme(json));
  std::string spelled;
  appendCharacter(replacement, spelled);
  return simple([=](Tokens &tokens, Workspace &) {
    for (size_t i = 0; i < tokens.size(); ++i)
      replaceAll(tokens[i], spelled, i == 0 && scheme != PrependScheme::Never ? "" : " ");
  });
}

StatusOr<std::unique_ptr<TokenDecoder>> readStripDecoder(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"type", "content", "start", "stop"}));
  HEDDLE_ASSIGN_OR_RETURN(uint32_t character, getCharacter(json, "content"));
  HEDDLE_ASSIGN_OR_RETURN(int64_t start, json.getInteger("start"));
  HEDDLE_ASSIGN_OR_RETURN(int64_t stop, json.getInteger("stop"));
  std::string content;
  appendCharacter(character, content);
  return simple([=](Tokens &tokens, Workspace &) {
    for (std::string &token : tokens) {
      std::string_view left = token;
      for (int64_t i = 0; i < start && left.starts_with(content); ++i)
        left.remove_prefix(content.size());
      for (int64_t i = 0; i < stop && left.ends_with(content); ++i)
        left.remove_suffix(content.size());
      token = std::string(left);
    }
  });
}

StatusOr<std::unique_ptr<TokenDecoder>> readReplaceDecoder(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"type", "pattern", "content"}));
  HEDDLE_ASSIGN_OR_RETURN(JsonRef member, json.at("pattern"));
  HEDDLE_ASSIGN_OR_RETURN(Pattern pattern, Pattern::read(member));
  HEDDLE_ASSIGN_OR_RETURN(std::string content, json.getString("content"));
  return simple([=](Tokens &tokens, Workspace &workspace) {
    bool front = true;
    for (std::string &token : tokens) {
      std::string replaced = token;
      // A token on which the pattern does not come to an end, or that would become endless, stays.
      const size_t limit = kNormalizedGrowth * token.size() + kNormalizedBytes;
      if (pattern.replace(replaced, content, front, limit, workspace).ok())
        token = std::move(replaced);
    }
  });
}

StatusOr<std::unique_ptr<TokenDecoder>> readBytePair(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"type", "suffix"}));
  HEDDLE_ASSIGN_OR_RETURN(std::string suffix, json.getString("suffix"));
  return simple([=](Tokens &tokens, Workspace &) {
    for (size_t i = 0; i < tokens.size(); ++i)
      replaceAll(tokens[i], suffix, i + 1 == tokens.size() ? "" : " ");
  });
}

StatusOr<std::unique_ptr<TokenDecoder>> readSequenceOfDecoders(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"type", "decoders"}));
  HEDDLE_ASSIGN_OR_RETURN(JsonRef member, json.at("decoders"));
  HEDDLE_ASSIGN_OR_RETURN(std::vector<JsonRef> elements, member.asArray());
  std::vector<std::shared_ptr<TokenDecoder>> steps;
  for (const JsonRef &element : elements) {
    HEDDLE_ASSIGN_OR_RETURN(auto step, readTokenDecoder(element));
    steps.push_back(std::move(step));
  }
  return simple([=](Tokens &tokens, Workspace &workspace) {
    for (const auto &step : steps)
      step->apply(tokens, workspace);
  });
}

} // namespace

int fallbackByte(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>')
    return -1;
  int value = 0;
  auto [end, error] = std::from_chars(token.data() + 3, token.data() + 5, value, 16);
  return error == std::errc() && end == token.data() + 5 && value >= 0 ? value : -1;
}

bool joinsFallbackBytes(const JsonRef &decoder) {
  const JsonValue *type = decoder.value().find("type");
  if (type && type->string() && *type->string() == "ByteFallback")
    return true;
  const JsonValue *steps = decoder.value().find("decoders");
  if (steps && steps->elements())
    for (const JsonValue &step : *steps->elements())
      if (joinsFallbackBytes(JsonRef(step, decoder.file())))
        return true;
  return false;
}

StatusOr<std::unique_ptr<TokenDecoder>> readTokenDecoder(const JsonRef &json) {
  HEDDLE_ASSIGN_OR_RETURN(std::string type, typeOf(json));
  if (type == "Sequence")
    return readSequenceOfDecoders(json);
  if (type == "WordPiece")
    return readWordPiece(json);
  if (type == "Metaspace")
    return readMetaspaceDecoder(json);
  if (type == "Strip")
    return readStripDecoder(json);
  if (type == "Replace")
    return readReplaceDecoder(json);
  if (type == "BPEDecoder")
    return readBytePair(json);
  if (type == "ByteLevel") {
    HEDDLE_RETURN_IF_ERROR(
        expectKeys(json, {"type", "add_prefix_space", "trim_offsets", "use_regex"}));
    return simple(decodeByteLevel);
  }
  if (type != "ByteFallback" && type != "Fuse")
    return unknownType(json, "decoder",
                       "ByteLevel, Metaspace, WordPiece, ByteFallback, Fuse, Strip, Replace, "
                       "BPEDecoder, Sequence");
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"type"}));
  return type == "Fuse" ? simple(fuse) : simple(decodeByteFallback);
}

} // namespace heddle::runtime
