// SPDX-License-Identifier: Apache-2.0
// Softmax, cross entropy and their gradients over one row.
#include "codegen/cpu/RowOps.h"

#include <limits>

#include "codegen/cpu/LaneMemory.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

class LossEmitter {
public:
  explicit LossEmitter(RowPasses &passes)
      : passes_(passes), b_(passes.builder()), m_(passes.math()) {}

  RowOutcome softmax(ir::SoftmaxOp op) {
    Value x = op.getX();
    Value shift = passes_.spread(finiteOrZero(largest(x)));
    Value sum = passes_.sum(
        [&](LanePoint &p) {
          Value e = m_.expFlushed(m_.sub(passes_.lanes(p, x), shift));
          passes_.keep(p, e);
          return Term{e, {}};
        },
        /*unroll=*/2);
    // A row of only -infinity sums to zero, and gives zeros.
    Value zero = passes_.scalar(0.0);
    Value empty = arith::CmpFOp::create(b_, arith::CmpFPredicate::OEQ, sum, zero);
    Value inverse = arith::DivFOp::create(b_, passes_.scalar(1.0), sum);
    Value scale = passes_.spread(select(empty, zero, inverse));
    RowOutcome outcome;
    outcome.lanes = [=, this](LanePoint &p) { return m_.mul(passes_.kept(p), scale); };
    return outcome;
  }

  RowOutcome softmaxGrad(ir::SoftmaxGradOp op) {
    Value y = op.getY(), dy = op.getDy();
    Value sum = passes_.spread(
        passes_.sum([&](LanePoint &p) { return Term{passes_.lanes(p, y), passes_.lanes(p, dy)}; }));
    RowOutcome outcome;
    outcome.lanes = [=, this](LanePoint &p) {
      return m_.mul(passes_.lanes(p, y), m_.sub(passes_.lanes(p, dy), sum));
    };
    return outcome;
  }

  RowOutcome crossEntropy(ir::CrossEntropyOp op) {
    Value x = op.getLogits();
    double smoothing = op.getLabelSmoothing().convertToDouble();
    Value target = targetOf(op.getTargets());
    Value ignored = isIgnored(target, op.getIgnoreIndex());
    Value shiftScalar = finiteOrZero(largest(x));
    Value shift = passes_.spread(shiftScalar);
    SmallVector<Reduction> kinds(smoothing > 0 ? 2 : 1, Reduction::Sum);
    SmallVector<Value> sums = passes_.reduce(kinds, 2, [&](LanePoint &p) {
      Value offset = m_.sub(passes_.lanes(p, x), shift);
      SmallVector<Term> terms{{m_.expFlushed(offset), {}}};
      if (smoothing > 0)
        terms.push_back({offset, {}});
      return terms;
    });
    // Relative to the largest logit, so that the loss is no difference of large numbers.
    Value logSum = vector::ExtractOp::create(b_, m_.log(passes_.spread(sums[0])), int64_t{0});
    Value lse = arith::AddFOp::create(b_, shiftScalar, logSum);
    Value inside = select(ignored, constantIndex(b_, 0), target);
    Value chosen = arith::SubFOp::create(b_, passes_.element(x, inside), shiftScalar);
    if (smoothing > 0) {
      Value mean = arith::MulFOp::create(
          b_, sums[1], passes_.scalar(smoothing / static_cast<double>(passes_.columns())));
      chosen = arith::AddFOp::create(
          b_, arith::MulFOp::create(b_, chosen, passes_.scalar(1 - smoothing)), mean);
    }
    Value loss = select(ignored, passes_.scalar(0.0), arith::SubFOp::create(b_, logSum, chosen));
    return {{}, {{op.getLosses(), loss}, {op.getLse(), lse}}};
  }

  RowOutcome crossEntropyGrad(ir::CrossEntropyGradOp op) {
    Value x = op.getLogits();
    double smoothing = op.getLabelSmoothing().convertToDouble();
    Value target = targetOf(op.getTargets());
    Value ignored = passes_.spread(isIgnored(target, op.getIgnoreIndex()));
    Value lse = passes_.spread(passes_.kernel().statistic(op.getLse()));
    Value dloss = passes_.spread(passes_.kernel().statistic(op.getDlosses()));
    Value label = spreadIndex(target);
    double off = smoothing / static_cast<double>(passes_.columns());
    RowOutcome outcome;
    outcome.lanes = [=, this](LanePoint &p) {
      Value probability = m_.expFlushed(m_.sub(passes_.lanes(p, x), lse));
      Value numbers = arith::AddIOp::create(b_, spreadIndex(p.column),
                                            laneNumbers(b_, passes_.kernel().lanes()));
      Value hit = arith::CmpIOp::create(b_, arith::CmpIPredicate::eq, numbers, label);
      Value wanted = select(hit, m_.constant(1 - smoothing + off), m_.constant(off));
      Value gradient = m_.mul(dloss, m_.sub(probability, wanted));
      return select(ignored, m_.constant(0.0), gradient);
    };
    return outcome;
  }

private:
  Value select(Value condition, Value yes, Value no) {
    return arith::SelectOp::create(b_, condition, yes, no);
  }

  Value largest(Value x) {
    return passes_.reduce({Reduction::MaxOfNumbers}, 4, [&](LanePoint &p) {
      return SmallVector<Term>{{passes_.lanes(p, x), {}}};
    })[0];
  }

  /// -infinity - (-infinity) would be NaN where every logit is masked.
  Value finiteOrZero(Value scalar) {
    Value masked =
        arith::CmpFOp::create(b_, arith::CmpFPredicate::OEQ, scalar, passes_.scalar(-kInfinity));
    return select(masked, passes_.scalar(0.0), scalar);
  }

  /// As an index; negative where it is so in the input.
  Value targetOf(Value targets) {
    return arith::IndexCastOp::create(b_, b_.getIndexType(), passes_.kernel().statistic(targets));
  }
  Value isIgnored(Value target, int64_t ignoreIndex) {
    return equals(b_, target, constantIndex(b_, ignoreIndex));
  }
  Value spreadIndex(Value index) {
    return passes_.spread(arith::IndexCastOp::create(b_, b_.getI32Type(), index));
  }

  RowPasses &passes_;
  ImplicitLocOpBuilder &b_;
  MathEmitter &m_;
};

} // namespace

RowOutcome emitSoftmaxOrLoss(RowPasses &passes, Operation *op) {
  // The outcome's closures use the emitter until the row's last pass.
  auto emitter = std::make_shared<LossEmitter>(passes);
  RowOutcome outcome =
      llvm::TypeSwitch<Operation *, RowOutcome>(op)
          .Case([&](ir::SoftmaxOp o) { return emitter->softmax(o); })
          .Case([&](ir::SoftmaxGradOp o) { return emitter->softmaxGrad(o); })
          .Case([&](ir::CrossEntropyOp o) { return emitter->crossEntropy(o); })
          .Case([&](ir::CrossEntropyGradOp o) { return emitter->crossEntropyGrad(o); });
  if (outcome.lanes)
    outcome.lanes = [emitter, lanes = outcome.lanes](LanePoint &point) { return lanes(point); };
  return outcome;
}

} // namespace heddle::codegen
