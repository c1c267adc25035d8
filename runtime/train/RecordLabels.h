// SPDX-License-Identifier: Apache-2.0
// The label of a record, by what the model's head compares with.

#ifndef HEDDLE_RUNTIME_TRAIN_RECORDLABELS_H
#define HEDDLE_RUNTIME_TRAIN_RECORDLABELS_H

#include "runtime/io/Json.h"
#include "runtime/train/RowData.h"

namespace heddle::runtime {

/// A class by its number or its name. Errors name key and value.
StatusOr<int32_t> readClass(const JsonRef &json, const TrainingTask &task);

/// "label" of a row as its targets: a class, numbers, or several classes.
Status readRowLabel(const JsonRef &record, const TrainingTask &task, Example &example);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TRAIN_RECORDLABELS_H
