// SPDX-License-Identifier: Apache-2.0
#include "codegen/KernelClasses.h"

#include <unordered_map>

#include "mlir/IR/OperationSupport.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/Hashing.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

size_t hashOf(ir::KernelOp kernel) {
  llvm::hash_code hash = llvm::hash_combine(kernel.getName(), kernel->getNumOperands());
  for (Operation &op : kernel.getBody().front())
    hash = llvm::hash_combine(
        hash, OperationEquivalence::computeHash(&op, OperationEquivalence::ignoreHashValue,
                                                OperationEquivalence::ignoreHashValue,
                                                OperationEquivalence::IgnoreLocations));
  return hash;
}

/// Whether the operands that are one value are the same ones.
bool equallyShared(OperandRange a, OperandRange b) {
  llvm::DenseMap<Value, Value> partner;
  for (auto [left, right] : llvm::zip_equal(a, b))
    if (partner.try_emplace(left, right).first->second != right)
      return false;
  return llvm::DenseSet<Value>(a.begin(), a.end()).size() ==
         llvm::DenseSet<Value>(b.begin(), b.end()).size();
}

/// Offsets and discardable attributes say where a layer has its tensors, not what is computed.
bool areEqual(ir::KernelOp a, ir::KernelOp b) {
  return a.getName() == b.getName() && a->getOperandTypes() == b->getOperandTypes() &&
         a->getResultTypes() == b->getResultTypes() &&
         equallyShared(a->getOperands(), b->getOperands()) &&
         OperationEquivalence::isRegionEquivalentTo(&a.getBody(), &b.getBody(),
                                                    OperationEquivalence::IgnoreLocations);
}

} // namespace

KernelClasses::KernelClasses(ModuleOp module) {
  std::unordered_map<size_t, llvm::SmallVector<size_t, 1>> byHash;
  module.walk([&](ir::KernelOp kernel) {
    llvm::SmallVector<size_t, 1> &candidates = byHash[hashOf(kernel)];
    auto isEqual = [&](size_t index) { return areEqual(firsts_[index], kernel); };
    auto known = llvm::find_if(candidates, isEqual);
    if (known != candidates.end()) {
      classes_[kernel] = *known;
      return;
    }
    classes_[kernel] = firsts_.size();
    candidates.push_back(firsts_.size());
    firsts_.push_back(kernel);
  });
}

} // namespace heddle::codegen
