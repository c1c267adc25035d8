// SPDX-License-Identifier: Apache-2.0
// heddle-run as its users call it.
#include <regex>
#include <sys/wait.h>

#include "runtime/io/FileLayer.h"
#include "runtime/io/Json.h"
#include "runtime/io/Safetensors.h"
#include "runtime/io/SafetensorsWriter.h"
#include "runtime/io/Weights.h"
#include "tests/runtime/FakeModel.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;
using testing::HasSubstr;

struct Output {
  int code = -1;
  std::string out, err;
};

class HeddleRun : public testing::Test {
protected:
  HeddleRun() {
    proto::Executable executable = fakeExecutable();
    EXPECT_THAT(writeExecutable(FileLayer::system(), executable, model_), IsOk());
    std::string text;
    for (int i = 0; i < 200; ++i)
      text += "the cat sat on the mat. ";
    spill(text_, text);
  }

  /// Runs the shell command, in which %R is the binary.
  Output shell(std::string command) {
    for (size_t at; (at = command.find("%R")) != std::string::npos;)
      command.replace(at, 2, std::string(getenv("HEDDLE_BINARY_DIR")) + "/bin/heddle-run");
    std::string out = folder_ / "stdout", err = folder_ / "stderr";
    int status = std::system(("( " + command + " ) >" + out + " 2>" + err).c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128, slurp(out), slurp(err)};
  }
  Output heddle(const std::string &verb, const std::string &flags, const std::string &env = "") {
    return shell(env + " %R " + verb + " " + model_ + " " + flags);
  }
  std::string train(const std::string &flags) { return " --data " + text_ + " " + flags; }

  TempFolder folder_;
  std::string model_ = folder_ / "m.heddle", text_ = folder_ / "text.txt";
};

TEST_F(HeddleRun, HelpAndUsage) {
  EXPECT_EQ(shell("%R --help").code, 0);
  EXPECT_THAT(shell("%R train --help").out, HasSubstr("HEDDLE_GRAD_CLIP"));
  EXPECT_EQ(shell("%R").code, 2);
  EXPECT_EQ(shell("%R fly").code, 2);
  EXPECT_EQ(heddle("bench", "--no-such-flag").code, 2);
  EXPECT_EQ(heddle("bench", "--iters many").code, 2);
  EXPECT_EQ(shell("%R bench /nothing.heddle").code, 2);
}

TEST_F(HeddleRun, RunShiftsLabels) {
  std::vector<int64_t> ids(16), labels(16);
  for (int i = 0; i < 16; ++i)
    ids[i] = labels[i] = i;
  std::string in = folder_ / "in.safetensors", out = folder_ / "out.safetensors";
  auto write = [&](std::vector<int64_t> shape) {
    ASSERT_THAT(
        writeSafetensorsFile(FileLayer::system(), in,
                             {tensorFromMemory("input_ids", DType::I64, shape, ids.data()),
                              tensorFromMemory("labels", DType::I64, shape, labels.data())}),
        IsOk());
  };
  write({2, 8});
  Output run = heddle("run", "--entry loss --inputs " + in + " --outputs " + out);
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("random ones by seed 0"));
  auto file = SafetensorsFile::open(FileLayer::system(), out);
  ASSERT_THAT(file, IsOk());
  float loss = 0;
  ASSERT_THAT(copyToF32(*file->find("loss"), &loss), IsOk());

  // The same by hand: targets follow the inputs, the last of each row is ignored.
  auto session = Session::create(loadFake(fakeExecutable()), makeCpuDevice(1));
  ASSERT_THAT((*session)->initializeWeights(0), IsOk());
  std::vector<int32_t> targets(16);
  for (int i = 0; i < 16; ++i)
    targets[i] = i % 8 == 7 ? -100 : i + 1;
  auto expected = (*session)->run("loss", {{"input_ids", Tensor::of(DType::I64, {2, 8}, ids)},
                                           {"targets", Tensor::of(DType::I32, {2, 8}, targets)}});
  ASSERT_THAT(expected, IsOk());
  EXPECT_EQ(loss, expected->at("loss").as<float>()[0]);

  Output forward = heddle("run", "--json --inputs " + in + " --outputs " + out);
  ASSERT_EQ(forward.code, 0) << forward.err;
  auto json = parseJson(forward.out, "stdout");
  ASSERT_THAT(json, IsOk());
  EXPECT_EQ(json->ref().at("outputs")->asArray()->size(), 2u); // logits, and the loss of the labels

  write({1, 16});
  run = heddle("run", "--inputs " + in + " --outputs " + out);
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("has shape [1, 16], expected [2, 8] as compiled"));
  EXPECT_EQ(heddle("run", "--entry encode --inputs " + in + " --outputs " + out).code, 2);
  EXPECT_EQ(heddle("run", "--backend interpreter --inputs " + in + " --outputs " + out).code, 2);
}

