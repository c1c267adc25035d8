// SPDX-License-Identifier: Apache-2.0
// Ops that move or rename elements: each is a strided read or a strided write.

#include "ir/interpreter/Evaluators.h"

namespace heddle::ir {
namespace {

absl::Status reshape(ReshapeOp op, const Inputs &in, Outputs out) {
  const Tensor &x = in[op.getX()];
  out[0].floats = x.floats;
  out[0].ints = x.ints;
  return absl::OkStatus();
}

absl::Status transpose(TransposeOp op, const Inputs &in, Outputs out) {
  const Tensor &x = in[op.getX()];
  gather(x, StridedView::dense(x.shape).transposed(op.getPermutation().vec()), out[0]);
  return absl::OkStatus();
}

absl::Status broadcast(BroadcastOp op, const Inputs &in, Outputs out) {
  const Tensor &x = in[op.getX()];
  gather(x, StridedView::dense(x.shape).broadcastTo(out[0].shape), out[0]);
  return absl::OkStatus();
}

absl::Status slice(SliceOp op, const Inputs &in, Outputs out) {
  const Tensor &x = in[op.getX()];
  gather(x, StridedView::dense(x.shape).sliced(op.getOffsets().vec(), op.getSizes().vec()), out[0]);
  return absl::OkStatus();
}

absl::Status concat(ConcatOp op, const Inputs &in, Outputs out) {
  StridedView whole = StridedView::dense(out[0].shape);
  std::vector<int64_t> offsets(out[0].shape.size(), 0);
  for (mlir::Value value : op.getParts()) {
    const Tensor &part = in[value];
    scatter(part, whole.sliced(offsets, part.shape), out[0]);
    offsets[op.getAxis()] += part.shape[op.getAxis()];
  }
  return absl::OkStatus();
}

absl::Status pad(PadOp op, const Inputs &in, Outputs out) {
  const Tensor &x = in[op.getX()];
  scatter(x, StridedView::dense(out[0].shape).sliced(op.getLow().vec(), x.shape), out[0]);
  return absl::OkStatus();
}

} // namespace

void addShapeEvaluators(EvaluatorTable &table) {
  table.add(reshape);
  table.add(transpose);
  table.add(broadcast);
  table.add(slice);
  table.add(concat);
  table.add(pad);
}

} // namespace heddle::ir
