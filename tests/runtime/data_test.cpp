// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "runtime/io/FileLayer.h"
#include "runtime/io/SafetensorsWriter.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/train/Data.h"
#include "runtime/train/Schedule.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;
using testing::ElementsAre;

std::vector<int32_t> counting(int n) {
  std::vector<int32_t> tokens(n);
  std::iota(tokens.begin(), tokens.end(), 0);
  return tokens;
}

DataOptions options(int64_t batch, int64_t seq, double split = 0, uint64_t seed = 1) {
  return {batch, seq, 1000, seed, split};
}

TEST(TokenWindows, TargetsFollowInputsWithinTheirPart) {
  auto data = makeTokenWindows(counting(100), "x", options(3, 7, 0.2));
  ASSERT_THAT(data, IsOk());
  std::set<int> starts;
  Batch batch;
  for (uint64_t n = 0; n < 500; ++n)
    for (bool validation : {false, true}) {
      validation ? (*data)->validationBatch(n, batch) : (*data)->trainingBatch(n, batch);
      ASSERT_EQ(batch.inputIds.size(), 21u);
      for (int i = 0; i < 21; ++i) {
        EXPECT_EQ(batch.targets[i], batch.inputIds[i] + 1);
        EXPECT_EQ(batch.inputIds[i] < 80, !validation);
        EXPECT_EQ(batch.targets[i] < 80, !validation);
        if (i % 7 == 0 && !validation)
          starts.insert(batch.inputIds[i]);
      }
    }
  EXPECT_EQ(starts.size(), 73u); // every place from 0 to 72 gets its turn
}

TEST(TokenWindows, DependOnSeedAndNumberOnly) {
  auto a = makeTokenWindows(counting(500), "x", options(2, 5));
  auto b = makeTokenWindows(counting(500), "x", options(2, 5));
  auto other = makeTokenWindows(counting(500), "x", options(2, 5, 0, 2));
  Batch one, two, three;
  (*a)->trainingBatch(3, one);
  (*a)->trainingBatch(9, one);
  (*b)->trainingBatch(9, two);
  (*other)->trainingBatch(9, three);
  EXPECT_EQ(one.inputIds, two.inputIds);
  EXPECT_NE(one.inputIds, three.inputIds);
}

TEST(TokenWindows, EachRowOfEachBatchIsDrawnAnew) {
  auto data = makeTokenWindows(counting(1000), "x", options(4, 5));
  ASSERT_THAT(data, IsOk());
  std::map<int, int> equal; // rows that begin alike, by how many rows lie between
  std::vector<int32_t> starts;
  Batch batch;
  for (uint64_t n = 0; n < 50; ++n) {
    (*data)->trainingBatch(n, batch);
    for (int row = 0; row < 4; ++row)
      starts.push_back(batch.inputIds[row * 5]);
  }
  for (size_t i = 0; i < starts.size(); ++i)
    for (size_t j = i + 1; j < std::min(starts.size(), i + 9); ++j)
      equal[j - i] += starts[i] == starts[j];
  for (auto [distance, count] : equal)
    EXPECT_LT(count, 5) << distance << " rows apart"; // one in a thousand by chance
}

TEST(TokenWindows, TheSmallestAndTooSmall) {
  auto data = makeTokenWindows(counting(8), "x", options(2, 7));
  ASSERT_THAT(data, IsOk());
  Batch batch;
  (*data)->trainingBatch(0, batch);
  EXPECT_EQ(batch.inputIds[0], 0);
  EXPECT_EQ(batch.targets[13], 7);
  EXPECT_THAT(makeTokenWindows(counting(7), "x.txt", options(2, 7)),
              IsBadInput("x.txt: 7 tokens for training, a window takes 8"));
  EXPECT_THAT(makeTokenWindows(counting(70), "x.txt", options(2, 7, 0.1)),
              IsBadInput("leaves 7 tokens for validation"));
  EXPECT_THAT(makeTokenWindows(counting(1001), "x.txt", options(2, 7)),
              IsBadInput("x.txt: token 1000 at 1000 is outside the vocabulary of 1000"));
  for (double split : {-0.1, 1.0, double(NAN)})
    EXPECT_THAT(makeTokenWindows(counting(100), "x", options(2, 7, split)),
                IsBadInput("--val-split"));
}

