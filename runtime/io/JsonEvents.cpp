// SPDX-License-Identifier: Apache-2.0
#include "runtime/io/JsonEvents.h"

#include <cmath>
#include <cstddef>
#include <iterator>

#include <nlohmann/json.hpp>

#include "runtime/base/Limits.h"

namespace heddle::runtime {
namespace {

/// Walks the text and tells how far nlohmann's lexer has come: its events carry no position.
class TrackedIterator {
public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char *;
  using reference = const char &;

  TrackedIterator(const char *at, const char **furthest) : at_(at), furthest_(furthest) {}
  reference operator*() const { return *at_; }
  TrackedIterator &operator++() {
    *furthest_ = ++at_;
    return *this;
  }
  bool operator==(const TrackedIterator &other) const { return at_ == other.at_; }
  bool operator!=(const TrackedIterator &other) const { return at_ != other.at_; }

private:
  const char *at_;
  const char **furthest_;
};

/// "[json.exception.parse_error.101] parse error at line 1, column 5: syntax error while ..." less
/// the parts that say where (we say it in bytes) and by whom.
std::string plainMessage(const std::string &what) {
  size_t begin = what.find("] ");
  begin = begin == std::string::npos ? 0 : begin + 2;
  if (what.compare(begin, 11, "parse error") == 0) {
    size_t colon = what.find(": ", begin);
    if (colon != std::string::npos)
      begin = colon + 2;
  }
  std::string text = what.substr(begin, 200);
  if (size_t valid = text.find_first_of("\r\n"); valid != std::string::npos)
    text.resize(valid);
  return text;
}

/// nlohmann's SAX interface on one side, ours on the other.
class Adapter : public nlohmann::json_sax<nlohmann::json> {
public:
  Adapter(JsonEvents &events, int depthLimit) : events_(events), depthLimit_(depthLimit) {}

  Status &status() { return status_; }

  bool null() override { return accept(events_.null()); }
  bool boolean(bool value) override { return accept(events_.boolean(value)); }
  bool number_integer(number_integer_t value) override {
    if (value < -limits::kJsonInteger)
      return tooLarge(std::to_string(value));
    return accept(events_.integer(value));
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<uint64_t>(limits::kJsonInteger))
      return tooLarge(std::to_string(value));
    return accept(events_.integer(static_cast<int64_t>(value)));
  }
  bool number_float(number_float_t value, const string_t &text) override {
    // An integer that does not fit 64 bits arrives here.
    if (text.find_first_of(".eE") == std::string::npos)
      return tooLarge(text.substr(0, 40));
    if (!std::isfinite(value))
      return accept(invalidInput("number ", text.substr(0, 40), " is not finite"));
    return accept(events_.real(value));
  }
  bool string(string_t &value) override { return accept(events_.string(value)); }
  bool binary(binary_t &) override { return accept(invalidInput("unexpected binary value")); }
  bool key(string_t &key) override { return accept(events_.key(key)); }
  bool start_object(std::size_t) override { return descend() && accept(events_.beginObject()); }
  bool start_array(std::size_t) override { return descend() && accept(events_.beginArray()); }
  bool end_object() override {
    --depth_;
    return accept(events_.endObject());
  }
  bool end_array() override {
    --depth_;
    return accept(events_.endArray());
  }
  bool parse_error(std::size_t, const std::string &,
                   const nlohmann::detail::exception &error) override {
    return accept(invalidInput(plainMessage(error.what())));
  }

private:
  bool accept(Status status) {
    status_ = std::move(status);
    return status_.ok();
  }
  bool tooLarge(const std::string &text) {
    return accept(invalidInput("integer ", text, " is beyond the limit of 2^53"));
  }
  bool descend() {
    if (depth_ == depthLimit_)
      return accept(invalidInput("nested deeper than the limit of ", depthLimit_));
    ++depth_;
    return true;
  }

  JsonEvents &events_;
  int depthLimit_;
  int depth_ = 0;
  Status status_;
};

} // namespace

Status readJsonEvents(std::string_view text, const std::string &file, int depthLimit,
                      JsonEvents &events, uint64_t base) {
  Adapter adapter(events, depthLimit);
  const char *furthest = text.data();
  bool complete = false;
  try {
    complete =
        nlohmann::json::sax_parse(TrackedIterator(text.data(), &furthest),
                                  TrackedIterator(text.data() + text.size(), &furthest), &adapter);
  } catch (const std::exception &error) { // out of memory; the adapter stops everything else
    return absl::ResourceExhaustedError(absl::StrCat(file, ": ", error.what()));
  }
  if (complete && adapter.status().ok())
    return absl::OkStatus();
  Status problem = adapter.status().ok() ? invalidInput("not JSON") : adapter.status();
  return withContext(problem, absl::StrCat(file, ": byte ", base + (furthest - text.data())));
}

} // namespace heddle::runtime
