// SPDX-License-Identifier: Apache-2.0
// Generated attention kernels against plain loops in double precision.

#include <cmath>
#include <functional>

#include "codegen/cpu/Attention.h"
#include "tests/codegen/AttentionReference.h"
#include "tests/codegen/CudaKernelRun.h"
#include "tests/codegen/JitHarness.h"
#include "tests/codegen/KernelText.h"
#include "gtest/gtest.h"

namespace heddle::codegen {
namespace {

constexpr const char *kEmulated = "cuda:emulated";

struct NamedCase {
  const char *name;
  AttentionCase c;
};

// B, H, G, T, S, D, E, causal, window, cap, key mask, lengths, bias, dropout
const NamedCase kCases[] = {
    {"square", {2, 3, 3, 37, 37, 16, 16}},
    {"causal", {1, 2, 2, 64, 64, 64, 64, true}},
    {"causal_odd", {2, 2, 2, 45, 45, 24, 24, true}},
    {"causal_more_keys", {1, 2, 1, 19, 70, 8, 8, true}},
    {"causal_more_queries", {1, 1, 1, 50, 20, 8, 8, true}},
    // The last key, and the last query, that a tile sees begins a tile of the other side.
    {"causal_first_of_a_tile", {1, 1, 1, 16, 33, 8, 8, true}},
    {"window_first_of_a_tile", {1, 1, 1, 100, 100, 8, 8, true, 34}},
    {"window", {1, 2, 2, 100, 100, 16, 16, true, 33}},
    {"window_alone", {1, 1, 1, 90, 90, 16, 16, false, 20}},
    {"soft_cap", {1, 2, 2, 20, 36, 16, 16, false, 0, 0.7}},
    {"key_mask", {3, 2, 2, 17, 40, 32, 32, false, 0, 0, true}},
    {"lengths", {3, 2, 2, 9, 80, 32, 32, true, 0, 0, false, true}},
    {"bias", {2, 3, 3, 21, 35, 16, 16, true, 0, 0, false, false, true}},
    {"bias_of_batch", {2, 2, 2, 21, 35, 16, 16, false, 0, 0, false, false, true, 0, 0.3, {true}}},
    {"bias_of_key",
     {2, 4, 2, 21, 35, 16, 16, true, 0, 0, true, false, true, 0, 0.3, {true, true, false, true}}},
    {"bias_of_query",
     {2, 3, 3, 21, 35, 16, 16, true, 0, 0, false, false, true, 0, 0.3, {false, true, true, false}}},
    {"bias_of_pair",
     {3, 4, 2, 37, 37, 16, 16, true, 0, 0, false, false, true, 0, 0.3, {false, false}}},
    {"bias_alone",
     {2, 2, 1, 19, 23, 8, 8, false, 0, 0, false, true, true, 0, 0.3, {false, false, false, false}}},
    {"dropout", {2, 2, 2, 33, 40, 16, 16, true, 0, 0, false, false, false, 0.25}},
    {"grouped", {2, 6, 2, 13, 50, 16, 16, true}},
    {"grouped_whole_tiles", {1, 4, 2, 32, 32, 16, 16, true}},
    {"other_value_size", {1, 2, 2, 30, 30, 80, 40, true}},
    {"wide", {1, 2, 2, 24, 48, 128, 128, true}},
    {"very_wide", {1, 1, 1, 24, 48, 256, 256}},
    {"decode", {2, 4, 4, 1, 77, 64, 64, true, 0, 0, false, true}},
    {"decode_grouped", {2, 8, 2, 1, 100, 64, 64, false, 0, 0, false, true}},
    {"decode_mask_window", {2, 2, 1, 2, 90, 24, 24, true, 40, 0, true}},
    {"everything", {2, 4, 2, 40, 65, 24, 24, true, 30, 2.0, true, true, true, 0.1}},
};

struct Parameter {
  std::string target;
  NamedCase item;
};

class AttentionTest : public testing::TestWithParam<Parameter> {
protected:
  const AttentionCase &item() const { return GetParam().item.c; }

