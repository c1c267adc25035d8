// SPDX-License-Identifier: Apache-2.0
#include "tools/driver/SymbolicShapes.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "frontend/Builder.h"
#include "frontend/Dimensions.h"
#include "frontend/Model.h"
#include "frontend/PatchGrid.h"
#include "frontend/Stacks.h"
#include "ir/Dialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "tools/driver/MlirText.h"

using namespace mlir;

namespace heddle::tools {
namespace {

// Primes, so that no size of the twin is a product of others.
constexpr int64_t kBatch = 1009, kSeq = 1013, kHeads = 101, kKvHeads = 103, kGroup = 3,
                  kHidden = 2011, kVocab = 3001, kPositions = 2003, kChannels = 109,
                  kPatchHeight = 113, kPatchWidth = 127, kRows = 37, kColumns = 41;
// Of an encoder, where it differs.
constexpr int64_t kSourceSeq = 1019, kSourceHeads = 107, kSourceHidden = 2017, kSourceVocab = 3011,
                  kSourcePositions = 2027;

/// The encoder's sizes by other primes where they are not the decoder's.
void twinEncoder(const frontend::proto::ModelDef &definition, frontend::proto::ModelDef &twin) {
  const frontend::Dimensions decoder(definition), encoder(frontend::encoderOf(definition));
  const frontend::Dimensions decoderTwin(twin);
  frontend::proto::ModelDef &to = *twin.mutable_encoder();
  const bool sameHeads = encoder.heads == decoder.heads && encoder.kvHeads == decoder.kvHeads;
  const int64_t heads = sameHeads ? decoderTwin.heads : kSourceHeads;
  to.mutable_attention()->set_heads(heads);
  if (!sameHeads)
    to.mutable_attention()->set_kv_heads(encoder.kvHeads == encoder.heads ? heads : 1);
  to.mutable_attention()->set_head_dim(encoder.headDim);
  to.set_width(encoder.width == decoder.width ? decoderTwin.width : 2 * heads * encoder.headDim);
  to.mutable_ffn()->set_hidden(encoder.hidden == decoder.hidden ? decoderTwin.hidden
                                                                : kSourceHidden);
  to.set_vocab_size(encoder.vocab == decoder.vocab ? kVocab : kSourceVocab);
  if (encoder.positions > 0)
    to.set_max_positions(encoder.positions == decoder.positions ? kPositions : kSourcePositions);
}

/// What patches leave over is cut off where it is in the real images.
void setImages(frontend::proto::Patches &patches) {
  patches.set_channels(kChannels);
  const bool cut = patches.height() % patches.patch_height() != 0 ||
                   patches.width() % patches.patch_width() != 0;
  patches.set_height(kRows * kPatchHeight + (cut ? 1 : 0));
  patches.set_width(kColumns * kPatchWidth);
  patches.set_patch_height(kPatchHeight);
  patches.set_patch_width(kPatchWidth);
}

frontend::proto::ModelDef twinOf(const frontend::proto::ModelDef &definition) {
  const frontend::Dimensions real(definition);
  frontend::proto::ModelDef twin = definition;
  bool grouped = real.kvHeads != real.heads && real.kvHeads != 1;
  int64_t heads = grouped ? kKvHeads * kGroup : kHeads;
  if (definition.positions().has_sinusoidal_2d())
    heads *= 4; // which wants a width that four divides
  twin.mutable_attention()->set_heads(heads);
  if (real.kvHeads != real.heads)
    twin.mutable_attention()->set_kv_heads(grouped ? kKvHeads : 1);
  else
    twin.mutable_attention()->clear_kv_heads();
  bool ownWidth = real.width != real.queryWidth();
  twin.set_width(heads * real.headDim * (ownWidth ? 2 : 1));
  twin.mutable_attention()->set_head_dim(real.headDim);
  if (definition.ffn().has_hidden())
    twin.mutable_ffn()->set_hidden(kHidden);
  if (frontend::readsImages(definition))
    setImages(*twin.mutable_patches());
  else
    twin.set_vocab_size(kVocab);
  if (definition.has_image())
    setImages(*twin.mutable_image()->mutable_patches());
  if (real.positions > 0)
    twin.set_max_positions(kPositions);
  if (definition.has_encoder())
    twinEncoder(definition, twin);
  return twin;
}

struct Shape {
  Shape(const frontend::proto::ModelDef &definition, int64_t batch, int64_t seq, int64_t asked = 0)
      : sizes(definition),
        patches(definition.has_image() ? definition.image().patches() : definition.patches()),
        grid(patches), batch(batch), seq(seq) {
    if (!definition.has_encoder())
      return;
    source = frontend::Dimensions(frontend::encoderOf(definition));
    sourceSeq = frontend::sourceLength(definition, seq, asked);
    frames = definition.encoder().has_frames();
  }

