// SPDX-License-Identifier: Apache-2.0
#include "frontend/Parameters.h"

#include <cmath>

#include "frontend/Dimensions.h"
#include "frontend/LayerNames.h"

namespace heddle::frontend {

int64_t ParameterSpec::elements() const {
  int64_t product = 1;
  for (int64_t size : shape)
    product *= size;
  return product;
}

namespace {

class Collector {
public:
  explicit Collector(const proto::ModelDef &definition)
      : definition_(definition), names_(definition.names()), dims_(definition) {}

  ModelParameters run() {
    ModelParameters model;
    bool tied = definition_.head().tied();
    model.tokenEmbedding =
        parameter(names_.token_embedding(), ".weight", {dims_.vocab, dims_.embeddingWidth},
                  normal(), kEmbeddingsPath);
    // Some writers keep the head's name of a shared tensor.
    if (tied)
      model.tokenEmbedding.aliases.push_back(names_.head() + ".weight");
    if (tied)
      for (const std::string &other : names_.other_heads())
        model.tokenEmbedding.aliases.push_back(other + ".weight");
    if (hasEmbeddingProjections(definition_)) {
      model.embeddingIn =
          linear(names_.embedding_in(), dims_.embeddingWidth, dims_.width, false, kEmbeddingsPath);
      model.embeddingOut =
          linear(names_.embedding_out(), dims_.width, dims_.embeddingWidth, false, kHeadPath);
    }
    if (hasLearnedPositions(definition_))
      model.positionEmbedding =
          parameter(names_.position_embedding(), ".weight",
                    {positionRows(definition_), dims_.width}, normal(), kEmbeddingsPath);
    if (definition_.embedding_norm())
      model.embeddingNorm = norm(names_.embedding_norm(), kEmbeddingsPath);
    for (int64_t i = 0; i < dims_.layers; ++i)
      model.layers.push_back(layer(i));
    if (hasFinalNorm(definition_))
      model.finalNorm = norm(names_.final_norm(), kFinalNormPath);
    if (!tied)
      model.headWeight = headParameter(".weight", {dims_.vocab, dims_.embeddingWidth},
                                       weightInitializer(dims_.embeddingWidth, dims_.vocab, false));
    if (definition_.head().bias())
      model.headBias = headParameter(".bias", {dims_.vocab}, zeros());
    return model;
  }

private:
  static Initializer zeros() { return {}; }
  static Initializer ones() { return {Initializer::Kind::ones, 0}; }
  Initializer normal() const {
    return {Initializer::Kind::normal, definition_.initializer().scale()};
  }

  Initializer weightInitializer(int64_t in, int64_t out, bool endsInResidual) const {
    const proto::Initializer &initializer = definition_.initializer();
    Initializer result = normal();
    switch (initializer.kind()) {
    case proto::Initializer::NORMAL:
      break;
    case proto::Initializer::XAVIER_UNIFORM: // deviation sqrt(2 / (in + out))
      result = {Initializer::Kind::uniform, std::sqrt(6.0 / (in + out))};
      break;
    case proto::Initializer::XAVIER_NORMAL:
      result = {Initializer::Kind::normal, std::sqrt(2.0 / (in + out))};
      break;
    case proto::Initializer::KAIMING_UNIFORM: // deviation sqrt(2 / in)
      result = {Initializer::Kind::uniform, std::sqrt(6.0 / in)};
      break;
    case proto::Initializer::KAIMING_NORMAL:
      result = {Initializer::Kind::normal, std::sqrt(2.0 / in)};
      break;
    }
    if (endsInResidual && initializer.scale_residual())
      result.scale /= std::sqrt(2.0 * static_cast<double>(dims_.layers));
    return result;
  }

  ParameterSpec parameter(const std::string &module, const std::string &suffix,
                          std::vector<int64_t> shape, Initializer initializer,
                          const std::string &layerPath) const {
    ParameterSpec spec{
        names_.prefix() + module + suffix, std::move(shape), initializer, {}, layerPath};
    for (const std::string &prefix : names_.other_prefixes())
      if (prefix != names_.prefix())
        spec.aliases.push_back(prefix + module + suffix);
    return spec;
  }

  ParameterSpec headParameter(const std::string &suffix, std::vector<int64_t> shape,
                              Initializer initializer) const {
    ParameterSpec spec{names_.head() + suffix, std::move(shape), initializer, {}, kHeadPath};
    for (const std::string &other : names_.other_heads())
      spec.aliases.push_back(other + suffix);
    return spec;
  }

