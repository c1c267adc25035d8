// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <numeric>

#include "runtime/io/SafetensorsWriter.h"
#include "runtime/io/Weights.h"
#include "tests/runtime/FakeModel.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;
constexpr int64_t B = kFakeBatch, T = kFakeSeq, V = kFakeVocab;

Tensor ids(std::vector<int32_t> values = std::vector<int32_t>(B * T, 3)) {
  return Tensor::of(DType::I32, {B, T}, values);
}

TEST(Session, ForwardWithDefaults) {
  auto session = fakeSession();
  auto outputs = session->run("forward", {{"input_ids", ids()}});
  ASSERT_THAT(outputs, IsOk());
  const Tensor &logits = outputs->at("logits");
  EXPECT_EQ(logits.shape, (std::vector<int64_t>{B, T, V}));
  const float *table = static_cast<const float *>(session->find("table")->data());
  // mask 1 everywhere, positions 0 to T - 1 in each row, bias 1
  for (int64_t i = 0; i < B * T; ++i)
    EXPECT_EQ(logits.as<float>()[i * V + 5], table[3 * V + 5] + static_cast<float>(i % T));
}

TEST(Session, InputsOfOtherIntegerTypes) {
  auto session = fakeSession();
  Tensor wide = Tensor::of(DType::I64, {B, T}, std::vector<int64_t>(B * T, 3));
  Tensor mask = Tensor::of(DType::Bool, {B, T}, std::vector<uint8_t>(B * T, 1));
  auto a = session->run("forward", {{"input_ids", wide}, {"attention_mask", mask}});
  auto b = session->run("forward", {{"input_ids", ids()}});
  ASSERT_THAT(a, IsOk());
  ASSERT_THAT(b, IsOk());
  EXPECT_EQ(a->at("logits").bytes, b->at("logits").bytes);
}

TEST(Session, PositionsThatTheMaskCounts) {
  proto::Executable executable = fakeExecutable();
  executable.mutable_manifest()->set_positions_from_mask(true);
  sealExecutable(executable);
  auto session = Session::create(loadFake(std::move(executable)), makeCpuDevice(1));
  ASSERT_THAT(session, IsOk());
  ASSERT_THAT((*session)->initializeWeights(1), IsOk());
  std::vector<int32_t> mask(B * T, 1), positions(B * T);
  mask[0] = mask[1] = mask[T + 3] = 0;
  for (int64_t i = 0; i < T; ++i) {
    positions[i] = static_cast<int32_t>(i < 2 ? -1 : i - 2);
    positions[T + i] = static_cast<int32_t>(i < 3 ? i : i == 3 ? -1 : i - 1);
  }
  const Tensor shown = Tensor::of(DType::I32, {B, T}, mask);
  auto counted = (*session)->run("forward", {{"input_ids", ids()}, {"attention_mask", shown}});
  auto given =
      (*session)->run("forward", {{"input_ids", ids()},
                                  {"attention_mask", shown},
                                  {"position_ids", Tensor::of(DType::I32, {B, T}, positions)}});
  ASSERT_THAT(counted, IsOk());
  ASSERT_THAT(given, IsOk());
  EXPECT_EQ(counted->at("logits").bytes, given->at("logits").bytes);
  EXPECT_THAT(
      fakeSession()->run("forward", {{"input_ids", ids()},
                                     {"position_ids", Tensor::of(DType::I32, {B, T}, positions)}}),
      IsBadInput("input position_ids: position -1"));
}

TEST(Session, WrongInputsAreNamed) {
  auto session = fakeSession();
  EXPECT_THAT(session->run("forward", {}), IsBadInput("needs the input input_ids [2, 8]"));
  EXPECT_THAT(session->run("forward", {{"pixel_values", ids()}}),
              IsBadInput("input pixel_values: entry forward takes input_ids, attention_mask"));
  EXPECT_THAT(session->run("forward", {{"table", ids()}}), IsBadInput("input table"));
  EXPECT_THAT(
      session->run("forward", {{"input_ids", Tensor::of<int32_t>(DType::I32, {2}, {1, 2})}}),
      IsBadInput("input input_ids: has shape [2], expected [2, 8] as compiled"));
  EXPECT_THAT(session->run("forward", {{"input_ids", Tensor::of(DType::F32, {B, T},
                                                                std::vector<float>(B * T))}}),
              IsBadInput("is F32, expected I32"));
  std::vector<int32_t> values(B * T, 0);
  values[T + 2] = 256;
  EXPECT_THAT(session->run("forward", {{"input_ids", ids(values)}}),
              IsBadInput("input input_ids: token 256 at [1, 2] is outside the 256 tokens"));
  values[T + 2] = -1;
  EXPECT_THAT(session->run("forward", {{"input_ids", ids(values)}}), IsBadInput("token -1"));
  values[T + 2] = 8;
  EXPECT_THAT(session->run("forward", {{"input_ids", ids()}, {"position_ids", ids(values)}}),
              IsBadInput("position 8 at [1, 2]"));
  EXPECT_THAT(session->run("forward", {{"input_ids", ids()}, {"attention_mask", ids(values)}}),
              IsBadInput("attention_mask"));
  EXPECT_THAT(session->run("fly", {}), IsBadInput("has no entry fly"));
}