  frontend::Dimensions sizes;
  frontend::proto::Patches patches;
  frontend::PatchGrid grid;
  int64_t batch, seq;
  /// Of the encoder, if there is one.
  std::optional<frontend::Dimensions> source = {};
  int64_t sourceSeq = 0;
  bool frames = false; // of which there are always as many
};

/// What sizes of the real graph and of its twin are called.
class Letters {
public:
  /// `towers`: images stand beside texts, whose T says nothing of them.
  Letters(const Shape &real, const Shape &twin, bool towers) {
    auto add = [&](const char *text, auto size, int powerOfT) {
      names_.push_back({size(twin), {text, size(real), powerOfT}});
    };
    add("B", [](const Shape &s) { return s.batch; }, 0);
    add("T", [](const Shape &s) { return s.seq; }, 1);
    add("C", [](const Shape &s) { return s.sizes.width; }, 0);
    add("H", [](const Shape &s) { return s.sizes.heads; }, 0);
    add("G", [](const Shape &s) { return s.sizes.kvHeads; }, 0);
    add("D", [](const Shape &s) { return s.sizes.headDim; }, 0);
    add("V", [](const Shape &s) { return s.sizes.vocab; }, 0);
    add("F", [](const Shape &s) { return s.sizes.hidden; }, 0);
    add("P", [](const Shape &s) { return s.sizes.positions; }, 0);
    add("BT", [](const Shape &s) { return s.batch * s.seq; }, 1);
    add("HD", [](const Shape &s) { return s.sizes.queryWidth(); }, 0);
    add("GD", [](const Shape &s) { return s.sizes.keyWidth(); }, 0);
    add("3C", [](const Shape &s) { return 3 * s.sizes.width; }, 0);
    add("(H+2G)D", [](const Shape &s) { return s.sizes.queryWidth() + 2 * s.sizes.keyWidth(); }, 0);
    add("2F", [](const Shape &s) { return 2 * s.sizes.hidden; }, 0);
    add("H/G", [](const Shape &s) { return s.sizes.heads / s.sizes.kvHeads; }, 0);
    add("D/2", [](const Shape &s) { return s.sizes.headDim / 2; }, 0);
    add("2C", [](const Shape &s) { return 2 * s.sizes.width; }, 0);
    add("6C", [](const Shape &s) { return 6 * s.sizes.width; }, 0);
    add("C/2", [](const Shape &s) { return s.sizes.width / 2; }, 0);
    if (real.patches.has_height())
      addImages(add, towers ? 0 : 1);
    if (real.source)
      addSource(add, real.frames ? 0 : 1); // a source as long as the text
  }

  template <typename Add> static void addSource(Add add, int grows) {
    add("S", [](const Shape &s) { return s.sourceSeq; }, grows);
    add("BS", [](const Shape &s) { return s.batch * s.sourceSeq; }, grows);
    add("2S", [](const Shape &s) { return 2 * s.sourceSeq; }, grows);
    add("C'", [](const Shape &s) { return s.source->width; }, 0);
    add("H'", [](const Shape &s) { return s.source->heads; }, 0);
    add("D'", [](const Shape &s) { return s.source->headDim; }, 0);
    add("H'D'", [](const Shape &s) { return s.source->queryWidth(); }, 0);
    add("F'", [](const Shape &s) { return s.source->hidden; }, 0);
    add("V'", [](const Shape &s) { return s.source->vocab; }, 0);
    add("P'", [](const Shape &s) { return s.source->positions; }, 0);
  }

  template <typename Add> static void addImages(Add add, int powerOfT) {
    add("N", [](const Shape &s) { return s.grid.patches(); }, powerOfT);
    add("Ch", [](const Shape &s) { return s.grid.channels; }, 0);
    add("Ih", [](const Shape &s) { return s.patches.height(); }, 0);
    add("Iw", [](const Shape &s) { return s.patches.width(); }, 0);
    add("Ph", [](const Shape &s) { return s.grid.patchHeight; }, 0);
    add("Pw", [](const Shape &s) { return s.grid.patchWidth; }, 0);
    add("Nh", [](const Shape &s) { return s.grid.rows; }, 0);
    add("Nw", [](const Shape &s) { return s.grid.columns; }, 0);
    add("ChPhPw", [](const Shape &s) { return s.grid.pixels(); }, 0);
    add("2Ch", [](const Shape &s) { return 2 * s.grid.channels; }, 0);
    add("2ChPhPw", [](const Shape &s) { return 2 * s.grid.pixels(); }, 0);
  }

