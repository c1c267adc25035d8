// SPDX-License-Identifier: Apache-2.0
// Images to tell apart, or to tell from noise.

#ifndef HEDDLE_RUNTIME_TRAIN_IMAGEDATA_H
#define HEDDLE_RUNTIME_TRAIN_IMAGEDATA_H

#include "runtime/io/Safetensors.h"
#include "runtime/train/Data.h"

namespace heddle::runtime {

/// From tensors `images` [N, channels, height, width] and `labels` [N] (classes; needed where the
/// model takes them), in an order drawn anew for each time around.
///   images     pixel_values, and targets [B]
///   denoising  pixel_values sqrt(a_t) x + sqrt(1 - a_t) e with e normal and t drawn for each image
///              (arXiv:2006.11239), timesteps [B], class_labels [B], and targets e
StatusOr<std::unique_ptr<TrainingData>> openImages(const SafetensorsFile &file,
                                                   const DataOptions &options);

/// a_t, the share of an image's variance that is left at step t of `steps`: of betas that grow
/// linearly, from 1e-4 to 0.02 for 1000 steps, or of a squared cosine (arXiv:2102.09672).
std::vector<double> noiseSchedule(int64_t steps, bool cosine);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_TRAIN_IMAGEDATA_H
