// SPDX-License-Identifier: Apache-2.0
// Which ops become one kernel: a partition of a function's ops that stays free of cycles.

#ifndef HEDDLE_PASSES_CLUSTERS_H
#define HEDDLE_PASSES_CLUSTERS_H

#include <vector>

#include "ir/Dialect.h"
#include "llvm/ADT/DenseMap.h"

namespace heddle::passes {

/// Whether a concat joins its parts one behind the other in memory: an alias, no work.
bool isLeadingConcat(mlir::Operation *op);

/// Whether the result of a view op is a contiguous piece of its dense operand: reshape, or a slice
/// along the leading axis.
bool isContiguousAlias(mlir::Operation *op);

/// `value` without the views on it.
mlir::Value rootUnderViews(mlir::Value value);

/// The ops of one block in clusters. At first every op that computes something is alone; views,
/// constants and leading concats are in none. Clusters grow by `add` and `merge`, which refuse what
/// would make two clusters wait for each other or what is no legal kernel (ir/KernelForms.h).
/// Looks at the IR, which must not change while this lives.
class Clusters {
public:
  explicit Clusters(mlir::Block &block);

  /// -1 for ops that are in no cluster.
  int of(mlir::Operation *op) const;
  /// In program order.
  llvm::ArrayRef<mlir::Operation *> members(int cluster) const { return members_[cluster]; }
  bool isAlone(int cluster) const { return members_[cluster].size() == 1; }

  /// Puts the clusters together under the number of the first; the other one is then empty. False,
  /// and nothing changed, when that is not allowed.
  bool merge(int into, int other);

  /// Puts views on the way out, or a concat of results that is alone, into a cluster, whatever form
  /// it then has.
  void addViews(int cluster, llvm::ArrayRef<mlir::Operation *> ops);

  /// The results of members that are read outside, in program order; through views as well.
  llvm::SmallVector<mlir::Value> yields(int cluster) const;

  /// All clusters, each after those it reads, otherwise by their last member.
  std::vector<int> inOrder() const;

  int position(mlir::Operation *op) const { return position_.lookup(op); }

private:
  /// The clusters that make `value`, through views and leading concats.
  llvm::SmallVector<int> sources(mlir::Value value) const;
  llvm::SmallVector<int> inputs(int cluster) const;
  /// Whether a path leads from `from` to `to` through at least one other cluster.
  bool reachesIndirectly(int from, int to) const;
  llvm::SmallVector<mlir::Value> escaping(llvm::ArrayRef<mlir::Operation *> ops) const;

  llvm::DenseMap<mlir::Operation *, int> cluster_;
  llvm::DenseMap<mlir::Operation *, int> position_;
  std::vector<llvm::SmallVector<mlir::Operation *>> members_;
  mutable std::vector<int> visited_;
  mutable int visit_ = 0;
};

} // namespace heddle::passes

#endif // HEDDLE_PASSES_CLUSTERS_H
