// SPDX-License-Identifier: Apache-2.0
// A graph built by hand, compiled and trained in one program: a small network learns which points
// of a square lie inside a circle. Nothing here is a transformer; whatever is written with
// frontend/GraphBuilder.h as a function `train_loss` gets its gradients, AdamW and clipping from
// the same passes, and its kernels from the same code generator.
//
//   build/release/bin/hand_built_graph [STEPS]
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <random>
#include <vector>

#include "frontend/GraphBuilder.h"
#include "mlir/IR/MLIRContext.h"
#include "runtime/plan/Session.h"
#include "runtime/train/Schedule.h"
#include "tools/driver/Compile.h"
#include "llvm/Support/raw_ostream.h"

using namespace heddle;
using frontend::GraphBuilder;
using frontend::Initializer;
using frontend::LayerScope;

namespace {

constexpr int64_t kPoints = 256; // a batch
constexpr int64_t kHidden = 32;
constexpr double kLearningRate = 1e-2;

/// relu(x w + b), or without relu for the last layer. Layer names end up in IR dumps, remarks and
/// kernel names.
frontend::Tensor layer(GraphBuilder &graph, const char *name, frontend::Tensor x, int64_t in,
                       int64_t out, bool last = false) {
  LayerScope scope(graph, name);
  frontend::Tensor w =
      graph.parameter(std::string(name) + ".weight", {in, out}, {Initializer::Kind::normal, 0.5});
  frontend::Tensor b =
      graph.parameter(std::string(name) + ".bias", {out}, {Initializer::Kind::zeros, 0});
  x = graph.matmul(x, w) + b;
  return last ? x : graph.relu(x);
}

/// The loss as a function of parameters and inputs. A mistake in here comes out of finish(), with
/// the layer's name.
StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> buildGraph(mlir::MLIRContext &context) {
  GraphBuilder graph(context);
  graph.beginEntry("train_loss");
  frontend::Tensor x = graph.input("points", {kPoints, 2});
  frontend::Tensor targets = graph.input("targets", {kPoints}, frontend::Element::i32);
  x = layer(graph, "first", x, 2, kHidden);
  x = layer(graph, "second", x, kHidden, kHidden);
  x = layer(graph, "last", x, kHidden, 2, /*last=*/true);
  graph.output("loss", graph.meanCrossEntropy(x, targets));
  graph.endEntry();
  return graph.finish();
}

/// A compiler takes modules as text: what is compiled is what a dump shows.
std::string textOf(mlir::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream, mlir::OpPrintingFlags().enableDebugInfo());
  return text;
}

StatusOr<std::unique_ptr<runtime::Session>> compile() {
  mlir::MLIRContext context;
  HEDDLE_ASSIGN_OR_RETURN(auto module, buildGraph(context));
  tools::CompileRequest request;
  request.entries = {"step"};
  HEDDLE_ASSIGN_OR_RETURN(
      tools::Compilation compilation,
      tools::Compilation::start(textOf(*module), "hand_built_graph", std::move(request)));
  HEDDLE_ASSIGN_OR_RETURN(runtime::proto::Executable compiled, compilation.finish());
  HEDDLE_ASSIGN_OR_RETURN(auto executable,
                          runtime::Executable::create(std::move(compiled), "hand_built_graph"));
  return runtime::Session::create(executable, runtime::makeCpuDevice(/*threads=*/1));
}

/// Random points and whether they lie inside the circle.
struct Batch {
  std::vector<float> points = std::vector<float>(2 * kPoints);
  std::vector<int32_t> targets = std::vector<int32_t>(kPoints);

  explicit Batch(std::mt19937 &random) {
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (int64_t i = 0; i < kPoints; ++i) {
      float x = points[2 * i] = uniform(random), y = points[2 * i + 1] = uniform(random);
      targets[i] = x * x + y * y < 0.6f ? 1 : 0;
    }
  }
};

/// Trains and returns whether the loss fell to less than half.
StatusOr<bool> train(int steps) {
  HEDDLE_ASSIGN_OR_RETURN(auto session, compile());
  HEDDLE_RETURN_IF_ERROR(session->initializeWeights(/*seed=*/1));
  HEDDLE_ASSIGN_OR_RETURN(runtime::PreparedEntry * step, session->prepare("step"));
  HEDDLE_RETURN_IF_ERROR(step->setScalar("grad_clip", std::numeric_limits<float>::infinity()));
  runtime::AdamW adam;
  std::mt19937 random(7);
  float first = 0, loss = 0;
  for (int i = 0; i < steps; ++i) {
    Batch batch(random);
    HEDDLE_RETURN_IF_ERROR(
        step->setInput("points", runtime::Tensor::of(DType::F32, {kPoints, 2}, batch.points)));
    HEDDLE_RETURN_IF_ERROR(
        step->setInput("targets", runtime::Tensor::of(DType::I32, {kPoints}, batch.targets)));
    auto hyper = adam.hyper(kLearningRate, static_cast<uint64_t>(i) + 1);
    HEDDLE_RETURN_IF_ERROR(step->setRaw("hyper", hyper.data(), sizeof hyper));
    HEDDLE_RETURN_IF_ERROR(step->run());
    HEDDLE_ASSIGN_OR_RETURN(loss, step->scalar("loss"));
    first = i == 0 ? loss : first;
    if (i % 50 == 0 || i + 1 == steps)
      std::printf("step %4d  loss %.4f\n", i, loss);
  }
  return loss < first / 2;
}

} // namespace

int main(int argc, char **argv) {
  StatusOr<bool> learned = train(argc > 1 ? std::atoi(argv[1]) : 300);
  if (!learned.ok()) {
    std::fprintf(stderr, "error: %s\n", std::string(learned.status().message()).c_str());
    return exitCode(learned.status());
  }
  return *learned ? 0 : 1;
}
