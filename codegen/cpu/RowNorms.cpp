// SPDX-License-Identifier: Apache-2.0
// Layer and root-mean-square normalisation, and their gradients by x, over one row.
#include "codegen/cpu/RowOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace heddle::codegen {
namespace {

class NormEmitter {
public:
  explicit NormEmitter(RowPasses &passes)
      : passes_(passes), b_(passes.builder()), m_(passes.math()) {}

  RowOutcome layerNorm(ir::LayerNormOp op) {
    Value x = op.getX();
    Value mean = average(passes_.sum([&](LanePoint &p) { return Term{lanes(p, x), {}}; }));
    Value mu = passes_.spread(mean);
    // The row is in the cache: a second pass costs little and loses no digits, unlike E[x^2] -
    // mean^2.
    Value variance = average(passes_.sum([&](LanePoint &p) {
      Value deviation = m_.sub(lanes(p, x), mu);
      return Term{deviation, deviation};
    }));
    Value rstd = reciprocalRoot(variance, op.getEps().convertToDouble());
    Value scale = passes_.spread(rstd);
    RowOutcome outcome;
    outcome.statistics = {{op.getMean(), mean}, {op.getRstd(), rstd}};
    outcome.lanes = [=, this](LanePoint &p) mutable {
      Value y = m_.mul(m_.sub(lanes(p, x), mu), scale);
      return affine(p, y, op.getGamma(), op.getBeta());
    };
    return outcome;
  }

  RowOutcome rmsNorm(ir::RmsNormOp op) {
    Value x = op.getX();
    Value square = average(passes_.sum([&](LanePoint &p) {
      Value value = lanes(p, x);
      return Term{value, value};
    }));
    Value rstd = reciprocalRoot(square, op.getEps().convertToDouble());
    Value scale = passes_.spread(rstd);
    RowOutcome outcome;
    outcome.statistics = {{op.getRstd(), rstd}};
    outcome.lanes = [=, this](LanePoint &p) mutable {
      return affine(p, m_.mul(lanes(p, x), scale), op.getGamma(), {});
    };
    return outcome;
  }

  /// dx = rstd (g - mean(g) - n mean(g n)); without a mean of its own, as in rms_norm, no mean(g).
  RowOutcome gradient(Value dy, Value x, Value mean, Value rstd, Value gamma) {
    Value scale = passes_.spread(passes_.kernel().statistic(rstd));
    Value mu = mean ? passes_.spread(passes_.kernel().statistic(mean)) : Value();
    auto normalised = [=, this](LanePoint &p) {
      Value value = lanes(p, x);
      return m_.mul(mu ? m_.sub(value, mu) : value, scale);
    };
    auto scaled = [=, this](LanePoint &p) { return affine(p, lanes(p, dy), gamma, {}); };
    SmallVector<Reduction> kinds(mean ? 2 : 1, Reduction::Sum);
    SmallVector<Value> sums = passes_.reduce(kinds, 4, [&](LanePoint &p) {
      Value g = scaled(p);
      SmallVector<Term> terms{{g, normalised(p)}};
      if (mean)
        terms.push_back({g, {}});
      return terms;
    });
    Value along = passes_.spread(average(sums[0]));
    Value level = mean ? passes_.spread(average(sums[1])) : Value();
    RowOutcome outcome;
    outcome.lanes = [=, this](LanePoint &p) {
      Value g = scaled(p);
      if (level)
        g = m_.sub(g, level);
      return m_.mul(scale, m_.sub(g, m_.mul(normalised(p), along)));
    };
    return outcome;
  }

private:
  Value lanes(LanePoint &point, Value value) { return passes_.lanes(point, value); }

  Value average(Value sum) {
    return arith::DivFOp::create(b_, sum, passes_.scalar(static_cast<double>(passes_.columns())));
  }

  Value reciprocalRoot(Value x, double eps) {
    Value sum = arith::AddFOp::create(b_, x, passes_.scalar(eps));
    return arith::DivFOp::create(b_, passes_.scalar(1.0), math::SqrtOp::create(b_, sum));
  }

  Value affine(LanePoint &point, Value x, Value gamma, Value beta) {
    if (gamma && beta)
      return m_.multiplyAdd(x, lanes(point, gamma), lanes(point, beta));
    if (gamma)
      x = m_.mul(x, lanes(point, gamma));
    if (beta)
      x = m_.add(x, lanes(point, beta));
    return x;
  }

  RowPasses &passes_;
  ImplicitLocOpBuilder &b_;
  MathEmitter &m_;
};

} // namespace

RowOutcome emitNorm(RowPasses &passes, Operation *op) {
  // The outcome's closures use the emitter until the row's last pass.
  auto emitter = std::make_shared<NormEmitter>(passes);
  RowOutcome outcome =
      llvm::TypeSwitch<Operation *, RowOutcome>(op)
          .Case([&](ir::LayerNormOp o) { return emitter->layerNorm(o); })
          .Case([&](ir::RmsNormOp o) { return emitter->rmsNorm(o); })
          .Case([&](ir::LayerNormGradOp o) {
            return emitter->gradient(o.getDy(), o.getX(), o.getMean(), o.getRstd(), o.getGamma());
          })
          .Case([&](ir::RmsNormGradOp o) {
            return emitter->gradient(o.getDy(), o.getX(), {}, o.getRstd(), o.getGamma());
          });
  outcome.lanes = [emitter, lanes = outcome.lanes](LanePoint &point) { return lanes(point); };
  return outcome;
}

} // namespace heddle::codegen
