// SPDX-License-Identifier: Apache-2.0
#include "ir/LayerPath.h"

#include "mlir/IR/BuiltinAttributes.h"

using namespace mlir;

namespace heddle::ir {

std::string layerPath(Location location) {
  if (auto name = dyn_cast<NameLoc>(location))
    return name.getName().str();
  if (auto fused = dyn_cast<FusedLoc>(location)) {
    for (Location part : fused.getLocations())
      if (std::string path = layerPath(part); !path.empty())
        return path;
    return "";
  }
  if (auto call = dyn_cast<CallSiteLoc>(location)) {
    std::string path = layerPath(call.getCallee());
    return path.empty() ? layerPath(call.getCaller()) : path;
  }
  return "";
}

Location layerLoc(MLIRContext *context, StringRef path) {
  return NameLoc::get(StringAttr::get(context, path));
}

} // namespace heddle::ir
