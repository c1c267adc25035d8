// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/io/Sha256.h"
#include "runtime/io/WholeFile.h"
#include "tests/runtime/FaultyFileCalls.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::runtime {
namespace {

using namespace heddle::test;
using testing::ElementsAre;

TEST(FileLayer, WritesAndReads) {
  TempFolder folder;
  FileLayer &layer = FileLayer::system();
  ASSERT_THAT(layer.makeFolders(folder / "a/b//c"), IsOk());
  ASSERT_THAT(layer.makeFolders(folder / "a/b/c/"), IsOk());
  std::string path = folder / "a/b/c/x";
  ASSERT_THAT(writeFileAtomically(layer, path, "hello"), IsOk());
  EXPECT_EQ(*readSmallFile(layer, path, 5), "hello");
  EXPECT_EQ(layer.map(path)->bytes(), "hello");
  ASSERT_THAT(writeFileAtomically(layer, path, ""), IsOk());
  EXPECT_EQ(layer.map(path)->bytes(), "");
  EXPECT_THAT(*layer.list(folder / "a/b/c"), ElementsAre("x"));
  EXPECT_THAT(layer.removeAll(folder / "a"), IsOk());
  EXPECT_FALSE(*layer.exists(folder / "a"));
}

TEST(FileLayer, WritesUnderTheLongestName) {
  TempFolder folder;
  std::string path = folder / std::string(255, 'x');
  ASSERT_THAT(writeFileAtomically(FileLayer::system(), path, "hello"), IsOk());
  EXPECT_EQ(slurp(path), "hello");
}

TEST(FileLayer, SmallFileAtItsLimit) {
  TempFolder folder;
  spill(folder / "x", std::string(100, 'x'));
  EXPECT_THAT(readSmallFile(FileLayer::system(), folder / "x", 100), IsOk());
  EXPECT_THAT(readSmallFile(FileLayer::system(), folder / "x", 99),
              IsBadInput("x: 100 bytes, more than the limit of 99"));
  // A file that does not know its size.
  EXPECT_THAT(readSmallFile(FileLayer::system(), "/proc/self/status", 1 << 20), IsOk());
  EXPECT_THAT(readSmallFile(FileLayer::system(), "/proc/self/status", 10),
              IsBadInput("more than the limit of 10 bytes"));
}

TEST(FileLayer, OnlyRegularFilesAreRead) {
  TempFolder folder;
  FileLayer &layer = FileLayer::system();
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(layer.openForRead(folder / "pipe"), IsBadInput("expected a regular file"));
  EXPECT_THAT(layer.map("/dev/zero"), IsBadInput("expected a regular file"));
  EXPECT_THAT(layer.openForRead(folder.path()), IsBadInput("it is a folder"));
  EXPECT_THAT(layer.openForRead(folder / "none"), IsBadInput("none: No such file or directory"));
  EXPECT_THAT(layer.openForRead(""), IsBadInput("not a path"));
  EXPECT_THAT(layer.openForRead(std::string("a\0b", 3)), IsBadInput("not a path"));
  EXPECT_THAT(writeFileAtomically(layer, folder / "pipe", "x"), IsBadInput("pipe or device"));
  EXPECT_THAT(writeFileAtomically(layer, folder.path(), "x"), IsBadInput("it is a folder"));
}

TEST(FileLayer, RemovesLinksAndDoesNotFollowThem) {
  TempFolder folder;
  FileLayer &layer = FileLayer::system();
  ASSERT_THAT(layer.makeFolders(folder / "kept"), IsOk());
  spill(folder / "kept/file", "x");
  ASSERT_THAT(layer.makeFolders(folder / "gone/deep"), IsOk());
  ASSERT_EQ(symlink((folder / "kept").c_str(), (folder / "gone/deep/link").c_str()), 0);
  EXPECT_THAT(layer.removeAll(folder / "gone"), IsOk());
  EXPECT_FALSE(*layer.exists(folder / "gone"));
  EXPECT_EQ(slurp(folder / "kept/file"), "x");
}

/// Whoever made the link meant something to be there: no file that may be left out.
TEST(FileLayer, ALinkToNothingIsNotAbsent) {
  TempFolder folder;
  FileLayer &layer = FileLayer::system();
  ASSERT_EQ(symlink("nowhere", (folder / "link").c_str()), 0);
  EXPECT_THAT(layer.exists(folder / "link"), IsBadInput("link: it is a link to nothing"));
  EXPECT_FALSE(*layer.isFolder(folder / "link"));
  spill(folder / "nowhere", "x");
  EXPECT_TRUE(*layer.exists(folder / "link"));
  EXPECT_FALSE(*layer.exists(folder / "link/below"));
}

TEST(FileLayer, OneLockAtATime) {
  TempFolder folder;
  FileLayer &layer = FileLayer::system();
  {
    StatusOr<File> first = layer.lock(folder / "lock");
    ASSERT_THAT(first, IsOk());
    EXPECT_THAT(layer.lock(folder / "lock"), IsBadInput("another process is at work"));
    pid_t child = fork();
    if (child == 0)
      _exit(layer.lock(folder / "lock").ok() ? 0 : 42);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 42);
  }
  EXPECT_THAT(layer.lock(folder / "lock"), IsOk());
}

