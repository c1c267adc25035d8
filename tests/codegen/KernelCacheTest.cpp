// SPDX-License-Identifier: Apache-2.0
#include "codegen/KernelCache.h"

#include <filesystem>
#include <fstream>
#include <set>

#include "runtime/io/Sha256.h"
#include "tests/runtime/TempFolder.h"

namespace heddle::codegen {
namespace {

namespace fs = std::filesystem;
using test::slurp;
using test::spill;
using test::TempFolder;

proto::CachedKernel entryOf(const std::string &key, const std::string &object) {
  proto::CachedKernel entry;
  entry.set_key(key);
  entry.set_symbol("f");
  entry.set_tasks(3);
  entry.set_object(object);
  entry.set_object_sha256(runtime::sha256Hex(object));
  return entry;
}

TEST(KernelCache, EveryPartOfTheKeyCounts) {
  std::set<std::string> keys = {
      KernelCache::key("text", "target", "options"), KernelCache::key("texts", "target", "options"),
      KernelCache::key("text", "targets", "options"), KernelCache::key("text", "target", "option"),
      // As long as the first.
      KernelCache::key("tExt", "target", "options"), KernelCache::key("text", "tArget", "options"),
      KernelCache::key("text", "target", "oPtions"),
      // The same bytes, divided otherwise.
      KernelCache::key("texttarget", "", "options"), KernelCache::key("", "texttarget", "options"),
      KernelCache::key("text", "targetoptions", "")};
  EXPECT_EQ(keys.size(), 10u);
  EXPECT_EQ(KernelCache::key("a", "b", "c"), KernelCache::key("a", "b", "c"));
}

TEST(KernelCache, FindsWhatWasStored) {
  TempFolder folder;
  KernelCache cache(folder.path(), 1 << 20);
  EXPECT_FALSE(cache.find("k"));
  cache.store(entryOf("k", "code"));
  auto found = KernelCache(folder.path(), 1 << 20).find("k");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->object(), "code");
  EXPECT_EQ(found->tasks(), 3);
  EXPECT_FALSE(KernelCache("", 1 << 20).find("k"));
}

TEST(KernelCache, DamagedAndForeignEntriesAreMisses) {
  TempFolder folder;
  KernelCache cache(folder.path(), 1 << 20);
  cache.store(entryOf("k", "machine code"));
  std::string path = folder / "k.kernel", whole = slurp(path);
  ASSERT_TRUE(cache.find("k"));
  size_t code = whole.find("machine");
  for (size_t at : {code, code + 5, whole.size() - 1}) {
    std::string damaged = whole;
    damaged[at] ^= 1;
    spill(path, damaged);
    EXPECT_FALSE(cache.find("k")) << "byte " << at;
  }
  for (size_t size : {size_t{0}, size_t{3}, whole.size() - 1}) {
    spill(path, whole.substr(0, size));
    EXPECT_FALSE(cache.find("k")) << size << " bytes";
  }
  spill(folder / "other.kernel", whole);
  EXPECT_FALSE(cache.find("other")) << "the entry of another key";
  spill(path, whole);
  EXPECT_TRUE(cache.find("k"));
}

TEST(KernelCache, TrimsWhatWasUnusedLongest) {
  TempFolder folder;
  std::string object(1000, 'x');
  uint64_t one = entryOf("0", object).ByteSizeLong();
  KernelCache cache(folder.path(), 3 * one);
  auto age = [&](const std::string &key, int hours) {
    fs::last_write_time(folder / (key + ".kernel"),
                        fs::file_time_type::clock::now() - std::chrono::hours(hours));
  };
  for (int i = 0; i < 5; ++i) {
    cache.store(entryOf(std::to_string(i), object));
    age(std::to_string(i), 10 - i);
  }
  spill(folder / "notes.txt", object); // not ours
  ASSERT_TRUE(cache.find("0"));        // the oldest is used again
  cache.trim();
  for (const char *kept : {"0", "3", "4"})
    EXPECT_TRUE(cache.find(kept)) << kept;
  for (const char *dropped : {"1", "2"})
    EXPECT_FALSE(cache.find(dropped)) << dropped;
  EXPECT_TRUE(fs::exists(folder / "notes.txt"));
}

TEST(KernelCache, AFolderThatCannotBeUsedIsSaid) {
  TempFolder folder;
  spill(folder / "file", "");
  KernelCache cache(folder / "file/cache", 1 << 20);
  EXPECT_NE(cache.problem().find(folder / "file/cache"), std::string::npos);
  cache.store(entryOf("k", "code"));
  EXPECT_FALSE(cache.find("k"));
}

} // namespace
} // namespace heddle::codegen
