// SPDX-License-Identifier: Apache-2.0
// The runtime's tokenizers for compare_tokenizers.py and for measuring them, without a model:
//   tokenize_lines TOKENIZER < LINES          ids of each line, in full framing
//   tokenize_lines TOKENIZER --decode < IDS   text of each line of ids, as a JSON string
//   tokenize_lines TOKENIZER --time < TEXT    MB/s of the lines, then of the text as a whole
//   tokenize_lines bpe:N < TEXT               the tokenizer.json trained on it
#include <chrono>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <sstream>

#include "runtime/io/FileLayer.h"
#include "runtime/io/JsonWriter.h"
#include "runtime/text/Tokenizer.h"

namespace {

using namespace heddle;
using namespace heddle::runtime;

double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

int fail(const Status &status) {
  std::fprintf(stderr, "tokenize_lines: %s\n", std::string(status.message()).c_str());
  return exitCode(status);
}

int time(const Tokenizer &tokenizer) {
  std::vector<std::string> lines;
  std::string all;
  for (std::string line; std::getline(std::cin, line);) {
    lines.push_back(line);
    all += line + "\n";
  }
  size_t count = 0;
  auto start = std::chrono::steady_clock::now();
  for (const std::string &line : lines)
    if (auto ids = tokenizer.encode(line, Framing::Special); ids.ok())
      count += ids->size();
  double seconds = secondsSince(start);
  start = std::chrono::steady_clock::now();
  auto ids = tokenizer.encode(all);
  double whole = secondsSince(start);
  std::printf("%.2f MB/s by lines, %zu ids; %.2f MB/s as a whole\n",
              static_cast<double>(all.size()) / seconds / 1e6, count,
              static_cast<double>(all.size()) / whole / 1e6);
  return ids.ok() ? 0 : fail(ids.status());
}

} // namespace

int main(int argc, char **argv) {
  std::string name = argc > 1 ? argv[1] : "", mode = argc > 2 ? argv[2] : "";
  std::ios::sync_with_stdio(false);
  if (isMadeFromText(name)) {
    std::string text{std::istreambuf_iterator<char>(std::cin), {}};
    auto made = makeTextTokenizer(name, text, "stdin");
    if (!made.ok())
      return fail(made.status());
    std::cout << (*made)->toJson();
    return 0;
  }
  auto tokenizer = openTokenizer(FileLayer::system(), name);
  if (!tokenizer.ok())
    return fail(tokenizer.status());
  if (mode == "--time")
    return time(**tokenizer);
  for (std::string line; std::getline(std::cin, line);) {
    if (mode == "--decode") {
      std::istringstream words(line);
      std::vector<int32_t> ids{std::istream_iterator<int32_t>(words), {}};
      std::cout << jsonString((*tokenizer)->decode(ids)) << "\n";
      continue;
    }
    auto ids = (*tokenizer)->encode(line, Framing::Full);
    if (!ids.ok()) {
      std::cout << "error " << std::string(ids.status().message()) << "\n";
      continue;
    }
    for (size_t i = 0; i < ids->size(); ++i)
      std::cout << (i ? " " : "") << (*ids)[i];
    std::cout << "\n";
  }
  return 0;
}