TEST(OpenTrainingData, TextFileAndFolder) {
  TempFolder folder;
  std::filesystem::create_directories(folder / "t/b");
  spill(folder / "t/z.txt", "zz");
  spill(folder / "t/b/one", "bb");
  spill(folder / "t/.hidden", "hh");
  spill(folder / "t/a.txt", "aa");
  FileLayer &layer = FileLayer::system();
  auto text = readTrainingText(layer, folder / "t");
  ASSERT_THAT(text, IsOk());
  EXPECT_EQ(*text, "aabbzz");
  std::filesystem::create_directory_symlink("..", folder / "t/b/up");
  EXPECT_THAT(readTrainingText(layer, folder / "t"), IsBadInput("folders deep"));
  EXPECT_THAT(inspectData(layer, folder / "nothing"), IsBadInput("no such file"));
  spill(folder / "empty", "");
  EXPECT_THAT(readTrainingText(layer, folder / "empty"), IsBadInput("holds no text"));
  auto tokenizer = makeByteTokenizer();
  EXPECT_THAT(openTrainingData(layer, folder / "t/a.txt", nullptr, options(1, 1)),
              IsBadInput("needs a tokenizer"));
  auto data = openTrainingData(layer, folder / "t/a.txt", tokenizer.get(), options(1, 1));
  ASSERT_THAT(data, IsOk());
  EXPECT_EQ((*data)->describe(), "2 tokens");
}

TEST(OpenTrainingData, TextAtItsLimit) {
  TempFolder folder;
  FileLayer &layer = FileLayer::system();
  spill(folder / "a", "12345");
  spill(folder / "b", "678");
  EXPECT_THAT(readTrainingText(layer, folder.path(), 8), IsOk());
  EXPECT_THAT(readTrainingText(layer, folder.path(), 7),
              IsBadInput("b: more than the limit of 7 bytes of text in all"));
  std::filesystem::resize_file(folder / "a", limits::kTrainingTextBytes + 1); // takes no disk
  EXPECT_THAT(readTrainingText(layer, folder / "a"), IsBadInput("the limit of 8589934592 bytes"));
}

TEST(OpenTrainingData, FoldersAtTheirLimit) {
  TempFolder folder;
  std::string path = folder.path();
  for (int depth = 1; depth <= limits::kFolderDepth; ++depth)
    path += "/f";
  std::filesystem::create_directories(path);
  spill(path + "/x", "text");
  EXPECT_THAT(readTrainingText(FileLayer::system(), folder.path()), IsOk());
  std::filesystem::create_directory(path + "/f");
  EXPECT_THAT(readTrainingText(FileLayer::system(), folder.path()),
              IsBadInput("more than the limit of 32 folders deep"));
}

TEST(OpenTrainingData, ReadyBatchesInOrder) {
  TempFolder folder;
  std::string path = folder / "b.safetensors";
  std::vector<int64_t> ids(3 * 2 * 4), labels(3 * 2 * 4, -100);
  std::iota(ids.begin(), ids.end(), 0);
  labels[5] = 9;
  FileLayer &layer = FileLayer::system();
  ASSERT_THAT(
      writeSafetensorsFile(layer, path,
                           {tensorFromMemory("input_ids", DType::I64, {3, 2, 4}, ids.data()),
                            tensorFromMemory("labels", DType::I64, {3, 2, 4}, labels.data())}),
      IsOk());
  auto info = inspectData(layer, path);
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->kind, DataKind::Batches);
  EXPECT_EQ(info->batch, 2);
  EXPECT_EQ(info->seq, 4);
  auto data = openTrainingData(layer, path, nullptr, options(2, 4));
  ASSERT_THAT(data, IsOk());
  Batch batch;
  for (uint64_t n : {0, 1, 2, 3, 7}) {
    (*data)->trainingBatch(n, batch);
    EXPECT_EQ(batch.inputIds[0], static_cast<int32_t>(n % 3 * 8));
    EXPECT_EQ(batch.targets[5], n % 3 == 0 ? 9 : -100); // nothing is shifted
  }
  EXPECT_FALSE((*data)->hasValidation());
  EXPECT_THAT(
      openTrainingData(layer, path, nullptr, options(2, 8)),
      IsBadInput("batches of 2 x 4 tokens, the executable is compiled for batch 2, sequence 8"));
  DataOptions small = options(2, 4);
  small.vocabSize = 20;
  EXPECT_THAT(openTrainingData(layer, path, nullptr, small),
              IsBadInput("input_ids: token 20 at 20"));
}

