// SPDX-License-Identifier: Apache-2.0
#include "passes/FusionReport.h"

#include <algorithm>
#include <mutex>

#include "ir/LayerPath.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Operation.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;

namespace heddle::passes {
namespace {

constexpr llvm::StringLiteral kCategory = "heddle";
constexpr llvm::StringLiteral kLayerKey = "Layer";
constexpr llvm::StringLiteral kReasonKey = "Reason";
constexpr llvm::StringLiteral kAdviceKey = "Suggestion";

} // namespace

/// Shared by the report and the context's remark engine, whichever lives longer.
class FusionReport::Collector {
public:
  void add(FusionEntry entry) {
    std::lock_guard lock(mutex_);
    entries_.push_back(std::move(entry));
  }
  std::vector<FusionEntry> entries() const {
    std::lock_guard lock(mutex_);
    return entries_;
  }

private:
  mutable std::mutex mutex_;
  std::vector<FusionEntry> entries_;
};

namespace {

class ReportStreamer : public remark::detail::MLIRRemarkStreamerBase {
public:
  explicit ReportStreamer(std::shared_ptr<FusionReport::Collector> collector)
      : collector_(std::move(collector)) {}

  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    FusionEntry entry;
    switch (remark.getRemarkType()) {
    case llvm::remarks::Type::Passed:
      entry.kind = FusionEntry::Kind::Fused;
      break;
    case llvm::remarks::Type::Missed:
      entry.kind = FusionEntry::Kind::Missed;
      break;
    default:
      entry.kind = FusionEntry::Kind::Kept;
    }
    entry.op = remark.getRemarkName().str();
    entry.function = remark.getFunction().str();
    for (const remark::detail::Remark::Arg &arg : remark.getArgs()) {
      if (arg.key == kLayerKey)
        entry.layer = arg.val;
      else if (arg.key == kReasonKey)
        entry.reason = arg.val;
      else if (arg.key == kAdviceKey)
        entry.advice = arg.val;
    }
    collector_->add(std::move(entry));
  }

private:
  std::shared_ptr<FusionReport::Collector> collector_;
};

remark::RemarkOpts optsFor(Operation *at, StringRef op) {
  auto function = at->getParentOfType<func::FuncOp>();
  return remark::RemarkOpts::name(op).category(kCategory).function(
      function ? function.getName() : StringRef("<module>"));
}

void fill(remark::detail::InFlightRemark remark, Operation *at, StringRef reason,
          StringRef advice) {
  using Arg = remark::detail::Remark::Arg;
  if (!remark)
    return;
  if (std::string layer = ir::layerPath(at->getLoc()); !layer.empty())
    remark << Arg(kLayerKey, layer);
  if (!reason.empty())
    remark << Arg(kReasonKey, reason);
  if (!advice.empty())
    remark << Arg(kAdviceKey, advice);
}

} // namespace

StringRef fusionKindName(FusionEntry::Kind kind) {
  switch (kind) {
  case FusionEntry::Kind::Fused:
    return "fused";
  case FusionEntry::Kind::Missed:
    return "missed";
  case FusionEntry::Kind::Kept:
    return "kept";
  }
  llvm_unreachable("unknown kind");
}

FusionReport::FusionReport(MLIRContext &context) : collector_(std::make_shared<Collector>()) {
  remark::RemarkCategories categories;
  // `all` alone would enable nothing.
  categories.passed = categories.missed = categories.analysis = kCategory.str();
  // Fails only when the streamer is null.
  (void)remark::enableOptimizationRemarks(context, std::make_unique<ReportStreamer>(collector_),
                                          std::make_unique<remark::RemarkEmittingPolicyAll>(),
                                          categories);
}

FusionReport::~FusionReport() = default;

std::vector<FusionEntry> FusionReport::entries() const {
  std::vector<FusionEntry> entries = collector_->entries();
  std::stable_sort(entries.begin(), entries.end(),
                   [](const auto &a, const auto &b) { return a.function < b.function; });
  return entries;
}

int64_t FusionReport::fusedCount(StringRef op, StringRef function) const {
  int64_t count = 0;
  for (const FusionEntry &entry : collector_->entries())
    if (entry.kind == FusionEntry::Kind::Fused && entry.op == op && entry.function == function)
      ++count;
  return count;
}

void reportFused(Operation *at, StringRef op) {
  fill(remark::passed(at->getLoc(), optsFor(at, op)), at, {}, {});
}

void reportMissed(Operation *at, StringRef op, StringRef reason, StringRef advice) {
  fill(remark::missed(at->getLoc(), optsFor(at, op)), at, reason, advice);
}

void reportKept(Operation *at, StringRef op, StringRef reason, StringRef advice) {
  fill(remark::analysis(at->getLoc(), optsFor(at, op)), at, reason, advice);
}

} // namespace heddle::passes
