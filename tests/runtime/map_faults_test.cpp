// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <thread>
#include <unistd.h>

#include "runtime/io/FileLayer.h"
#include "runtime/io/MapFaults.h"
#include "tests/runtime/Sanitized.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;

constexpr size_t kPages = 4;

/// Maps a file of some pages, cuts it to one and reads the last byte that is still there.
[[noreturn]] void readAfterCut(const std::string &path) {
  size_t page = sysconf(_SC_PAGESIZE);
  spill(path, std::string(kPages * page, 'x'));
  MappedFile file = *FileLayer::system().map(path);
  if (::truncate(path.c_str(), static_cast<off_t>(page)) != 0)
    _exit(3);
  volatile char kept = file.data()[page - 1];
  volatile char gone = file.data()[kPages * page - 1];
  _exit(kept == gone ? 4 : 5);
}

TEST(MapFaultsDeathTest, AFileCutShortIsNamed) {
  TempFolder folder;
  std::string path = folder / "weights.safetensors";
  EXPECT_EXIT(
      {
        reportMapFaults();
        readAfterCut(path);
      },
      testing::ExitedWithCode(2),
      "error: cannot read .*/weights.safetensors: it was cut short while it was being read\n");
}

TEST(MapFaultsDeathTest, OnAnyThread) {
  TempFolder folder;
  EXPECT_EXIT(
      {
        reportMapFaults();
        std::thread(readAfterCut, folder / "a file").join();
      },
      testing::ExitedWithCode(2), "a file: it was cut short");
}

TEST(MapFaultsDeathTest, AFileThatIsGoneToo) {
  TempFolder folder;
  std::string path = folder / "x";
  EXPECT_EXIT(
      {
        reportMapFaults();
        size_t page = sysconf(_SC_PAGESIZE);
        spill(path, std::string(2 * page, 'x'));
        int fd = static_cast<int>(FileCalls::system().open(path, 02, 0));
        MappedFile file = *FileLayer::system().map(path);
        ::unlink(path.c_str());
        if (::ftruncate(fd, 0) != 0)
          _exit(3);
        volatile char gone = file.data()[page];
        _exit(gone);
      },
      testing::ExitedWithCode(2), "x \\(deleted\\): it was cut short");
}

TEST(MapFaultsDeathTest, AnyOtherBusErrorKillsAsBefore) {
  if (test::kSanitized)
    GTEST_SKIP() << "sanitizers report the signal and exit";
  EXPECT_EXIT(
      {
        reportMapFaults();
        raise(SIGBUS);
      },
      testing::KilledBySignal(SIGBUS), "");
}

} // namespace
} // namespace heddle::runtime
