// SPDX-License-Identifier: Apache-2.0
// Ops that move or rename elements: each is a strided read or a strided write.

#include "ir/interpreter/Evaluators.h"

namespace heddle::ir {
namespace {

template <typename Number>
absl::Status reshape(ReshapeOp op, const Inputs<Number> &in, Outputs<Number> out) {
  const TensorOf<Number> &x = in[op.getX()];
  out[0].floats = x.floats;
  out[0].ints = x.ints;
  out[0].undecided = x.undecided;
  return absl::OkStatus();
}

template <typename Number>
absl::Status transpose(TransposeOp op, const Inputs<Number> &in, Outputs<Number> out) {
  const TensorOf<Number> &x = in[op.getX()];
  gather(x, StridedView::dense(x.shape).transposed(op.getPermutation().vec()), out[0]);
  return absl::OkStatus();
}

template <typename Number>
absl::Status broadcast(BroadcastOp op, const Inputs<Number> &in, Outputs<Number> out) {
  const TensorOf<Number> &x = in[op.getX()];
  gather(x, StridedView::dense(x.shape).broadcastTo(out[0].shape), out[0]);
  return absl::OkStatus();
}

template <typename Number>
absl::Status slice(SliceOp op, const Inputs<Number> &in, Outputs<Number> out) {
  const TensorOf<Number> &x = in[op.getX()];
  gather(x, StridedView::dense(x.shape).sliced(op.getOffsets().vec(), op.getSizes().vec()), out[0]);
  return absl::OkStatus();
}

template <typename Number>
absl::Status concat(ConcatOp op, const Inputs<Number> &in, Outputs<Number> out) {
  StridedView whole = StridedView::dense(out[0].shape);
  std::vector<int64_t> offsets(out[0].shape.size(), 0);
  for (mlir::Value value : op.getParts()) {
    const TensorOf<Number> &part = in[value];
    scatter(part, whole.sliced(offsets, part.shape), out[0]);
    offsets[op.getAxis()] += part.shape[op.getAxis()];
  }
  return absl::OkStatus();
}

template <typename Number>
absl::Status pad(PadOp op, const Inputs<Number> &in, Outputs<Number> out) {
  const TensorOf<Number> &x = in[op.getX()];
  scatter(x, StridedView::dense(out[0].shape).sliced(op.getLow().vec(), x.shape), out[0]);
  return absl::OkStatus();
}

} // namespace

template <typename Number> void addShapeEvaluators(EvaluatorTable<Number> &table) {
  table.add(reshape<Number>);
  table.add(transpose<Number>);
  table.add(broadcast<Number>);
  table.add(slice<Number>);
  table.add(concat<Number>);
  table.add(pad<Number>);
}

template void addShapeEvaluators(EvaluatorTable<double> &);
template void addShapeEvaluators(EvaluatorTable<Bounded> &);
template void addShapeEvaluators(EvaluatorTable<Single> &);

} // namespace heddle::ir
