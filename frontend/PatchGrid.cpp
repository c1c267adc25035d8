// SPDX-License-Identifier: Apache-2.0
#include "frontend/PatchGrid.h"

namespace heddle::frontend {

PatchGrid::PatchGrid(const proto::Patches &patches)
    : channels(patches.channels()), patchHeight(patches.patch_height()),
      patchWidth(patches.patch_width()), rows(patchHeight > 0 ? patches.height() / patchHeight : 0),
      columns(patchWidth > 0 ? patches.width() / patchWidth : 0),
      before(patches.class_token() ? 1 : 0) {}

bool readsImages(const proto::ModelDef &definition) { return definition.has_patches(); }

int64_t fixedSequence(const proto::ModelDef &definition) {
  return readsImages(definition) ? PatchGrid(definition.patches()).sequence() : 0;
}

} // namespace heddle::frontend