  NormParameters norm(const std::string &module, const std::string &layerPath) const {
    return normOf(dims_.width, module, layerPath);
  }
  NormParameters normOf(int64_t size, const std::string &module,
                        const std::string &layerPath) const {
    Initializer first = definition_.norm().unit_offset() ? zeros() : ones();
    NormParameters result{parameter(module, ".weight", {size}, first, layerPath), {}};
    if (normsHaveBias(definition_))
      result.bias = parameter(module, ".bias", {size}, zeros(), layerPath);
    return result;
  }

  LinearParameters linear(const std::string &module, int64_t in, int64_t out, bool bias,
                          const std::string &layerPath, bool endsInResidual = false) const {
    std::vector<int64_t> shape = {in, out};
    if (definition_.weight_layout() == proto::OUT_IN)
      shape = {out, in};
    LinearParameters result{
        parameter(module, ".weight", shape, weightInitializer(in, out, endsInResidual), layerPath),
        {}};
    if (bias)
      result.bias = parameter(module, ".bias", {out}, zeros(), layerPath);
    return result;
  }

  LayerParameters layer(int64_t i) const {
    auto name = [&](const std::string &pattern) { return withLayer(pattern, i); };
    const std::string attention = attentionPath(i), ffn = ffnPath(i);
    const int64_t width = dims_.width, queries = dims_.queryWidth(), keys = dims_.keyWidth();
    const bool qkvBias = qkvHasBias(definition_), ffnBias = ffnHasBias(definition_);
    LayerParameters result;
    result.attentionNorm = norm(name(names_.attention_norm()), attention);
    if (definition_.attention().fused_qkv()) {
      result.qkv = linear(name(names_.qkv()), width, queries + 2 * keys, qkvBias, attention);
    } else {
      result.query = linear(name(names_.query()), width, queries, qkvBias, attention);
      result.key = linear(name(names_.key()), width, keys, qkvBias, attention);
      result.value = linear(name(names_.value()), width, keys, qkvBias, attention);
    }
    result.attentionOutput = linear(name(names_.attention_output()), queries, width,
                                    attentionOutputHasBias(definition_), attention, true);
    if (!sharesNorm(definition_))
      result.ffnNorm = norm(name(names_.ffn_norm()), ffn);
    if (definition_.attention().qk_norm()) {
      result.queryNorm = normOf(dims_.headDim, name(names_.query_norm()), attention);
      result.keyNorm = normOf(dims_.headDim, name(names_.key_norm()), attention);
    }
    if (definition_.norm().placement() == proto::Norm::SANDWICH) {
      result.attentionPostNorm = norm(name(names_.attention_post_norm()), attention);
      result.ffnPostNorm = norm(name(names_.ffn_post_norm()), ffn);
    }
    if (definition_.ffn().gated())
      result.ffnGate = linear(name(names_.ffn_gate()), width, dims_.hidden, ffnBias, ffn);
    result.ffnIn = linear(name(names_.ffn_in()), width, dims_.hidden, ffnBias, ffn);
    result.ffnOut = linear(name(names_.ffn_out()), dims_.hidden, width, ffnBias, ffn, true);
    return result;
  }

  const proto::ModelDef &definition_;
  const proto::ParameterNames &names_;
  Dimensions dims_;
};

/// Appends weight, then bias.
template <typename Module> void append(std::vector<ParameterSpec> &list, const Module &module) {
  list.push_back(module.weight);
  if (module.bias)
    list.push_back(*module.bias);
}
template <typename Module>
void append(std::vector<ParameterSpec> &list, const std::optional<Module> &module) {
  if (module)
    append(list, *module);
}

} // namespace

std::vector<ParameterSpec> ModelParameters::all() const {
  std::vector<ParameterSpec> list{tokenEmbedding};
  append(list, embeddingIn);
  if (positionEmbedding)
    list.push_back(*positionEmbedding);
  append(list, embeddingNorm);
  for (const LayerParameters &layer : layers) {
    append(list, layer.attentionNorm);
    append(list, layer.qkv);
    append(list, layer.query);
    append(list, layer.key);
    append(list, layer.value);
    append(list, layer.queryNorm);
    append(list, layer.keyNorm);
    append(list, layer.attentionOutput);
    append(list, layer.attentionPostNorm);
    append(list, layer.ffnNorm);
    append(list, layer.ffnGate);
    append(list, layer.ffnIn);
    append(list, layer.ffnOut);
    append(list, layer.ffnPostNorm);
  }
  append(list, finalNorm);
  append(list, embeddingOut);
  if (headWeight)
    list.push_back(*headWeight);
  if (headBias)
    list.push_back(*headBias);
  return list;
}

ModelParameters parametersOf(const proto::ModelDef &definition) {
  return Collector(definition).run();
}

} // namespace heddle::frontend
