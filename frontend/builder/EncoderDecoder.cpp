// SPDX-License-Identifier: Apache-2.0
#include "frontend/builder/EncoderDecoder.h"

#include "frontend/Builder.h"
#include "frontend/Stacks.h"

namespace heddle::frontend {
namespace {

class EncoderDecoder {
public:
  EncoderDecoder(Wiring &decoder, Wiring &encoder)
      : graph_(decoder.graph), decoder_(decoder), encoder_(encoder) {
    decoder_.sourceLength = encoder_.seq;
  }

  void forward() {
    for (const auto &[name, tensor] : taskOutputs(decoder_, vectors()))
      graph_.output(name, tensor);
    graph_.output("encoder_last_hidden_state", *decoder_.source);
  }

  void loss() {
    const Outputs outputs = taskOutputs(decoder_, vectors());
    graph_.output("loss", taskLoss(decoder_, outputs));
  }

  void prefill() {
    readSource();
    Tensor tokens = idsInput(decoder_, "decoder_input_ids");
    Tensor last = graph_.input("last_index", {decoder_.batch}, Element::i32);
    encode();
    fillUpTo(decoder_, last);
    useDefaultPositions(decoder_);
    Tensor x = layersOf(decoder_, embedTokens(decoder_, tokens));
    {
      LayerScope scope(graph_, finalNormPath(decoder_.stack));
      x = graph_.gatherRows(x, last);
    }
    graph_.output("logits", head(decoder_, finalNorm(decoder_, x)));
  }

  void decode() {
    Tensor tokens = graph_.input("decoder_input_ids", {decoder_.batch, 1}, Element::i32);
    Tensor positions = graph_.input("positions", {decoder_.batch}, Element::i32);
    if (!encoder_.definition.has_frames())
      decoder_.sourceMask = idsInput(encoder_, "attention_mask");
    extendAt(decoder_, positions);
    Tensor x = layersOf(decoder_, embedTokens(decoder_, tokens));
    x = graph_.reshape(x, {decoder_.batch, decoder_.dims.width});
    graph_.output("logits", head(decoder_, finalNorm(decoder_, x)));
  }

private:
  void readSource() {
    if (encoder_.definition.has_frames()) {
      source_ = graph_.input("input_features", {encoder_.batch, encoder_.definition.frames().bins(),
                                                2 * encoder_.seq});
      return;
    }
    source_ = idsInput(encoder_, "input_ids");
    if (encoder_.dims.vocab != decoder_.dims.vocab) // which the manifest says
      graph_.limitInput("input_ids", encoder_.dims.vocab);
    encoder_.keyMask = idsInput(encoder_, "attention_mask");
  }

  /// Those given, of which a mask may hide some, or the source's.
  Tensor decoderTokens() {
    const proto::DecoderInput &input = decoder_.definition.decoder_input();
    if (!input.from_source()) {
      Tensor tokens = idsInput(decoder_, "decoder_input_ids");
      decoder_.keyMask = idsInput(decoder_, "decoder_attention_mask");
      return tokens;
    }
    LayerScope scope(graph_, embeddingsPath(decoder_.stack));
    decoder_.inputIds = source_;
    // There is no mask: it reads what attention_mask hides from the encoder's readers, too.
    Tensor start =
        graph_.floats({decoder_.batch, 1},
                      std::vector<float>(decoder_.batch, static_cast<float>(input.start_id())));
    if (decoder_.seq == 1)
      return graph_.cast(start, Element::i32);
    Tensor before = graph_.slice(graph_.cast(source_, Element::f32), {0, 0},
                                 {decoder_.batch, decoder_.seq - 1});
    return graph_.cast(graph_.concat({start, before}, 1), Element::i32);
  }

  /// The encoder's last vectors become what the decoder attends to.
  void encode() {
    useDefaultPositions(encoder_);
    const bool frames = encoder_.definition.has_frames();
    Tensor x = frames ? embedFrames(encoder_, source_) : embedTokens(encoder_, source_);
    decoder_.source = finalNorm(encoder_, layersOf(encoder_, x));
    decoder_.sourceMask = encoder_.keyMask;
  }

  /// The decoder's last vectors.
  Tensor vectors() {
    readSource();
    Tensor tokens = decoderTokens();
    if (decoder_.definition.attention().mean_if_blind()) {
      LayerScope scope(graph_, embeddingsPath(decoder_.stack));
      const int64_t window = decoder_.definition.attention().window();
      decoder_.keysSeen = countKeysSeen(decoder_, *decoder_.keyMask);
      if (hasWindows(decoder_.definition))
        decoder_.windowKeysSeen = countKeysSeen(decoder_, *decoder_.keyMask, window);
    }
    encode();
    useDefaultPositions(decoder_);
    return finalNorm(decoder_, layersOf(decoder_, embedTokens(decoder_, tokens)));
  }

  GraphBuilder &graph_;
  Wiring &decoder_, &encoder_;
  Tensor source_; // [B, S], or frames [B, bins, 2 S]
};

} // namespace

void encoderDecoderEntry(Wiring &decoder, const std::string &name, int64_t sourceLength) {
  const proto::ModelDef definition = encoderOf(decoder.definition);
  Wiring encoder = wiringOf(decoder.graph, definition, *decoder.parameters.encoder, decoder.batch,
                            sourceLength, decoder.number);
  encoder.stack = kEncoderStack;
  encoder.firstRngId = rngStreams(decoder.dims.layers);
  const bool dropout = largestDropout(decoder.definition) > 0 || largestDropout(definition) > 0;
  if (name == kTrainLossEntry && dropout)
    decoder.rng = encoder.rng = decoder.graph.rng();
  EncoderDecoder builder(decoder, encoder);
  if (name == kForwardEntry)
    builder.forward();
  else if (name == kPrefillEntry)
    builder.prefill();
  else if (name == kDecodeEntry)
    builder.decode();
  else
    builder.loss();
}

} // namespace heddle::frontend
