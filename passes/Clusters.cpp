// SPDX-License-Identifier: Apache-2.0
#include "passes/Clusters.h"

#include <queue>

#include "ir/BufferAssignment.h"
#include "ir/KernelForms.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {

bool isLeadingConcat(Operation *op) {
  auto concat = dyn_cast<ConcatOp>(op);
  return concat && leadingConcatOffset(concat, 0).has_value();
}

bool isContiguousAlias(Operation *op) {
  if (isa<ReshapeOp>(op))
    return true;
  auto slice = dyn_cast<SliceOp>(op);
  return slice && leadingSliceOffset(slice).has_value();
}

Value rootUnderViews(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isViewOp(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

Clusters::Clusters(Block &block) {
  for (Operation &op : block) {
    position_[&op] = static_cast<int>(position_.size());
    if (isViewOp(&op) || isa<ConstantOp>(op) || isLeadingConcat(&op) ||
        op.hasTrait<OpTrait::IsTerminator>())
      continue;
    cluster_[&op] = static_cast<int>(members_.size());
    members_.push_back({&op});
  }
  visited_.resize(members_.size(), 0);
}

int Clusters::of(Operation *op) const {
  auto found = cluster_.find(op);
  return found == cluster_.end() ? -1 : found->second;
}

SmallVector<int> Clusters::sources(Value value) const {
  SmallVector<int> result;
  SmallVector<Value> pending{value};
  while (!pending.empty()) {
    Operation *op = pending.pop_back_val().getDefiningOp();
    if (!op)
      continue;
    if (int cluster = of(op); cluster >= 0)
      result.push_back(cluster);
    else
      pending.append(op->operand_begin(), op->operand_end());
  }
  return result;
}

SmallVector<int> Clusters::inputs(int cluster) const {
  llvm::SmallSetVector<int, 8> result;
  for (Operation *op : members_[cluster])
    for (Value operand : op->getOperands())
      for (int source : sources(operand))
        if (source != cluster)
          result.insert(source);
  return SmallVector<int>(result.begin(), result.end());
}

bool Clusters::reachesIndirectly(int from, int to) const {
  ++visit_;
  SmallVector<int> pending;
  auto visit = [&](int cluster) {
    if (visited_[cluster] == visit_)
      return;
    visited_[cluster] = visit_;
    pending.push_back(cluster);
  };
  for (Operation *op : members_[to])
    for (Value operand : op->getOperands()) {
      // What a view shows of `from` is read inside the merged kernel; a concat stays outside, so
      // that it would have to wait for the kernel that reads it.
      Operation *root = rootUnderViews(operand).getDefiningOp();
      bool direct = root && of(root) == from;
      if (direct)
        continue;
      for (int source : sources(operand)) {
        if (source == from)
          return true;
        if (source != to)
          visit(source);
      }
    }
  while (!pending.empty()) {
    for (int source : inputs(pending.pop_back_val())) {
      if (source == from)
        return true;
      visit(source);
    }
  }
  return false;
}

bool Clusters::merge(int into, int other) {
  if (into == other)
    return false;
  SmallVector<Operation *> ops(members_[into]);
  ops.append(members_[other].begin(), members_[other].end());
  llvm::sort(ops, [&](Operation *a, Operation *b) { return position(a) < position(b); });
  if (!classifyKernelBody(ops, escaping(ops)))
    return false;
  if (reachesIndirectly(into, other) || reachesIndirectly(other, into))
    return false;
  for (Operation *op : members_[other])
    cluster_[op] = into;
  members_[other].clear();
  members_[into] = std::move(ops);
  return true;
}

void Clusters::addViews(int cluster, ArrayRef<Operation *> ops) {
  for (Operation *op : ops) {
    if (int alone = of(op); alone >= 0)
      members_[alone].clear();
    cluster_[op] = cluster;
    members_[cluster].push_back(op);
  }
}

SmallVector<Value> Clusters::escaping(ArrayRef<Operation *> ops) const {
  llvm::SmallPtrSet<Operation *, 16> inside(ops.begin(), ops.end());
  // Views may form long chains but never loops.
  std::function<bool(Value)> escapes = [&](Value value) {
    return llvm::any_of(value.getUsers(), [&](Operation *user) {
      if (inside.contains(user))
        return false;
      return isViewOp(user) && of(user) < 0 ? escapes(user->getResult(0)) : true;
    });
  };
  SmallVector<Value> result;
  for (Operation *op : ops)
    for (Value value : op->getResults())
      if (escapes(value))
        result.push_back(value);
  return result;
}

SmallVector<Value> Clusters::yields(int cluster) const { return escaping(members_[cluster]); }

std::vector<int> Clusters::inOrder() const {
  const int count = static_cast<int>(members_.size());
  std::vector<int> waitingFor(count, 0);
  std::vector<SmallVector<int>> readers(count);
  auto lastPosition = [&](int cluster) { return position(members_[cluster].back()); };
  // Smallest last position first.
  std::priority_queue<std::pair<int, int>, std::vector<std::pair<int, int>>, std::greater<>> ready;
  for (int cluster = 0; cluster < count; ++cluster) {
    if (members_[cluster].empty())
      continue;
    SmallVector<int> sources = inputs(cluster);
    waitingFor[cluster] = static_cast<int>(sources.size());
    for (int source : sources)
      readers[source].push_back(cluster);
    if (sources.empty())
      ready.push({lastPosition(cluster), cluster});
  }
  std::vector<int> order;
  while (!ready.empty()) {
    int cluster = ready.top().second;
    ready.pop();
    order.push_back(cluster);
    for (int reader : readers[cluster])
      if (--waitingFor[reader] == 0)
        ready.push({lastPosition(reader), reader});
  }
  return order;
}

} // namespace heddle::passes
