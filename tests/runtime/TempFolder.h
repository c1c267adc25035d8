// SPDX-License-Identifier: Apache-2.0
// What the runtime's tests share: a folder that goes with the test, and words for statuses.

#ifndef HEDDLE_TESTS_RUNTIME_TEMPFOLDER_H
#define HEDDLE_TESTS_RUNTIME_TEMPFOLDER_H

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/base/Status.h"

namespace heddle::test {

class TempFolder {
public:
  /// For tests of a few small files that flush a thousand times.
  static constexpr bool kInMemory = true;
  explicit TempFolder(bool inMemory = false) {
    namespace fs = std::filesystem;
    std::error_code ignored;
    fs::path parent = inMemory && fs::is_directory("/dev/shm", ignored) ? fs::path("/dev/shm")
                                                                        : fs::temp_directory_path();
    std::string pattern = (parent / "heddle-test-XXXXXX").string();
    if (!mkdtemp(pattern.data())) {
      std::perror(pattern.c_str());
      std::abort();
    }
    path_ = pattern;
  }
  TempFolder(const TempFolder &) = delete;
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string &path() const { return path_; }
  std::string operator/(const std::string &name) const { return path_ + "/" + name; }

private:
  std::string path_;
};

/// Written behind the file layer's back.
inline void spill(const std::string &path, const std::string &content) {
  std::ofstream(path, std::ios::binary) << content;
}

inline std::string slurp(const std::string &path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

inline const absl::Status &statusOf(const absl::Status &status) { return status; }
template <typename T> const absl::Status &statusOf(const absl::StatusOr<T> &statusOr) {
  return statusOr.status();
}

MATCHER(IsOk, "is OK") {
  *result_listener << statusOf(arg).ToString();
  return statusOf(arg).ok();
}

/// An error of the user's making (exit 2) whose message contains `text`.
MATCHER_P(IsBadInput, text, "is bad input: " + std::string(text)) {
  const absl::Status &status = statusOf(arg);
  *result_listener << status.ToString();
  return heddle::exitCode(status) == 2 &&
         std::string(status.message()).find(text) != std::string::npos;
}

/// Any error whose message contains `text`.
MATCHER_P(IsError, text, "is an error: " + std::string(text)) {
  const absl::Status &status = statusOf(arg);
  *result_listener << status.ToString();
  return !status.ok() && std::string(status.message()).find(text) != std::string::npos;
}

} // namespace heddle::test

#endif // HEDDLE_TESTS_RUNTIME_TEMPFOLDER_H
