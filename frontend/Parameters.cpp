// SPDX-License-Identifier: Apache-2.0
#include "frontend/Parameters.h"

#include <string_view>

#include "frontend/LayerNames.h"
#include "frontend/ParameterMaker.h"
#include "frontend/PatchGrid.h"
#include "frontend/Stacks.h"

namespace heddle::frontend {

int64_t ParameterSpec::elements() const {
  int64_t product = 1;
  for (int64_t size : shape)
    product *= size;
  return product;
}

namespace {

class Collector : private ParameterMaker {
public:
  explicit Collector(const proto::ModelDef &definition, std::string_view stack = kDecoderStack)
      : ParameterMaker(definition, stack) {
    if (definition.has_encoder())
      sourceWidth_ = encoderOf(definition).width();
  }

  ModelParameters run() {
    const std::string embeddings = embeddingsPath(stack_);
    ModelParameters model;
    if (readsImages(definition_))
      images(model);
    else
      model.tokenEmbedding = parameter(names_.token_embedding(), ".weight",
                                       {dims_.vocab, dims_.embeddingWidth}, normal(), embeddings);
    condition(model);
    if (hasEmbeddingProjections(definition_)) {
      model.embeddingIn =
          linear(names_.embedding_in(), dims_.embeddingWidth, dims_.width, false, embeddings);
      model.embeddingOut =
          linear(names_.embedding_out(), dims_.width, dims_.embeddingWidth, false, kHeadPath);
    }
    if (hasLearnedPositions(definition_))
      model.positionEmbedding = positions();
    if (model.positionEmbedding)
      model.positionEmbedding->frozen = definition_.positions().learned().frozen();
    if (definition_.has_frames()) {
      model.convolutionIn = convolution(names_.convolution_in(), definition_.frames().bins());
      model.convolutionOut = convolution(names_.convolution_out(), dims_.embeddingSum);
    }
    if (definition_.has_token_types() && !definition_.token_types().compared())
      model.tokenTypeEmbedding =
          parameter(names_.token_type_embedding(), ".weight",
                    {definition_.token_types().count(), dims_.embeddingSum}, normal(), embeddings);
    if (definition_.positions().has_relative_bias())
      model.relativeBias = parameter(
          names_.relative_bias(), ".weight",
          {definition_.positions().relative_bias().buckets(), dims_.heads}, normal(), embeddings);
    for (const std::string &other : names_.other_token_embeddings())
      for (const std::string &prefix : prefixes())
        if (model.tokenEmbedding)
          model.tokenEmbedding->aliases.push_back(prefix + other + ".weight");
    if (definition_.embedding_norm())
      model.embeddingNorm =
          norm(names_.embedding_norm(),
               definition_.project_before_norm() ? dims_.width : dims_.embeddingSum, embeddings);
    if (dims_.embeddingSum != dims_.width)
      model.embeddingProjection =
          linear(names_.embedding_projection(), dims_.embeddingSum, dims_.width,
                 definition_.bias() && !definition_.project_before_norm(), embeddings);
    if (names_.has_mask_embedding())
      model.maskEmbedding =
          parameter(names_.mask_embedding(), "", {1, 1, dims_.width}, normal(), embeddings);
    if (hasDistances(definition_))
      model.distanceEmbedding =
          parameter(names_.distance_embedding(), ".weight",
                    {distanceRows(definition_), dims_.width}, normal(), embeddings);
    if (hasDistances(definition_) && definition_.attention().disentangled().norm())
      model.distanceNorm = norm(names_.distance_norm(), dims_.width, embeddings);
    for (int64_t i = 0; i < dims_.layers; ++i)
      model.layers.push_back(layer(i));
    if (hasFinalNorm(definition_) && definition_.norm().adaln_zero())
      model.finalModulation = modulation(names_.final_modulation(), 2, finalNormPath(stack_));
    if (hasFinalNorm(definition_))
      model.finalNorm = norm(names_.final_norm(), dims_.width, finalNormPath(stack_));
    if (definition_.pooler().norm())
      model.poolerNorm = norm(names_.pooler_norm(), dims_.width, kPoolerPath);
    if (definition_.has_pooler() && definition_.pooler().dense())
      model.pooler =
          linear(names_.pooler(), dims_.width, pooledWidth(definition_), true, kPoolerPath);
    // An embedding's loss does not reach it; decay alone would shrink what others may read.
    if (model.pooler && learnsFromPairs(definition_))
      model.pooler->weight.frozen = model.pooler->bias->frozen = true;
    head(model);
    if (definition_.has_encoder())
      addEncoder(model);
    if (definition_.has_image())
      addImage(model);
    return model;
  }

private:
  void images(ModelParameters &model) const {
    const proto::Patches &patches = definition_.patches();
    const PatchGrid grid(patches);
    const bool bias = patches.has_bias() ? patches.bias() : definition_.bias();
    LinearParameters &embedding = model.patchEmbedding.emplace();
    embedding.weight =
        parameter(names_.patch_embedding(), ".weight",
                  {dims_.width, grid.channels, grid.patchHeight, grid.patchWidth},
                  weightInitializer(grid.pixels(), dims_.width, false), embeddingsPath(stack_));
    if (bias)
      embedding.bias = parameter(names_.patch_embedding(), ".bias", {dims_.width}, zeros(),
                                 embeddingsPath(stack_));
    std::vector<int64_t> shape = {dims_.width};
    if (patches.batch_axis())
      shape = {1, 1, dims_.width};
    if (patches.class_token())
      model.classToken =
          parameter(names_.class_token(), "", shape, normal(), embeddingsPath(stack_));
  }