  /// Runs a compiled kernel: on a CPU in `pieces` calls, on the emulator in the order `pieces`.
  using Run = std::function<void(const std::vector<KernelBuffer> &, int pieces)>;

  template <typename Generate> Run compile(const KernelText &text, Generate generate) {
    mlir::OwningOpRef<mlir::ModuleOp> module;
    ir::KernelOp kernel = parseKernel(text, module);
    if (GetParam().target == kEmulated) {
      std::shared_ptr<CudaKernelRun> emulated = CudaKernelRun::compile(kernel);
      if (!emulated)
        return nullptr;
      return [emulated](const std::vector<KernelBuffer> &buffers, int pieces) {
        emulated->run(buffers, static_cast<uint64_t>(pieces - 1));
      };
    }
    Target target = *parseTarget(GetParam().target);
    std::string reason;
    auto generated = generate(kernel, target, &reason);
    if (failed(generated)) {
      ADD_FAILURE() << reason;
      return nullptr;
    }
    StatusOr<JitKernel> jit = JitKernel::compile(std::move(*generated), target);
    EXPECT_TRUE(jit.ok()) << jit.status();
    if (!jit.ok())
      return nullptr;
    auto shared = std::make_shared<JitKernel>(std::move(*jit));
    return [shared](const std::vector<KernelBuffer> &buffers, int pieces) {
      std::vector<void *> operands;
      for (const KernelBuffer &buffer : buffers)
        operands.push_back(buffer.data);
      shared->run(operands, pieces);
    };
  }

  template <typename T> static KernelBuffer bufferOf(std::vector<T> &values) {
    return {values.data(), values.size() * sizeof(T)};
  }
  static KernelBuffer bufferOf(GuardedBuffer &buffer) { return {buffer.data(), buffer.size()}; }

  void appendOptions(std::vector<KernelBuffer> &operands) {
    if (item().bias)
      operands.push_back(bufferOf(data_.bias));
    if (item().keyMask)
      operands.push_back(bufferOf(data_.keyMask));
    if (item().lengths)
      operands.push_back(bufferOf(data_.lengths));
    if (item().dropout > 0)
      operands.push_back(bufferOf(data_.rng));
  }

  static void expectClose(const std::vector<float> &actual, const std::vector<double> &expected,
                          double tolerance, const char *name) {
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t i = 0; i < actual.size(); ++i) {
      if (std::isinf(expected[i]))
        ASSERT_EQ(actual[i], expected[i]) << name << " at " << i;
      else
        ASSERT_NEAR(actual[i], expected[i], tolerance) << name << " at " << i;
    }
  }

