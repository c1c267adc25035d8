// SPDX-License-Identifier: Apache-2.0
// An attribute that heddle.embedding may carry: looking this id up gives its row of the table no
// gradient, as training does with the padding token. What the op computes does not depend on it.

#ifndef HEDDLE_IR_PADDINGID_H
#define HEDDLE_IR_PADDINGID_H

#include <cstdint>
#include <optional>

#include "ir/Dialect.h"
#include "mlir/IR/Builders.h"

namespace heddle::ir {

inline constexpr llvm::StringLiteral kPaddingId = "heddle.padding_id";

inline std::optional<int64_t> paddingIdOf(EmbeddingOp op) {
  auto id = op->getAttrOfType<mlir::IntegerAttr>(kPaddingId);
  return id ? std::optional<int64_t>(id.getInt()) : std::nullopt;
}
inline void setPaddingId(EmbeddingOp op, int64_t id) {
  op->setAttr(kPaddingId, mlir::Builder(op.getContext()).getI64IntegerAttr(id));
}

} // namespace heddle::ir

#endif // HEDDLE_IR_PADDINGID_H
