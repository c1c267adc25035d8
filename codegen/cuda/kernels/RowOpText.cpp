// SPDX-License-Identifier: Apache-2.0
#include "codegen/cuda/kernels/RowOpText.h"

#include "codegen/cuda/kernels/KernelForms.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace heddle::codegen::cuda {

RowText::RowText(TextWriter &out, ElementText &element, BodyReads &reads,
                 std::vector<std::string> rowAxes, int threads)
    : out_(out), element_(element), reads_(reads), rowAxes_(std::move(rowAxes)), threads_(threads) {
}

ElementPoint RowText::pointAt(const std::string &column) const {
  ElementPoint point;
  point.axes = rowAxes_;
  point.axes.push_back(column);
  point.number = "(u64)row * " + std::to_string(columns()) + " + " + column;
  return point;
}

void RowText::forColumns(const std::function<void(ElementPoint &)> &body) {
  out_.open("for (u32 c = t; c < " + Twine(columns()) + "; c += " + Twine(threads_) + ")");
  ElementPoint point = pointAt("c");
  body(point);
  out_.close();
}

std::string RowText::define(const char *type, const std::string &expression) {
  std::string name = out_.fresh("r");
  out_.line("const " + Twine(type) + " " + name + " = " + expression + ";");
  return name;
}

SmallVector<std::string>
RowText::sums(size_t count, const std::function<SmallVector<std::string>(ElementPoint &)> &terms) {
  SmallVector<std::string> partial, totals;
  for (size_t i = 0; i < count; ++i) {
    partial.push_back(out_.fresh("sum"));
    out_.line("float " + partial.back() + " = 0.0f;");
  }
  forColumns([&](ElementPoint &point) {
    for (auto [name, term] : llvm::zip(partial, terms(point)))
      out_.line(name + " += " + term + ";");
  });
  for (const std::string &name : partial)
    totals.push_back(define("float", "gk_block_sum(" + name + ", scratch)"));
  return totals;
}

std::string RowText::sum(const std::function<std::string(ElementPoint &)> &term) {
  return sums(1, [&](ElementPoint &point) { return SmallVector<std::string>{term(point)}; })[0];
}

std::string RowText::largest(Value x, bool propagateNan) {
  std::string most = out_.fresh("most");
  out_.line("float " + most + " = -gk_infinity();");
  std::string missing = out_.fresh("missing");
  if (propagateNan)
    out_.line("float " + missing + " = 0.0f;");
  forColumns([&](ElementPoint &point) {
    std::string name = value(point, x);
    out_.line(most + " = gk_fmax(" + most + ", " + name + ");");
    if (propagateNan)
      out_.line(missing + " += " + name + " != " + name + " ? 1.0f : 0.0f;");
  });
  std::string result = define("float", "gk_block_max(" + most + ", scratch)");
  if (!propagateNan)
    return result;
  return define("float", "gk_block_sum(" + missing + ", scratch) > 0.0f ? " + floatLiteral(NAN) +
                             " : " + result);
}

std::string RowText::statistic(Value value) {
  std::vector<std::string> axes = rowAxes_;
  axes.push_back("0");
  Type type = cast<RankedTensorType>(value.getType()).getElementType();
  return define(registerType(type).c_str(), element_.read(value, axes));
}

namespace {

class OpWriter {
public:
  explicit OpWriter(RowText &row) : row_(row) {}

  RowResult sum(ir::SumOp op) {
    std::string total = row_.sum([&](ElementPoint &p) { return row_.value(p, op.getX()); });
    return {{}, {}, {{op.getY(), total}}};
  }
  RowResult max(ir::MaxOp op) {
    return {{}, {}, {{op.getY(), row_.largest(op.getX(), /*propagateNan=*/true)}}};
  }

  RowResult layerNorm(ir::LayerNormOp op) {
    Value x = op.getX();
    std::string mean = average(row_.sum([&](ElementPoint &p) { return row_.value(p, x); }));
    // A second pass loses no digits, unlike E[x^2] - mean^2.
    std::string variance = average(row_.sum([&](ElementPoint &p) {
      std::string deviation = local(row_.value(p, x) + " - " + mean);
      return deviation + " * " + deviation;
    }));
    std::string rstd = reciprocalRoot(variance, op.getEps().convertToDouble());
    auto full = [=, this](ElementPoint &p) mutable {
      std::string y = "(" + row_.value(p, x) + " - " + mean + ") * " + rstd;
      return affine(p, y, op.getGamma(), op.getBeta());
    };
    return {full, op.getY(), {{op.getMean(), mean}, {op.getRstd(), rstd}}};
  }

