// SPDX-License-Identifier: Apache-2.0
// Layer norm and RMS norm, from the statistics that the forward op saved.
#include "passes/autodiff/Rules.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes::autodiff {
namespace {

// y = (x - mean) rstd gamma + beta; operands: x, [gamma], [beta]
Gradients layerNorm(LayerNormOp op, OpBuilder &b, ValueRange dys) {
  Location loc = op.getLoc();
  Gradients gradients = {LayerNormGradOp::create(b, loc, dys[0], op.getX(), op.getMean(),
                                                 op.getRstd(), op.getGamma())};
  if (!op.getGamma() && !op.getBeta())
    return gradients;
  auto params = LayerNormParamGradOp::create(b, loc, dys[0], op.getX(), op.getMean(), op.getRstd());
  if (op.getGamma())
    gradients.push_back(params.getDgamma());
  if (op.getBeta())
    gradients.push_back(params.getDbeta());
  return gradients;
}

// y = x rstd gamma; operands: x, [gamma]
Gradients rmsNorm(RmsNormOp op, OpBuilder &b, ValueRange dys) {
  Location loc = op.getLoc();
  Gradients gradients = {
      RmsNormGradOp::create(b, loc, dys[0], op.getX(), op.getRstd(), op.getGamma())};
  if (op.getGamma())
    gradients.push_back(RmsNormParamGradOp::create(b, loc, dys[0], op.getX(), op.getRstd()));
  return gradients;
}

} // namespace

void attachNormRules(MLIRContext *context) {
  attach<LayerNormOp, layerNorm>(context);
  attach<RmsNormOp, rmsNorm>(context);
}

} // namespace heddle::passes::autodiff
