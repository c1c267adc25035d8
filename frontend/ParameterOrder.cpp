// SPDX-License-Identifier: Apache-2.0
// The order of a model's parameters, which is that of the entries' arguments.
#include "frontend/Parameters.h"

namespace heddle::frontend {
namespace {

void append(std::vector<ParameterSpec> &list, const std::optional<ParameterSpec> &parameter) {
  if (parameter)
    list.push_back(*parameter);
}
/// Appends weight, then bias.
template <typename Module> void append(std::vector<ParameterSpec> &list, const Module &module) {
  append(list, std::optional<ParameterSpec>(module.weight));
  append(list, module.bias);
  if constexpr (requires { module.adapter; })
    if (module.adapter) {
      list.push_back(module.adapter->a);
      list.push_back(module.adapter->b);
    }
}
template <typename Module>
void append(std::vector<ParameterSpec> &list, const std::optional<Module> &module) {
  if (module)
    append(list, *module);
}

void appendAttention(std::vector<ParameterSpec> &list, const AttentionParameters &attention) {
  append(list, attention.attentionNorm);
  append(list, attention.qkv);
  append(list, attention.query);
  append(list, attention.key);
  append(list, attention.value);
  append(list, attention.queryNorm);
  append(list, attention.keyNorm);
  append(list, attention.attentionOutput);
  append(list, attention.attentionPostNorm);
}

} // namespace

std::vector<ParameterSpec> ModelParameters::all() const {
  std::vector<ParameterSpec> list;
  if (encoder)
    list = encoder->all();
  if (!lacksTokenTable)
    append(list, tokenEmbedding);
  append(list, classToken);
  append(list, patchEmbedding);
  append(list, embeddingIn);
  append(list, positionEmbedding);
  append(list, tokenTypeEmbedding);
  append(list, relativeBias);
  append(list, convolutionIn);
  append(list, convolutionOut);
  append(list, embeddingNorm);
  append(list, embeddingProjection);
  append(list, maskEmbedding);
  append(list, distanceEmbedding);
  append(list, distanceNorm);
  append(list, timestepIn);
  append(list, timestepOut);
  append(list, classEmbedding);
  for (const LayerParameters &layer : layers) {
    append(list, layer.modulation);
    appendAttention(list, layer);
    append(list, layer.distanceKey);
    append(list, layer.distanceQuery);
    if (layer.distances) {
      append(list, layer.distances->projection);
      append(list, std::optional<ParameterSpec>(layer.distances->contentBias));
      append(list, std::optional<ParameterSpec>(layer.distances->distanceBias));
      append(list, layer.distances->typeBias);
      append(list, layer.distances->typeTable);
    }
    if (layer.cross)
      appendAttention(list, *layer.cross);
    append(list, layer.ffnNorm);
    append(list, layer.ffnGate);
    append(list, layer.ffnIn);
    append(list, layer.ffnOut);
    append(list, layer.ffnPostNorm);
  }
  append(list, finalModulation);
  append(list, finalNorm);
  append(list, poolerNorm);
  append(list, pooler);
  for (const LinearParameters &layer : dense)
    append(list, layer);
  append(list, embeddingOut);
  append(list, headTransform);
  append(list, headNorm);
  append(list, headWeight);
  append(list, headBias);
  append(list, headConstantBias);
  append(list, nextSentence);
  append(list, logitScale);
  if (image)
    for (ParameterSpec &parameter : image->all())
      list.push_back(std::move(parameter));
  return list;
}

} // namespace heddle::frontend
