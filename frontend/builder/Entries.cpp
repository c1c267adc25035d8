// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "frontend/Builder.h"
#include "frontend/Frozen.h"
#include "frontend/LayerNames.h"
#include "frontend/PatchGrid.h"
#include "frontend/Stacks.h"
#include "frontend/Validate.h"
#include "frontend/builder/EncoderDecoder.h"
#include "frontend/builder/Wiring.h"

namespace heddle::frontend {
namespace {

class EntryBuilder {
public:
  EntryBuilder(GraphBuilder &graph, const proto::ModelDef &definition,
               const ModelParameters &parameters, const BuildOptions &options)
      : graph_(graph), definition_(definition), parameters_(parameters), options_(options),
        rotary_(definition.positions().has_rotary()), alibi_(definition.positions().has_alibi()) {}

  void build(const std::string &name) {
    graph_.beginEntry(name);
    declareParameters(name == kTrainLossEntry);
    Wiring w =
        wiringOf(graph_, definition_, parameters_, options_.batch, options_.seq, options_.number);
    if (definition_.has_encoder())
      encoderDecoderEntry(w, name, sourceLength(definition_, options_.seq, options_.sourceSeq));
    else if (name == kForwardEntry)
      forward(w);
    else if (name == kLossEntry)
      loss(w, vectors(w));
    else if (name == kEncodeEntry)
      encode(w);
    else if (name == kEvalEntry)
      loss(w, trainingVectors(w));
    else if (name == kTrainLossEntry)
      trainLoss(w);
    else if (name == kPrefillEntry)
      prefill(w);
    else
      decode(w);
    graph_.endEntry();
  }

private:
  /// All of them, in the order of the definition, also those that an entry does not read. What the
  /// user freezes gets no gradient; what no model of the kind trains has one, but in no step.
  void declareParameters(bool trains) {
    for (const ParameterSpec &spec : parameters_.all()) {
      graph_.parameter(spec);
      if (isFrozen(definition_, spec) && (trains || !spec.frozen))
        graph_.freezeParameter(spec.name);
    }
  }

  Tensor maskedVectors(Wiring &w) {
    Tensor tokens = idsInput(w, "input_ids");
    w.inputIds = tokens;
    w.keyMask = idsInput(w, "attention_mask");
    // Declared in any case: every model's forward takes the same inputs.
    w.positionIds = idsInput(w, "position_ids");
    if (definition_.positions().learned().has_padding_id())
      graph_.setInputPadding("position_ids", definition_.positions().learned().padding_id());
    if (definition_.has_token_types()) {
      w.tokenTypeIds = idsInput(w, "token_type_ids");
      graph_.limitInput("token_type_ids", definition_.token_types().count());
    }
    if (rotary_)
      w.ropeTurns = w.positionIds;
    {
      LayerScope scope(graph_, embeddingsPath(w.stack));
      countKeys(w);
      if (definition_.positions().has_relative_bias())
        w.scoreBias = relativeBias(w);
    }
    return finalNorm(w, layersOf(w, embedTokens(w, tokens)));
  }

  /// What forward and loss begin with.
  Tensor vectors(Wiring &w) {
    return readsImages(definition_) ? imageVectors(w) : maskedVectors(w);
  }

  /// Texts for a causal model fill every row; others come with their padding.
  Tensor trainingVectors(Wiring &w) {
    return predictsNext(definition_) ? plainVectors(w) : vectors(w);
  }

  /// What depends on how many keys attention_mask lets a query see.
  void countKeys(Wiring &w) {
    const proto::Attention &attention = definition_.attention();
    if (alibi_ || attention.mean_if_blind())
      w.keysSeen = countKeysSeen(w, *w.keyMask);
    if (attention.mean_if_blind() && hasWindows(definition_))
      w.windowKeysSeen = countKeysSeen(w, *w.keyMask, attention.window());
    if (alibi_)
      w.scoreBias = alibiBias(w, *w.keysSeen - graph_.scalar(1, Element::f32));
  }

  /// Every row is whole and begins at position 0.
  Tensor plainVectors(Wiring &w) {
    Tensor tokens = idsInput(w, "input_ids");
    useDefaultPositions(w);
    return finalNorm(w, layersOf(w, embedTokens(w, tokens)));
  }

  void forward(Wiring &w) {
    for (const auto &[name, tensor] : taskOutputs(w, vectors(w)))
      graph_.output(name, tensor);
  }

  void loss(Wiring &w, Tensor x) {
    const Outputs outputs = taskOutputs(w, x);
    graph_.output("loss", taskLoss(w, outputs));
  }

  void encode(Wiring &w) {
    Tensor x = vectors(w);
    graph_.output("sentence_embedding", sentenceEmbedding(w, x));
  }