  void condition(ModelParameters &model) const {
    const proto::Conditioning &condition = definition_.condition();
    if (condition.has_timestep()) {
      model.timestepIn = linear(names_.timestep_in(), condition.timestep().frequencies(),
                                dims_.width, true, conditionPath(stack_));
      model.timestepOut =
          linear(names_.timestep_out(), dims_.width, dims_.width, true, conditionPath(stack_));
    }
    if (condition.has_classes()) {
      const int64_t rows = condition.classes().count() + (condition.classes().none() ? 1 : 0);
      model.classEmbedding = parameter(names_.class_embedding(), ".weight", {rows, dims_.width},
                                       normal(), conditionPath(stack_));
    }
  }

  ParameterSpec positions() const {
    std::vector<int64_t> shape = {positionRows(definition_), dims_.embeddingSum};
    if (definition_.patches().batch_axis())
      shape.insert(shape.begin(), 1);
    return names_.has_position_table()
               ? parameter(names_.position_table(), "", shape, normal(), embeddingsPath(stack_))
               : parameter(names_.position_embedding(), ".weight", shape, normal(),
                           embeddingsPath(stack_));
  }

  /// C to `parts` times C, zeros at first: the identity.
  LinearParameters modulation(const std::string &module, int64_t parts,
                              const std::string &layerPath) const {
    LinearParameters result = linear(module, dims_.width, parts * dims_.width, true, layerPath);
    result.weight.initializer = zeros();
    return result;
  }

  void addImage(ModelParameters &model) const {
    const proto::ModelDef definition = imageOf(definition_);
    model.image = std::make_shared<const ModelParameters>(Collector(definition, kImageStack).run());
    model.logitScale =
        ParameterSpec{names_.logit_scale(),
                      {},
                      {Initializer::Kind::constant, definition_.head().logit_scale()},
                      {},
                      kHeadPath};
  }

  void addEncoder(ModelParameters &model) const {
    const proto::ModelDef definition = encoderOf(definition_);
    ModelParameters encoder = Collector(definition, kEncoderStack).run();
    if (definition.has_frames()) {
      encoder.lacksTokenTable = true;
    } else if (sharesTokenTable(definition_)) {
      // Some writers keep the encoder's name of the shared table.
      if (encoder.tokenEmbedding->name != model.tokenEmbedding->name) {
        model.tokenEmbedding->aliases.push_back(encoder.tokenEmbedding->name);
        for (const std::string &other : encoder.tokenEmbedding->aliases)
          model.tokenEmbedding->aliases.push_back(other);
      }
      encoder.tokenEmbedding = model.tokenEmbedding;
      encoder.lacksTokenTable = true;
    }
    model.encoder = std::make_shared<const ModelParameters>(std::move(encoder));
  }

