// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target on kept inputs without a fuzzer:
//   fuzz_NAME_replay FILE_OR_FOLDER...
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/fuzz/Harness.h"

namespace fs = std::filesystem;

// The fuzzer's own mutation, which custom mutators call: never called here.
extern "C" size_t LLVMFuzzerMutate(uint8_t *, size_t size, size_t) { return size; }

namespace {

void replay(const fs::path &path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  // Before the run, so that a crash has its input's name above it.
  printf("%s\n", path.c_str());
  fflush(stdout);
  heddle::fuzz::runInput(bytes.str());
}

} // namespace

int main(int argc, char **argv) {
  size_t count = 0;
  for (int i = 1; i < argc; ++i) {
    fs::path path = argv[i];
    if (!fs::is_directory(path)) {
      replay(path);
      ++count;
      continue;
    }
    for (const auto &entry : fs::directory_iterator(path)) {
      replay(entry.path());
      ++count;
    }
  }
  printf("%zu inputs\n", count);
  return count > 0 ? 0 : 1;
}