  Size operator()(int64_t real, int64_t twin) const {
    for (const auto &[value, size] : names_)
      if (real > 1 || twin > 1)
        if (value == twin && size.value == real)
          return size;
    return {std::to_string(real), real, 0};
  }

private:
  std::vector<std::pair<int64_t, Size>> names_;
};

std::vector<Operation *> opsOf(func::FuncOp function) {
  std::vector<Operation *> ops;
  function.walk([&](Operation *op) {
    if (!isa<func::FuncOp, func::ReturnOp>(op))
      ops.push_back(op);
  });
  return ops;
}

std::vector<Type> typesOf(Operation *op) {
  std::vector<Type> types(op->operand_type_begin(), op->operand_type_end());
  types.insert(types.end(), op->result_type_begin(), op->result_type_end());
  return types;
}

double elementsAt(const std::vector<Size> &sizes, int64_t seq, int64_t boundSeq) {
  double elements = 1;
  for (const Size &size : sizes)
    elements *= size.at(seq, boundSeq);
  return elements;
}

int powerOfT(const std::vector<Size> &sizes) {
  int power = 0;
  for (const Size &size : sizes)
    power += size.powerOfT;
  return power;
}

double bytesOf(Type type) {
  Type element = getElementTypeOrSelf(type);
  return element.isIntOrFloat() ? std::max(1u, element.getIntOrFloatBitWidth() / 8) : 4;
}

/// Sums over a function for one T.
class Counter {
public:
  Counter(func::FuncOp function, const std::vector<OpSizes> &sizes, int64_t seq, int64_t boundSeq)
      : ops_(opsOf(function)), sizes_(sizes), seq_(seq), boundSeq_(boundSeq) {}

  void count(Growth &growth) {
    double alive = 0, most = 0;
    std::map<size_t, double> endings; // bytes that nobody reads behind this op
    for (size_t i = 0; i < ops_.size(); ++i) {
      Operation *op = ops_[i];
      if (isView(op))
        continue;
      countOp(i, growth);
      for (unsigned r = 0; r < op->getNumResults(); ++r) {
        const std::vector<Size> &size = sizes_[i][op->getNumOperands() + r];
        double bytes = bytesAt(size, op->getResult(r).getType());
        growth.trainingBytes += bytes;
        growth.scoreBytes += powerOfT(size) > 1 ? bytes : 0;
        alive += bytes;
        endings[std::max(i, lastUse(op->getResult(r)))] += bytes;
      }
      most = std::max(most, alive);
      for (auto at = endings.begin(); at != endings.end() && at->first <= i; at = endings.erase(at))
        alive -= at->second;
    }
    growth.inferenceBytes += most;
  }

private:
  static bool isView(Operation *op) {
    return op->hasTrait<ir::ViewTrait>() || op->getNumOperands() == 0;
  }

  double bytesAt(const std::vector<Size> &sizes, Type type) const {
    return elementsAt(sizes, seq_, boundSeq_) * bytesOf(type);
  }

  void countOp(size_t i, Growth &growth) {
    Operation *op = ops_[i];
    std::vector<Type> types = typesOf(op);
    for (size_t v = 0; v < types.size(); ++v)
      growth.bytesMoved += bytesAt(sizes_[i][v], types[v]);
    auto matmul = dyn_cast<ir::MatmulOp>(op);
    if (!matmul)
      return;
    const std::vector<Size> &a = sizes_[i][0], &y = sizes_[i][2];
    const Size &depth = a[a.size() - (matmul.getTransposeA() ? 2 : 1)];
    double flops = 2 * elementsAt(y, seq_, boundSeq_) * depth.at(seq_, boundSeq_);
    growth.forwardFlops += flops;
    growth.attentionFlops += powerOfT(y) + depth.powerOfT > 1 ? flops : 0;
  }

