// SPDX-License-Identifier: Apache-2.0
#include "tests/runtime/FakeModel.h"

#include "tests/runtime/TempFolder.h"

namespace heddle::test {
namespace {

using namespace heddle::runtime;
using proto::BufferRef;

constexpr int64_t B = kFakeBatch, T = kFakeSeq, V = kFakeVocab;
using Shape = std::vector<int64_t>;

/// A plan in the making. Operands are named: an argument, "=result", or "@offset:count" in the
/// arena.
class PlanMaker {
public:
  PlanMaker(proto::Executable &executable, const char *entry) : plan_(*executable.add_plans()) {
    plan_.set_entry(entry);
  }

  PlanMaker &argument(const char *kind, const char *name, Shape shape,
                      proto::DataType dtype = proto::F32,
                      proto::Value::Default fallback = proto::Value::REQUIRED) {
    fill(*plan_.add_arguments(), kind, name, shape, dtype);
    plan_.mutable_arguments(plan_.arguments_size() - 1)->set_default_value(fallback);
    return *this;
  }
  PlanMaker &result(const char *kind, const char *name, Shape shape) {
    fill(*plan_.add_results(), kind, name, shape, proto::F32);
    int alias = -1;
    for (int i = 0; i < plan_.arguments_size(); ++i)
      if (plan_.arguments(i).name() == name)
        alias = i;
    plan_.add_result_alias(alias);
    return *this;
  }
  PlanMaker &launch(const char *kernel, int64_t tasks, std::vector<std::string> inputs,
                    std::vector<std::string> outputs, uint64_t scratch = 0) {
    proto::Launch &launch = *plan_.add_launches();
    launch.set_kernel(kernel);
    launch.set_tasks(tasks);
    launch.set_scratch_bytes(scratch);
    launch.set_layer("bigram");
    launch.set_flops(1000);
    launch.set_outputs(static_cast<int>(outputs.size()));
    for (const std::string &name : inputs)
      operand(name, *launch.add_operands());
    for (const std::string &name : outputs)
      operand(name, *launch.add_operands());
    return *this;
  }

private:
  static void fill(proto::Value &value, const char *kind, const char *name, const Shape &shape,
                   proto::DataType dtype) {
    value.set_kind(kind);
    value.set_name(name);
    value.set_dtype(dtype);
    for (int64_t size : shape)
      value.add_shape(size);
  }
  static void type(const proto::Value &value, BufferRef &ref) {
    uint64_t elements = 1;
    for (int64_t size : value.shape())
      elements *= size;
    ref.set_dtype(value.dtype());
    ref.set_elements(elements);
  }
  void operand(const std::string &name, BufferRef &ref) {
    if (name[0] == '@') {
      uint64_t offset = std::stoull(name.substr(1));
      uint64_t count = std::stoull(name.substr(name.find(':') + 1));
      ref.set_space(BufferRef::ARENA);
      ref.set_offset(offset);
      ref.set_dtype(proto::F32);
      ref.set_elements(count);
      plan_.set_arena_bytes(std::max<uint64_t>(plan_.arena_bytes(), offset + 4 * count));
      return;
    }
    bool isResult = name[0] == '=';
    auto &values = isResult ? plan_.results() : plan_.arguments();
    for (int i = 0; i < values.size(); ++i)
      if (values[i].name() == name.substr(isResult)) {
        ref.set_space(isResult ? BufferRef::RESULT : BufferRef::ARGUMENT);
        ref.set_index(i);
        type(values[i], ref);
        return;
      }
    ADD_FAILURE() << "no value " << name;
  }
  proto::Plan &plan_;
};

const std::string kLosses = "@0:16", kGradient = "@64:65536";

void addForward(proto::Executable &executable) {
  PlanMaker(executable, "forward")
      .argument("param", "table", {V, V})
      .argument("param", "bias", {V})
      .argument("input", "input_ids", {B, T}, proto::I32)
      .argument("input", "attention_mask", {B, T}, proto::I32, proto::Value::ALL_ONES)
      .argument("input", "position_ids", {B, T}, proto::I32, proto::Value::POSITIONS)
      .result("output", "logits", {B, T, V})
      .launch("fake_forward", B * T,
              {"table", "bias", "input_ids", "attention_mask", "position_ids"}, {"=logits"});
}

void addLoss(proto::Executable &executable, const char *entry) {
  PlanMaker(executable, entry)
      .argument("param", "table", {V, V})
      .argument("input", "input_ids", {B, T}, proto::I32)
      .argument("input", "targets", {B, T}, proto::I32)
      .result("output", "loss", {})
      .launch("fake_token_loss", B * T, {"table", "input_ids", "targets"}, {kLosses})
      .launch("fake_mean", 1, {kLosses, "targets"}, {"=loss"});
}

PlanMaker &trainingInputs(PlanMaker &plan) {
  return plan.argument("param", "table", {V, V})
      .argument("input", "input_ids", {B, T}, proto::I32)
      .argument("input", "targets", {B, T}, proto::I32)
      .argument("rng", "rng", {3}, proto::I64);
}

PlanMaker &lossAndGradient(PlanMaker &plan) {
  return plan.launch("fake_token_loss", B * T, {"table", "input_ids", "targets"}, {kLosses})
      .launch("fake_mean", 1, {kLosses, "targets"}, {"=loss"})
      .launch("fake_grad", V, {"table", "input_ids", "targets", "rng"}, {kGradient}, 4 * V);
}

void addStep(proto::Executable &executable, bool accumulated) {
  PlanMaker plan(executable, accumulated ? "step_accumulated" : "step");
  trainingInputs(plan)
      .argument("state", "adam.m.table", {V, V})
      .argument("state", "adam.v.table", {V, V})
      .argument("scalar", "hyper", {9})
      .argument("scalar", "grad_clip", {});
  if (accumulated)
    plan.argument("state", "grad.table", {V, V}).argument("scalar", "loss_scale", {});
  plan.result("output", "loss", {})
      .result("output", "grad_norm", {})
      .result("param", "table", {V, V})
      .result("state", "adam.m.table", {V, V})
      .result("state", "adam.v.table", {V, V});
  if (accumulated)
    plan.result("state", "grad.table", {V, V});
  lossAndGradient(plan);
  std::string gradient = kGradient;
  if (accumulated) {
    plan.launch("fake_accumulate", V, {"grad.table", kGradient, "loss_scale"}, {"=grad.table"});
    gradient = "=grad.table";
  }
  plan.launch("fake_norm", 1, {gradient}, {"=grad_norm"})
      .launch(
          "fake_adamw", V,
          {"table", gradient, "adam.m.table", "adam.v.table", "hyper", "=grad_norm", "grad_clip"},
          {"=table", "=adam.m.table", "=adam.v.table"});
  if (accumulated)
    plan.launch("fake_zero", V, {}, {"=grad.table"});
}

void addAccumulate(proto::Executable &executable) {
  PlanMaker plan(executable, "accumulate");
  trainingInputs(plan)
      .argument("state", "grad.table", {V, V})
      .argument("scalar", "loss_scale", {})
      .result("output", "loss", {})
      .result("state", "grad.table", {V, V});
  lossAndGradient(plan).launch("fake_accumulate", V, {"grad.table", kGradient, "loss_scale"},
                               {"=grad.table"});
}

void addGeneration(proto::Executable &executable, int64_t slots) {
  PlanMaker(executable, "prefill")
      .argument("param", "table", {V, V})
      .argument("input", "input_ids", {B, T}, proto::I32)
      .argument("input", "last_index", {B}, proto::I32)
      .result("output", "logits", {B, V})
      .result("state", "cache.k.0", {B, 1, slots, 1})
      .launch("fake_prefill", B, {"table", "input_ids", "last_index"}, {"=logits", "=cache.k.0"});
  PlanMaker(executable, "decode")
      .argument("param", "table", {V, V})
      .argument("state", "cache.k.0", {B, 1, slots, 1})
      .argument("input", "input_ids", {B, 1}, proto::I32)
      .argument("input", "positions", {B}, proto::I32)
      .result("output", "logits", {B, V})
      .result("state", "cache.k.0", {B, 1, slots, 1})
      .launch("fake_decode", B, {"table", "cache.k.0", "input_ids", "positions"},
              {"=logits", "=cache.k.0"});
}

} // namespace

proto::Executable fakeExecutable(int64_t slots) {
  proto::Executable executable;
  proto::Manifest &manifest = *executable.mutable_manifest();
  manifest.set_model_name("bigram");
  manifest.set_target("cpu:scalar");
  manifest.add_cpu_features("sse2");
  manifest.set_dtype("f32");
  manifest.set_batch(B);
  manifest.set_seq(T);
  manifest.set_vocab_size(V);
  manifest.set_max_positions(T);
  manifest.set_shift_labels(true);
  proto::Parameter &table = *manifest.add_parameters();
  table.set_name("table");
  table.add_shape(V);
  table.add_shape(V);
  table.set_dtype(proto::F32);
  table.mutable_initializer()->set_kind(proto::Initializer::NORMAL);
  table.mutable_initializer()->set_scale(0.5);
  table.add_aliases("model.table");
  proto::Parameter &bias = *manifest.add_parameters();
  bias.set_name("bias");
  bias.add_shape(V);
  bias.set_dtype(proto::F32);
  bias.mutable_initializer()->set_kind(proto::Initializer::ONES);
  manifest.add_ignored_tensors("*.mask");
  proto::EmbeddedFile &definition = *manifest.add_files();
  definition.set_name("model.textproto");
  definition.set_content("name: \"bigram\"\n");
  addForward(executable);
  addLoss(executable, "loss");
  addLoss(executable, "eval");
  addStep(executable, false);
  addStep(executable, true);
  addAccumulate(executable);
  addGeneration(executable, slots);
  executable.set_kernels(slurp(HEDDLE_FAKE_KERNELS));
  sealExecutable(executable);
  return executable;
}

std::shared_ptr<const Executable> loadFake(proto::Executable executable) {
  auto loaded = Executable::create(std::move(executable), "fake");
  EXPECT_THAT(loaded, IsOk());
  return loaded.ok() ? *loaded : nullptr;
}

std::unique_ptr<Session> fakeSession(int threads, int64_t slots) {
  auto session = Session::create(loadFake(fakeExecutable(slots)), makeCpuDevice(threads));
  EXPECT_THAT(session, IsOk());
  EXPECT_THAT((*session)->initializeWeights(1), IsOk());
  return *std::move(session);
}

std::string storedBytes(Session &session, const std::string &name) {
  const StoredTensor *tensor = session.find(name);
  if (!tensor) {
    ADD_FAILURE() << "no parameter or state " << name;
    return "";
  }
  return std::string(static_cast<const char *>(tensor->data()), tensor->bytes());
}

} // namespace heddle::test
