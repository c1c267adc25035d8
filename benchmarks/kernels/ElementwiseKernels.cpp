// SPDX-License-Identifier: Apache-2.0
// Generated maps, row kernels, reductions and single ops on one thread: time, GB/s over operands
// read and written once, compile time.
//   elementwise_kernels_bench [--target cpu:avx512] [FILTER]

#include <chrono>
#include <cstdio>
#include <cstring>

#include "codegen/cpu/KernelGenerator.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "tests/codegen/JitHarness.h"
#include "tests/codegen/KernelText.h"

namespace heddle::codegen {
namespace {

struct Case {
  std::string name;
  KernelText text;
};

double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Case op(std::string name, std::vector<std::string> inputs, const std::string &text,
        std::vector<std::string> results) {
  std::string types, produced;
  for (const std::string &input : inputs)
    types += (types.empty() ? "" : ", ") + input;
  KernelText kernel{inputs, "", {}, results};
  for (size_t i = 0; i < results.size(); ++i) {
    produced += (i ? ", " : "") + results[i];
    kernel.yields.push_back("%y#" + std::to_string(i));
  }
  kernel.body = "%y:" + std::to_string(results.size()) + " = heddle." + text + " : (" + types +
                ") -> (" + produced + ")";
  return {std::move(name), std::move(kernel)};
}

Case unary(const std::string &name, const std::string &text, const std::string &type, int inputs) {
  KernelText kernel{
      std::vector<std::string>(inputs, type), "%y = heddle." + text + " : " + type, {"%y"}, {type}};
  return {name + " " + type, kernel};
}

std::vector<Case> cases() {
  std::string wide = tensorText({1024, 3072}), x = tensorText({1024, 768}), c = tensorText({768});
  std::string r = tensorText({1024}), logits = tensorText({256, 50257}), rows = tensorText({256});
  std::string table = tensorText({50257, 768}), scores = tensorText({12288, 1024});
  std::string heads = tensorText({1, 1024, 12, 64}), perHead = tensorText({1, 12, 1024, 64});
  std::string square = tensorText({3072, 768}), turned = tensorText({768, 3072});
  return {
      unary("gelu", "gelu %0", wide, 1),
      unary("gelu_tanh", "gelu %0 {tanh_approximation}", wide, 1),
      unary("gelu_grad_tanh", "gelu_grad %0, %1 {tanh_approximation}", wide, 2),
      unary("exp", "exp %0", wide, 1),
      op("add", {wide, wide}, "add %0, %1", {wide}),
      op("dropout", {x, "tensor<3xi64>"}, "dropout %0, %1 {p = 0.1 : f64, rng_id = 1 : i64}", {x}),
      op("layer_norm", {x, c, c}, "layer_norm %0 gamma(%1) beta(%2) {eps = 1.0e-5 : f64}",
         {x, r, r}),
      op("layer_norm_grad", {x, x, r, r, c}, "layer_norm_grad %0, %1, %2, %3 gamma(%4)", {x}),
      op("layer_norm_param_grad", {x, x, r, r}, "layer_norm_param_grad %0, %1, %2, %3", {c, c}),
      op("bias gradient", {wide}, "sum %0 {axes = array<i64: 0>}", {tensorText({3072})}),
      unary("softmax", "softmax %0", scores, 1),
      op("cross_entropy", {logits, tensorText({256}, "i32")}, "cross_entropy %0, %1", {rows, rows}),
      op("cross_entropy_grad", {logits, tensorText({256}, "i32"), rows, rows},
         "cross_entropy_grad %0, %1, %2, %3", {logits}),
      op("embedding_grad", {tensorText({1024}, "i32"), x, table}, "embedding_grad %0, %1 init(%2)",
         {table}),
      op("adamw", {table, table, table, table, "tensor<9xf32>", "tensor<f32>"},
         "adamw %0, %1, %2, %3, %4, %5 {decay}", {table, table, table}),
      op("sum_squares", {table}, "sum_squares %0",
         {tensorText({(50257 * 768 + 16383) / 16384}, "f64")}),
      op("heads apart", {heads}, "transpose %0 {permutation = array<i64: 0, 2, 1, 3>}", {perHead}),
      op("transpose", {square}, "transpose %0 {permutation = array<i64: 1, 0>}", {turned}),
      op("rope", {perHead, tensorText({1, 1024}, "i32")},
         "rope %0, %1 {inv_freq = array<f64: 1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, "
         "0.09, 0.08, 0.07, 0.06, 0.05, 0.04, 0.03, 0.02, 0.01, 0.009, 0.008, 0.007, 0.006, 0.005, "
         "0.004, 0.003, 0.002, 0.001, 0.0009, 0.0008, 0.0007, 0.0006>}",
         {perHead}),
  };
}

void runCase(const Case &c, const Target &target) {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  ir::KernelOp kernel = parseKernel(c.text, module);
  auto start = std::chrono::steady_clock::now();
  std::string reason;
  auto generated = generateKernel(kernel, target, &reason);
  if (failed(generated)) {
    std::printf("%-40s %s\n", c.name.c_str(), reason.c_str());
    return;
  }
  double generate = secondsSince(start), bytes = generated->bytes;
  std::vector<std::vector<float>> buffers;
  auto entry = generated->module->lookupSymbol<mlir::func::FuncOp>(generated->entry);
  for (mlir::Type type : entry.getArgumentTypes().drop_back(3)) {
    auto buffer = mlir::cast<mlir::MemRefType>(type);
    buffers.push_back(randomFloats(
        buffer.getNumElements() * buffer.getElementTypeBitWidth() / 32 + 32, buffers.size()));
    if (buffer.getElementType().isInteger()) // ids and labels
      std::fill(buffers.back().begin(), buffers.back().end(), 0.0f);
  }
  start = std::chrono::steady_clock::now();
  StatusOr<JitKernel> jit = JitKernel::compile(std::move(*generated), target);
  if (!jit.ok()) {
    std::printf("%-40s %s\n", c.name.c_str(), jit.status().ToString().c_str());
    return;
  }
  double compile = generate + secondsSince(start);
  std::vector<void *> operands;
  for (std::vector<float> &buffer : buffers) {
    auto address = reinterpret_cast<uintptr_t>(buffer.data());
    operands.push_back(reinterpret_cast<void *>((address + 63) / 64 * 64));
  }
  jit->run(operands);
  double best = 1e9, total = 0;
  for (int i = 0; i < 50 && total < 0.5; ++i) {
    start = std::chrono::steady_clock::now();
    jit->run(operands);
    double seconds = secondsSince(start);
    best = std::min(best, seconds);
    total += seconds;
  }
  std::printf("%-40s %10.1f us %8.2f GB/s   %5ld tasks   compile %5.1f ms\n", c.name.c_str(),
              best * 1e6, bytes / best * 1e-9, static_cast<long>(jit->tasks()), compile * 1e3);
}

} // namespace
} // namespace heddle::codegen

int main(int argc, char **argv) {
  using namespace heddle::codegen;
  std::string target = "cpu", filter;
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "--target") && i + 1 < argc)
      target = argv[++i];
    else
      filter = argv[i];
  }
  auto parsed = parseTarget(target);
  if (!parsed.ok()) {
    std::fprintf(stderr, "%s\n", parsed.status().ToString().c_str());
    return 2;
  }
  for (const Case &c : cases())
    if (c.name.find(filter) != std::string::npos)
      runCase(c, *parsed);
  return 0;
}