  /// Beside the model that the prefix is of.
  void dense(ModelParameters &model) const {
    int64_t in = dims_.width;
    for (const proto::DenseLayer &layer : definition_.head().dense()) {
      const std::string name =
          layer.has_name() ? layer.name() : "dense." + std::to_string(model.dense.size());
      LinearParameters &parameters = model.dense.emplace_back();
      parameters.weight = ParameterSpec{name + ".weight",
                                        {layer.width(), in},
                                        weightInitializer(in, layer.width(), false),
                                        {},
                                        kPoolerPath};
      if (layer.bias())
        parameters.bias = ParameterSpec{name + ".bias", {layer.width()}, zeros(), {}, kPoolerPath};
      in = layer.width();
    }
  }

  void head(ModelParameters &model) const {
    const proto::Head &head = definition_.head();
    dense(model);
    if (head.kind() == proto::Head::NONE || head.kind() == proto::Head::EMBEDDING)
      return;
    const bool language = isLanguageModel(definition_), tied = language && head.tied();
    const int64_t in = language ? dims_.embeddingWidth : headWidth(definition_);
    const int64_t out = language ? dims_.vocab : dims_.classes;
    // A head stands beside the model that the prefix is of.
    proto::ModelDef bare = definition_;
    bare.mutable_names()->clear_prefix();
    bare.mutable_names()->clear_other_prefixes();
    const Collector beside(bare, stack_);
    if (head.next_sentence())
      model.nextSentence =
          beside.linear(names_.next_sentence(), pooledWidth(definition_), 2, true, kHeadPath);
    if (head.has_transform()) {
      model.headTransform =
          beside.linear(names_.head_transform(), headWidth(definition_), in, true, kHeadPath);
      if (head.transform().norm())
        model.headNorm = beside.norm(names_.head_norm(), in, kHeadPath);
    }
    // As with modulations: an untrained model says nothing of the noise.
    const Initializer first =
        head.kind() == proto::Head::NOISE ? zeros() : weightInitializer(in, out, false);
    const ParameterSpec weight =
        headParameter(names_.head() + ".weight", ".weight", {out, in}, first);
    // Some writers keep the head's name of a shared tensor.
    if (tied) {
      model.tokenEmbedding->aliases.push_back(weight.name);
      for (const std::string &other : weight.aliases)
        model.tokenEmbedding->aliases.push_back(other);
    } else {
      model.headWeight = weight;
    }
    if (headHasBias(definition_))
      model.headBias =
          headParameter(names_.has_head_bias() ? names_.head_bias() : names_.head() + ".bias",
                        ".bias", {out}, zeros());
    if (head.constant_bias())
      model.headConstantBias = ParameterSpec{
          names_.head_constant_bias(), {1, out}, zeros(), {}, kHeadPath, /*frozen=*/true};
  }

  DistanceParameters distances(int64_t i) const {
    auto name = [&](const std::string &pattern) { return withLayer(pattern, i); };
    const std::string path = attentionPath(i, stack_);
    const std::vector<int64_t> heads = {dims_.heads, dims_.headDim};
    const std::string projection = name(names_.distance_projection());
    DistanceParameters result{
        definition_.attention().projections_by_head()
            ? byHead(projection, path)
            : linear(projection, dims_.width, dims_.queryWidth(), false, path),
        parameter(name(names_.content_bias()), "", heads, normal(), path),
        parameter(name(names_.distance_bias()), "", heads, normal(), path),
        {},
        {}};
    if (definition_.attention().distance_encoding().token_types()) {
      result.typeBias = parameter(name(names_.type_bias()), "", heads, normal(), path);
      result.typeTable = parameter(name(names_.type_embedding()), "",
                                   {2, dims_.heads, dims_.headDim}, normal(), path);
    }
    return result;
  }

  LinearParameters convolution(const std::string &module, int64_t in) const {
    const int64_t out = dims_.embeddingSum;
    const std::string path = embeddingsPath(stack_);
    return {parameter(module, ".weight", {out, in, 3}, weightInitializer(3 * in, out, false), path),
            parameter(module, ".bias", {out}, zeros(), path)};
  }

