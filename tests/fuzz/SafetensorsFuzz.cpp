// SPDX-License-Identifier: Apache-2.0
// One safetensors file, or (where the input begins with "-- ") a folder with an index and shards:
// as weights, as training data, and written again.
#include <cstring>

#include "runtime/io/SafetensorsWriter.h"
#include "runtime/io/Weights.h"
#include "runtime/train/Data.h"
#include "tests/fuzz/Harness.h"
#include "tests/fuzz/MemoryFiles.h"
#include "tests/fuzz/ProtoMutator.h"

namespace heddle::fuzz {
namespace {

using namespace runtime;

constexpr char kFile[] = "in/model.safetensors";

class StringSink : public ByteSink {
public:
  Status write(const void *bytes, size_t size) override {
    text.append(static_cast<const char *>(bytes), size);
    return absl::OkStatus();
  }
  std::string text;
};

void readAll(const Weights &weights) {
  std::vector<TensorToWrite> tensors;
  for (const std::string &name : weights.names()) {
    std::optional<TensorView> view = weights.find(name);
    require(view.has_value(), "a tensor is listed but not there: " + name);
    std::vector<float> floats(view->elements());
    accepted(copyToF32(*view, floats.data()));
    std::vector<int32_t> integers(view->elements());
    accepted(copyToI32(*view, integers.data()));
    tensors.push_back(tensorFromMemory(name, view->dtype(), view->shape(), view->data));
  }
  StringSink sink;
  require(writeSafetensors(sink, std::move(tensors)).ok(), "cannot write what we read");
  MemoryFiles calls({{kFile, sink.text}});
  FileLayer layer(calls);
  StatusOr<Weights> again = Weights::open(layer, kFile);
  require(again.ok() && again->digest() == weights.digest(), "writing changes the tensors");
}

void readData(FileLayer &layer) {
  DataOptions options{2, 4, 100, 7, 0.25};
  auto data = openTrainingData(layer, kFile, nullptr, options);
  if (!accepted(data))
    return;
  Batch batch;
  for (uint64_t index : {uint64_t{0}, uint64_t{1}, UINT64_MAX}) {
    (*data)->trainingBatch(index, batch);
    require(batch.inputIds.size() == 8 && batch.targets.size() == 8, "a batch of another size");
    for (int32_t id : batch.inputIds)
      require(id >= 0 && id < 100, "an id outside of the vocabulary");
    if ((*data)->hasValidation())
      (*data)->validationBatch(index, batch);
  }
}

} // namespace

void runInput(std::string_view bytes) {
  Folder files;
  if (bytes.starts_with("-- ")) {
    for (auto &[name, content] : parseFolder(bytes))
      files["in/" + name] = content;
  } else {
    // On the input's own memory, where a byte too far is seen.
    accepted(parseSafetensorsHeader(bytes, kFile));
    files[kFile] = bytes;
  }
  bool single = files.contains(kFile);
  MemoryFiles calls(std::move(files));
  FileLayer layer(calls);
  StatusOr<Weights> weights = Weights::open(layer, single ? kFile : "in");
  if (accepted(weights))
    readAll(*weights);
  if (single)
    readData(layer);
}

namespace {

uint64_t headerLength(const std::string &file) {
  uint64_t length = 0;
  std::memcpy(&length, file.data(), std::min<size_t>(file.size(), 8));
  return length;
}

/// Mutates the header, then puts its true length before it and as many bytes after it as its
/// largest number, which is often the end of the last tensor.
void mutateHeader(std::string &file, size_t mostBytes) {
  size_t length = std::min<uint64_t>(headerLength(file), file.size() - 8);
  std::string header = file.substr(8, length), data = file.substr(8 + length);
  mutateBytes(header, std::max(header.size(), mostBytes / 2));
  uint64_t largest = 0, number = 0;
  for (char c : header) {
    number = c >= '0' && c <= '9' ? number * 10 + static_cast<uint64_t>(c - '0') : 0;
    largest = std::max(largest, number);
  }
  if (largest <= mostBytes / 2)
    data.resize(largest);
  length = header.size();
  file.assign(reinterpret_cast<const char *>(&length), 8);
  file += header + data;
}

} // namespace
} // namespace heddle::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t mostBytes,
                                          unsigned seed) {
  using namespace heddle::fuzz;
  Random random(seed);
  std::string file(reinterpret_cast<char *>(data), size);
  if (random() % 4 == 0 || size < 10 || file.starts_with("-- "))
    mutateBytes(file, mostBytes);
  else
    mutateHeader(file, mostBytes);
  return store(file, data, mostBytes);
}