TEST(Session, TargetsMayBeIgnored) {
  auto session = fakeSession();
  std::vector<int32_t> targets(B * T, -100);
  targets[0] = 7;
  auto outputs = session->run("loss", {{"input_ids", ids()}, {"targets", ids(targets)}});
  ASSERT_THAT(outputs, IsOk());
  EXPECT_GT(outputs->at("loss").as<float>()[0], 0);
}

TEST(Session, InitialWeightsDependOnSeedAndNameOnly) {
  auto one = fakeSession(1), two = fakeSession(2), three = fakeSession(3);
  EXPECT_EQ(storedBytes(*one, "table"), storedBytes(*two, "table"));
  EXPECT_EQ(storedBytes(*one, "table"), storedBytes(*three, "table"));
  std::string before = storedBytes(*one, "table");
  ASSERT_THAT(one->initializeWeights(2), IsOk());
  EXPECT_NE(storedBytes(*one, "table"), before);
  const float *table = static_cast<const float *>(two->find("table")->data());
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < V * V; ++i) {
    sum += table[i];
    squares += table[i] * table[i];
  }
  EXPECT_NEAR(sum / (V * V), 0, 0.01);
  EXPECT_NEAR(std::sqrt(squares / (V * V)), 0.5, 0.01);
  EXPECT_EQ(static_cast<const float *>(two->find("bias")->data())[9], 1.0f);
}

TEST(Session, StateIsSharedBetweenEntries) {
  auto session = fakeSession();
  std::vector<int32_t> prompt(B * T);
  std::iota(prompt.begin(), prompt.end(), 1);
  ASSERT_THAT(
      session->run("prefill", {{"input_ids", ids(prompt)},
                               {"last_index", Tensor::of<int32_t>(DType::I32, {B}, {2, 1})}}),
      IsOk());
  auto decoded =
      session->run("decode", {{"input_ids", Tensor::of<int32_t>(DType::I32, {B, 1}, {50, 60})},
                              {"positions", Tensor::of<int32_t>(DType::I32, {B}, {3, 2})}});
  ASSERT_THAT(decoded, IsOk());
  const float *table = static_cast<const float *>(session->find("table")->data());
  EXPECT_EQ(decoded->at("logits").as<float>()[4], table[(1 + 2 + 3 + 50) * V + 4]);
  EXPECT_EQ(decoded->at("logits").as<float>()[V + 4], table[(9 + 10 + 60) * V + 4]);
  EXPECT_EQ(session->states("cache.").size(), 1u);
  EXPECT_EQ(session->states("adam.").size(), 0u); // no entry needed them
}

/// A checkpoint in F32 with one tensor changed.
std::string checkpoint(const TempFolder &folder, const std::string &rename = "",
                       const std::string &as = "", bool narrow = false) {
  std::vector<float> table(V * V, 0.25f), bias(V, 2);
  std::vector<TensorToWrite> tensors;
  std::string path = folder / "w.safetensors";
  auto named = [&](const std::string &name) { return name == rename ? as : name; };
  if (named("table") != "")
    tensors.push_back(
        tensorFromMemory(named("table"), DType::F32, {V, narrow ? V - 1 : V}, table.data()));
  if (named("bias") != "")
    tensors.push_back(tensorFromMemory(named("bias"), DType::F32, {V}, bias.data()));
  EXPECT_THAT(writeSafetensorsFile(FileLayer::system(), path, tensors), IsOk());
  return path;
}

Status load(Session &session, const std::string &path) {
  auto weights = Weights::open(FileLayer::system(), path);
  return weights.ok() ? session.loadWeights(*weights) : weights.status();
}

