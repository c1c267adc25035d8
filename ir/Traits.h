// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_IR_TRAITS_H
#define HEDDLE_IR_TRAITS_H

#include "mlir/IR/OpDefinition.h"

namespace heddle::ir {

/// No tensor of the dialect is empty or has more elements, so that counts and byte offsets computed
/// from shapes never overflow.
inline constexpr int64_t kMaxElements = int64_t{1} << 48;

/// Whether every axis has at least one element and the product stays within kMaxElements.
bool isSupportedShape(mlir::Type type);

/// See Interfaces.td.
template <typename ConcreteType>
class ElementwiseTrait : public mlir::OpTrait::TraitBase<ConcreteType, ElementwiseTrait> {};

template <typename ConcreteType>
class ViewTrait : public mlir::OpTrait::TraitBase<ConcreteType, ViewTrait> {};

} // namespace heddle::ir

#endif // HEDDLE_IR_TRAITS_H