  LayerParameters layer(int64_t i) const {
    auto name = [&](const std::string &pattern) { return withLayer(pattern, i); };
    const std::string attention = attentionPath(i, stack_), ffn = ffnPath(i, stack_);
    const int64_t width = dims_.width, queries = dims_.queryWidth(), keys = dims_.keyWidth();
    const bool qkvBias = qkvHasBias(definition_), ffnBias = ffnHasBias(definition_);
    LayerParameters result;
    if (definition_.norm().adaln_zero())
      result.modulation = modulation(name(names_.modulation()), 6, modulationPath(i, stack_));
    result.attentionNorm = norm(name(names_.attention_norm()), width, attention);
    if (definition_.attention().fused_qkv()) {
      result.qkv = linear(name(names_.qkv()), width, queries + 2 * keys, qkvBias, attention);
    } else {
      result.query = linear(name(names_.query()), width, queries, qkvBias, attention);
      result.key = linear(name(names_.key()), width, keys, keyHasBias(definition_), attention);
      result.value = linear(name(names_.value()), width, keys, qkvBias, attention);
    }
    result.attentionOutput = linear(name(names_.attention_output()), queries, width,
                                    attentionOutputHasBias(definition_), attention, true);
    if (definition_.attention().projections_by_head()) {
      result.query = byHead(name(names_.query()), attention);
      result.key = byHead(name(names_.key()), attention);
      result.value = byHead(name(names_.value()), attention);
      result.attentionOutput = byHead(name(names_.attention_output()), attention);
      result.attentionOutput.intoModel = true;
    }
    if (definition_.attention().has_distance_encoding())
      result.distances = distances(i);
    if (hasOwnDistanceProjection(definition_, proto::DisentangledAttention::CONTENT_TO_POSITION))
      result.distanceKey = linear(name(names_.distance_key()), width, keys, qkvBias, attention);
    if (hasOwnDistanceProjection(definition_, proto::DisentangledAttention::POSITION_TO_CONTENT))
      result.distanceQuery =
          linear(name(names_.distance_query()), width, queries, qkvBias, attention);
    if (!sharesNorm(definition_))
      result.ffnNorm = norm(name(names_.ffn_norm()), width, ffn);
    if (definition_.attention().qk_norm()) {
      result.queryNorm = norm(name(names_.query_norm()), dims_.headDim, attention);
      result.keyNorm = norm(name(names_.key_norm()), dims_.headDim, attention);
    }
    if (definition_.norm().placement() == proto::Norm::SANDWICH) {
      result.attentionPostNorm = norm(name(names_.attention_post_norm()), width, attention);
      result.ffnPostNorm = norm(name(names_.ffn_post_norm()), width, ffn);
    }
    if (definition_.has_encoder())
      result.cross = crossAttention(i);
    if (definition_.ffn().gated())
      result.ffnGate = linear(name(names_.ffn_gate()), width, dims_.hidden, ffnBias, ffn);
    result.ffnIn = linear(name(names_.ffn_in()), width, dims_.hidden, ffnBias, ffn);
    result.ffnOut = linear(name(names_.ffn_out()), dims_.hidden, width, ffnBias, ffn, true);
    return result;
  }

  /// Keys and values are made of the encoder's vectors.
  AttentionParameters crossAttention(int64_t i) const {
    auto name = [&](const std::string &pattern) { return withLayer(pattern, i); };
    const std::string path = crossAttentionPath(i, stack_);
    const int64_t width = dims_.width, queries = dims_.queryWidth(), keys = dims_.keyWidth();
    const bool bias = qkvHasBias(definition_);
    AttentionParameters result;
    result.attentionNorm = norm(name(names_.cross_attention_norm()), width, path);
    result.query = linear(name(names_.cross_query()), width, queries, bias, path);
    result.key =
        linear(name(names_.cross_key()), sourceWidth_, keys, keyHasBias(definition_), path);
    result.value = linear(name(names_.cross_value()), sourceWidth_, keys, bias, path);
    if (definition_.attention().qk_norm()) {
      result.queryNorm = norm(name(names_.cross_query_norm()), dims_.headDim, path);
      result.keyNorm = norm(name(names_.cross_key_norm()), dims_.headDim, path);
    }
    result.attentionOutput = linear(name(names_.cross_attention_output()), queries, width,
                                    attentionOutputHasBias(definition_), path, true);
    if (definition_.norm().placement() == proto::Norm::SANDWICH)
      result.attentionPostNorm = norm(name(names_.cross_attention_post_norm()), width, path);
    return result;
  }

  int64_t sourceWidth_ = 0; // of the vectors that layers attend to
};

} // namespace

ModelParameters parametersOf(const proto::ModelDef &definition) {
  return Collector(definition).run();
}

} // namespace heddle::frontend
