// SPDX-License-Identifier: Apache-2.0
// Whichever file operation fails during training, what was saved stays, and a resumed run ends
// where an undisturbed one does.
#include "runtime/io/FileLayer.h"
#include "runtime/train/Trainer.h"
#include "tests/runtime/FakeModel.h"
#include "tests/runtime/FaultyFileCalls.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;

/// Six steps with a checkpoint every two, resumed if there is something to resume.
Status train(FileLayer &layer, Session &session, const std::string &out) {
  HEDDLE_RETURN_IF_ERROR(session.initializeWeights(1));
  HEDDLE_RETURN_IF_ERROR(session.prepare("step").status());
  HEDDLE_RETURN_IF_ERROR(session.zeroStates("adam."));
  TrainingState state;
  HEDDLE_ASSIGN_OR_RETURN(CheckpointSearch search, findNewestCheckpoint(layer, out));
  if (search.newest) {
    HEDDLE_RETURN_IF_ERROR(restoreCheckpoint(layer, search.newest->path, session));
    HEDDLE_ASSIGN_OR_RETURN(state,
                            readTrainingState(layer, joinPath(search.newest->path, kStateFile)));
  }
  state.batch = kFakeBatch;
  state.seq = kFakeSeq;
  std::vector<int32_t> tokens(200);
  for (int i = 0; i < 200; ++i)
    tokens[i] = i * i % 251;
  HEDDLE_ASSIGN_OR_RETURN(auto data, makeTokenWindows(tokens, "x", {kFakeBatch, kFakeSeq, 256}));
  TrainerOptions options;
  options.steps = 6;
  options.rate.lr = 0.1;
  options.checkpointInterval = 2;
  options.out = out;
  options.log = out + ".jsonl";
  options.showProgress = false;
  HEDDLE_ASSIGN_OR_RETURN(
      auto trainer, Trainer::create(layer, session, std::move(data), nullptr, options, state));
  return trainer->run().status();
}

TEST(TrainerFaults, EveryFailureLeavesSomethingToResume) {
  TempFolder folder(TempFolder::kInMemory);
  auto session = fakeSession();
  ASSERT_THAT(train(FileLayer::system(), *session, folder / "good"), IsOk());
  std::string expected = slurp(folder / "good/step-00000006/model.safetensors");

  int failures = 0;
  for (uint64_t at = 1;; at += 5) {
    std::string out = folder / std::to_string(at);
    FaultyFileCalls calls;
    FileLayer layer(calls);
    Fault fault;
    fault.at = at;
    fault.error = ENOSPC;
    fault.forEver = at % 2 == 0;
    calls.plan(fault);
    Status status = train(layer, *session, out);
    if (calls.count() < at)
      break;
    failures += !status.ok();
    Status resumed = train(FileLayer::system(), *session, out);
    ASSERT_THAT(resumed, IsOk()) << "after call " << at << ": " << status;
    EXPECT_EQ(slurp(out + "/step-00000006/model.safetensors"), expected) << at;
    std::string log = slurp(out + ".jsonl");
    EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 6) << "after call " << at << "\n" << log;
    std::filesystem::remove_all(out);
  }
  EXPECT_GT(failures, 10);
}

} // namespace
} // namespace heddle::runtime
