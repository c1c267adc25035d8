// SPDX-License-Identifier: Apache-2.0
#include "codegen/body/AttentionProblem.h"

#include "ir/ViewChain.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

/// Collects the reason of the first thing that does not fit, so that readers need no check per
/// line.
class Reader {
public:
  Reader(ir::KernelOp kernel, std::string *reason) : kernel_(kernel), reason_(reason) {}

  bool failed() const { return failed_; }

  void refuse(const std::string &text) {
    if (!failed_ && reason_)
      *reason_ = text;
    failed_ = true;
  }

  HeadsView input(Value value, const char *name) {
    ir::ViewOfRoot source = ir::viewThroughChain(value);
    auto argument = dyn_cast<BlockArgument>(source.root);
    if (!argument)
      refuse(std::string("attention's ") + name + " is no strided view of an input");
    if (!cast<RankedTensorType>(value.getType()).getElementType().isF32())
      refuse(std::string("attention's ") + name + " is not f32");
    return failed_ ? HeadsView() : view(argument.getArgNumber(), source.view);
  }

  /// A result: where the kernel stores it, or nothing when it has no use.
  std::optional<HeadsView> output(Value value, const char *name) {
    Operation *yield = kernel_.getBody().front().getTerminator();
    for (OpOperand &yielded : yield->getOpOperands()) {
      std::optional<ir::StridedView> store = ir::storeView(value, yielded.get());
      if (store)
        return view(kernel_.getNumOperands() + yielded.getOperandNumber(), *store);
    }
    if (!value.use_empty())
      refuse(std::string("attention's ") + name + " is stored by no strided view of an output");
    return std::nullopt;
  }

  /// A result of a shape that broadcasts to `shape`, likewise.
  std::optional<HeadsView> broadcastOutput(Value value, ArrayRef<int64_t> shape, const char *name) {
    Operation *yield = kernel_.getBody().front().getTerminator();
    for (OpOperand &yielded : yield->getOpOperands())
      if (std::optional<ir::StridedView> store = ir::storeView(value, yielded.get())) {
        HeadsView result = view(kernel_.getNumOperands() + yielded.getOperandNumber(),
                                store->broadcastTo(shape.vec()));
        if (result.column > 1)
          refuse(std::string("attention's ") + name + " is not contiguous along the keys");
        return result;
      }
    if (!value.use_empty())
      refuse(std::string("attention's ") + name + " is stored by no strided view of an output");
    return std::nullopt;
  }

  /// A result that is stored as it is, or nothing when it has no use.
  std::optional<unsigned> denseOutput(Value value, const char *name) {
    Operation *yield = kernel_.getBody().front().getTerminator();
    for (OpOperand &yielded : yield->getOpOperands())
      if (std::optional<ir::StridedView> store = ir::storeView(value, yielded.get());
          store && store->isDense() && store->offset == 0)
        return kernel_.getNumOperands() + yielded.getOperandNumber();
    if (!value.use_empty())
      refuse(std::string("attention's ") + name + " is not stored as it is");
    return std::nullopt;
  }

  /// A dense operand that is read as it is.
  std::optional<unsigned> dense(Value value, const char *name) {
    if (!value)
      return std::nullopt;
    ir::ViewOfRoot source = ir::viewThroughChain(value);
    auto argument = dyn_cast<BlockArgument>(source.root);
    if (!argument || !source.view.isDense() || source.view.offset != 0)
      refuse(std::string("attention's ") + name + " is not a whole input");
    return failed_ ? 0 : argument.getArgNumber();
  }

  std::optional<HeadsView> broadcastInput(Value value, ArrayRef<int64_t> shape, const char *name) {
    if (!value)
      return std::nullopt;
    ir::ViewOfRoot source = ir::viewThroughChain(value);
    auto argument = dyn_cast<BlockArgument>(source.root);
    if (!argument)
      refuse(std::string("attention's ") + name + " is no strided view of an input");
    if (failed_)
      return std::nullopt;
    HeadsView result = view(argument.getArgNumber(), source.view.broadcastTo(shape.vec()));
    if (result.column > 1)
      refuse(std::string("attention's ") + name + " is not contiguous along the keys");
    return result;
  }

  static HeadsView view(unsigned operand, const ir::StridedView &v) {
    return {operand, v.offset, v.strides[0], v.strides[1], v.strides[2], v.strides[3]};
  }

private:
  ir::KernelOp kernel_;
  std::string *reason_;
  bool failed_ = false;
};