TEST(FileLayer, InterruptionsAndShortTransfersAreCarriedOnWith) {
  TempFolder folder;
  FaultyFileCalls calls;
  FileLayer layer(calls);
  std::string content(5000, 'x');
  for (size_t i = 0; i < content.size(); ++i)
    content[i] = static_cast<char>('a' + i % 26);
  for (int error : {EINTR, 0}) {
    for (uint64_t at = 1; at <= 2; ++at) {
      calls.plan({.at = at, .error = error, .only = Call::Write});
      ASSERT_THAT(writeFileAtomically(layer, folder / "x", content), IsOk());
      EXPECT_EQ(slurp(folder / "x"), content);
      calls.plan({.at = at, .error = error, .only = Call::Read});
      EXPECT_EQ(*readSmallFile(layer, folder / "x", 10000), content);
    }
  }
  for (Call call : {Call::Open, Call::Sync, Call::Close, Call::List, Call::Lock}) {
    calls.plan({.at = 1, .error = EINTR, .only = call});
    EXPECT_THAT(writeFileAtomically(layer, folder / "x", content), IsOk()) << callName(call);
    EXPECT_THAT(layer.list(folder.path()), IsOk());
    EXPECT_THAT(layer.lock(folder / "lock"), IsOk());
  }
  // Every transfer short, for ever: still all of it.
  calls.plan({.at = 1, .error = 0, .forEver = true, .only = Call::Write});
  ASSERT_THAT(writeFileAtomically(layer, folder / "y", content), IsOk());
  EXPECT_EQ(slurp(folder / "y"), content);
}

TEST(FileLayer, AtomicWriteKeepsTheOldFileWhateverFails) {
  TempFolder folder;
  FaultyFileCalls calls;
  FileLayer layer(calls);
  std::string path = folder / "x";
  spill(path, "old");
  uint64_t faults = 0;
  for (bool forEver : {false, true}) {
    for (uint64_t at = 1;; ++at) {
      calls.plan({.at = at, .error = ENOSPC, .forEver = forEver, .halfThenFail = true});
      Status status = writeFileAtomically(layer, path, "new");
      std::string failed = calls.last();
      calls.plan({});
      if (status.ok() && failed.empty())
        break; // fewer than `at` calls
      ++faults;
      std::string now = slurp(path);
      EXPECT_TRUE(now == "old" || now == "new") << failed << ": " << now;
      if (status.ok()) {
        EXPECT_EQ(now, "new") << failed;
        // Nothing else may fail and go unsaid.
        EXPECT_EQ(failed, "close " + parentFolder(path));
      } else {
        EXPECT_THAT(status, IsError("No space left on device")) << failed;
      }
      if (!forEver && !failed.starts_with("unlink")) {
        EXPECT_THAT(*FileLayer::system().list(folder.path()), ElementsAre("x")) << failed;
      }
      std::vector<std::string> left = *FileLayer::system().list(folder.path());
      for (const std::string &name : left)
        ::unlink((folder / name).c_str());
      spill(path, "old");
    }
    spill(path, "old");
  }
  EXPECT_GE(faults, 12u);
}

