// SPDX-License-Identifier: Apache-2.0
#include "frontend/builder/EncoderDecoder.h"

#include "frontend/Builder.h"
#include "frontend/Stacks.h"

namespace heddle::frontend {
namespace {

/// Both stacks' last vectors: the decoder's are returned, the encoder's are its source.
Tensor vectors(Wiring &decoder, Wiring &encoder) {
  Tensor tokens = idsInput(encoder, "input_ids");
  encoder.keyMask = idsInput(encoder, "attention_mask");
  Tensor written = idsInput(decoder, "decoder_input_ids");
  decoder.keyMask = idsInput(decoder, "decoder_attention_mask");
  useDefaultPositions(encoder);
  decoder.source = finalNorm(encoder, layersOf(encoder, embedTokens(encoder, tokens)));
  decoder.sourceMask = encoder.keyMask;
  decoder.sourceLength = encoder.seq;
  useDefaultPositions(decoder);
  return finalNorm(decoder, layersOf(decoder, embedTokens(decoder, written)));
}

} // namespace

void encoderDecoderEntry(Wiring &decoder, const std::string &name, int64_t sourceLength) {
  GraphBuilder &graph = decoder.graph;
  const proto::ModelDef definition = encoderOf(decoder.definition);
  Wiring encoder = wiringOf(graph, definition, *decoder.parameters.encoder, decoder.batch,
                            sourceLength, decoder.number);
  encoder.stack = kEncoderStack;
  encoder.firstRngId = rngStreams(decoder.dims.layers, /*cross=*/true);
  const bool dropout =
      largestDropout(decoder.definition) > 0 || largestDropout(encoder.definition) > 0;
  if (name == kTrainLossEntry && dropout)
    decoder.rng = encoder.rng = graph.rng();
  const Outputs outputs = taskOutputs(decoder, vectors(decoder, encoder));
  if (name != kForwardEntry) {
    graph.output("loss", taskLoss(decoder, outputs));
    return;
  }
  for (const auto &[output, tensor] : outputs)
    graph.output(output, tensor);
  graph.output("encoder_last_hidden_state", *decoder.source);
}

} // namespace heddle::frontend