TEST_F(HeddleRun, AnotherShapeIsRefused) {
  Output bench = heddle("bench", "--batch 3");
  EXPECT_EQ(bench.code, 2);
  EXPECT_THAT(bench.err, HasSubstr("is compiled for batch 2, sequence 8"));
  EXPECT_EQ(heddle("bench", "--seq 9").code, 2);
  EXPECT_EQ(heddle("bench", "--dtype bf16").code, 2);
  EXPECT_EQ(heddle("bench", "--target cpu:avx512").code, 2);
  EXPECT_EQ(heddle("bench", "--batch 2 --seq 8 --dtype f32 --target cpu --iters 1").code, 0);
  EXPECT_EQ(heddle("bench", "--memory-budget 1KiB").code, 2);
  EXPECT_EQ(heddle("bench", "--memory-budget a-lot").code, 2);
}

TEST_F(HeddleRun, BenchReportsItsKeys) {
  for (const char *entry : {"forward", "step", "decode"}) {
    Output bench = heddle("bench", std::string("--json --profile --iters 3 --trace ") +
                                       (folder_ / "trace.json") + " --entry " + entry);
    ASSERT_EQ(bench.code, 0) << bench.err;
    auto json = parseJson(bench.out, "stdout");
    ASSERT_THAT(json, IsOk());
    for (const char *key : {"entry", "median_ms", "p20_ms", "p80_ms", "compile_ms", "peak_bytes",
                            "arena_bytes", "tokens_per_s", "flops", "threads", "target", "dtype"})
      EXPECT_THAT(json->ref().at(key), IsOk());
    EXPECT_THAT(parseJson(slurp(folder_ / "trace.json"), "trace"), IsOk());
  }
  EXPECT_EQ(heddle("bench", "--entry fly").code, 2);
  EXPECT_EQ(heddle("bench", "--iters 0").code, 2);
}

TEST_F(HeddleRun, TrainResumeEqualsUnbroken) {
  std::string flags = train("--grad-clip 1 --lr 0.05 --warmup-steps 2 --lr-decay-steps 8 "
                            "--eval-interval 3 --eval-iters 2 --seed 4 ");
  auto run = [&](const std::string &more) {
    Output output = heddle("train", flags + more);
    EXPECT_EQ(output.code, 0) << output.err;
    return output;
  };
  std::string a = folder_ / "a", b = folder_ / "b";
  run("--steps 8 --threads 1 --out " + a + " --log " + a + ".jsonl");
  run("--steps 4 --threads 2 --out " + b + " --log " + b + ".jsonl");
  Output resumed =
      run("--steps 8 --threads 2 --resume --out " + b + " --log " + b + ".jsonl --json");
  EXPECT_THAT(resumed.err, HasSubstr("resumed from"));
  EXPECT_THAT(resumed.out, HasSubstr("\"step\":8"));
  for (const char *name : {"model.safetensors", "training_state.safetensors", "training_state.json",
                           "tokenizer.heddle.json"})
    EXPECT_EQ(slurp(a + "/step-00000008/" + name), slurp(b + "/step-00000008/" + name)) << name;
  auto plain = [](const std::string &log) {
    return std::regex_replace(log, std::regex(",\"tokens_per_s\":[^}]*"), "");
  };
  EXPECT_EQ(plain(slurp(a + ".jsonl")), plain(slurp(b + ".jsonl")));

  Output done = run("--steps 8 --resume --out " + b);
  EXPECT_THAT(done.err, HasSubstr("nothing to do"));
  EXPECT_EQ(heddle("train", flags + "--seed 5 --resume --out " + b).code, 2);
}

TEST_F(HeddleRun, OutMustBeNewOrEmpty) {
  std::string out = folder_ / "out";
  std::filesystem::create_directory(out);
  EXPECT_EQ(heddle("train", train("--steps 1 --out " + out)).code, 0);
  Output again = heddle("train", train("--steps 1 --out " + out));
  EXPECT_EQ(again.code, 2);
  EXPECT_THAT(again.err, HasSubstr("--resume"));
  Output fresh = heddle("train", train("--steps 1 --resume --out " + (folder_ / "new")));
  EXPECT_EQ(fresh.code, 0);
  EXPECT_THAT(fresh.err, HasSubstr("nothing to resume"));
  EXPECT_THAT(fresh.err, HasSubstr("starting afresh"));
  EXPECT_EQ(heddle("train", train("--steps 1 --resume")).code, 2);
}

TEST_F(HeddleRun, DamagedCheckpointsAreNotWrittenOver) {
  std::string out = folder_ / "out", path = out + "/step-00000002/model.safetensors";
  ASSERT_EQ(heddle("train", train("--steps 2 --out " + out)).code, 0);
  spill(path, "damaged");
  Output resumed = heddle("train", train("--steps 4 --resume --out " + out));
  EXPECT_EQ(resumed.code, 2);
  EXPECT_THAT(resumed.err, HasSubstr("none of the 1 checkpoints in " + out + " is whole"));
  EXPECT_EQ(slurp(path), "damaged");
}

