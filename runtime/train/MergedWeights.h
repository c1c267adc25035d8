// SPDX-License-Identifier: Apache-2.0
// The weights of a model with its low-rank adapters added.

#ifndef HEDDLE_RUNTIME_TRAIN_MERGEDWEIGHTS_H
#define HEDDLE_RUNTIME_TRAIN_MERGEDWEIGHTS_H

#include <vector>

#include "runtime/io/SafetensorsWriter.h"

namespace heddle::runtime {

class Session;

/// All parameters but those of adapters, adapted weights as w + scale B A, summed up in f64 and
/// rounded once. The session outlives them; each is made when it is written.
std::vector<TensorToWrite> mergedWeights(const Session &session);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TRAIN_MERGEDWEIGHTS_H
