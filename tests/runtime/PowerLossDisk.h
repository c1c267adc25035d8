// SPDX-License-Identifier: Apache-2.0
// A disk in memory that forgets what was not flushed.
//
// Killing a process cannot show a missing fsync: the page cache survives it. Here every file has
// two contents and every folder two lists of names, those that programs see and those that were
// flushed. When the power is cut, each change of names since a folder's last fsync is kept or lost
// on its own (so renames may be reordered; one rename is never halved), and unflushed data is old,
// new, cut short, or zeros at the right length.

#ifndef HEDDLE_TESTS_RUNTIME_POWERLOSSDISK_H
#define HEDDLE_TESTS_RUNTIME_POWERLOSSDISK_H

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "runtime/io/FileCalls.h"

namespace heddle::test {

/// What of the unflushed outlives a power cut.
enum class Survival { Nothing, NamesWithoutData, Everything, Random };
inline constexpr Survival kSurvivals[] = {Survival::Nothing, Survival::NamesWithoutData,
                                          Survival::Everything, Survival::Random};

/// Paths begin with '/'. A rename stays in its folder, as all of ours do. One thread.
class PowerLossDisk : public runtime::FileCalls {
public:
  /// With the folder `/data`, flushed.
  PowerLossDisk();
  ~PowerLossDisk() override;

  /// After this many more calls the program is dead: its calls fail and change nothing.
  void dieAfter(uint64_t calls) { callsLeft_ = calls; }
  bool died() const { return died_; }
  /// A new process: descriptors and locks of the dead one are gone, its data is not.
  void restart();
  /// A new process on what the disk holds after a power cut.
  void cutPower(Survival survival, std::mt19937_64 &random);
  /// The n-th fsync from now on, from 1, does nothing; 0: all of them work.
  void skipSync(uint64_t n) { skippedSync_ = n, syncs_ = 0; }
  uint64_t syncs() const { return syncs_; }
  /// The path of the fsync that was skipped; empty if there was nothing to flush.
  const std::string &skipped() const { return skippedPath_; }

  int64_t open(const std::string &path, int flags, uint32_t mode) override;
  int64_t close(int fd) override;
  int64_t read(int fd, void *bytes, size_t size) override;
  int64_t write(int fd, const void *bytes, size_t size) override;
  int64_t sync(int fd) override;
  int64_t truncate(int fd, uint64_t size) override;
  int64_t statPath(const std::string &path, runtime::PathInfo &info) override;
  int64_t statOpen(int fd, runtime::PathInfo &info) override;
  int64_t accessForWrite(const std::string &path) override;
  int64_t rename(const std::string &from, const std::string &to) override;
  int64_t unlink(const std::string &path) override;
  int64_t makeFolder(const std::string &path) override;
  int64_t removeFolder(const std::string &path) override;
  int64_t list(const std::string &path, std::vector<std::string> &names) override;
  int64_t lock(int fd) override;
  int64_t map(int fd, uint64_t size, const void *&data) override;

private:
  struct Node;
  using NodeRef = std::shared_ptr<Node>;
  using Names = std::map<std::string, NodeRef>;
  struct Open {
    NodeRef node;
    std::string path;
    int flags = 0;
    size_t at = 0;
  };
  /// The folder that holds a path's last name, and that name.
  struct Place {
    NodeRef folder;
    std::string name;
    NodeRef node() const;
  };

  bool dies();
  Place find(const std::string &path) const;
  static void change(const NodeRef &folder, Names changes);
  static void survive(const NodeRef &node, Survival survival, std::mt19937_64 &random);

  NodeRef root_;
  std::map<int, Open> open_;
  int nextDescriptor_ = 100;
  uint64_t callsLeft_ = std::numeric_limits<uint64_t>::max();
  bool died_ = false;
  uint64_t syncs_ = 0, skippedSync_ = 0;
  std::string skippedPath_;
};

} // namespace heddle::test

#endif // HEDDLE_TESTS_RUNTIME_POWERLOSSDISK_H