  /// The number of the last op that reads the value, also through views.
  size_t lastUse(Value value) {
    if (numberOf_.empty())
      for (size_t i = 0; i < ops_.size(); ++i)
        numberOf_[ops_[i]] = i;
    size_t last = 0;
    for (Operation *user : value.getUsers()) {
      auto number = numberOf_.find(user);
      last = std::max(last, number == numberOf_.end() ? ops_.size() : number->second);
      if (number != numberOf_.end() && isView(user))
        for (Value result : user->getResults())
          last = std::max(last, lastUse(result));
    }
    return last;
  }

  std::vector<Operation *> ops_;
  const std::vector<OpSizes> &sizes_;
  int64_t seq_, boundSeq_;
  std::map<Operation *, size_t> numberOf_;
};

} // namespace

double Size::at(int64_t seq, int64_t boundSeq) const {
  return static_cast<double>(value) *
         std::pow(static_cast<double>(seq) / static_cast<double>(boundSeq), powerOfT);
}

StatusOr<std::vector<OpSizes>> symbolicShapes(const frontend::Model &model, func::FuncOp function,
                                              int64_t batch, int64_t seq) {
  const frontend::proto::ModelDef twin = twinOf(model.definition);
  auto context = makeContext();
  frontend::BuildOptions options;
  options.batch = kBatch;
  const int64_t fixed = frontend::fixedSequence(twin);
  options.seq = fixed > 0 ? fixed : kSeq;
  options.sourceSeq = frontend::decoderReadsTokens(model.definition) ? kSourceSeq : 0;
  options.entries = {function.getName().str()};
  HEDDLE_ASSIGN_OR_RETURN(auto module, frontend::buildModule(*context, twin, options));
  const Letters letters({model.definition, batch, seq},
                        {twin, kBatch, options.seq, options.sourceSeq},
                        model.definition.has_image());
  std::vector<Operation *> ops = opsOf(function);
  std::vector<Operation *> others = opsOf(module->lookupSymbol<func::FuncOp>(function.getName()));
  if (ops.size() != others.size())
    return invalidInput("its ops depend on its sizes");
  std::vector<OpSizes> all;
  for (size_t i = 0; i < ops.size(); ++i) {
    std::vector<Type> types = typesOf(ops[i]), otherTypes = typesOf(others[i]);
    if (ops[i]->getName().getStringRef() != others[i]->getName().getStringRef() ||
        types.size() != otherTypes.size())
      return invalidInput("its ops depend on its sizes");
    OpSizes sizes(types.size());
    for (size_t v = 0; v < types.size(); ++v) {
      auto type = dyn_cast<RankedTensorType>(types[v]);
      auto other = dyn_cast<RankedTensorType>(otherTypes[v]);
      if (!type || !other || type.getRank() != other.getRank())
        return invalidInput("its ops depend on its sizes");
      for (int64_t axis = 0; axis < type.getRank(); ++axis)
        sizes[v].push_back(letters(type.getDimSize(axis), other.getDimSize(axis)));
    }
    all.push_back(std::move(sizes));
  }
  return all;
}

double cacheBytes(const frontend::Model &model, int64_t batch, int64_t seq) {
  if (!frontend::predictsNext(model.definition))
    return 0;
  const frontend::Dimensions dims(model.definition);
  double positions = 0;
  for (int64_t layer = 0; layer < dims.layers; ++layer)
    positions += static_cast<double>(frontend::cacheLength(model.definition, layer, seq));
  return 8.0 * static_cast<double>(batch * dims.keyWidth()) * positions;
}

std::vector<Growth> growthWithT(const frontend::Model &model, func::FuncOp function,
                                const std::vector<OpSizes> &sizes, int64_t batch, int64_t seq) {
  double parameters = 0;
  for (const frontend::ParameterSpec &spec : model.parameters) {
    double elements = 1;
    for (int64_t size : spec.shape)
      elements *= static_cast<double>(size);
    parameters += elements;
  }
  std::vector<Growth> rows;
  std::vector<int64_t> lengths = {frontend::fixedSequence(model.definition)};
  if (lengths.front() == 0) // else another T is another model
    lengths = {512, 1024, 2048, 4096, 8192, 16384, 32768};
  for (int64_t T : lengths) {
    Growth growth{.seq = T};
    growth.inferenceBytes = 4 * parameters;
    growth.trainingBytes = 16 * parameters;
    Counter(function, sizes, T, seq).count(growth);
    growth.cacheBytes = cacheBytes(model, batch, T);
    rows.push_back(growth);
  }
  return rows;
}

} // namespace heddle::tools
