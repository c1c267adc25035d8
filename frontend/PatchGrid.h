// SPDX-License-Identifier: Apache-2.0
// How an image becomes a sequence: the sizes that follow from a definition's patches.

#ifndef HEDDLE_FRONTEND_PATCHGRID_H
#define HEDDLE_FRONTEND_PATCHGRID_H

#include <cstdint>

#include "frontend/ModelDef.pb.h"

namespace heddle::frontend {

/// Meaningful for definitions that validateModel() accepts.
struct PatchGrid {
  explicit PatchGrid(const proto::Patches &patches);

  int64_t channels, patchHeight, patchWidth;
  int64_t rows, columns; // of patches
  int64_t before;        // vectors before the patches: the class token
  int64_t patches() const { return rows * columns; }
  int64_t sequence() const { return before + patches(); } // T
  /// The numbers of one patch.
  int64_t pixels() const { return channels * patchHeight * patchWidth; }
};

/// Whether the model reads images in place of tokens; it has no vocabulary then.
bool readsImages(const proto::ModelDef &definition);

/// T where the definition settles it, as an image does; 0: any.
int64_t fixedSequence(const proto::ModelDef &definition);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_PATCHGRID_H
