// SPDX-License-Identifier: Apache-2.0
// adamw, and the norm of all gradients.
#include "codegen/cpu/KernelModule.h"
#include "codegen/cpu/LaneMemory.h"
#include "codegen/cpu/LaneTasks.h"
#include "codegen/cpu/MathEmitter.h"
#include "codegen/cpu/SingleOps.h"
#include "ir/ViewChain.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

/// The numbers of a step that are the same for all elements, spread over the lanes.
struct AdamWNumbers {
  Value gradientScale, decay, beta1, oneMinusBeta1, beta2, oneMinusBeta2, eps, stepSize, root2;
};

AdamWNumbers loadNumbers(ImplicitLocOpBuilder &b, int64_t lanes, Value hyper, Value scale) {
  auto number = [&](int64_t i) { return loadScalar(b, hyper, constantIndex(b, i)); };
  auto spread = [&](Value scalar) { return broadcast(b, lanes, scalar); };
  AdamWNumbers n;
  n.gradientScale = spread(loadScalar(b, scale, constantIndex(b, 0)));
  n.decay = spread(arith::NegFOp::create(b, arith::MulFOp::create(b, number(0), number(1))));
  n.beta1 = spread(number(2));
  n.oneMinusBeta1 = spread(number(3));
  n.beta2 = spread(number(4));
  n.oneMinusBeta2 = spread(number(5));
  n.eps = spread(number(6));
  n.stepSize = spread(arith::DivFOp::create(b, number(0), number(7)));
  n.root2 = spread(math::SqrtOp::create(b, number(8)));
  return n;
}

/// Element i is buffer[offset + i * stride].
struct Line {
  Value buffer, offset;
  int64_t stride = 1;
};

/// Adds the squares of elements [first, last) to a vector of f64.
Value addSquares(ImplicitLocOpBuilder &b, int64_t lanes, Line line, Value first, Value last,
                 Value sums) {
  auto type = cast<VectorType>(sums.getType());
  auto step = [&](Value at, Value carried, Value mask) -> Value {
    Value from = addIndex(b, line.offset, mulIndex(b, at, line.stride));
    Value x = line.stride == 1 ? loadVector(b, lanes, line.buffer, from, mask)
                               : gatherVector(b, lanes, line.buffer, from, line.stride, mask);
    if (!cast<VectorType>(x.getType()).getElementType().isF64())
      x = arith::ExtFOp::create(b, type, x);
    return arith::AddFOp::create(b, carried, arith::MulFOp::create(b, x, x));
  };
  Value count = subIndex(b, last, first);
  Value wholeEnd = addIndex(b, first, mulIndex(b, divIndex(b, count, lanes), lanes));
  Value whole =
      forLoop(b, first, wholeEnd, lanes, ValueRange{sums}, [&](Value at, ValueRange carried) {
        return SmallVector<Value>{step(at, carried[0], {})};
      })[0];
  // With nothing left the mask is empty, and zeros are added.
  return step(wholeEnd, whole, prefixMask(b, lanes, subIndex(b, last, wholeEnd)));
}

/// The value of a constant that is the same everywhere.
std::optional<double> splatOf(Value value) {
  auto constant = ir::viewThroughChain(value).root.getDefiningOp<ir::ConstantOp>();
  auto elements = constant ? dyn_cast<SplatElementsAttr>(constant.getValue()) : SplatElementsAttr();
  if (!elements)
    return std::nullopt;
  return elements.getSplatValue<APFloat>().convertToDouble();
}

Value sumAcross(ImplicitLocOpBuilder &b, Value vector) {
  return vector::ReductionOp::create(b, vector::CombiningKind::ADD, vector,
                                     arith::FastMathFlags::reassoc);
}

Value zeros64(ImplicitLocOpBuilder &b, int64_t lanes) {
  return arith::ConstantOp::create(b, b.getZeroAttr(VectorType::get({lanes}, b.getF64Type())));
}

void storeRoot(ImplicitLocOpBuilder &b, Value sum, Value output) {
  Value root = math::SqrtOp::create(b, sum);
  if (!cast<MemRefType>(output.getType()).getElementType().isF64())
    root = arith::TruncFOp::create(b, b.getF32Type(), root);
  storeScalar(b, root, output, constantIndex(b, 0));
}

} // namespace