template <typename Op> Op onlyOp(ir::KernelOp kernel) {
  Op found;
  kernel.walk([&](Op op) { found = op; });
  return found;
}

/// The operands and attributes that attention and its gradient have in common.
template <typename Op> AttentionProblem readCommon(Reader &reader, Op op) {
  AttentionProblem p;
  ArrayRef<int64_t> q = op.getQ().getType().getShape(), k = op.getK().getType().getShape();
  p.batches = q[0];
  p.heads = q[1];
  p.queries = q[2];
  p.headSize = q[3];
  p.groups = k[1];
  p.keys = k[2];
  p.valueSize = op.getV().getType().getShape()[3];
  p.q = reader.input(op.getQ(), "q");
  p.k = reader.input(op.getK(), "k");
  p.v = reader.input(op.getV(), "v");
  p.bias = reader.broadcastInput(op.getBias(), {p.batches, p.heads, p.queries, p.keys}, "bias");
  p.keyMask = reader.dense(op.getKeyMask(), "key_mask");
  p.lengths = reader.dense(op.getKvLengths(), "kv_lengths");
  p.scale = op.getScale().convertToDouble();
  p.causal = op.getCausal();
  if (std::optional<uint64_t> window = op.getWindow())
    p.window = static_cast<int64_t>(*window);
  if (op.getSoftCap())
    p.softCap = op.getSoftCap()->convertToDouble();
  p.dropout = op.getDropout().convertToDouble();
  p.rngId = op.getRngId();
  if (p.dropout > 0)
    p.rng = reader.dense(op.getRng(), "rng");
  if (p.valueSize > 1 && p.v.column != 1)
    reader.refuse("attention's v is not contiguous along the head");
  if (p.headSize > 1 && p.k.column != 1)
    reader.refuse("attention's k is not contiguous along the head");
  return p;
}

} // namespace

double AttentionProblem::flopsOfOneProduct() const {
  // Under a causal mask query i sees i + 1 + (S - T) keys.
  double pairs = static_cast<double>(queries) * keys;
  if (causal)
    pairs = queries * (static_cast<double>(keys - queries) + (queries + 1) / 2.0);
  return 2.0 * batches * heads * pairs * headSize;
}

FailureOr<AttentionProblem> matchAttention(ir::KernelOp kernel, std::string *reason) {
  Reader reader(kernel, reason);
  auto op = onlyOp<ir::AttentionOp>(kernel);
  if (!op) {
    reader.refuse("no attention in the kernel");
    return failure();
  }
  AttentionProblem problem = readCommon(reader, op);
  problem.o = reader.output(op.getO(), "o");
  problem.lse = reader.denseOutput(op.getLse(), "lse");
  if (problem.o && problem.valueSize > 1 && problem.o->column != 1)
    reader.refuse("attention's o is not contiguous along the head");
  if (reader.failed())
    return failure();
  return problem;
}

FailureOr<AttentionProblem> matchAttentionGrad(ir::KernelOp kernel, std::string *reason) {
  Reader reader(kernel, reason);
  auto op = onlyOp<ir::AttentionGradOp>(kernel);
  if (!op) {
    reader.refuse("no attention_grad in the kernel");
    return failure();
  }
  AttentionProblem problem = readCommon(reader, op);
  problem.o = reader.input(op.getO(), "o");
  problem.lse = reader.dense(op.getLse(), "lse");
  problem.dO = reader.input(op.getDO(), "d_o");
  problem.dq = reader.output(op.getDq(), "dq");
  problem.dk = reader.output(op.getDk(), "dk");
  problem.dv = reader.output(op.getDv(), "dv");
  if (op.getDbias())
    problem.dBias = reader.broadcastOutput(
        op.getDbias(), {problem.batches, problem.heads, problem.queries, problem.keys}, "dbias");
  auto isRow = [](const HeadsView &view, int64_t size) { return view.column == 1 || size == 1; };
  if ((problem.dq && !isRow(*problem.dq, problem.headSize)) ||
      (problem.dk && !isRow(*problem.dk, problem.headSize)) ||
      (problem.dv && !isRow(*problem.dv, problem.valueSize)))
    reader.refuse("a gradient of attention is not contiguous along the head");
  if (!isRow(problem.q, problem.headSize) || !isRow(*problem.o, problem.valueSize) ||
      !isRow(problem.dO, problem.valueSize))
    reader.refuse("an input of attention_grad is not contiguous along the head");
  if (reader.failed())
    return failure();
  return problem;
}

} // namespace heddle::codegen
