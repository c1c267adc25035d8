// SPDX-License-Identifier: Apache-2.0
#include "runtime/tokenizer/Segments.h"

#include "runtime/tokenizer/Characters.h"
#include "runtime/tokenizer/ReadHelpers.h"

namespace heddle::runtime {

StatusOr<Pattern> Pattern::read(const JsonRef &json) {
  HEDDLE_RETURN_IF_ERROR(expectKeys(json, {"String", "Regex"}));
  if (json.find("String")) {
    HEDDLE_ASSIGN_OR_RETURN(std::string text, json.getString("String"));
    return Pattern(std::move(text));
  }
  HEDDLE_ASSIGN_OR_RETURN(JsonRef member, json.at("Regex"));
  HEDDLE_ASSIGN_OR_RETURN(std::string pattern, member.asString());
  StatusOr<Regex> regex = Regex::compile(pattern);
  if (!regex.ok())
    return member.error(std::string(regex.status().message()));
  return Pattern(*std::move(regex));
}

Status Pattern::segments(std::string_view text, Workspace &workspace, SegmentSink sink) const {
  size_t done = 0; // of what went to the sink
  auto give = [&](size_t begin, size_t end) -> Status {
    if (done < begin)
      HEDDLE_RETURN_IF_ERROR(sink({done, begin, false}));
    done = end;
    return sink({begin, end, true});
  };
  if (!regex_) {
    while (!text_.empty()) {
      size_t at = text.find(text_, done);
      if (at == std::string_view::npos)
        break;
      HEDDLE_RETURN_IF_ERROR(give(at, at + text_.size()));
    }
  } else {
    for (size_t from = 0; from <= text.size();) {
      HEDDLE_ASSIGN_OR_RETURN(Match match, regex_->find(text, from, workspace.regex));
      if (!match.found)
        break;
      bool empty = match.begin == match.end;
      // An empty match right behind another does not count.
      if (!empty || match.begin > done || done == 0)
        HEDDLE_RETURN_IF_ERROR(give(match.begin, match.end));
      from = match.end;
      if (empty)
        from += from < text.size() ? characterAt(text, from).length : 1;
    }
  }
  return done < text.size() ? sink({done, text.size(), false}) : absl::OkStatus();
}

Status Pattern::replace(std::string &text, std::string_view content, bool &front, size_t limit,
                        Workspace &workspace) const {
  if (!regex_ && text.find(text_) == std::string::npos)
    return absl::OkStatus();
  std::string replaced;
  replaced.reserve(text.size());
  HEDDLE_RETURN_IF_ERROR(segments(text, workspace, [&](Segment segment) {
    if (segment.match) {
      replaced += content;
      if (segment.begin == 0 && segment.end > 0 && content.empty())
        front = false;
    } else {
      replaced.append(text, segment.begin, segment.end - segment.begin);
    }
    return replaced.size() <= limit
               ? absl::OkStatus()
               : invalidInput("the tokenizer's normalizer makes the text longer than the limit of ",
                              limit, " bytes");
  }));
  text = std::move(replaced);
  return absl::OkStatus();
}

StatusOr<SplitBehavior> readBehavior(const JsonRef &json, std::string_view key,
                                     std::optional<SplitBehavior> fallback) {
  if (fallback && !json.find(key))
    return *fallback;
  HEDDLE_ASSIGN_OR_RETURN(JsonRef member, json.at(key));
  HEDDLE_ASSIGN_OR_RETURN(std::string name, member.asString());
  static constexpr std::pair<const char *, SplitBehavior> kNames[] = {
      {"Removed", SplitBehavior::Removed},
      {"Isolated", SplitBehavior::Isolated},
      {"MergedWithPrevious", SplitBehavior::MergedWithPrevious},
      {"MergedWithNext", SplitBehavior::MergedWithNext},
      {"Contiguous", SplitBehavior::Contiguous}};
  for (auto [known, behavior] : kNames)
    if (name == known)
      return behavior;
  return member.error(absl::StrCat(member.value().describe(), " is not supported"));
}

Status SegmentMerger::flush() {
  if (!held_)
    return absl::OkStatus();
  Segment segment = *held_;
  held_.reset();
  return segment.begin < segment.end ? sink_(segment.begin, segment.end) : absl::OkStatus();
}

Status SegmentMerger::add(Segment segment) {
  bool merges = false;
  switch (behavior_) {
  case SplitBehavior::Removed:
    if (segment.match)
      return absl::OkStatus();
    break;
  case SplitBehavior::Isolated:
    break;
  case SplitBehavior::Contiguous:
    merges = segment.match == previous_;
    break;
  case SplitBehavior::MergedWithPrevious:
    merges = segment.match && !previous_;
    break;
  case SplitBehavior::MergedWithNext:
    merges = previous_ && !segment.match;
    break;
  }
  previous_ = segment.match;
  if (held_ && merges) {
    held_->end = segment.end;
    return absl::OkStatus();
  }
  HEDDLE_RETURN_IF_ERROR(flush());
  held_ = segment;
  return absl::OkStatus();
}

} // namespace heddle::runtime