SingleResult generateAdamW(ir::KernelOp kernel, ir::AdamWOp op, const Target &target,
                           std::string *reason) {
  KernelModule module(kernel);
  ImplicitLocOpBuilder &b = module.builder();
  LaneKernel lanes(b, target, kernel, op.getParam().getType().getShape().vec(), reason);
  for (Value value : {op.getParam(), op.getGradient(), op.getM(), op.getV()})
    lanes.reads().addLeaves(value);
  std::optional<unsigned> hyper = denseArgument(op.getHyper());
  std::optional<unsigned> scale = denseArgument(op.getGradientScale());
  if (!op.getParam().getType().getElementType().isF32() || !hyper || !scale)
    lanes.fail("adamw takes f32 and reads its numbers from dense inputs");
  if (!lanes.ok())
    return failure();
  lanes.space().collapse();
  LaneTasks tasks(lanes);
  ScratchLayout none;
  emitEntry(b, "adamw", operandBufferTypes(kernel), none.type(b), [&](const EntryArguments &entry) {
    lanes.bind(entry.operands);
    MathEmitter m(b, lanes.lanes(), target.hasFma());
    AdamWNumbers n = loadNumbers(b, lanes.lanes(), entry.operands[*hyper], entry.operands[*scale]);
    tasks.emit(entry.begin, entry.end, [&](LanePoint &point, Value offset) {
      Value p = lanes.lanes(point, op.getParam());
      Value g = m.mul(lanes.lanes(point, op.getGradient()), n.gradientScale);
      Value newM = m.multiplyAdd(n.beta1, lanes.lanes(point, op.getM()), m.mul(n.oneMinusBeta1, g));
      Value newV = m.multiplyAdd(n.beta2, lanes.lanes(point, op.getV()),
                                 m.mul(m.mul(n.oneMinusBeta2, g), g));
      // p - p (lr decay), not p (1 - lr decay): the small number keeps its digits.
      if (op.getDecay())
        p = m.multiplyAdd(p, n.decay, p);
      Value denominator = m.add(m.div(math::SqrtOp::create(b, newV), n.root2), n.eps);
      Value newP = m.sub(p, m.div(m.mul(n.stepSize, newM), denominator));
      unsigned operand = kernel.getNumOperands();
      for (Value yielded : kernel.getBody().front().getTerminator()->getOperands()) {
        Value value = underReshapes(yielded);
        Value result = value == op.getNewParam() ? newP : value == op.getNewM() ? newM : newV;
        lanes.store(result, operand++, offset, point.mask);
      }
    });
  });
  if (!lanes.ok())
    return failure();
  return module.finish("adamw", tasks.count(), /*scratchBytes=*/0,
                       15.0 * static_cast<double>(op.getParam().getType().getNumElements()));
}

