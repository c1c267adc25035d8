// SPDX-License-Identifier: Apache-2.0
// The Dense modules of sentence-transformers: linear layers behind the pooling.

#ifndef HEDDLE_FRONTEND_DENSEMODULE_H
#define HEDDLE_FRONTEND_DENSEMODULE_H

#include "frontend/ModelDef.pb.h"
#include "runtime/io/Json.h"

namespace heddle::frontend {

/// What the `config.json` of a Dense module in `folder` says, for a vector of `width` numbers. The
/// layer is called as its weights are: "2_Dense/linear". The error names file, key and value.
StatusOr<proto::DenseLayer> readDenseModule(const runtime::JsonRef &config,
                                            const std::string &folder, int64_t width);

} // namespace heddle::frontend

#endif // HEDDLE_FRONTEND_DENSEMODULE_H