TEST(FileLayer, AtomicWriteIsFlushedBeforeItCounts) {
  TempFolder folder;
  FaultyFileCalls calls;
  FileLayer layer(calls);
  ASSERT_THAT(writeFileAtomically(layer, folder / "x", "new"), IsOk());
  std::vector<std::string> changes;
  for (const std::string &call : calls.trace())
    if (call.starts_with("write ") || call.starts_with("fsync ") || call.starts_with("rename "))
      changes.push_back(call);
  std::string temporary = folder / (".x." + std::to_string(getpid()) + ".tmp");
  EXPECT_THAT(changes,
              ElementsAre("write " + temporary, "fsync " + temporary,
                          "rename " + temporary + " " + (folder / "x"), "fsync " + folder.path()));
}

TEST(FileLayer, NamesOfNewFoldersAreFlushed) {
  TempFolder folder;
  FaultyFileCalls calls;
  FileLayer layer(calls);
  ASSERT_THAT(layer.makeFolders(folder / "a/b"), IsOk());
  std::vector<std::string> changes;
  for (const std::string &call : calls.trace())
    if (call.starts_with("mkdir ") || call.starts_with("fsync "))
      changes.push_back(call);
  // First that of the folder which is there already: whoever made it may have died before.
  EXPECT_THAT(changes, ElementsAre("fsync " + parentFolder(folder.path()),
                                   "mkdir " + (folder / "a"), "fsync " + folder.path(),
                                   "mkdir " + (folder / "a/b"), "fsync " + (folder / "a")));
}

TEST(FileLayer, PermissionIsAskedForThroughTheCalls) {
  TempFolder folder;
  FaultyFileCalls calls;
  FileLayer layer(calls);
  EXPECT_THAT(layer.checkWritable(folder.path()), IsOk());
  calls.plan({.at = 1, .error = EROFS, .only = Call::Access});
  Status status = layer.checkWritable(folder.path());
  EXPECT_EQ(status.message(), "cannot write to " + folder.path() + ": Read-only file system");
  EXPECT_EQ(calls.last(), "access " + folder.path());
}

TEST(FileLayer, ErrorsNamePathAndReason) {
  TempFolder folder;
  FaultyFileCalls calls;
  FileLayer layer(calls);
  spill(folder / "x", "abc");
  calls.plan({.at = 1, .error = EIO, .only = Call::Read});
  Status status = readSmallFile(layer, folder / "x", 10).status();
  EXPECT_EQ(status.message(), "cannot read " + (folder / "x") + ": Input/output error");
  EXPECT_EQ(exitCode(status), 1);
  calls.plan({.at = 1, .error = ENOMEM, .only = Call::Map});
  EXPECT_THAT(layer.map(folder / "x"), IsError("cannot map " + (folder / "x")));
  calls.plan({.at = 1, .error = EIO, .only = Call::List});
  EXPECT_THAT(layer.list(folder.path()), IsError("cannot list"));
}

TEST(Paths, Parts) {
  EXPECT_EQ(parentFolder("a/b"), "a");
  EXPECT_EQ(parentFolder("a/b/"), "a");
  EXPECT_EQ(parentFolder("a//b"), "a");
  EXPECT_EQ(parentFolder("a"), ".");
  EXPECT_EQ(parentFolder("/a"), "/");
  EXPECT_EQ(parentFolder("/"), "/");
  EXPECT_EQ(parentFolder(""), ".");
  EXPECT_EQ(baseName("a/b/"), "b");
  EXPECT_EQ(baseName("b"), "b");
  EXPECT_EQ(joinPath("a", "b"), "a/b");
  EXPECT_EQ(joinPath("a/", "b"), "a/b");
}

TEST(Sha256, KnownAnswers) {
  EXPECT_EQ(sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  TempFolder folder;
  std::string big(3'000'001, 'q');
  spill(folder / "big", big);
  FileDigest digest = *digestFile(FileLayer::system(), folder / "big");
  EXPECT_EQ(digest.size, big.size());
  EXPECT_EQ(digest.digest, Sha256::of(big));
  Sha256 pieces;
  for (char c : std::string("abc"))
    pieces.update(&c, 1);
  EXPECT_EQ(toHex(pieces.finish()), sha256Hex("abc"));
  EXPECT_EQ(toHex(pieces.finish()), sha256Hex("")); // starts afresh
}

} // namespace
} // namespace heddle::runtime