TEST_F(HeddleRun, InitialCheckpointNeedsNoData) {
  std::string out = folder_ / "out";
  Output made = heddle("train", "--steps 0 --seed 9 --out " + out);
  ASSERT_EQ(made.code, 0) << made.err;
  // It is a model, and what training begins with.
  EXPECT_EQ(heddle("bench", "--iters 1 --weights " + out).code, 0);
  Output resumed = heddle("train", train("--steps 3 --resume --out " + out));
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  std::string other = folder_ / "other";
  ASSERT_EQ(heddle("train", train("--steps 3 --seed 9 --out " + other)).code, 0);
  EXPECT_EQ(slurp(out + "/step-00000003/model.safetensors"),
            slurp(other + "/step-00000003/model.safetensors"));
}

TEST_F(HeddleRun, SignalsSaveAndExit130) {
  std::string out = folder_ / "out";
  for (const char *signal : {"TERM", "INT"}) {
    // Once the first step is reported, the handlers are in place.
    Output output =
        shell("%R train " + model_ + train("--resume --steps 100000000 --out " + out) +
              " & pid=$!; for i in $(seq 200); do grep -q tokens/s " + (folder_ / "stderr") +
              " && break; sleep 0.05; done; kill -" + signal + " $pid; kill -TERM $pid; wait $pid");
    EXPECT_EQ(output.code, 130) << output.err;
    EXPECT_THAT(output.out, HasSubstr("interrupted after step"));
  }
  auto names = FileLayer::system().list(out);
  ASSERT_THAT(names, IsOk());
  EXPECT_THAT(*names, testing::Contains(HasSubstr("step-")));
}

TEST_F(HeddleRun, NonFiniteLossIsExitOne) {
  std::string text = slurp(text_);
  text[2000] = '\xff'; // the fake model answers it with NaN
  spill(text_, text);
  Output stopped = heddle("train", train("--steps 2000"));
  EXPECT_EQ(stopped.code, 1);
  EXPECT_THAT(stopped.err, HasSubstr("first in fake_token_loss at bigram"));
  Output skipped = heddle("train", train("--steps 2000 --on-nonfinite skip --json"));
  EXPECT_EQ(skipped.code, 0);
  EXPECT_THAT(skipped.out, testing::Not(HasSubstr("\"skipped\":0")));
  EXPECT_EQ(heddle("train", train("--on-nonfinite panic")).code, 2);
}

TEST_F(HeddleRun, WrongTrainingInput) {
  EXPECT_EQ(heddle("train", "--steps 1").code, 2);
  EXPECT_EQ(heddle("train", "--steps 1 --data /nothing").code, 2);
  spill(folder_ / "short", "12345678");
  Output output = heddle("train", "--steps 1 --data " + (folder_ / "short"));
  EXPECT_EQ(output.code, 2);
  EXPECT_THAT(output.err, HasSubstr("8 tokens for training, a window takes 9"));
  EXPECT_EQ(heddle("train", train("--steps 1 --dropout 0.5")).code, 2);
  EXPECT_EQ(heddle("train", train("--steps 1 --lora r=4")).code, 2);
  EXPECT_EQ(heddle("train", train("--steps 1 --tokenizer bpe:9")).code, 2);
  EXPECT_EQ(heddle("train", train("--steps 1 --weights /nothing")).code, 2);
}

TEST_F(HeddleRun, CharTokenizerStaysWithTheCheckpoint) {
  std::string out = folder_ / "out";
  ASSERT_EQ(heddle("train", train("--steps 1 --tokenizer char --out " + out)).code, 0);
  EXPECT_THAT(slurp(out + "/step-00000001/tokenizer.heddle.json"), HasSubstr("\" .acehmnost\""));
  Output good = heddle("generate", "--prompt cat --max-new-tokens 2 --json --weights " + out);
  EXPECT_EQ(good.code, 0) << good.err;
  Output bad = heddle("generate", "--prompt cAt --weights " + out);
  EXPECT_EQ(bad.code, 2);
  EXPECT_THAT(bad.err, HasSubstr("prompt 1: the character \"A\" at byte 1"));
  EXPECT_EQ(heddle("train", train("--steps 2 --resume --tokenizer bytes --out " + out)).code, 2);
  EXPECT_EQ(heddle("train", train("--steps 2 --resume --tokenizer char --out " + out)).code, 0);
}