  AttentionData data_;
};

std::vector<Parameter> allParameters() {
  std::vector<Parameter> result;
  for (const char *target : {"cpu:avx512", "cpu:avx2", "cpu:scalar", kEmulated})
    for (const NamedCase &item : kCases)
      result.push_back({target, item});
  return result;
}

INSTANTIATE_TEST_SUITE_P(Cases, AttentionTest, testing::ValuesIn(allParameters()),
                         [](const auto &info) {
                           std::string target = info.param.target;
                           return target.substr(target.find(':') + 1) + "_" + info.param.item.name;
                         });

TEST_P(AttentionTest, Forward) {
  const AttentionCase &c = item();
  AttentionOptionsText options = optionsText(c, 3);
  std::string q = tensorText({c.batches, c.heads, c.queries, c.headSize});
  std::string k = tensorText({c.batches, c.groups, c.keys, c.headSize});
  std::string v = tensorText({c.batches, c.groups, c.keys, c.valueSize});
  std::string o = tensorText({c.batches, c.heads, c.queries, c.valueSize});
  std::string lse = tensorText({c.batches, c.heads, c.queries});
  std::vector<std::string> inputs = {q, k, v};
  inputs.insert(inputs.end(), options.types.begin(), options.types.end());
  std::string types;
  for (const std::string &type : inputs)
    types += (types.empty() ? "" : ", ") + type;
  Run run = compile({inputs,
                     "%o, %lse = heddle.attention %0, %1, %2" + options.operands +
                         options.attributes + " : (" + types + ") -> (" + o + ", " + lse + ")",
                     {"%o", "%lse"},
                     {o, lse}},
                    generateAttention);
  ASSERT_TRUE(run);
  data_ = randomAttentionData(c);
  AttentionResults expected = referenceAttention(c, data_);
  GuardedBuffer actual(c.oSize() * sizeof(float)), actualLse(c.lseSize() * sizeof(float));
  std::vector<KernelBuffer> operands = {bufferOf(data_.q), bufferOf(data_.k), bufferOf(data_.v)};
  appendOptions(operands);
  operands.push_back(bufferOf(actual));
  operands.push_back(bufferOf(actualLse));
  run(operands, 1);
  expectClose(floatsOf(actual), expected.o, 2e-6, "o");
  expectClose(floatsOf(actualLse), expected.lse, 4e-6, "lse");
  std::vector<float> once = floatsOf(actual);
  run(operands, 3);
  EXPECT_EQ(once, floatsOf(actual)) << "the bits depend on how tasks are grouped";
}

TEST_P(AttentionTest, Backward) {
  const AttentionCase &c = item();
  AttentionOptionsText options = optionsText(c, 6);
  std::string q = tensorText({c.batches, c.heads, c.queries, c.headSize});
  std::string k = tensorText({c.batches, c.groups, c.keys, c.headSize});
  std::string v = tensorText({c.batches, c.groups, c.keys, c.valueSize});
  std::string o = tensorText({c.batches, c.heads, c.queries, c.valueSize});
  std::string lse = tensorText({c.batches, c.heads, c.queries});
  std::vector<std::string> inputs = {q, k, v, o, lse, o};
  inputs.insert(inputs.end(), options.types.begin(), options.types.end());
  std::string types;
  for (const std::string &type : inputs)
    types += (types.empty() ? "" : ", ") + type;
  std::vector<std::string> names = {"%dq", "%dk", "%dv"}, results = {q, k, v};
  if (c.bias) {
    names.push_back("%dbias");
    results.push_back(tensorText(c.biasShape()));
  }
  std::string nameList, resultList;
  for (size_t i = 0; i < names.size(); ++i) {
    nameList += (i ? ", " : "") + names[i];
    resultList += (i ? ", " : "") + results[i];
  }
  Run run =
      compile({inputs,
               nameList + " = heddle.attention_grad %0, %1, %2, %3, %4, %5" + options.operands +
                   options.attributes + " : (" + types + ") -> (" + resultList + ")",
               names, results},
              generateAttentionGrad);
  ASSERT_TRUE(run);
  data_ = randomAttentionData(c);
  AttentionResults expected = referenceAttention(c, data_);
  std::vector<float> forward(expected.o.begin(), expected.o.end());
  std::vector<float> lseValues(expected.lse.begin(), expected.lse.end());
  GuardedBuffer dq(c.qSize() * sizeof(float)), dk(c.kSize() * sizeof(float)),
      dv(c.vSize() * sizeof(float)), dBias(c.biasSize() * sizeof(float));
  std::vector<KernelBuffer> operands = {bufferOf(data_.q), bufferOf(data_.k),   bufferOf(data_.v),
                                        bufferOf(forward), bufferOf(lseValues), bufferOf(data_.dO)};
  appendOptions(operands);
  operands.insert(operands.end(), {bufferOf(dq), bufferOf(dk), bufferOf(dv)});
  if (c.bias)
    operands.push_back(bufferOf(dBias));
  run(operands, 2);
  expectClose(floatsOf(dq), expected.dq, 1e-5, "dq");
  expectClose(floatsOf(dk), expected.dk, 1e-5, "dk");
  expectClose(floatsOf(dv), expected.dv, 1e-5, "dv");
  if (!c.bias)
    return;
  expectClose(floatsOf(dBias), expected.dBias, 2e-5, "dbias");
  std::vector<float> once = floatsOf(dBias);
  run(operands, 3);
  EXPECT_EQ(once, floatsOf(dBias)) << "the bits depend on how tasks are grouped";
}

} // namespace
} // namespace heddle::codegen