TEST(Weights, LoadUnderNameOrAlias) {
  TempFolder folder;
  auto session = fakeSession();
  ASSERT_THAT(load(*session, checkpoint(folder)), IsOk());
  EXPECT_EQ(static_cast<const float *>(session->find("table")->data())[77], 0.25f);
  ASSERT_THAT(session->initializeWeights(1), IsOk());
  ASSERT_THAT(load(*session, checkpoint(folder, "table", "model.table")), IsOk());
  EXPECT_EQ(static_cast<const float *>(session->find("table")->data())[77], 0.25f);
}

TEST(Weights, WhatIsStoredTwiceIsTheSame) {
  TempFolder folder;
  auto session = fakeSession();
  std::vector<float> table(V * V, 0.5f), bias(V, 2);
  std::vector<uint16_t> half(V * V, 0x3F00); // 0.5 in BF16
  auto store = [&](DType dtype, const void *tied) {
    std::string path = folder / "w.safetensors";
    EXPECT_THAT(writeSafetensorsFile(FileLayer::system(), path,
                                     {tensorFromMemory("bias", DType::F32, {V}, bias.data()),
                                      tensorFromMemory("model.table", dtype, {V, V}, tied),
                                      tensorFromMemory("table", DType::F32, {V, V}, table.data())}),
                IsOk());
    return path;
  };
  EXPECT_THAT(load(*session, store(DType::F32, table.data())), IsOk());
  EXPECT_THAT(load(*session, store(DType::BF16, half.data())), IsOk());
  half.back() = 0x3F01;
  std::vector<float> other = table;
  other.back() = 1;
  const char *message = "tensor \"model.table\": differs from \"table\"";
  EXPECT_THAT(load(*session, store(DType::BF16, half.data())), IsBadInput(message));
  EXPECT_THAT(load(*session, store(DType::F32, other.data())), IsBadInput(message));
}

TEST(Weights, WrongCheckpointsChangeNothing) {
  TempFolder folder;
  auto session = fakeSession();
  std::string before = storedBytes(*session, "table");
  EXPECT_THAT(load(*session, checkpoint(folder, "bias", "")),
              IsBadInput("holds no tensor \"bias\" [256]"));
  EXPECT_THAT(load(*session, checkpoint(folder, "table", "")),
              IsBadInput("holds no tensor \"table\" [256, 256], nor \"model.table\""));
  EXPECT_THAT(load(*session, checkpoint(folder, "bias", "stool")),
              IsBadInput("\"stool\" belongs to no"));
  EXPECT_THAT(load(*session, checkpoint(folder, "", "", true)),
              IsBadInput("[256, 255], expected [256, 256]"));
  EXPECT_EQ(storedBytes(*session, "table"), before);
}

TEST(Weights, IgnoredTensorsMayBeThere) {
  TempFolder folder;
  auto session = fakeSession();
  std::vector<float> table(V * V, 0.5f), bias(V, 2);
  std::vector<uint8_t> mask(4);
  std::string path = folder / "w.safetensors";
  ASSERT_THAT(writeSafetensorsFile(FileLayer::system(), path,
                                   {tensorFromMemory("table", DType::F32, {V, V}, table.data()),
                                    tensorFromMemory("bias", DType::F32, {V}, bias.data()),
                                    tensorFromMemory("h.0.mask", DType::Bool, {4}, mask.data())}),
              IsOk());
  EXPECT_THAT(load(*session, path), IsOk());
}

/// Before anything is filled: the machine would have no memory left.
TEST(Session, ParametersThatNoMachineHolds) {
  proto::Executable executable = fakeExecutable();
  proto::Parameter &large = *executable.mutable_manifest()->add_parameters();
  large = executable.manifest().parameters(0);
  large.set_name("large");
  large.clear_aliases();
  large.clear_shape();
  large.add_shape(int64_t{1} << 44);
  sealExecutable(executable);
  EXPECT_THAT(Session::create(loadFake(std::move(executable)), makeCpuDevice(1)),
              IsBadInput("the model's parameters need 64.0 TiB of memory, "));
}

TEST(Session, MemoryIsCounted) {
  auto session = fakeSession();
  auto forward = session->memoryNeeded("forward"), step = session->memoryNeeded("step");
  ASSERT_THAT(forward, IsOk());
  ASSERT_THAT(step, IsOk());
  // Parameters, three inputs, logits.
  EXPECT_EQ(*forward, static_cast<uint64_t>(4 * (V * V + V + 3 * B * T + B * T * V)));
  EXPECT_GE(*step, static_cast<uint64_t>(4 * (4 * V * V))); // parameter, two moments, gradient
  // Scratch is a row for each thread.
  EXPECT_EQ(*fakeSession(3)->memoryNeeded("step") - *step, static_cast<uint64_t>(2 * 4 * V));
}

} // namespace
} // namespace heddle::runtime
