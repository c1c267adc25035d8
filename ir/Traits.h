// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_IR_TRAITS_H
#define HEDDLE_IR_TRAITS_H

#include "mlir/IR/OpDefinition.h"

namespace heddle::ir {

/// See Interfaces.td.
template <typename ConcreteType>
class ElementwiseTrait : public mlir::OpTrait::TraitBase<ConcreteType, ElementwiseTrait> {};

template <typename ConcreteType>
class ViewTrait : public mlir::OpTrait::TraitBase<ConcreteType, ViewTrait> {};

} // namespace heddle::ir

#endif // HEDDLE_IR_TRAITS_H
