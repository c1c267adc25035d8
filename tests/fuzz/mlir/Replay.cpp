// SPDX-License-Identifier: Apache-2.0
// In place of libFuzzer where it is not installed: runs the target on the files named.
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <sstream>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv) {
  for (int i = 1; i < argc; ++i) {
    if (argv[i][0] == '-')
      continue; // an option for libFuzzer
    std::ostringstream text;
    text << std::ifstream(argv[i], std::ios::binary).rdbuf();
    std::fprintf(stderr, "%s\n", argv[i]);
    std::string bytes = text.str();
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
  }
}
