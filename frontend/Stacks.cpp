// SPDX-License-Identifier: Apache-2.0
#include "frontend/Stacks.h"

#include <algorithm>
#include <string_view>

#include "frontend/Dimensions.h"
#include "google/protobuf/descriptor.h"

namespace heddle::frontend {
namespace {

constexpr std::string_view kDecoderNames = "decoder.", kEncoderNames = "encoder.",
                           kImageNames = "image.";

/// Names of the decoder become those of another stack, defaults too.
void rename(proto::ParameterNames &names, std::string_view to) {
  const auto *reflection = names.GetReflection();
  const auto *descriptor = names.GetDescriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const auto *field = descriptor->field(i);
    if (field->is_repeated())
      continue;
    if (field->name().starts_with("cross_")) // what no encoder has
      reflection->ClearField(&names, field);
    const std::string name = reflection->GetString(names, field);
    if (name.starts_with(kDecoderNames))
      reflection->SetString(&names, field, std::string(to) + name.substr(kDecoderNames.size()));
  }
}

/// What only means something where queries look back.
void clearLookingBack(proto::Attention &attention) {
  attention.clear_window();
  attention.clear_window_layers();
  attention.clear_first_window_layer();
  attention.clear_mean_if_blind();
}

} // namespace

proto::ModelDef encoderOf(const proto::ModelDef &definition) {
  proto::ModelDef stack = definition;
  stack.clear_encoder();
  stack.clear_share_token_embedding();
  stack.clear_decoder_input();
  stack.clear_pooler();
  stack.clear_loss();
  stack.clear_head();
  clearLookingBack(*stack.mutable_attention());
  rename(*stack.mutable_names(), kEncoderNames);
  if (definition.encoder().names().other_prefixes_size() > 0)
    stack.mutable_names()->clear_other_prefixes();
  stack.MergeFrom(definition.encoder());
  stack.mutable_attention()->set_causal(false);
  stack.mutable_head()->set_kind(proto::Head::NONE);
  return stack;
}

int64_t sourceLength(const proto::ModelDef &definition, int64_t seq, int64_t asked) {
  if (!decoderReadsTokens(definition))
    return seq;
  if (asked > 0)
    return asked;
  const proto::ModelDef encoder = encoderOf(definition);
  const int64_t longest = longestSequence(encoder);
  if (longest == 0)
    return seq;
  return encoder.has_frames() ? longest : std::min(seq, longest);
}

bool decoderReadsTokens(const proto::ModelDef &definition) {
  return definition.has_encoder() && !definition.decoder_input().from_source();
}

proto::ModelDef imageOf(const proto::ModelDef &definition) {
  proto::ModelDef stack = definition;
  stack.clear_image();
  stack.clear_vocab_size();
  stack.clear_max_positions();
  stack.clear_positions();
  stack.clear_scale_embeddings();
  stack.clear_embedding_width();
  stack.clear_embedding_sum_width();
  stack.clear_embedding_norm();
  stack.clear_padding_id();
  stack.clear_token_types();
  stack.clear_pooler();
  stack.clear_loss();
  stack.clear_head();
  clearLookingBack(*stack.mutable_attention());
  proto::ParameterNames &names = *stack.mutable_names();
  rename(names, kImageNames);
  names.set_head("image_projection");
  names.set_pooler("image_pooler");
  names.set_pooler_norm("image_pooler_norm");
  names.clear_position_table();
  if (definition.image().names().other_prefixes_size() > 0 ||
      definition.image().names().has_prefix())
    names.clear_other_prefixes();
  stack.mutable_attention()->set_causal(false);
  stack.mutable_head()->set_kind(proto::Head::PROJECTION);
  stack.mutable_head()->set_width(definition.head().width());
  stack.MergeFrom(definition.image());
  return stack;
}

bool sharesTokenTable(const proto::ModelDef &definition) {
  return definition.share_token_embedding();
}

} // namespace heddle::frontend
