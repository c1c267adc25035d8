// SPDX-License-Identifier: Apache-2.0
// Everything below the handler is async-signal-safe: no allocation, no locks, no stdio. The kernel
// knows which file a page belongs to, so there is no registry of ours to keep consistent.
#include "runtime/io/MapFaults.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <climits>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

namespace heddle::runtime {
namespace {

/// Where in which file an address lies. The path ends in a NUL.
struct FilePage {
  uint64_t offset = 0;
  char path[PATH_MAX] = {};
};

/// Takes a hexadecimal number and the character after it off the front of `text`.
bool takeHex(std::string_view &text, uint64_t &value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end == text.data() + text.size())
    return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()) + 1);
  return true;
}

/// Whether a line of /proc/self/maps, "begin-end rights offset device inode path", holds `address`
/// in a file.
bool findInLine(std::string_view line, uint64_t address, FilePage &page) {
  uint64_t begin = 0, end = 0, offset = 0;
  size_t slash = line.find('/');
  if (slash == std::string_view::npos || !takeHex(line, begin) || !takeHex(line, end) ||
      address < begin || address >= end)
    return false;
  line.remove_prefix(std::min(line.size(), line.find(' ') + 1)); // the rights
  if (!takeHex(line, offset))
    return false;
  std::string_view path = line.substr(line.find('/'));
  page.offset = offset + (address - begin);
  path.copy(page.path, sizeof(page.path) - 1);
  return true;
}

bool findPage(uint64_t address, FilePage &page) {
  int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return false;
  char line[PATH_MAX + 128], block[4096];
  size_t length = 0;
  bool found = false;
  for (ssize_t count; !found && (count = read(fd, block, sizeof(block))) > 0;)
    for (ssize_t i = 0; i < count && !found; ++i) {
      if (block[i] != '\n') {
        if (length < sizeof(line))
          line[length++] = block[i];
        continue;
      }
      found = findInLine({line, length}, address, page);
      length = 0;
    }
  close(fd);
  return found;
}

/// What cannot be written to standard error cannot be said anywhere.
void say(const char *text) { [[maybe_unused]] ssize_t ignored = write(2, text, strlen(text)); }

struct sigaction previous; // who deals with any other SIGBUS

void onBusError(int, siginfo_t *info, void *) {
  static std::atomic_flag taken = ATOMIC_FLAG_INIT;
  static FilePage page; // too large for the stack of a signal
  while (taken.test_and_set())
    pause(); // another thread met the same end and is saying so
  auto address = reinterpret_cast<uint64_t>(info->si_addr);
  if (info->si_code != BUS_ADRERR || !findPage(address, page)) {
    sigaction(SIGBUS, &previous, nullptr);
    raise(SIGBUS); // blocked until we return, then it is theirs
    taken.clear();
    return;
  }
  struct stat status;
  auto pageSize = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  bool cutShort = stat(page.path, &status) != 0 ||
                  static_cast<uint64_t>(status.st_size) <= page.offset / pageSize * pageSize;
  say("error: cannot read ");
  say(page.path);
  say(cutShort ? ": it was cut short while it was being read\n" : ": input/output error\n");
  _exit(cutShort ? 2 : 1);
}

} // namespace

void reportMapFaults() {
  struct sigaction action = {};
  action.sa_sigaction = onBusError;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, &previous);
}

} // namespace heddle::runtime