TEST(OpenTrainingData, ReadyBatchesOfSourcesAndTargets) {
  TempFolder folder;
  std::string path = folder / "b.safetensors";
  std::vector<int32_t> ids(2 * 1 * 5), labels = {7, 8, -100, 9, 10, 11};
  std::iota(ids.begin(), ids.end(), 20);
  FileLayer &layer = FileLayer::system();
  auto write = [&](std::vector<int64_t> maskShape) {
    const std::vector<int32_t> mask(2 * 5, 1);
    ASSERT_THAT(writeSafetensorsFile(
                    layer, path,
                    {tensorFromMemory("attention_mask", DType::I32, maskShape, mask.data()),
                     tensorFromMemory("input_ids", DType::I32, {2, 1, 5}, ids.data()),
                     tensorFromMemory("labels", DType::I32, {2, 1, 3}, labels.data())}),
                IsOk());
  };
  write({2, 1, 5});
  auto info = inspectData(layer, path);
  ASSERT_THAT(info, IsOk());
  EXPECT_EQ(info->seq, 3);
  EXPECT_EQ(info->sourceSeq, 5);
  DataOptions pairs = options(1, 3);
  pairs.vocabSize = 12;
  pairs.sourceSeq = 5;
  pairs.sourceVocabSize = 30; // of its own
  pairs.rules = {false, true, 2, 3};
  auto data = openTrainingData(layer, path, nullptr, pairs);
  ASSERT_THAT(data, IsOk());
  Batch batch;
  (*data)->trainingBatch(0, batch);
  EXPECT_THAT(batch.inputIds, ElementsAre(20, 21, 22, 23, 24));
  EXPECT_THAT(batch.others["decoder_input_ids"], ElementsAre(2, 7, 8));
  (*data)->trainingBatch(1, batch);
  EXPECT_THAT(batch.targets, ElementsAre(9, 10, 11));
  EXPECT_THAT(batch.others["decoder_input_ids"], ElementsAre(2, 9, 10));

  pairs.sourceVocabSize = 29;
  EXPECT_THAT(openTrainingData(layer, path, nullptr, pairs),
              IsBadInput("input_ids: token 29 at 9 is outside the vocabulary of 29"));
  pairs.sourceVocabSize = 30;
  pairs.rules.decoderStart.reset();
  EXPECT_THAT(openTrainingData(layer, path, nullptr, pairs), IsBadInput("decoder_start_token_id"));
  pairs.sourceSeq = 4;
  EXPECT_THAT(
      openTrainingData(layer, path, nullptr, pairs),
      IsBadInput("input_ids are 5 tokens long, expected 4, the source length compiled for"));
  EXPECT_THAT(openTrainingData(layer, path, nullptr, options(1, 3)),
              IsBadInput("input_ids are 5 tokens long, expected 3, as many as labels"));
  write({2, 5, 1});
  EXPECT_THAT(inspectData(layer, path), IsBadInput("attention_mask"));
}

TEST(OpenTrainingData, ReadyBatchesOfRowsWithMasks) {
  TempFolder folder;
  std::string path = folder / "b.safetensors";
  std::vector<int32_t> ids(3 * 2 * 4), mask(3 * 2 * 4, 1);
  std::iota(ids.begin(), ids.end(), 0);
  mask[11] = 0;
  const std::vector<int32_t> labels = {0, 1, 2, 0, 1, 2}, ends = {0, 4, -3, 3, 2, 1};
  FileLayer &layer = FileLayer::system();
  auto write = [&](const char *labelName, const std::vector<int32_t> &values,
                   std::vector<int64_t> maskShape) {
    ASSERT_THAT(writeSafetensorsFile(
                    layer, path,
                    {tensorFromMemory("attention_mask", DType::I32, maskShape, mask.data()),
                     tensorFromMemory("input_ids", DType::I32, {3, 2, 4}, ids.data()),
                     tensorFromMemory(labelName, DType::I32, {3, 2}, values.data())}),
                IsOk());
  };
  write("labels", labels, {3, 2, 4});
  DataOptions classes = options(2, 4);
  classes.classes = 3;
  auto data = openTrainingData(layer, path, nullptr, classes);
  ASSERT_THAT(data, IsOk());
  EXPECT_EQ((*data)->readyBatches(), 3u);
  Batch batch;
  (*data)->trainingBatch(1, batch);
  EXPECT_THAT(batch.targets, ElementsAre(2, 0));
  EXPECT_THAT(batch.others["attention_mask"], ElementsAre(1, 1, 1, 0, 1, 1, 1, 1));
  classes.classes = 2;
  EXPECT_THAT(openTrainingData(layer, path, nullptr, classes),
              IsBadInput("labels: 2 at 2 is none of the 2 classes"));

  write("start_positions", ends, {3, 2, 4}); // outside of the sequence: ignored, or its begin
  data = openTrainingData(layer, path, nullptr, options(2, 4));
  ASSERT_THAT(data, IsOk());
  (*data)->trainingBatch(0, batch);
  EXPECT_THAT(batch.others["start_positions"], ElementsAre(0, -100));
  (*data)->trainingBatch(1, batch);
  EXPECT_THAT(batch.others["start_positions"], ElementsAre(0, 3));

  write("labels", labels, {2, 3, 4});
  EXPECT_THAT(openTrainingData(layer, path, nullptr, options(2, 4)),
              IsBadInput("tensor \"attention_mask\": has shape [2, 3, 4], expected that of "
                         "input_ids, [3, 2, 4]"));
}

