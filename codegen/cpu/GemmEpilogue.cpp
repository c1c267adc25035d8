// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/GemmEpilogue.h"

#include "codegen/cpu/ElementwiseEmitter.h"
#include "ir/ViewChain.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

RankedTensorType tensorType(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Emits the body of the epilogue's inner loop: one vector of columns of one row.
class VectorOfRow {
public:
  VectorOfRow(ImplicitLocOpBuilder &b, const Target &target, ir::KernelOp kernel,
              const GemmProblem &problem, Block::BlockArgListType operands, Value row, Value column,
              Value mask, const llvm::DenseMap<Value, RngWords> &rng)
      : b_(b), rng_(rng), target_(target), kernel_(kernel), problem_(problem),
        matmul_(problem.matmul), operands_(operands), row_(row), column_(column), mask_(mask) {}

  LogicalResult emit(Value sums, std::string *reason) {
    lanes_[matmul_.getY()] = sums;
    Block &body = kernel_.getBody().front();
    for (Operation &op : body.without_terminator())
      if (&op != matmul_.getOperation() && !isInputOrView(&op))
        if (failed(emitOp(op, reason)))
          return failure();
    // All loads stand before the first store: an output may replace an input.
    unsigned output = kernel_.getNumOperands();
    for (Value yielded : body.getTerminator()->getOperands()) {
      auto found = lanes_.find(yielded);
      if (found == lanes_.end()) {
        *reason = "a gemm kernel yields a value that its matmul does not reach";
        return failure();
      }
      Value offset = addIndex(b_, mulIndex(b_, row_, problem_.n), column_);
      storeLanes(found->second, operands_[output++], offset);
    }
    return success();
  }

private:
  /// Ops that only say how an input is read.
  bool isInputOrView(Operation *op) {
    if (isa<ir::ConstantOp>(op))
      return true;
    return op->hasTrait<ir::ViewTrait>() && !lanes_.count(op->getOperand(0));
  }

  LogicalResult emitOp(Operation &op, std::string *reason) {
    if (auto reshape = dyn_cast<ir::ReshapeOp>(op)) {
      // The last axis stays: another split of the rows, the same elements.
      ArrayRef<int64_t> shape = tensorType(reshape.getY()).getShape();
      if ((shape.empty() ? 1 : shape.back()) != problem_.n) {
        *reason = "a reshape in a gemm's epilogue changes the last axis";
        return failure();
      }
      Value same = lanes_.at(reshape.getX()); // a copy: the next line may move the map's values
      lanes_[reshape.getY()] = same;
      return success();
    }
    LaneContext context;
    context.lanes = target_.lanes();
    context.fma = target_.hasFma();
    SmallVector<Value> lanes;
    for (Value operand : op.getOperands()) {
      if (auto found = rng_.find(operand); found != rng_.end()) {
        context.rng = found->second;
        context.firstElement = addIndex(b_, mulIndex(b_, row_, problem_.n), column_);
        lanes.push_back(lanes.front()); // not read: the state comes with the context
        continue;
      }
      FailureOr<Value> lane = laneOf(operand, tensorType(op.getResult(0)), reason);
      if (failed(lane))
        return failure();
      lanes.push_back(*lane);
    }
    FailureOr<Value> result = emitElementwise(b_, &op, lanes, context);
    if (failed(result)) {
      *reason = "no code for " + op.getName().getStringRef().str() + " in a gemm's epilogue";
      return failure();
    }
    lanes_[op.getResult(0)] = *result;
    return success();
  }

  FailureOr<Value> laneOf(Value value, RankedTensorType iteration, std::string *reason) {
    if (auto found = lanes_.find(value); found != lanes_.end())
      return found->second;
    ir::ViewOfRoot source = ir::viewThroughChain(value);
    if (auto constant = source.root.getDefiningOp<ir::ConstantOp>())
      if (auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
          elements && elements.isSplat())
        return splatConstant(elements);
    auto argument = dyn_cast<BlockArgument>(source.root);
    if (!argument) {
      *reason = "an operand of a gemm's epilogue is no strided view of an input";
      return failure();
    }
    Value buffer = operands_[argument.getArgNumber()];
    ir::StridedView view = source.view.broadcastTo(iteration.getShape().vec());
    // An axis of one element may have any stride.
    int64_t last = view.sizes.empty() || view.sizes.back() == 1 ? 0 : view.strides.back();
    if (last != 0 && last != 1) {
      *reason = "an operand of a gemm's epilogue is not contiguous along the last axis";
      return failure();
    }
    Value offset = rowOffset(view);
    if (last == 1)
      return loadLanes(buffer, addIndex(b_, offset, column_));
    return broadcastElement(buffer, offset);
  }

  /// Where row_, the linear index over all axes but the last, starts in the buffer of `view`.
  Value rowOffset(const ir::StridedView &view) {
    Value offset = constantIndex(b_, view.offset), rest = row_;
    for (int axis = static_cast<int>(view.sizes.size()) - 2; axis >= 0;) {
      // Axes that nest without a gap count as one.
      int64_t size = view.sizes[axis], stride = view.strides[axis--];
      while (axis >= 0 && (view.strides[axis] == size * stride || view.sizes[axis] == 1))
        size *= view.sizes[axis--];
      Value index = axis < 0 ? rest : remIndex(b_, rest, size);
      offset = addIndex(b_, offset, mulIndex(b_, index, stride));
      if (axis >= 0)
        rest = divIndex(b_, rest, size);
    }
    return offset;
  }

  Value splatConstant(DenseElementsAttr elements) {
    Type element = elements.getElementType();
    auto type = VectorType::get({target_.lanes()}, element);
    return arith::ConstantOp::create(
        b_, DenseElementsAttr::get(type, elements.getSplatValue<Attribute>()));
  }

  /// Memory holds i1 as a byte.
  Value fromMemory(Value lanes, Type element) {
    if (!cast<VectorType>(lanes.getType()).getElementType().isInteger(8))
      return lanes;
    Value zero = arith::ConstantOp::create(b_, b_.getZeroAttr(lanes.getType()));
    return arith::CmpIOp::create(b_, arith::CmpIPredicate::ne, lanes, zero);
  }

  Value loadLanes(Value buffer, Value offset) {
    return fromMemory(loadVector(b_, target_.lanes(), buffer, offset, mask_), {});
  }

  Value broadcastElement(Value buffer, Value offset) {
    return fromMemory(broadcast(b_, target_.lanes(), loadScalar(b_, buffer, offset)), {});
  }

  void storeLanes(Value lanes, Value buffer, Value offset) {
    auto type = cast<VectorType>(lanes.getType());
    if (type.getElementType().isInteger(1))
      lanes = arith::ExtUIOp::create(b_, type.clone(b_.getI8Type()), lanes);
    storeVector(b_, lanes, buffer, offset, mask_);
  }

  ImplicitLocOpBuilder &b_;
  const llvm::DenseMap<Value, RngWords> &rng_;
  const Target &target_;
  ir::KernelOp kernel_;
  const GemmProblem &problem_;
  ir::MatmulOp matmul_;
  Block::BlockArgListType operands_;
  Value row_, column_, mask_;
  llvm::DenseMap<Value, Value> lanes_;
};

} // namespace