  void trainLoss(Wiring &w) {
    if (drawsInTraining(definition_))
      w.rng = graph_.rng();
    loss(w, trainingVectors(w));
  }

  void prefill(Wiring &w) {
    Tensor tokens = idsInput(w, "input_ids");
    Tensor last = graph_.input("last_index", {w.batch}, Element::i32);
    fillUpTo(w, last);
    useDefaultPositions(w);
    Tensor x = layersOf(w, embedTokens(w, tokens));
    {
      LayerScope scope(graph_, finalNormPath(w.stack));
      x = graph_.gatherRows(x, last);
    }
    graph_.output("logits", head(w, finalNorm(w, x)));
  }

  void decode(Wiring &w) {
    Tensor tokens = graph_.input("input_ids", {w.batch, 1}, Element::i32);
    Tensor positions = graph_.input("positions", {w.batch}, Element::i32);
    extendAt(w, positions);
    Tensor x = layersOf(w, embedTokens(w, tokens));
    x = graph_.reshape(x, {w.batch, w.dims.width});
    graph_.output("logits", head(w, finalNorm(w, x)));
  }

  GraphBuilder &graph_;
  const proto::ModelDef &definition_;
  const ModelParameters &parameters_;
  const BuildOptions &options_;
  bool rotary_, alibi_;
};

} // namespace

std::vector<std::string> entriesOf(const proto::ModelDef &definition, bool training) {
  std::vector<std::string> entries = {kForwardEntry};
  const proto::Head::Kind kind = definition.head().kind();
  if ((kind == proto::Head::NONE || kind == proto::Head::EMBEDDING) && encodesTexts(definition))
    entries.push_back(kEncodeEntry);
  if (kind == proto::Head::NONE || kind == proto::Head::PROJECTION)
    return entries;
  entries.push_back(kLossEntry);
  if (isLanguageModel(definition) && definition.attention().causal())
    entries.insert(entries.end(), {kPrefillEntry, kDecodeEntry});
  if (training)
    entries.insert(entries.end(), {kTrainLossEntry, kEvalEntry});
  return entries;
}

namespace {

bool isContrastive(const proto::ModelDef &definition, const std::string &entry) {
  return learnsFromPairs(definition) &&
         (entry == kLossEntry || entry == kEvalEntry || entry == kTrainLossEntry);
}

/// What the user may not know of the model.
const char *whyMissing(const proto::ModelDef &definition, const std::string &entry) {
  if (entry == kPrefillEntry || entry == kDecodeEntry)
    return definition.attention().causal()
               ? ": its head does not predict tokens, so it does not generate"
               : ": it looks ahead (attention.causal: false), so it does not generate";
  if (definition.head().kind() == proto::Head::PROJECTION)
    return ": its head gives vectors (head.kind: PROJECTION), so there is no loss and no training";
  if (definition.head().kind() == proto::Head::NONE)
    return ": it has no head (head.kind: NONE, in config.json an architecture such as BertModel), "
           "so there is no loss and no training";
  return "";
}

} // namespace

StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> buildModule(mlir::MLIRContext &context,
                                                        const proto::ModelDef &definition,
                                                        const BuildOptions &options) {
  if (!definition.has_vocab_size() && !readsImages(definition))
    return invalidInput("field \"vocab_size\": is missing and no tokenizer gives it");
  HEDDLE_RETURN_IF_ERROR(validateShape(definition, options.batch, options.seq));
  if (definition.has_encoder())
    HEDDLE_RETURN_IF_ERROR(
        withContext(validateShape(encoderOf(definition), options.batch,
                                  sourceLength(definition, options.seq, options.sourceSeq)),
                    "the encoder"));
  if (definition.has_image()) {
    const proto::ModelDef image = imageOf(definition);
    HEDDLE_RETURN_IF_ERROR(validateShape(image, options.batch, fixedSequence(image)));
  }
  std::vector<std::string> known = entriesOf(definition, /*training=*/true);
  if (encodesTexts(definition))
    known.push_back(kEncodeEntry);
  for (const std::string &entry : options.entries) {
    if (std::find(known.begin(), known.end(), entry) == known.end())
      return invalidInput("the model has no entry ", entry, whyMissing(definition, entry));
    if (entry == kPrefillEntry || entry == kDecodeEntry)
      HEDDLE_RETURN_IF_ERROR(checkRings(definition, options.batch, options.seq));
    if (isContrastive(definition, entry) && options.batch % 2 != 0)
      return invalidInput("batch: entry ", entry,
                          " compares the two halves of the batch; expected ",
                          "an even number of texts, found ", options.batch);
  }
  const ModelParameters parameters = parametersOf(definition);
  GraphBuilder graph(context, options.number);
  EntryBuilder builder(graph, definition, parameters, options);
  for (const std::string &entry : options.entries)
    builder.build(entry);
  return graph.finish();
}

} // namespace heddle::frontend
