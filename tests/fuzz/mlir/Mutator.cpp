// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/mlir/Mutator.h"

#include <algorithm>
#include <cctype>

namespace heddle::fuzz {
namespace {

constexpr const char *kNumbers[] = {"0",
                                    "1",
                                    "2",
                                    "3",
                                    "4",
                                    "5",
                                    "7",
                                    "8",
                                    "16",
                                    "17",
                                    "31",
                                    "64",
                                    "100",
                                    "255",
                                    "1024",
                                    "4097",
                                    "65536",
                                    "16777216",
                                    "2147483648",
                                    "281474976710656",
                                    "281474976710657",
                                    "4611686018427387904",
                                    "9223372036854775807",
                                    "-1",
                                    "-2",
                                    "-9223372036854775808"};

constexpr const char *kElements[] = {"f32", "f64", "f16", "bf16", "i1",
                                     "i8",  "i32", "i64", "index"};

bool isWordChar(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '#';
}

/// What a word can be exchanged for: a word of the same kind.
enum class Kind { Other, Number, Value, Op, Element };

Kind kindOf(const std::string &word) {
  if (word.starts_with("heddle.") || word.starts_with("func."))
    return Kind::Op;
  if (word.front() == '%')
    return Kind::Value;
  if (std::isdigit(static_cast<unsigned char>(word.front())))
    return Kind::Number;
  bool element = std::find(std::begin(kElements), std::end(kElements), word) != std::end(kElements);
  return element ? Kind::Element : Kind::Other;
}

/// Text in words, numbers (also those within a type's shape), and single characters.
std::vector<std::string> wordsOf(const std::string &text) {
  std::vector<std::string> words;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin + 1;
    if (std::isdigit(static_cast<unsigned char>(text[begin])))
      while (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end])))
        ++end;
    else if (text[begin] != 'x' && (isWordChar(text[begin]) || text[begin] == '%'))
      while (end < text.size() && isWordChar(text[end]))
        ++end;
    words.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

std::vector<std::string> linesOf(std::string_view text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(text.find('\n', begin), text.size() - 1);
    lines.emplace_back(text.substr(begin, end - begin + 1));
    begin = end + 1;
  }
  return lines;
}

std::string joined(const std::vector<std::string> &parts) {
  std::string text;
  for (const std::string &part : parts)
    text += part;
  return text;
}

} // namespace

std::string Mutator::number() { return kNumbers[below(std::size(kNumbers))]; }

std::string Mutator::mutateLines(const std::string &text) {
  std::vector<std::string> lines = linesOf(text);
  if (lines.empty())
    return text;
  size_t at = below(lines.size()), other = below(lines.size());
  switch (below(4)) {
  case 0:
    lines.erase(lines.begin() + at);
    break;
  case 1:
    lines.insert(lines.begin() + other, std::string(lines[at]));
    break;
  case 2:
    std::swap(lines[at], lines[other]);
    break;
  default:
    lines.resize(at + 1);
  }
  return joined(lines);
}

std::string Mutator::mutateWord(const std::string &text) {
  Words words = wordsOf(text);
  std::vector<size_t> places;
  for (size_t i = 0; i < words.size(); ++i)
    if (kindOf(words[i]) != Kind::Other || below(8) == 0)
      places.push_back(i);
  if (places.empty())
    return text;
  std::string &word = words[places[below(places.size())]];
  const Kind kind = kindOf(word);
  Words choices;
  for (const std::string &candidate : words)
    if (kindOf(candidate) == kind && candidate != word)
      choices.push_back(candidate);
  if (kind == Kind::Number && below(2) == 0)
    word = number();
  else if (kind == Kind::Element && below(2) == 0)
    word = kElements[below(std::size(kElements))];
  else if (kind == Kind::Other && below(2) == 0)
    word.clear();
  else if (!choices.empty())
    word = std::string(choices[below(choices.size())]);
  return joined(words);
}

std::string Mutator::renumber(const std::string &text) {
  Words words = wordsOf(text);
  Words numbers;
  for (const std::string &word : words)
    if (kindOf(word) == Kind::Number)
      numbers.push_back(word);
  if (numbers.empty())
    return text;
  std::string from = numbers[below(numbers.size())], to = number();
  std::replace(words.begin(), words.end(), from, to);
  return joined(words);
}

std::string Mutator::mutateOnce(const std::string &text) {
  switch (below(6)) {
  case 0:
  case 1:
    return mutateLines(text);
  case 2:
    return renumber(text);
  default:
    return mutateWord(text);
  }
}

std::string Mutator::mutate(std::string_view text) {
  std::string result(text);
  for (size_t changes = 1 + below(4); changes-- > 0;)
    result = mutateOnce(result);
  return result;
}

std::string Mutator::crossOver(std::string_view text, std::string_view other) {
  std::vector<std::string> lines = linesOf(text), others = linesOf(other);
  if (others.empty())
    return std::string(text);
  size_t first = below(others.size());
  size_t count = 1 + below(std::min<size_t>(others.size() - first, 6));
  lines.insert(lines.begin() + below(lines.size() + 1), others.begin() + first,
               others.begin() + first + count);
  return joined(lines);
}

} // namespace heddle::fuzz
