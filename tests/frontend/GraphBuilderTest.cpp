// SPDX-License-Identifier: Apache-2.0
// Graphs by hand: arguments in order, and mistakes as statuses instead of aborts.
#include "frontend/GraphBuilder.h"

#include "ir/Conventions.h"
#include "ir/LayerPath.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tests/frontend/ModelHarness.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::test {
namespace {

using frontend::Element;
using frontend::GraphBuilder;
using frontend::Initializer;
using frontend::LayerScope;
using frontend::Tensor;

constexpr Initializer kNormal{Initializer::Kind::normal, 0.1};

TEST(GraphBuilder, ALayerByHand) {
  mlir::MLIRContext context;
  GraphBuilder graph(context, Element::f64);
  graph.beginEntry("forward");
  Tensor x = graph.input("x", {2, 3});
  {
    LayerScope outer(graph, "net");
    LayerScope inner(graph, "layer");
    Tensor w = graph.parameter("w", {3, 2}, kNormal);
    x = graph.relu(graph.matmul(x, w) + graph.parameter("b", {2}, {}) * 2.0);
  }
  graph.output("y", x);
  graph.endEntry();
  ASSERT_EQ(graph.parameters().size(), 2u);
  EXPECT_EQ(graph.parameters()[0].layerPath, "net.layer");
  EXPECT_EQ(graph.parameters()[0].initializer, kNormal);
  auto module = graph.finish();
  ASSERT_THAT(module, IsOk());

  auto function = (*module)->lookupSymbol<mlir::func::FuncOp>("forward");
  EXPECT_EQ(ir::argumentName(function, 0), "w");
  EXPECT_EQ(ir::argumentName(function, 1), "b");
  EXPECT_EQ(ir::argumentName(function, 2), "x");
  EXPECT_EQ(ir::layerPath(function.getArgument(0).getLoc()), "net.layer");
  auto floats = [](std::vector<int64_t> shape, std::vector<double> values) {
    return std::make_shared<ir::Tensor>(ir::Tensor::ofFloats(shape, values, ir::ElementKind::f64));
  };
  auto results = ir::evaluate(function, {floats({3, 2}, {1, 0, 0, 1, 1, 1}), floats({2}, {1, -4}),
                                         floats({2, 3}, {1, 2, 3, 4, 5, 6})});
  ASSERT_THAT(results, IsOk());
  EXPECT_EQ((*results)[0]->floats, (std::vector<double>{6, 0, 12, 3}));
}

TEST(GraphBuilder, ParametersAreSharedByEntries) {
  mlir::MLIRContext context;
  GraphBuilder graph(context);
  for (const char *name : {"forward", "loss"}) {
    graph.beginEntry(name);
    Tensor w = graph.parameter("w", {3, 2}, kNormal);
    graph.output("y", graph.matmul(graph.parameter("w", {3, 2}, kNormal), w, true));
    graph.endEntry();
  }
  EXPECT_EQ(graph.parameters().size(), 1u);
  auto module = graph.finish();
  ASSERT_THAT(module, IsOk());
  EXPECT_EQ((*module)->lookupSymbol<mlir::func::FuncOp>("loss").getNumArguments(), 1u);
}

/// The status of a graph whose one entry `write` fills.
template <typename Write> Status mistake(Write write) {
  mlir::MLIRContext context;
  GraphBuilder graph(context);
  graph.beginEntry("f");
  {
    LayerScope scope(graph, "layer");
    write(graph);
  }
  graph.endEntry();
  return graph.finish().status();
}

TEST(GraphBuilder, MistakesAreStatuses) {
  EXPECT_THAT(mistake([](GraphBuilder &g) {
                g.output("y", g.matmul(g.input("a", {2, 3}), g.input("b", {2, 3})));
              }),
              IsBadInput("layer: 'heddle.matmul' op"));
  EXPECT_THAT(
      mistake([](GraphBuilder &g) { g.output("y", g.input("a", {2}) + g.input("b", {3})); }),
      IsBadInput("'heddle.add' op"));
  EXPECT_THAT(mistake([](GraphBuilder &g) { g.reshape(g.input("a", {2, 3}), {5}); }),
              IsBadInput("'heddle.reshape' op"));
  EXPECT_THAT(mistake([](GraphBuilder &g) { g.transpose(g.input("a", {2, 3}), {0, 0}); }),
              IsBadInput("heddle.transpose"));
  EXPECT_THAT(mistake([](GraphBuilder &g) { g.slice(g.input("a", {2, 3}), {0, 2}, {2, 2}); }),
              IsBadInput("heddle.slice"));
  EXPECT_THAT(mistake([](GraphBuilder &g) { g.input("a", {2, 0}); }), IsBadInput("[2, 0]"));
  EXPECT_THAT(mistake([](GraphBuilder &g) {
                g.input("a", {2});
                g.input("a", {3});
              }),
              IsBadInput("argument a is declared as input [2] and as input [3]"));
  EXPECT_THAT(mistake([](GraphBuilder &g) {
                g.parameter("w", {2, 3}, kNormal);
                g.endEntry();
                g.beginEntry("g"); // parameters are shared between entries
                g.parameter("w", {3, 2}, kNormal);
              }),
              IsBadInput("parameter w is declared as [2, 3] and as [3, 2]"));
  EXPECT_THAT(mistake([](GraphBuilder &g) {
                g.output("y", g.input("a", {2}));
                g.output("y", g.input("a", {2}));
              }),
              IsBadInput("two results are called y"));
  EXPECT_THAT(mistake([](GraphBuilder &g) { g.output("y", Tensor()); }),
              IsBadInput("result y was never computed"));
  EXPECT_THAT(mistake([](GraphBuilder &g) { g.constant({2}, {1, 2, 3}); }), IsBadInput("3 values"));
  EXPECT_THAT(mistake([](GraphBuilder &g) { g.floats({2}, {1}); }), IsBadInput("1 values"));
  EXPECT_THAT(mistake([](GraphBuilder &g) { g.beginEntry("g"); }), IsBadInput("entry g begins"));
}

TEST(GraphBuilder, EntriesMustEnd) {
  mlir::MLIRContext context;
  GraphBuilder graph(context);
  graph.beginEntry("f");
  EXPECT_THAT(graph.finish(), IsBadInput("does not end"));
  GraphBuilder other(context);
  other.relu(other.scalar(1));
  EXPECT_THAT(other.finish(), IsBadInput("outside of an entry"));
}

} // namespace
} // namespace heddle::test
