// SPDX-License-Identifier: Apache-2.0
#include "tests/runtime/SmallTraining.h"

#include <regex>

#include "runtime/io/WholeFile.h"
#include "runtime/train/Trainer.h"
#include "tests/runtime/FakeModel.h"

namespace heddle::test {

using namespace heddle::runtime;

Status trainSmall(FileLayer &layer, Session &session, const std::string &out, bool &begun) {
  begun = false;
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
  options.steps = kSmallSteps;
  options.rate.lr = 0.1;
  options.checkpointInterval = 2;
  options.out = out;
  options.log = out + ".jsonl";
  options.showProgress = false;
  HEDDLE_ASSIGN_OR_RETURN(
      auto trainer, Trainer::create(layer, session, std::move(data), nullptr, options, state));
  begun = true;
  return trainer->run().status();
}

std::string trainingResult(FileLayer &layer, const std::string &out) {
  std::string all;
  auto add = [&](const std::string &path) {
    StatusOr<std::string> content = readSmallFile(layer, path, 1 << 24);
    all += baseName(path) + "\n" + (content.ok() ? *content : content.status().ToString()) + "\n";
  };
  std::string folder = joinPath(out, checkpointName(kSmallSteps));
  StatusOr<std::vector<std::string>> names = layer.list(folder);
  if (!names.ok())
    return names.status().ToString();
  for (const std::string &name : *names)
    add(joinPath(folder, name));
  StatusOr<std::string> log = readSmallFile(layer, out + ".jsonl", 1 << 20);
  return all + (log.ok() ? std::regex_replace(*log, std::regex(",\"tokens_per_s\":[^}]*"), "")
                         : log.status().ToString());
}

} // namespace heddle::test
