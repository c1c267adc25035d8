// SPDX-License-Identifier: Apache-2.0
// One case or more a rule: vector-Jacobian products against central differences, over odd shapes
// and broadcasts. Composite ops have their own file.
#include <gtest/gtest.h>

#include "tests/passes/GradientCheck.h"

using namespace mlir;
using namespace heddle::ir;

namespace heddle::passes {
namespace {

using Case = GradientCase;

/// y = op(x), x in [low, high).
template <typename Op> Case unary(std::string name, double low = -2.0, double high = 2.0) {
  return {name, [=](Graph &g) { g.output(make<Op>(g, g.param({3, 5}, low, high))); }};
}

/// y = op(l, r) over equal shapes, a row, a column, a scalar, and both sides repeated.
template <typename Op> Case binary(std::string name, double low = -2.0) {
  return {name, [=](Graph &g) {
            auto both = [&](std::vector<int64_t> l, std::vector<int64_t> r) {
              Value lhs = g.param(l, low, 2.0), rhs = g.param(r, low, 2.0);
              g.output(make<Op>(g, lhs, rhs));
            };
            both({3, 5}, {3, 5});
            both({2, 3, 5}, {5});
            both({3, 1}, {2, 3, 5});
            both({}, {3, 5});
            both({3, 1}, {1, 5});
            both({2, 1, 1}, {1, 7});
          }};
}

std::vector<Case> elementwiseCases() {
  return {binary<AddOp>("add"),
          binary<SubOp>("sub"),
          binary<MulOp>("mul"),
          binary<DivOp>("div", 0.5),
          binary<MaximumOp>("maximum"),
          binary<MinimumOp>("minimum"),
          unary<NegOp>("neg"),
          unary<ExpOp>("exp"),
          unary<LogOp>("log", 0.3),
          unary<SqrtOp>("sqrt", 0.3),
          unary<RsqrtOp>("rsqrt", 0.3),
          unary<TanhOp>("tanh"),
          unary<ErfOp>("erf"),
          unary<SigmoidOp>("sigmoid"),
          unary<ReluOp>("relu"),
          unary<SiluOp>("silu"),
          {"gelu", [](Graph &g) { g.output(make<GeluOp>(g, g.param({3, 5}, -3, 3), false)); }},
          {"gelu_tanh", [](Graph &g) { g.output(make<GeluOp>(g, g.param({3, 5}, -3, 3), true)); }},
          {"select",
           [](Graph &g) {
             Value t = g.param({3, 5}), f = g.param({5});
             g.output(make<SelectOp>(g, g.mask({2, 1, 5}), t, f));
           }},
          {"cast",
           [](Graph &g) {
             // To the same type: rounding has no derivative to compare with.
             Value x = g.param({3});
             g.output(make<CastOp>(g, x.getType(), make<TanhOp>(g, x)));
           }},
          {"dropout",
           [](Graph &g) {
             Value x = g.param({3, 13});
             g.output(DropoutOp::create(g.builder(), g.loc(), x.getType(), x, g.rng(),
                                        g.builder().getF64FloatAttr(0.3),
                                        g.builder().getI64IntegerAttr(5)));
           }},
          {"value_used_often", [](Graph &g) {
             Value x = g.param({3});
             Value y = make<MulOp>(g, x, make<ExpOp>(g, x));
             g.output(make<AddOp>(g, y, make<MulOp>(g, y, x)));
           }}};
}

using I64s = std::vector<int64_t>;

std::vector<Case> shapeCases() {
  return {
      {"reshape",
       [](Graph &g) {
         Value x = g.param({2, 6});
         auto type = RankedTensorType::get({3, 4}, g.builder().getF64Type());
         g.output(make<ReshapeOp>(g, type, x));
       }},
      {"transpose",
       [](Graph &g) { g.output(make<TransposeOp>(g, g.param({2, 3, 4}), I64s{2, 0, 1})); }},
      {"broadcast",
       [](Graph &g) {
         auto type = RankedTensorType::get({2, 3, 4}, g.builder().getF64Type());
         g.output(make<BroadcastOp>(g, type, g.param({3, 1})));
         g.output(make<BroadcastOp>(g, type, g.param({})));
       }},
      {"slices_that_tile",
       [](Graph &g) {
         Value x = g.param({3, 7});
         g.output(make<TanhOp>(g, make<SliceOp>(g, x, I64s{0, 2}, I64s{3, 5})));
         g.output(make<ExpOp>(g, make<SliceOp>(g, x, I64s{0, 0}, I64s{3, 2})));
       }},
      {"slices_that_overlap_or_leave_gaps",
       [](Graph &g) {
         Value x = g.param({3, 7});
         g.output(make<TanhOp>(g, make<SliceOp>(g, x, I64s{0, 1}, I64s{3, 4})));
         g.output(make<ExpOp>(g, make<SliceOp>(g, x, I64s{1, 3}, I64s{2, 2})));
         g.output(make<ExpOp>(g, x));
       }},
      {"slices_that_end_early",
       [](Graph &g) {
         Value x = g.param({3, 7});
         g.output(make<TanhOp>(g, make<SliceOp>(g, x, I64s{0, 0}, I64s{3, 2})));
         g.output(make<ExpOp>(g, make<SliceOp>(g, x, I64s{0, 2}, I64s{3, 4})));
       }},
      {"a_value_read_often",
       [](Graph &g) {
         Value x = g.param({3, 4});
         g.output(make<TanhOp>(g, x));
         g.output(make<ExpOp>(g, x));
         g.output(make<NegOp>(g, x));
         g.output(make<MulOp>(g, x, x));
       }},
      {"concat",
       [](Graph &g) {
         SmallVector<Value> parts = {g.param({2, 1}), g.param({2, 3}), g.param({2, 2})};
         g.output(make<TanhOp>(g, make<ConcatOp>(g, parts, int64_t{1})));
       }},
      {"pad", [](Graph &g) { g.output(make<PadOp>(g, g.param({2, 3}), I64s{1, 0}, I64s{0, 2})); }}};
}

std::vector<Case> reductionCases() {
  return {{"sum",
           [](Graph &g) {
             g.output(make<SumOp>(g, g.param({2, 3, 5}), I64s{1}));
             g.output(make<SumOp>(g, g.param({2, 3}), I64s{0, 1}));
           }},
          {"max", [](Graph &g) { g.output(make<MaxOp>(g, g.param({4, 5, 2}), I64s{0, 2})); }},
          {"softmax", [](Graph &g) { g.output(make<SoftmaxOp>(g, g.param({2, 3, 7}, -3, 3))); }}};
}

Case matmulCase(bool ta, bool tb, I64s a, I64s b) {
  std::string name = "matmul_" + std::to_string(a.size()) + "x" + std::to_string(b.size()) +
                     (ta ? "_ta" : "") + (tb ? "_tb" : "") +
                     (a.size() > 2 && b.size() > 2 ? "_" : "");
  for (int64_t size : b)
    if (a.size() > 2 && b.size() > 2)
      name += std::to_string(size);
  return {name, [=](Graph &g) {
            Value l = g.param(a), r = g.param(b);
            g.output(make<MatmulOp>(g, l, r, ta, tb));
          }};
}

std::vector<Case> matmulCases() {
  std::vector<Case> cases;
  for (bool ta : {false, true})
    for (bool tb : {false, true}) {
      cases.push_back(
          matmulCase(ta, tb, ta ? I64s{3, 2} : I64s{2, 3}, tb ? I64s{5, 3} : I64s{3, 5}));
      cases.push_back(matmulCase(ta, tb, ta ? I64s{2, 3, 3, 2} : I64s{2, 3, 2, 3},
                                 tb ? I64s{2, 3, 5, 3} : I64s{2, 3, 3, 5}));
      cases.push_back(matmulCase(ta, tb, ta ? I64s{1, 3, 3, 2} : I64s{1, 3, 2, 3},
                                 tb ? I64s{2, 1, 5, 3} : I64s{2, 1, 3, 5}));
      if (!ta)
        cases.push_back(matmulCase(ta, tb, {2, 4, 3}, tb ? I64s{5, 3} : I64s{3, 5}));
    }
  return cases;
}

DenseF64ArrayAttr frequencies(Graph &g, std::vector<double> values) {
  return g.builder().getDenseF64ArrayAttr(values);
}

Case ropeCase(std::string name, I64s x, I64s positions, std::vector<double> invFreq,
              bool interleaved) {
  return {name, [=](Graph &g) {
            Value value = g.param(x);
            UnitAttr flag = interleaved ? g.builder().getUnitAttr() : UnitAttr();
            g.output(make<RopeOp>(g, value.getType(), value, g.ids(positions, 50),
                                  frequencies(g, invFreq), g.builder().getF64FloatAttr(1.25), flag,
                                  UnitAttr()));
          }};
}

std::vector<Case> embeddingCases() {
  return {{"embedding",
           [](Graph &g) {
             Value table = g.param({5, 3});
             g.output(make<EmbeddingOp>(g, table, g.ids({2, 7}, 5)));
           }},
          {"embedding_tied",
           [](Graph &g) {
             Value table = g.param({5, 3});
             Value x = make<EmbeddingOp>(g, table, g.ids({4}, 5));
             g.output(make<MatmulOp>(g, x, table, false, true));
             g.output(make<EmbeddingOp>(g, table, g.ids({2}, 5)));
           }},
          ropeCase("rope", {2, 3, 5, 8}, {2, 5}, {1.0, 0.3, 0.1, 0.02}, false),
          ropeCase("rope_interleaved_partial", {1, 2, 3, 8}, {1, 3}, {1.0, 0.3, 0.1}, true),
          {"gather_rows", [](Graph &g) {
             Value x = g.param({3, 5, 2});
             auto type = RankedTensorType::get({3, 2}, g.builder().getF64Type());
             g.output(make<GatherRowsOp>(g, type, x, g.ids({3}, 5)));
           }}};
}

class GradientRule : public testing::TestWithParam<Case> {};

TEST_P(GradientRule, agrees_with_central_differences) { expectGradients(GetParam().build); }

std::string ruleName(const testing::TestParamInfo<Case> &info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(elementwise, GradientRule, testing::ValuesIn(elementwiseCases()),
                         ruleName);
INSTANTIATE_TEST_SUITE_P(shapes, GradientRule, testing::ValuesIn(shapeCases()), ruleName);
INSTANTIATE_TEST_SUITE_P(reductions, GradientRule, testing::ValuesIn(reductionCases()), ruleName);
INSTANTIATE_TEST_SUITE_P(matmul, GradientRule, testing::ValuesIn(matmulCases()), ruleName);
INSTANTIATE_TEST_SUITE_P(embedding, GradientRule, testing::ValuesIn(embeddingCases()), ruleName);

} // namespace
} // namespace heddle::passes
