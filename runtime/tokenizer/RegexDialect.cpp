// SPDX-License-Identifier: Apache-2.0
// From Oniguruma's syntax (as Ruby has it) to PCRE2's.
#include <algorithm>
#include <cctype>
#include <map>

#include "runtime/tokenizer/Characters.h"
#include "runtime/tokenizer/Regex.h"

namespace heddle::runtime {
namespace {

// The insides of classes. PCRE2's own \s takes in U+180E and its \w leaves out marks; Oniguruma's
// \w has five of Latin-1's numerals besides.
constexpr char kSpace[] = "\\p{Z}\\t-\\r\\x{85}";
constexpr char kWord[] = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}";
constexpr char kHex[] = "0-9a-fA-F";

class Translator {
public:
  explicit Translator(std::string_view pattern) : pattern_(pattern) {}

  StatusOr<std::string> run() {
    while (at_ < pattern_.size())
      HEDDLE_RETURN_IF_ERROR(item());
    return std::move(out_);
  }

private:
  Status unsupported(size_t begin) const {
    size_t length = std::min<size_t>(pattern_.size(), at_ + 1) - begin;
    return invalidInput(
        "not supported in a regular expression: ", std::string(pattern_.substr(begin, length)),
        " at byte ", begin, " of ", std::string(pattern_.substr(0, 200)));
  }
  bool startsWith(std::string_view text) const { return pattern_.substr(at_).starts_with(text); }
  void copy(size_t length) {
    out_ += pattern_.substr(at_, length);
    at_ += length;
  }

  Status item() {
    char c = pattern_[at_];
    if (c == '\\')
      return escape(false);
    if (c == '[')
      return characterClass();
    if (c == '(')
      return group();
    if (c == '{')
      return interval();
    copy(1);
    return absl::OkStatus();
  }