  RowResult rmsNorm(ir::RmsNormOp op) {
    Value x = op.getX();
    std::string square = average(row_.sum([&](ElementPoint &p) {
      std::string name = row_.value(p, x);
      return name + " * " + name;
    }));
    std::string rstd = reciprocalRoot(square, op.getEps().convertToDouble());
    auto full = [=, this](ElementPoint &p) mutable {
      return affine(p, row_.value(p, x) + " * " + rstd, op.getGamma(), {});
    };
    return {full, op.getY(), {{op.getRstd(), rstd}}};
  }

  /// dx = rstd (g - mean(g) - n mean(g n)); without a mean of its own, as in rms_norm, no mean(g).
  RowResult normGradient(Value dx, Value dy, Value x, Value mean, Value rstd, Value gamma) {
    std::string scale = row_.statistic(rstd), mu = mean ? row_.statistic(mean) : "";
    auto normalised = [=, this](ElementPoint &p) {
      std::string name = row_.value(p, x);
      return local(mean ? "(" + name + " - " + mu + ") * " + scale : name + " * " + scale);
    };
    auto scaled = [=, this](ElementPoint &p) { return affine(p, row_.value(p, dy), gamma, {}); };
    SmallVector<std::string> sums = row_.sums(mean ? 2 : 1, [&](ElementPoint &p) {
      std::string g = scaled(p);
      SmallVector<std::string> terms{g + " * " + normalised(p)};
      if (mean)
        terms.push_back(g);
      return terms;
    });
    std::string along = average(sums[0]), level = mean ? average(sums[1]) : "";
    auto full = [=, this](ElementPoint &p) mutable {
      std::string g = scaled(p);
      if (mean)
        g = "(" + g + " - " + level + ")";
      return local(scale + " * (" + g + " - " + normalised(p) + " * " + along + ")");
    };
    return {full, dx, {}};
  }

  RowResult softmax(ir::SoftmaxOp op) {
    Value x = op.getX();
    std::string shift = finiteOrZero(row_.largest(x, /*propagateNan=*/false));
    auto weight = [=, this](ElementPoint &p) {
      return "gk_exp_flushed(" + row_.value(p, x) + " - " + shift + ")";
    };
    std::string sum = row_.sum(weight);
    // A row of only -infinity sums to zero, and gives zeros.
    std::string scale = row_.define("float", sum + " == 0.0f ? 0.0f : 1.0f / " + sum);
    auto full = [=, this](ElementPoint &p) mutable { return local(weight(p) + " * " + scale); };
    return {full, op.getY(), {}};
  }

  RowResult softmaxGradient(ir::SoftmaxGradOp op) {
    Value y = op.getY(), dy = op.getDy();
    std::string sum =
        row_.sum([&](ElementPoint &p) { return row_.value(p, y) + " * " + row_.value(p, dy); });
    auto full = [=, this](ElementPoint &p) mutable {
      return local(row_.value(p, y) + " * (" + row_.value(p, dy) + " - " + sum + ")");
    };
    return {full, op.getDx(), {}};
  }

  RowResult crossEntropy(ir::CrossEntropyOp op) {
    Value x = op.getLogits();
    double smoothing = op.getLabelSmoothing().convertToDouble();
    std::string target = row_.statistic(op.getTargets());
    std::string ignored = isIgnored(target, op.getIgnoreIndex());
    std::string shift = finiteOrZero(row_.largest(x, /*propagateNan=*/false));
    SmallVector<std::string> sums = row_.sums(smoothing > 0 ? 2 : 1, [&](ElementPoint &p) {
      std::string offset = local(row_.value(p, x) + " - " + shift);
      SmallVector<std::string> terms{"gk_exp_flushed(" + offset + ")"};
      if (smoothing > 0)
        terms.push_back(offset);
      return terms;
    });
    // Relative to the largest logit, so that the loss is no difference of large numbers.
    std::string logSum = row_.define("float", "gk_log(" + sums[0] + ")");
    std::string lse = row_.define("float", shift + " + " + logSum);
    ElementPoint at = row_.pointAt(row_.define("u32", ignored + " ? 0 : (u32)" + target));
    std::string chosen = row_.define("float", row_.value(at, x) + " - " + shift);
    if (smoothing > 0) {
      std::string share = floatLiteral(smoothing / static_cast<double>(row_.columns()));
      chosen = row_.define("float", chosen + " * " + floatLiteral(1 - smoothing) + " + " + sums[1] +
                                        " * " + share);
    }
    std::string loss = row_.define("float", ignored + " ? 0.0f : " + logSum + " - " + chosen);
    return {{}, {}, {{op.getLosses(), loss}, {op.getLse(), lse}}};
  }

