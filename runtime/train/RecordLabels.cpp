// SPDX-License-Identifier: Apache-2.0
#include "runtime/train/RecordLabels.h"

#include <algorithm>

#include "absl/strings/str_join.h"

namespace heddle::runtime {
namespace {

/// What a label may be, for messages: the first few names.
std::string classesText(const TrainingTask &task) {
  constexpr size_t kShown = 10;
  std::string text = absl::StrCat("the ", task.classes, " classes");
  if (task.labelNames.empty())
    return text;
  const size_t shown = std::min(kShown, task.labelNames.size());
  return absl::StrCat(text, " (",
                      absl::StrJoin(task.labelNames.begin(), task.labelNames.begin() + shown, ", "),
                      shown < task.labelNames.size() ? ", ..." : "", ")");
}

StatusOr<float> readNumber(const JsonRef &json) {
  HEDDLE_ASSIGN_OR_RETURN(double number, json.asNumber());
  const auto value = static_cast<float>(number);
  if (value - value != 0)
    return json.error(absl::StrCat(number, " is beyond the range of f32"));
  return value;
}

Status readNumbers(const JsonRef &label, const TrainingTask &task, std::vector<float> &numbers) {
  std::vector<JsonRef> values = {label};
  if (label.value().elements()) {
    HEDDLE_ASSIGN_OR_RETURN(values, label.asArray());
  }
  if (static_cast<int64_t>(values.size()) != task.classes)
    return label.error(absl::StrCat("expected ", task.classes, " numbers, found ", values.size()));
  for (const JsonRef &value : values) {
    HEDDLE_ASSIGN_OR_RETURN(float number, readNumber(value));
    numbers.push_back(number);
  }
  return absl::OkStatus();
}

} // namespace

StatusOr<int32_t> readClass(const JsonRef &json, const TrainingTask &task) {
  int64_t number = -1;
  if (const std::string *name = json.value().string()) {
    auto known = std::find(task.labelNames.begin(), task.labelNames.end(), *name);
    if (known != task.labelNames.end() && !name->empty())
      number = known - task.labelNames.begin();
    if (number >= 0 && std::find(known + 1, task.labelNames.end(), *name) != task.labelNames.end())
      return json.error(absl::StrCat(json.value().describe(),
                                     " is the name of several classes; give the class's number"));
  } else {
    HEDDLE_ASSIGN_OR_RETURN(number, json.asInteger());
  }
  if (number < 0 || number >= task.classes)
    return json.error(absl::StrCat(json.value().describe(), " is none of ", classesText(task)));
  return static_cast<int32_t>(number);
}

Status readRowLabel(const JsonRef &record, const TrainingTask &task, Example &example) {
  HEDDLE_ASSIGN_OR_RETURN(JsonRef label, record.at("label"));
  switch (task.labels) {
  case proto::Task::NUMBERS:
    return readNumbers(label, task, example.numbers);
  case proto::Task::SEVERAL_CLASSES: {
    example.numbers.assign(static_cast<size_t>(task.classes), 0);
    HEDDLE_ASSIGN_OR_RETURN(std::vector<JsonRef> classes, label.asArray());
    for (const JsonRef &element : classes) {
      HEDDLE_ASSIGN_OR_RETURN(int32_t number, readClass(element, task));
      float &there = example.numbers[static_cast<size_t>(number)];
      if (there == 1)
        return element.error(absl::StrCat("class ", number, " is there twice"));
      there = 1;
    }
    return absl::OkStatus();
  }
  default: {
    HEDDLE_ASSIGN_OR_RETURN(int32_t number, readClass(label, task));
    example.targets = {number};
    return absl::OkStatus();
  }
  }
}

} // namespace heddle::runtime