SingleResult generateSumSquares(ir::KernelOp kernel, ir::SumSquaresOp op, const Target &target,
                                std::string *reason) {
  KernelModule module(kernel);
  ImplicitLocOpBuilder &b = module.builder();
  LaneKernel lanes(b, target, kernel, op.getX().getType().getShape().vec(), reason);
  lanes.reads().addLeaves(op.getX());
  if (!lanes.ok())
    return failure();
  lanes.space().collapse();
  int64_t inner = lanes.space().inner(), elements = op.getX().getType().getNumElements();
  int64_t stride = lanes.space().innerStride(0);
  int64_t chunk = ir::SumSquaresOp::kChunk, width = target.lanes();
  std::optional<double> same = splatOf(op.getX());
  ScratchLayout none;
  emitEntry(b, "sum_squares", operandBufferTypes(kernel), none.type(b),
            [&](const EntryArguments &entry) {
              lanes.bind(entry.operands);
              forLoop(b, entry.begin, entry.end, 1, [&](Value task) {
                Value low = mulIndex(b, task, chunk);
                Value high = minIndex(b, addIndex(b, low, chunk), constantIndex(b, elements));
                if (same) { // the gradient of a parameter that the loss does not use
                  Value count = arith::SIToFPOp::create(
                      b, b.getF64Type(),
                      arith::IndexCastOp::create(b, b.getI64Type(), subIndex(b, high, low)));
                  Value square = arith::ConstantOp::create(b, b.getF64FloatAttr(*same * *same));
                  return storeScalar(b, arith::MulFOp::create(b, count, square),
                                     entry.operands.back(), task);
                }
                // The rows that the chunk touches; one where the tensor is dense.
                Value lastRow =
                    addIndex(b, divIndex(b, subIndex(b, high, constantIndex(b, 1)), inner), 1);
                Value sums = forLoop(
                    b, divIndex(b, low, inner), lastRow, 1, ValueRange{zeros64(b, width)},
                    [&](Value row, ValueRange carried) {
                      lanes.beginRow(row);
                      Value start = mulIndex(b, row, inner);
                      Value from = subIndex(b, maxIndex(b, low, start), start);
                      Value to = minIndex(b, subIndex(b, high, start), constantIndex(b, inner));
                      return SmallVector<Value>{addSquares(
                          b, width, {lanes.bufferOf(op.getX()), lanes.rowOffset(op.getX()), stride},
                          from, to, carried[0])};
                    })[0];
                storeScalar(b, sumAcross(b, sums), entry.operands.back(), task);
              });
            });
  if (!lanes.ok())
    return failure();
  return module.finish("sum_squares", (elements + chunk - 1) / chunk, /*scratchBytes=*/0,
                       2.0 * static_cast<double>(elements));
}

/// One task: what is left to add is little (norm_of_partials), or nobody asked for speed
/// (global_norm, which heddle-expand-composites splits).
static SingleResult generateNorm(ir::KernelOp kernel, Operation *op, bool square,
                                 const Target &target, std::string *reason) {
  KernelModule module(kernel);
  ImplicitLocOpBuilder &b = module.builder();
  SmallVector<unsigned> arguments;
  for (Value operand : op->getOperands()) {
    std::optional<unsigned> argument = denseArgument(operand);
    if (!argument) {
      *reason = "the norm of a tensor that is no dense input";
      return failure();
    }
    arguments.push_back(*argument);
  }
  ScratchLayout none;
  double elements = 0;
  emitEntry(b, "norm", operandBufferTypes(kernel), none.type(b), [&](const EntryArguments &entry) {
    forLoop(b, entry.begin, entry.end, 1, [&](Value) {
      Value sum = arith::ConstantOp::create(b, b.getF64FloatAttr(0));
      for (unsigned argument : arguments) {
        Value buffer = entry.operands[argument];
        auto type = cast<MemRefType>(buffer.getType());
        elements += static_cast<double>(type.getNumElements());
        Value none = constantIndex(b, 0), all = constantIndex(b, type.getNumElements());
        if (square) {
          Value squares =
              addSquares(b, target.lanes(), {buffer, none}, none, all, zeros64(b, target.lanes()));
          sum = arith::AddFOp::create(b, sum, sumAcross(b, squares));
          continue;
        }
        sum = forLoop(b, none, all, 1, ValueRange{sum}, [&](Value i, ValueRange carried) {
          Value x = loadScalar(b, buffer, i);
          if (!x.getType().isF64())
            x = arith::ExtFOp::create(b, b.getF64Type(), x);
          return SmallVector<Value>{arith::AddFOp::create(b, carried[0], x)};
        })[0];
      }
      storeRoot(b, sum, entry.operands.back());
    });
  });
  return module.finish("norm", /*tasks=*/1, /*scratchBytes=*/0, 2 * elements);
}

SingleResult generateGlobalNorm(ir::KernelOp kernel, ir::GlobalNormOp op, const Target &target,
                                std::string *reason) {
  return generateNorm(kernel, op, /*square=*/true, target, reason);
}

SingleResult generateNormOfPartials(ir::KernelOp kernel, ir::NormOfPartialsOp op,
                                    const Target &target, std::string *reason) {
  return generateNorm(kernel, op, /*square=*/false, target, reason);
}

} // namespace heddle::codegen