  RowResult crossEntropyGradient(ir::CrossEntropyGradOp op) {
    Value x = op.getLogits();
    double smoothing = op.getLabelSmoothing().convertToDouble();
    double off = smoothing / static_cast<double>(row_.columns());
    std::string target = row_.statistic(op.getTargets());
    std::string ignored = isIgnored(target, op.getIgnoreIndex());
    std::string lse = row_.statistic(op.getLse()), dloss = row_.statistic(op.getDlosses());
    auto full = [=, this](ElementPoint &p) mutable {
      std::string wanted = p.axes.back() + " == (u32)" + target + " ? " +
                           floatLiteral(1 - smoothing + off) + " : " + floatLiteral(off);
      std::string gradient =
          dloss + " * (gk_exp_flushed(" + row_.value(p, x) + " - " + lse + ") - (" + wanted + "))";
      return local(ignored + " ? 0.0f : " + gradient);
    };
    return {full, op.getDlogits(), {}};
  }

private:
  /// A name for an expression within a loop.
  std::string local(const std::string &expression) { return row_.define("float", expression); }

  std::string average(const std::string &sum) {
    return row_.define("float", sum + " / " + floatLiteral(static_cast<double>(row_.columns())));
  }
  std::string reciprocalRoot(const std::string &x, double eps) {
    return row_.define("float", "gk_rsqrt_exact(" + x + " + " + floatLiteral(eps) + ")");
  }
  /// -infinity - (-infinity) would be NaN where every logit is masked.
  std::string finiteOrZero(const std::string &x) {
    return row_.define("float", x + " == -gk_infinity() ? 0.0f : " + x);
  }
  std::string isIgnored(const std::string &target, int64_t ignoreIndex) {
    return row_.define("bool", target + " == " + std::to_string(ignoreIndex));
  }
  std::string affine(ElementPoint &point, std::string x, Value gamma, Value beta) {
    if (gamma)
      x = x + " * " + row_.value(point, gamma);
    if (beta)
      x = x + " + " + row_.value(point, beta);
    return local(x);
  }

  RowText &row_;
};

} // namespace

RowReads rowReadsOf(Operation *op) {
  RowReads reads;
  if (auto norm = dyn_cast<ir::LayerNormGradOp>(op))
    reads.statistics = {norm.getMean(), norm.getRstd()};
  else if (auto norm = dyn_cast<ir::RmsNormGradOp>(op))
    reads.statistics = {norm.getRstd()};
  else if (auto loss = dyn_cast<ir::CrossEntropyOp>(op))
    reads.statistics = {loss.getTargets()};
  else if (auto loss = dyn_cast<ir::CrossEntropyGradOp>(op))
    reads.statistics = {loss.getTargets(), loss.getLse(), loss.getDlosses()};
  for (Value operand : op->getOperands())
    if (!llvm::is_contained(reads.statistics, operand))
      reads.full.push_back(operand);
  return reads;
}

RowResult writeRowOp(RowText &row, Operation *op) {
  // The result's closures use the writer until the row's last pass.
  auto writer = std::make_shared<OpWriter>(row);
  RowResult result =
      llvm::TypeSwitch<Operation *, RowResult>(op)
          .Case([&](ir::SumOp o) { return writer->sum(o); })
          .Case([&](ir::MaxOp o) { return writer->max(o); })
          .Case([&](ir::LayerNormOp o) { return writer->layerNorm(o); })
          .Case([&](ir::RmsNormOp o) { return writer->rmsNorm(o); })
          .Case([&](ir::LayerNormGradOp o) {
            return writer->normGradient(o.getDx(), o.getDy(), o.getX(), o.getMean(), o.getRstd(),
                                        o.getGamma());
          })
          .Case([&](ir::RmsNormGradOp o) {
            return writer->normGradient(o.getDx(), o.getDy(), o.getX(), {}, o.getRstd(),
                                        o.getGamma());
          })
          .Case([&](ir::SoftmaxOp o) { return writer->softmax(o); })
          .Case([&](ir::SoftmaxGradOp o) { return writer->softmaxGradient(o); })
          .Case([&](ir::CrossEntropyOp o) { return writer->crossEntropy(o); })
          .Case([&](ir::CrossEntropyGradOp o) { return writer->crossEntropyGradient(o); });
  if (result.full)
    result.full = [writer, full = result.full](ElementPoint &point) { return full(point); };
  return result;
}

} // namespace heddle::codegen::cuda
