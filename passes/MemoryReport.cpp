// SPDX-License-Identifier: Apache-2.0
#include "passes/MemoryReport.h"

#include <algorithm>

#include "ir/LayerPath.h"
#include "passes/Storage.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {
namespace {

std::string typeText(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  // tensor<4x8xf32> without the brackets
  return text.substr(7, text.size() - 8);
}

/// The number of the last kernel that reads each root; results of the function live to the end.
llvm::DenseMap<Value, int> lastReads(func::FuncOp function, int &kernels) {
  llvm::DenseMap<Value, int> last;
  kernels = 0;
  auto read = [&](Value root, int time, auto &&self) -> void {
    int &known = last.try_emplace(root, time).first->second;
    known = std::max(known, time);
    // What lies in a concat lives as long as the concat.
    if (auto concat = root.getDefiningOp<ConcatOp>())
      for (Value part : concat.getParts())
        self(storageOf(part).root, time, self);
  };
  for (Operation &op : function.getBody().front()) {
    if (!isa<KernelOp, func::ReturnOp>(op))
      continue;
    for (Value operand : op.getOperands())
      read(storageOf(operand).root, kernels, read);
    kernels += isa<KernelOp>(op);
  }
  return last;
}

/// The bytes that the tensors alive at `time` cover; tensors that share bytes count once.
int64_t coveredBytes(const std::vector<TensorLifetime> &tensors, int time) {
  std::vector<std::pair<int64_t, int64_t>> ranges;
  for (const TensorLifetime &tensor : tensors)
    if (tensor.first <= time && time <= tensor.last)
      ranges.emplace_back(tensor.offset, tensor.offset + tensor.bytes);
  std::sort(ranges.begin(), ranges.end());
  int64_t covered = 0, end = 0;
  for (auto [from, to] : ranges) {
    covered += std::max<int64_t>(0, to - std::max(from, end));
    end = std::max(end, to);
  }
  return covered;
}

void findPeak(MemoryReport &report, ArrayRef<KernelOp> kernels) {
  for (size_t time = 0; time < kernels.size(); ++time) {
    int64_t covered = coveredBytes(report.tensors, static_cast<int>(time));
    if (covered <= report.peakBytes)
      continue;
    report.peakBytes = covered;
    report.peakKernel = static_cast<int>(time);
    report.peakKernelName = KernelOp(kernels[time]).getName().str();
    report.peakLayer = layerPath(KernelOp(kernels[time]).getLoc());
  }
  for (size_t i = 0; i < report.tensors.size(); ++i)
    if (report.tensors[i].first <= report.peakKernel && report.peakKernel <= report.tensors[i].last)
      report.aliveAtPeak.push_back(i);
  std::stable_sort(report.aliveAtPeak.begin(), report.aliveAtPeak.end(), [&](size_t a, size_t b) {
    return report.tensors[a].bytes > report.tensors[b].bytes;
  });
}

} // namespace

MemoryReport memoryReport(func::FuncOp planned) {
  MemoryReport report;
  auto arena = planned->getAttrOfType<IntegerAttr>("heddle.arena_bytes");
  auto maxLive = planned->getAttrOfType<IntegerAttr>("heddle.max_live_bytes");
  if (!arena || !maxLive)
    return report;
  report.arenaBytes = arena.getInt();
  report.maxLiveBytes = maxLive.getInt();

  BufferAssignment buffers(planned);
  for (BlockArgument argument : planned.getArguments())
    report.argumentBytes += byteSizeOf(argument);
  for (ConstantOp constant : buffers.constants())
    report.constantBytes += byteSizeOf(constant.getY());
  auto terminator = planned.getBody().front().getTerminator();
  for (unsigned i = 0; i < terminator->getNumOperands(); ++i)
    if (buffers.aliasedArgument(i) < 0)
      report.resultBytes += byteSizeOf(terminator->getOperand(i));

  int count = 0;
  llvm::DenseMap<Value, int> last = lastReads(planned, count);
  SmallVector<KernelOp> kernels;
  for (auto kernel : planned.getOps<KernelOp>()) {
    const int time = static_cast<int>(kernels.size());
    kernels.push_back(kernel);
    for (OpResult result : kernel->getResults()) {
      BufferRef place = buffers.lookup(result);
      if (place.space != BufferRef::Space::Arena)
        continue;
      std::string name = kernel.getName().str();
      if (result.getResultNumber() > 0)
        name += "#" + std::to_string(result.getResultNumber());
      report.tensors.push_back({name, layerPath(kernel.getLoc()), typeText(result.getType()),
                                byteSizeOf(result), place.byteOffset, time,
                                std::max(time, last.lookup(result))});
    }
  }
  findPeak(report, kernels);
  return report;
}

} // namespace heddle::passes
