// SPDX-License-Identifier: Apache-2.0
// The folders of tests/goldens that hold decoders: causal models with logits and a shifted loss.

#ifndef HEDDLE_TESTS_FRONTEND_DECODERGOLDENS_H
#define HEDDLE_TESTS_FRONTEND_DECODERGOLDENS_H

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "tests/frontend/ModelHarness.h"

namespace heddle::test {

inline constexpr const char *kDecoderGoldens[] = {
    "bloom-holes",
    "bloom-residual-from-norm",
    "falcon-alibi-holes",
    "falcon-alibi-sequential",
    "falcon-grouped",
    "falcon-grouped-one-norm",
    "falcon-multi-query",
    "gemma2-default",
    "gemma2-holes-plain",
    "gpt2-default",
    "gpt2-holes",
    "gpt2-inner-gelu",
    "gpt2-relu-untied",
    "gpt_neox-holes",
    "gpt_neox-sequential",
    "llama-default",
    "llama-grouped-llama3",
    "llama-tied-biases",
    "mistral-holes",
    "mistral-window",
    "opt-holes",
    "opt-no-final-norm",
    "opt-post-norm-projected",
    "phi-default",
    "phi-holes-grouped",
    "qwen2-default",
    "qwen2-window",
    "qwen3-default",
    "qwen3-holes-window",
};

inline std::string nameOfGolden(const testing::TestParamInfo<const char *> &info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

/// labels [B, T] as the runner turns them into targets: what follows.
inline ir::TensorRef shiftedLabels(const ir::TensorRef &labels) {
  ir::Tensor targets = *labels;
  const int64_t length = labels->shape.back();
  for (int64_t i = 0; i < labels->elements(); ++i)
    targets.ints[i] = (i + 1) % length == 0 ? -100 : labels->ints[i + 1];
  return std::make_shared<ir::Tensor>(std::move(targets));
}

/// The gradient by a parameter, which transformers may call by another name than the checkpoint.
inline ir::TensorRef goldenGradient(const Feed &golden, const frontend::ParameterSpec &spec) {
  std::vector<std::string> names = spec.aliases;
  names.insert(names.begin(), spec.name);
  for (const std::string &name : names)
    if (auto found = golden.find("grad." + name); found != golden.end())
      return found->second;
  ADD_FAILURE() << "no gradient by " << spec.name;
  return nullptr;
}

} // namespace heddle::test

#endif // HEDDLE_TESTS_FRONTEND_DECODERGOLDENS_H
