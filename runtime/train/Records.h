// SPDX-License-Identifier: Apache-2.0
// JSONL: a JSON object a line.

#ifndef HEDDLE_RUNTIME_TRAIN_RECORDS_H
#define HEDDLE_RUNTIME_TRAIN_RECORDS_H

#include <functional>
#include <string>

#include "runtime/io/Json.h"
#include "runtime/train/Data.h"

namespace heddle::runtime {

/// Calls `take` for each line that is not blank. Its errors, and those of the record's members,
/// name file, line and key: `data.jsonl: line 3: key "label": ...`. No record at all is an error,
/// and so are lines or files beyond their limits.
Status forEachRecord(FileLayer &layer, const std::string &path,
                     const std::function<Status(const JsonRef &record)> &take,
                     uint64_t limit = limits::kTrainingTextBytes);

/// All texts of the records, a line each: what a tokenizer is made from.
StatusOr<std::string> readRecordTexts(FileLayer &layer, const std::string &path, uint64_t limit);

/// The data of an objective that learns from records:
///   causal-lm             {"prompt", "completion"}, or {"text"}: texts one after the other
///   masked-lm             {"text"}
///   next-sentence         {"text"}: a document, its sentences a line each
///   classification        {"text", "text_pair" (may be left out), "label"}; a class is its number
///                         or its name, a regression's label a number or a list of them, several
///                         labels a list of classes; {"tokens", "labels"} for classes of tokens;
///                         {"question", "context", "answer": {"text", "start"}} for spans
///   sequence-to-sequence  {"source", "target"}
///   contrastive           {"text", "positive"}
/// Other members mean nothing.
StatusOr<std::unique_ptr<TrainingData>> openRecords(FileLayer &layer, const std::string &path,
                                                    const Tokenizer &tokenizer,
                                                    const DataOptions &options);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TRAIN_RECORDS_H