  Status group() {
    size_t begin = at_;
    if (startsWith("(*"))
      return unsupported(begin);
    if (!startsWith("(?")) {
      copy(1);
      return absl::OkStatus();
    }
    for (std::string_view plain : {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>"})
      if (startsWith(plain)) {
        copy(plain.size());
        return absl::OkStatus();
      }
    // Options: Ruby's m is what others call s.
    size_t end = at_ + 2;
    std::string options;
    for (;
         end < pattern_.size() && std::string_view("imx-").find(pattern_[end]) != std::string::npos;
         ++end)
      options += pattern_[end] == 'm' ? 's' : pattern_[end];
    at_ = std::min(end, pattern_.size() - 1);
    if (end == pattern_.size() || (pattern_[end] != ':' && pattern_[end] != ')'))
      return unsupported(begin);
    out_ += "(?" + options + pattern_[end];
    ++at_;
    return absl::OkStatus();
  }

  /// {n,m}, or a brace that stands for itself.
  Status interval() {
    size_t begin = at_, end = at_ + 1;
    while (end < pattern_.size() &&
           (std::isdigit(static_cast<unsigned char>(pattern_[end])) || pattern_[end] == ','))
      ++end;
    bool is = end < pattern_.size() && pattern_[end] == '}' && end > at_ + 1 && !startsWith("{,}");
    if (!is) {
      out_ += "\\{";
      ++at_;
      return absl::OkStatus();
    }
    // Ruby takes {,m} for {0,m}, and a + behind an interval for another repetition.
    if (end + 1 < pattern_.size() && pattern_[end + 1] == '+') {
      at_ = end + 1;
      return unsupported(begin);
    }
    out_ += startsWith("{,") ? "{0" : "{";
    ++at_;
    copy(end + 1 - at_);
    return absl::OkStatus();
  }

  /// `inside` a class or on its own.
  Status escape(bool inside) {
    size_t begin = at_++;
    if (at_ == pattern_.size())
      return unsupported(begin);
    char c = pattern_[at_];
    auto put = [&](const std::string &text) {
      out_ += text;
      ++at_;
      return absl::OkStatus();
    };
    auto set = [&](const char *members) {
      return put(inside ? members : absl::StrCat("[", members, "]"));
    };
    auto complement = [&](const char *members) { return put(absl::StrCat("[^", members, "]")); };
    switch (c) {
    case 's':
      return set(kSpace);
    case 'S':
      return inside ? put("\\S\\x{180e}") : complement(kSpace);
    case 'w':
      return set(kWord);
    case 'h':
      return set(kHex);
    case 'W':
      return inside ? unsupported(begin) : complement(kWord);
    case 'H':
      return inside ? unsupported(begin) : complement(kHex);
    case 'd':
      return put("\\p{Nd}");
    case 'D':
      return put("\\P{Nd}");
    case 'v':
      return put("\\x{0b}");
    case 'a':
    case 'e':
    case 'f':
    case 'n':
    case 'r':
    case 't':
      return put(std::string("\\") + c);
    case 'A':
    case 'z':
    case 'Z':
      return inside ? unsupported(begin) : put(std::string("\\") + c);
    case 'b':
      return put(inside ? "\\x{08}"
                        : absl::StrCat("(?:(?<=[", kWord, "])(?![", kWord, "])|(?<![", kWord,
                                       "])(?=[", kWord, "]))"));
    case 'B':
      return inside ? unsupported(begin)
                    : put(absl::StrCat("(?:(?<=[", kWord, "])(?=[", kWord, "])|(?<![", kWord,
                                       "])(?![", kWord, "]))"));
    case 'p':
    case 'P':
      return property(begin);
    case 'x':
    case 'u':
      return number(begin);
    default:
      if (std::isalnum(static_cast<unsigned char>(c)))
        return unsupported(begin);
      if (static_cast<unsigned char>(c) < 0x80)
        out_ += '\\';
      copy(1);
      return absl::OkStatus();
    }
  }

  /// \p{L}, \p{^L}, \P{Han}.
  Status property(size_t begin) {
    bool negated = pattern_[at_] == 'P';
    size_t end = pattern_.find('}', at_);
    if (!std::string_view(pattern_).substr(at_ + 1).starts_with("{") ||
        end == std::string_view::npos)
      return unsupported(begin);
    std::string name(pattern_.substr(at_ + 2, end - at_ - 2));
    at_ = end;
    if (name.starts_with("^")) {
      negated = !negated;
      name.erase(0, 1);
    }
    for (char c : name)
      if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != ' ' && c != '-')
        return unsupported(begin);
    std::string sign = negated ? "\\P{" : "\\p{";
    // Categories have one or two letters. A script's name is that of its own characters alone;
    // PCRE2 would count those that it shares.
    if (name.size() > 2) {
      std::string script = "sc:" + name;
      if (Regex::compilePcre("\\p{" + script + "}").ok())
        name = script;
    }
    if (name.empty() || !Regex::compilePcre("\\p{" + name + "}").ok())
      return unsupported(begin);
    out_ += sign + name + "}";
    ++at_;
    return absl::OkStatus();
  }

  /// \xHH below 0x80, \x{H...}, \uHHHH.
  Status number(size_t begin) {
    bool braced = startsWith("x{");
    size_t first = at_ + (braced ? 2 : 1), limit = braced ? 8 : pattern_[at_] == 'u' ? 4 : 2;
    size_t end = first;
    while (end < pattern_.size() && end < first + limit &&
           std::isxdigit(static_cast<unsigned char>(pattern_[end])))
      ++end;
    std::string digits(pattern_.substr(first, end - first));
    bool whole = braced ? end < pattern_.size() && pattern_[end] == '}' && end > first
                 : pattern_[at_] == 'u' ? digits.size() == 4
                                        : !digits.empty();
    // \x80 and above are bytes to Oniguruma, not characters.
    bool byte = !braced && pattern_[at_] == 'x';
    at_ = std::min(end, pattern_.size() - 1);
    if (!whole || (byte && std::stoul(digits, nullptr, 16) >= 0x80))
      return unsupported(begin);
    out_ += "\\x{" + digits + "}";
    at_ = end + (braced ? 1 : 0);
    return absl::OkStatus();
  }

  /// What stands in a class at this place. `begin`: where the class does, for errors.
  Status classMember(size_t begin) {
    if (startsWith("&&"))
      return unsupported(begin);
    if (startsWith("["))
      return bracket();
    if (startsWith("\\"))
      return escape(true);
    copy(1);
    return absl::OkStatus();
  }

  Status characterClass() {
    size_t begin = at_;
    copy(1);
    if (startsWith("^"))
      copy(1);
    if (startsWith("]"))
      return unsupported(begin);
    while (at_ < pattern_.size()) {
      if (startsWith("]")) {
        copy(1);
        return absl::OkStatus();
      }
      HEDDLE_RETURN_IF_ERROR(classMember(begin));
    }
    --at_;
    return unsupported(begin);
  }

  /// Within a class: [:alpha:], or a class of which the outer one becomes the union.
  Status bracket() {
    static const std::map<std::string_view, std::string> kNamed = {
        {"alpha", "\\p{Alphabetic}"},
        {"digit", "\\p{Nd}"},
        {"space", kSpace},
        {"punct", "\\p{P}\\p{S}"},
        {"word", kWord},
        {"xdigit", kHex},
        {"upper", "\\p{Uppercase}"},
        {"lower", "\\p{Lowercase}"},
        {"alnum", "\\p{Alphabetic}\\p{Nd}"}};
    size_t begin = at_;
    if (startsWith("[:")) {
      size_t end = pattern_.find(":]", at_);
      auto named = end == std::string_view::npos
                       ? kNamed.end()
                       : kNamed.find(pattern_.substr(at_ + 2, end - at_ - 2));
      if (named == kNamed.end())
        return unsupported(begin);
      out_ += named->second;
      at_ = end + 2;
      return absl::OkStatus();
    }
    if (startsWith("[^") || startsWith("[]") || depth_ > 8)
      return unsupported(begin);
    ++at_;
    ++depth_;
    while (at_ < pattern_.size() && !startsWith("]")) {
      HEDDLE_RETURN_IF_ERROR(classMember(begin));
    }
    if (at_ == pattern_.size())
      return unsupported(begin);
    ++at_;
    --depth_;
    return absl::OkStatus();
  }

  std::string_view pattern_;
  std::string out_;
  size_t at_ = 0;
  int depth_ = 0;
};

} // namespace

StatusOr<std::string> pcreFromOniguruma(std::string_view pattern) {
  return Translator(pattern).run();
}

} // namespace heddle::runtime
