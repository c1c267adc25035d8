// SPDX-License-Identifier: Apache-2.0
// An --out folder as a crash, a disk or an attacker left it: searched, resumed from, cleaned by the
// next writer and written to. What was whole stays whole.
#include "runtime/io/Sha256.h"
#include "runtime/plan/Session.h"
#include "runtime/train/Checkpoint.h"
#include "runtime/train/CheckpointManifest.h"
#include "runtime/train/CheckpointNames.h"
#include "runtime/train/TrainingState.h"
#include "tests/fuzz/Harness.h"
#include "tests/fuzz/MemoryFiles.h"
#include "tests/fuzz/ProtoMutator.h"

namespace heddle::fuzz {
namespace {

using namespace runtime;

constexpr char kOut[] = "out";

/// A model of one parameter with Adam's moments, without a kernel.
std::unique_ptr<Session> makeSession() {
  proto::Executable executable;
  proto::Manifest &manifest = *executable.mutable_manifest();
  manifest.set_batch(1);
  manifest.set_seq(1);
  proto::Parameter &parameter = *manifest.add_parameters();
  parameter.set_name("w");
  parameter.add_shape(2);
  parameter.set_dtype(proto::F32);
  proto::Plan &plan = *executable.add_plans();
  plan.set_entry("step");
  for (const char *name : {"w", "adam.m.w", "adam.v.w"}) {
    proto::Value &value = *plan.add_arguments();
    value.set_name(name);
    value.set_kind(std::string(name) == "w" ? "param" : "state");
    value.add_shape(2);
    value.set_dtype(proto::F32);
  }
  sealExecutable(executable);
  auto session =
      Session::create(*Executable::create(std::move(executable), "model"), makeCpuDevice(1));
  require((*session)->prepare("step").ok(), "cannot prepare the model");
  return *std::move(session);
}

CheckpointSearch search(FileLayer &layer) {
  StatusOr<CheckpointSearch> found = findNewestCheckpoint(layer, kOut);
  require(found.ok(),
          "a folder that can be listed cannot be searched: " + found.status().ToString());
  for (const SkippedCheckpoint &skipped : found->skipped)
    accepted(invalidInput(skipped.reason));
  return *std::move(found);
}

void resume(FileLayer &layer, const std::string &checkpoint) {
  static const std::unique_ptr<Session> session = makeSession();
  auto state = readTrainingState(layer, joinPath(checkpoint, kStateFile));
  if (accepted(state)) {
    std::string printed = printTrainingState(*state);
    MemoryFiles calls({{"state", printed}});
    FileLayer memory(calls);
    auto again = readTrainingState(memory, "state");
    require(again.ok() && printTrainingState(*again) == printed, "a state changes when printed");
  }
  accepted(restoreCheckpoint(layer, checkpoint, *session));
}

} // namespace

void runInput(std::string_view bytes) {
  Folder files;
  for (auto &[name, content] : parseFolder(bytes))
    files[joinPath(kOut, name)] = content;
  MemoryFiles calls(std::move(files));
  FileLayer layer(calls);
  accepted(resolveModelFolder(layer, kOut));
  CheckpointSearch before = search(layer);
  if (before.newest)
    resume(layer, before.newest->path);

  StatusOr<CheckpointWriter> writer = CheckpointWriter::open(layer, kOut);
  if (!accepted(writer))
    return;
  CheckpointSearch cleaned = search(layer);
  require(!before.newest || (cleaned.newest && cleaned.newest->step == before.newest->step),
          "cleaning loses the newest whole checkpoint");
  // The next step, or the newest once more.
  const bool again = bytes.size() % 2 == 1;
  uint64_t step = before.newest ? before.newest->step + !again : 0;
  if (!accepted(writer->write(step, {CheckpointFile::fromText("a", "b")})))
    return;
  require(verifyCheckpoint(layer, joinPath(kOut, checkpointName(step)), step).ok(),
          "a written checkpoint does not verify");
  require(!cleaned.newest || again ||
              verifyCheckpoint(layer, cleaned.newest->path, cleaned.newest->step).ok(),
          "writing loses the newest whole checkpoint");
}

namespace {

/// Makes every manifest true again, so that mutated files get beyond their hashes.
void mendManifests(Folder &folder) {
  for (auto &[name, content] : folder) {
    std::string parent = parentFolder(name);
    std::optional<uint64_t> step = parseCheckpointName(parent);
    if (baseName(name) != kManifestFile || !step)
      continue;
    CheckpointManifest manifest;
    manifest.step = *step;
    for (const auto &[other, bytes] : folder)
      if (other != name && parentFolder(other) == parent &&
          checkCheckpointFileName(baseName(other)).ok())
        manifest.files.push_back({baseName(other), bytes.size(), sha256Hex(bytes)});
    content = printManifest(manifest);
  }
}

} // namespace
} // namespace heddle::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t mostBytes,
                                          unsigned seed) {
  using namespace heddle::fuzz;
  Random random(seed);
  std::string text(reinterpret_cast<char *>(data), size);
  mutateBytes(text, mostBytes);
  if (random() % 4 > 0) {
    Folder folder = parseFolder(text);
    mendManifests(folder);
    text = printFolder(folder);
  }
  return store(text, data, mostBytes);
}
