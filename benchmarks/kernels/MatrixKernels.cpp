// SPDX-License-Identifier: Apache-2.0
// Generated gemm and attention kernels on one thread: GFLOP/s, share of the peak that a
// register-only loop reaches in the same minute, compile time.
//   matrix_kernels_bench [--target cpu:avx512] [FILTER]

#include <chrono>
#include <cstdio>
#include <cstring>

#include "codegen/cpu/Attention.h"
#include "codegen/cpu/Gemm.h"
#include "mlir/AsmParser/AsmParser.h"
#include "tests/codegen/JitHarness.h"
#include "tests/codegen/KernelText.h"
#include "tools/heddle/PeakLoop.h"

namespace heddle::codegen {
namespace {

using Generate = mlir::FailureOr<GeneratedKernel> (*)(ir::KernelOp, const Target &, std::string *);

struct Case {
  std::string name;
  KernelText text;
  Generate generate = generateGemm;
};

double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

KernelText gemmText(int64_t m, int64_t k, int64_t n, bool transposeA, bool transposeB) {
  std::string a = transposeA ? tensorText({k, m}) : tensorText({m, k});
  std::string b = transposeB ? tensorText({n, k}) : tensorText({k, n}), y = tensorText({m, n});
  std::string attributes = transposeA ? " {transpose_a}" : transposeB ? " {transpose_b}" : "";
  return {{a, b},
          "%y = heddle.matmul %0, %1" + attributes + " : (" + a + ", " + b + ") -> " + y,
          {"%y"},
          {y}};
}

Case gemm(int64_t m, int64_t k, int64_t n, bool transposeA = false, bool transposeB = false) {
  char name[80];
  std::snprintf(name, sizeof name, "gemm %s%s %ldx%ldx%ld", transposeA ? "T" : "N",
                transposeB ? "T" : "N", m, k, n);
  return {name, gemmText(m, k, n, transposeA, transposeB)};
}

/// As GPT-2 has it: heads are strided slices of [B, T, 3, H, D], o goes to [B, T, H, D].
Case attention(int64_t batch, int64_t heads, int64_t length, int64_t size, bool backward) {
  auto tensor = [](std::vector<int64_t> shape) { return tensorText(shape); };
  std::string qkv = tensor({batch, length, 3, heads, size}),
              part = tensor({batch, length, 1, heads, size});
  std::string rows = tensor({batch, length, heads, size}), lse = tensor({batch, heads, length});
  std::string view = tensor({batch, heads, length, size});
  std::string n = std::to_string(batch) + ", " + std::to_string(length) + ", ";
  std::string sizes = n + "1, " + std::to_string(heads) + ", " + std::to_string(size);
  std::string body;
  auto transpose = [&](const std::string &to, const std::string &from) {
    body += "%" + to + " = heddle.transpose %" + from +
            " {permutation = array<i64: 0, 2, 1, 3>} : (" + rows + ") -> " + view + "\n";
  };
  const char *names[] = {"q", "k", "v"};
  for (int i = 0; i < 3; ++i) {
    std::string x = names[i];
    body += "%" + x + "0 = heddle.slice %0 {offsets = array<i64: 0, 0, " + std::to_string(i) +
            ", 0, 0>, sizes = array<i64: " + sizes + ">} : (" + qkv + ") -> " + part + "\n%" + x +
            "1 = heddle.reshape %" + x + "0 : " + part + " -> " + rows + "\n";
    transpose(x, x + "1");
  }
  char name[80];
  std::snprintf(name, sizeof name, "attention %s B%ld H%ld T%ld D%ld",
                backward ? "backward" : "forward", batch, heads, length, size);
  std::string options = " {causal, scale = 0.125 : f64} : (" + view + ", " + view + ", " + view;
  if (!backward) {
    body += "%o0, %lse = heddle.attention %q, %k, %v" + options + ") -> (" + view + ", " + lse +
            ")\n%o = heddle.transpose %o0 {permutation = array<i64: 0, 2, 1, 3>} : (" + view +
            ") -> " + rows;
    return {name, {{qkv}, body, {"%o", "%lse"}, {rows, lse}}, generateAttention};
  }
  transpose("o", "1");
  transpose("do", "3");
  body += "%dq, %dk, %dv = heddle.attention_grad %q, %k, %v, %o, %2, %do" + options + ", " + view +
          ", " + lse + ", " + view + ") -> (" + view + ", " + view + ", " + view + ")\n";
  for (const char *x : {"dq", "dk", "dv"})
    body += "%" + std::string(x) + "1 = heddle.transpose %" + x +
            " {permutation = array<i64: 0, 2, 1, 3>} : (" + view + ") -> " + rows + "\n%" + x +
            "2 = heddle.reshape %" + x + "1 : " + rows + " -> " + part + "\n";
  body += "%dqkv = heddle.concat %dq2, %dk2, %dv2 {axis = 2 : i64} : (" + part + ", " + part +
          ", " + part + ") -> " + qkv;
  return {name, {{qkv, rows, lse, rows}, body, {"%dqkv"}, {qkv}}, generateAttentionGrad};
}

std::vector<Case> allCases() {
  return {// Forward of GPT-2, B x T = 1024.
          gemm(1024, 768, 768), gemm(1024, 768, 2304), gemm(1024, 768, 3072), gemm(1024, 3072, 768),
          // dX = dY W^T.
          gemm(1024, 768, 768, false, true), gemm(1024, 2304, 768, false, true),
          gemm(1024, 768, 3072, false, true), gemm(1024, 3072, 768, false, true),
          // dW = X^T dY.
          gemm(768, 1024, 768, true), gemm(768, 1024, 2304, true), gemm(3072, 1024, 768, true),
          gemm(768, 1024, 3072, true),
          // The head by blocks of 256 tokens: logits, dX, dW.
          gemm(256, 768, 50257, false, true), gemm(256, 768, 50257), gemm(256, 50257, 768),
          gemm(50257, 256, 768, true),
          // Prefill and decode.
          gemm(64, 768, 768), gemm(64, 768, 768, false, true), gemm(12, 768, 3072),
          gemm(1, 768, 3072), gemm(1, 768, 3072, false, true), gemm(4, 768, 2304),
          gemm(1, 768, 50257, false, true), gemm(16, 768, 768, false, true), gemm(1, 12288, 3072),
          gemm(1, 4096, 12288),

          attention(1, 12, 1024, 64, false), attention(4, 12, 256, 64, false),
          attention(1, 8, 1024, 128, false), attention(1, 12, 1024, 64, true),
          attention(4, 12, 256, 64, true), attention(1, 8, 1024, 128, true)};
}

StatusOr<GeneratedKernel> generate(const Case &item, const Target &target) {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  ir::KernelOp kernel = parseKernel(item.text, module);
  std::string reason;
  mlir::FailureOr<GeneratedKernel> generated = item.generate(kernel, target, &reason);
  if (failed(generated))
    return invalidInput(item.name, ": ", reason);
  return std::move(*generated);
}

int64_t elements(const std::string &tensor) {
  auto type = llvm::cast<mlir::RankedTensorType>(mlir::parseType(tensor, &testContext()));
  return type.getNumElements();
}

Status measure(const Case &item, const Target &target) {
  auto start = std::chrono::steady_clock::now();
  HEDDLE_ASSIGN_OR_RETURN(GeneratedKernel generated, generate(item, target));
  HEDDLE_ASSIGN_OR_RETURN(JitKernel kernel, JitKernel::compile(std::move(generated), target));
  double compileSeconds = secondsSince(start);

  std::vector<std::vector<float>> buffers;
  std::vector<void *> operands;
  for (const auto *types : {&item.text.inputs, &item.text.results})
    for (const std::string &type : *types)
      buffers.push_back(randomFloats(elements(type) + 16, static_cast<unsigned>(buffers.size())));
  for (std::vector<float> &buffer : buffers) {
    auto address = (reinterpret_cast<uintptr_t>(buffer.data()) + 63) / 64 * 64;
    operands.push_back(reinterpret_cast<void *>(address));
  }
  kernel.run(operands);
  double best = 1e9, peak = 0, total = 0;
  for (int round = 0; round < 40 && (round < 5 || total < 0.5); ++round) {
    if (round % 10 == 0)
      peak = std::max(peak, tools::measureF32Peak(target.isa(), 1));
    start = std::chrono::steady_clock::now();
    kernel.run(operands);
    double seconds = secondsSince(start);
    best = std::min(best, seconds);
    total += seconds;
  }
  double rate = kernel.flops() / best * 1e-9;
  std::printf("%-28s %9.3f ms %7.1f GFLOP/s %5.1f %% of %.1f  %3ld tasks  compiled in %.0f ms\n",
              item.name.c_str(), best * 1e3, rate, 100 * rate / peak, peak, kernel.tasks(),
              compileSeconds * 1e3);
  return absl::OkStatus();
}

} // namespace
} // namespace heddle::codegen

int main(int argc, char **argv) {
  using namespace heddle::codegen;
  std::string targetName = "cpu", filter;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--target") == 0 && i + 1 < argc)
      targetName = argv[++i];
    else
      filter = argv[i];
  }
  heddle::StatusOr<Target> target = parseTarget(targetName);
  heddle::Status status = target.status();
  for (const Case &item : allCases())
    if (status.ok() && item.name.find(filter) != std::string::npos)
      status = measure(item, *target);
  if (!status.ok())
    std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return heddle::exitCode(status);
}