TEST(OpenTrainingData, TokensAndWrongTensors) {
  TempFolder folder;
  std::string path = folder / "t.safetensors";
  std::vector<int32_t> tokens = counting(50);
  FileLayer &layer = FileLayer::system();
  auto write = [&](const char *name, std::vector<int64_t> shape) {
    EXPECT_THAT(writeSafetensorsFile(layer, path,
                                     {tensorFromMemory(name, DType::I32, shape, tokens.data())}),
                IsOk());
  };
  write("tokens", {50});
  auto data = openTrainingData(layer, path, nullptr, options(2, 4, 0.5));
  ASSERT_THAT(data, IsOk());
  EXPECT_TRUE((*data)->hasValidation());
  write("tokens", {5, 10});
  EXPECT_THAT(openTrainingData(layer, path, nullptr, options(2, 4)),
              IsBadInput("expected one axis"));
  write("input_ids", {5, 10});
  EXPECT_THAT(openTrainingData(layer, path, nullptr, options(2, 4)),
              IsBadInput("expected a tensor tokens"));
}

TEST(LearningRate, WarmupThenCosine) {
  LearningRate constant{1e-3, 0, 0, 0};
  EXPECT_EQ(constant.at(0), 1e-3);
  EXPECT_EQ(constant.at(1000000), 1e-3);
  LearningRate rate{1e-3, 1e-4, 100, 2000};
  EXPECT_DOUBLE_EQ(rate.at(0), 1e-3 / 101);
  EXPECT_DOUBLE_EQ(rate.at(99), 1e-3 * 100 / 101);
  EXPECT_DOUBLE_EQ(rate.at(100), 1e-3);
  EXPECT_DOUBLE_EQ(rate.at(1050), (1e-3 + 1e-4) / 2);
  EXPECT_EQ(rate.at(2000), 1e-4);
  EXPECT_EQ(rate.at(5000), 1e-4);
  for (uint64_t step = 101; step < 2000; ++step)
    EXPECT_LT(rate.at(step), rate.at(step - 1));
}

TEST(AdamW, HyperIsRoundedFromDouble) {
  auto hyper = AdamW{0.1, 0.9, 0.99, 1e-8}.hyper(3e-4, 2);
  EXPECT_THAT(hyper, ElementsAre(float(3e-4), 0.1f, 0.9f, float(1 - 0.9), 0.99f, float(1 - 0.99),
                                 1e-8f, float(1 - 0.9 * 0.9), float(1 - std::pow(0.99, 2))));
}

TEST(Hyperparameters, NonsenseIsNamed) {
  EXPECT_THAT(checkHyperparameters({}, {}), IsOk());
  EXPECT_THAT(checkHyperparameters({-1}, {}), IsBadInput("--lr -1"));
  EXPECT_THAT(checkHyperparameters({NAN}, {}), IsBadInput("--lr"));
  EXPECT_THAT(checkHyperparameters({1e-3, 0, 10, 5}, {}), IsBadInput("--lr-decay-steps 5"));
  EXPECT_THAT(checkHyperparameters({}, {0, 1.0}), IsBadInput("--beta1 1"));
  EXPECT_THAT(checkHyperparameters({}, {0, 0.9, -0.1}), IsBadInput("--beta2"));
  EXPECT_THAT(checkHyperparameters({}, {0, 0.9, 0.9, -1}), IsBadInput("--eps"));
  EXPECT_THAT(checkHyperparameters({}, {0, 0.9, 0.9, 0}), IsBadInput("--eps 0"));
  EXPECT_THAT(checkHyperparameters({}, {0, 0.9, 0.9, 1e-60}), IsBadInput("--eps 1e-60"));
}

} // namespace
} // namespace heddle::runtime