TEST_F(HeddleRun, GenerateFromTextAndIds) {
  std::string flags = "--temperature 0 --max-new-tokens 5 --json ";
  Output text = heddle("generate", flags + "--prompt AB");
  Output ids = heddle("generate", flags + "--prompt-ids 65,66");
  ASSERT_EQ(text.code, 0) << text.err;
  EXPECT_EQ(text.out, ids.out);
  auto json = parseJson(text.out, "stdout");
  ASSERT_THAT(json, IsOk());
  EXPECT_EQ(json->ref().at("ids")->asArray()->size(), 5u);
  EXPECT_THAT(json->ref().getNumber("score"), IsOk());
  EXPECT_THAT(json->ref().getString("text"), IsOk());
  Output three = heddle("generate", flags + "--prompt-ids 65,66 1 2");
  EXPECT_EQ(std::count(three.out.begin(), three.out.end(), '\n'), 3);

  std::string sampling = "--prompt AB --max-new-tokens 4 --seed 3 ";
  EXPECT_EQ(heddle("generate", sampling).out, heddle("generate", sampling + "--stream").out);
  EXPECT_EQ(heddle("generate", sampling).out,
            heddle("generate", "--prompt AB --max-new-tokens 4", "HEDDLE_SEED=3").out);
  EXPECT_THAT(heddle("generate", "--prompt AB --max-new-tokens 9").err, HasSubstr("outgrow the 8"));
}

TEST_F(HeddleRun, BeamsAreSearchedInTheRowsOfTheBatch) {
  std::string flags = "--beams 2 --max-new-tokens 5 --json --prompt-ids 65,66 ";
  Output one = heddle("generate", flags), three = heddle("generate", flags + "1 65,66");
  ASSERT_EQ(one.code, 0) << one.err;
  EXPECT_EQ(std::count(three.out.begin(), three.out.end(), '\n'), 3);
  EXPECT_TRUE(three.out.starts_with(one.out)) << three.out << one.out;
  EXPECT_TRUE(three.out.ends_with(one.out)) << three.out << one.out;
  // The average log probability of five tokens and their sum.
  auto average = parseJson(one.out, "stdout");
  auto sum = parseJson(heddle("generate", flags + "--length-penalty 0").out, "stdout");
  ASSERT_THAT(sum, IsOk());
  EXPECT_NEAR(*sum->ref().getNumber("score"), 5 * *average->ref().getNumber("score"), 1e-9);
}

TEST_F(HeddleRun, WrongPrompts) {
  for (const char *flags :
       {"", "--prompt-ids 1,x", "--prompt-ids 256", "--prompt-ids=-1", "--prompt-ids 1,",
        "--prompt ''", "--prompt 123456789", "--prompt a --beams 3",
        "--prompt a --beams 2 --top-k 3", "--prompt a --early-stopping",
        "--prompt a --temperature -1", "--prompt a --top-p 0", "--prompt a --stream --json",
        "--prompt a b --stream"})
    EXPECT_EQ(heddle("generate", flags).code, 2) << flags;
}

TEST_F(HeddleRun, WeightsRecordedAtCompileTimeMustBeUnchanged) {
  std::string out = folder_ / "out";
  ASSERT_EQ(heddle("train", "--steps 0 --seed 5 --out " + out).code, 0);
  std::string path = out + "/step-00000000/model.safetensors";
  auto weights = Weights::open(FileLayer::system(), path);
  ASSERT_THAT(weights, IsOk());
  Sha256Digest digest = weights->digest();
  proto::Executable executable = fakeExecutable();
  executable.mutable_manifest()->set_weights_path(path);
  executable.mutable_manifest()->set_weights_sha256(std::string(digest.begin(), digest.end()));
  ASSERT_THAT(writeExecutable(FileLayer::system(), executable, model_), IsOk());
  std::string flags = "--prompt AB --seed 5 --max-new-tokens 4";
  Output recorded = heddle("generate", flags);
  EXPECT_EQ(recorded.code, 0) << recorded.err;
  EXPECT_EQ(recorded.out, heddle("generate", flags + " --weights " + out).out);

  std::string bytes = slurp(path);
  bytes[bytes.size() - 1] ^= 1;
  spill(path, bytes);
  Output changed = heddle("generate", flags);
  EXPECT_EQ(changed.code, 2);
  EXPECT_THAT(changed.err, HasSubstr("have changed; give --weights"));
  EXPECT_EQ(heddle("generate", flags + " --weights " + path).code, 0);
  EXPECT_EQ(heddle("generate", flags + " --weights " + out).code, 2); // its checkpoint is damaged
  std::filesystem::remove(path);
  EXPECT_THAT(heddle("generate", flags).err, HasSubstr("the weights recorded at compile time"));
}

TEST_F(HeddleRun, FullStandardOutputIsAFailure) {
  EXPECT_EQ(shell("%R generate " + model_ + " --prompt a > /dev/full").code, 1);
}

} // namespace
} // namespace heddle::runtime