bool isPlainGemm(ir::KernelOp kernel, ir::MatmulOp matmul) {
  Operation *yield = kernel.getBody().front().getTerminator();
  if (yield->getNumOperands() != 1)
    return false;
  Value value = yield->getOperand(0);
  while (auto reshape = value.getDefiningOp<ir::ReshapeOp>())
    value = reshape.getX();
  return value == matmul.getY();
}

FailureOr<func::FuncOp> emitEpilogue(ImplicitLocOpBuilder &b, const Target &target,
                                     ir::KernelOp kernel, const GemmProblem &problem,
                                     const EpilogueSpec &spec, std::string *reason) {
  int64_t lanes = target.lanes();
  Type index = b.getIndexType();
  SmallVector<Type> types(spec.operands);
  types.append({spec.scratch, index, index, index, index, index});
  LogicalResult result = success();
  func::FuncOp function = privateFunction(b, spec.name, types, [&](Block::BlockArgListType args) {
    auto operands = args.take_front(spec.operands.size());
    auto rest = args.drop_front(spec.operands.size());
    Value scratch = rest[0], offset = rest[1], firstRow = rest[2], rows = rest[3];
    Value firstColumn = rest[4], columns = rest[5];
    llvm::DenseMap<Value, RngWords> rng;
    kernel.walk([&](ir::DropoutOp dropout) {
      if (auto argument = dyn_cast<BlockArgument>(dropout.getRng()))
        rng.try_emplace(argument, loadRngWords(b, operands[argument.getArgNumber()]));
    });
    Value whole = mulIndex(b, divIndex(b, columns, lanes), lanes);
    forLoop(b, constantIndex(b, 0), rows, 1, [&](Value row) {
      Value line = addIndex(b, offset, mulIndex(b, row, spec.width));
      auto vector = [&](Value column, Value mask) {
        Value sums = loadVector(b, lanes, scratch, addIndex(b, line, column));
        VectorOfRow writer(b, target, kernel, problem, operands, addIndex(b, firstRow, row),
                           addIndex(b, firstColumn, column), mask, rng);
        if (failed(writer.emit(sums, reason)))
          result = failure();
      };
      forLoop(b, constantIndex(b, 0), whole, lanes, [&](Value column) { vector(column, {}); });
      if (problem.n % lanes != 0)
        ifThen(b, lessThan(b, whole, columns),
               [&] { vector(whole, prefixMask(b, lanes, problem.n % lanes)); });
    });
  });
  if (failed(result))
    return failure();
  return function;
}

} // namespace heddle::codegen
