// SPDX-License-Identifier: Apache-2.0
// Text cut at the places where a pattern matches.

#ifndef HEDDLE_RUNTIME_TOKENIZER_SEGMENTS_H
#define HEDDLE_RUNTIME_TOKENIZER_SEGMENTS_H

#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "runtime/io/Json.h"
#include "runtime/tokenizer/Workspace.h"

namespace heddle::runtime {

/// A stretch of a text: a match, or what lies between two.
struct Segment {
  size_t begin = 0, end = 0;
  bool match = false;
};

using SegmentSink = absl::FunctionRef<Status(Segment)>;

/// {"String": ...} or {"Regex": ...}.
class Pattern {
public:
  static StatusOr<Pattern> read(const JsonRef &json);
  explicit Pattern(Regex regex) : regex_(std::move(regex)) {}
  explicit Pattern(std::string text) : text_(std::move(text)) {}

  /// The segments of `text` in order; together they are all of it.
  Status segments(std::string_view text, Workspace &workspace, SegmentSink sink) const;

  /// `text` with `content` in place of each match. `front` becomes false where the first character
  /// is replaced by nothing. InvalidArgument where it would be longer than `limit` bytes.
  Status replace(std::string &text, std::string_view content, bool &front, size_t limit,
                 Workspace &workspace) const;

private:
  std::optional<Regex> regex_;
  std::string text_; // where there is no regex
};

/// What becomes of the matches.
enum class SplitBehavior { Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous };
StatusOr<SplitBehavior> readBehavior(const JsonRef &json, std::string_view key,
                                     std::optional<SplitBehavior> fallback = {});

/// Takes segments in order and gives on the pieces that `behavior` makes of them.
class SegmentMerger {
public:
  using PieceSink = absl::FunctionRef<Status(size_t begin, size_t end)>;
  SegmentMerger(SplitBehavior behavior, PieceSink sink) : behavior_(behavior), sink_(sink) {}
  Status add(Segment segment);
  Status finish() { return flush(); }

private:
  Status flush();
  SplitBehavior behavior_;
  PieceSink sink_;
  std::optional<Segment> held_;
  bool previous_ = false; // was the segment before a match?
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TOKENIZER_SEGMENTS_H
