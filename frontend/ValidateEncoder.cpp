// SPDX-License-Identifier: Apache-2.0
#include "frontend/ValidateEncoder.h"

#include "frontend/Dimensions.h"
#include "frontend/Stacks.h"
#include "frontend/ValidateNames.h"

namespace heddle::frontend {
namespace {

Found checkAlone(const proto::ModelDef &model) {
  if (model.has_frames())
    return wrong("frames", "needs an encoder that reads them: encoder { frames {} }");
  if (model.has_share_token_embedding())
    return wrong("share_token_embedding", "needs an encoder");
  if (model.has_decoder_input())
    return wrong("decoder_input", "needs an encoder");
  return std::nullopt;
}

Found checkFrames(const proto::ModelDef &encoder) {
  if (!encoder.has_frames())
    return std::nullopt;
  const int64_t bins = encoder.frames().bins();
  if (!encoder.frames().has_bins())
    return wrong("encoder.frames.bins", "is missing");
  if (bins < 1 || bins > kMaxDimension)
    return wrong("encoder.frames.bins", "expected a size from 1 to ", kMaxDimension, ", found ",
                 bins);
  if (encoder.has_embedding_width())
    return wrong("encoder.embedding_width", "does not go with frames");
  return std::nullopt;
}

/// Parts of a single stack that two stacks do not have.
Found checkDecoder(const proto::ModelDef &model) {
  const proto::Head::Kind head = model.head().kind();
  if (model.has_frames())
    return wrong("frames", "belongs to the encoder");
  if (!model.attention().causal())
    return wrong("attention.causal", "a decoder behind an encoder only looks back");
  const bool fromSource = model.decoder_input().from_source();
  if (fromSource && head != proto::Head::SEQUENCE_CLASSES)
    return wrong("head.kind", "of a decoder that reads the source (decoder_input.from_source) ",
                 "expected SEQUENCE_CLASSES");
  if (!fromSource && head != proto::Head::LANGUAGE_MODEL && head != proto::Head::NONE)
    return wrong("head.kind", "behind an encoder expected LANGUAGE_MODEL or NONE");
  if (fromSource && !model.decoder_input().has_start_id())
    return wrong("decoder_input.start_id", "is missing");
  if (fromSource && model.encoder().has_frames())
    return wrong("decoder_input.from_source", "does not go with encoder.frames");
  if (fromSource && encoderOf(model).vocab_size() != model.vocab_size())
    return wrong("encoder.vocab_size", "the decoder reads the source (decoder_input.from_source): ",
                 "expected its vocabulary of ", model.vocab_size(), " tokens");
  if (fromSource && model.attention().mean_if_blind())
    return wrong("attention.mean_if_blind", "does not go with decoder_input.from_source");
  if (fromSource && !model.has_pooler())
    return wrong("pooler", "is missing: it says of which token the decoder's vector counts");
  if (!fromSource && model.has_pooler())
    return wrong("pooler", "does not go with an encoder");
  if (model.has_token_types())
    return wrong("token_types", "does not go with an encoder");
  if (model.residual() != proto::ModelDef::SEQUENTIAL)
    return wrong("residual", "behind an encoder expected SEQUENTIAL");
  if (model.positions().learned().from_mask())
    return wrong("positions.learned.from_mask", "does not go with an encoder");
  if (model.positions().learned().has_padding_id())
    return wrong("positions.learned.padding_id", "does not go with an encoder");
  return std::nullopt;
}

Found checkId(const char *field, bool given, int64_t id, const proto::ModelDef &model) {
  const int64_t end = model.has_vocab_size() ? model.vocab_size() : kMaxDimension;
  if (given && (id < 0 || id >= end))
    return wrong(field, "expected one of the ", end, " tokens, found ", id);
  return std::nullopt;
}

/// What an encoder may not say of itself.
Found checkEncoderFields(const proto::ModelDef &encoder) {
  if (encoder.has_encoder())
    return wrong("encoder.encoder", "an encoder has none");
  if (encoder.has_head())
    return wrong("encoder.head", "an encoder has none");
  if (encoder.has_loss())
    return wrong("encoder.loss", "an encoder has none");
  if (encoder.has_pooler())
    return wrong("encoder.pooler", "does not go with a decoder");
  if (encoder.has_patches())
    return wrong("encoder.patches", "an encoder reads tokens");
  if (encoder.has_share_token_embedding())
    return wrong("encoder.share_token_embedding", "belongs to the model");
  if (encoder.has_decoder_input())
    return wrong("encoder.decoder_input", "belongs to the model");
  if (encoder.has_weight_layout())
    return wrong("encoder.weight_layout", "belongs to the model");
  if (encoder.has_adapters())
    return wrong("encoder.adapters", "belongs to the model");
  if (encoder.frozen_size() > 0)
    return wrong("encoder.frozen", "belongs to the model");
  if (encoder.attention().has_causal())
    return wrong("encoder.attention.causal", "an encoder looks ahead");
  return std::nullopt;
}

Found checkSharedTable(const proto::ModelDef &model, const proto::ModelDef &encoder) {
  if (!sharesTokenTable(model) || encoder.has_frames())
    return std::nullopt;
  const Dimensions decoderSizes(model), encoderSizes(encoder);
  if (decoderSizes.vocab != encoderSizes.vocab)
    return wrong("encoder.vocab_size", "the encoder reads the decoder's token table of ",
                 decoderSizes.vocab, " tokens (share_token_embedding), found ", encoderSizes.vocab);
  if (decoderSizes.embeddingWidth != encoderSizes.embeddingWidth)
    return wrong("encoder.width", "the encoder reads the decoder's token table (",
                 "share_token_embedding), whose rows have ", decoderSizes.embeddingWidth,
                 " numbers, not ", encoderSizes.embeddingWidth);
  return std::nullopt;
}

Found checkEncoder(const proto::ModelDef &model) {
  if (Found found = checkEncoderFields(model.encoder()))
    return found;
  const proto::ModelDef encoder = encoderOf(model);
  proto::ModelDef alone = encoder;
  alone.clear_frames();
  if (Found found = findFieldError(alone)) {
    found->field = "encoder." + found->field;
    return found;
  }
  if (Found found = checkFrames(encoder))
    return found;
  if (Found found = checkSharedTable(model, encoder))
    return found;
  const int64_t streams = rngStreams(model.layers()) + rngStreams(encoder.layers());
  if (streams > kMaxRngStreams)
    return wrong("layers", "the ", model.layers(), " layers and the encoder's ", encoder.layers(),
                 " have ", streams, " random streams, more than the limit of ", kMaxRngStreams);
  return findStackNameError(model, encoder, "encoder");
}

} // namespace

std::optional<FieldError> findEncoderError(const proto::ModelDef &definition) {
  if (!definition.has_encoder())
    return checkAlone(definition);
  const proto::DecoderInput &input = definition.decoder_input();
  for (const Found &found :
       {checkDecoder(definition),
        checkId("decoder_input.start_id", input.has_start_id(), input.start_id(), definition),
        checkId("decoder_input.padding_id", input.has_padding_id(), input.padding_id(), definition),
        checkId("pooler.token_id", definition.pooler().has_token_id(),
                definition.pooler().token_id(), definition)})
    if (found)
      return found;
  return checkEncoder(definition);
}

} // namespace heddle::frontend
