// SPDX-License-Identifier: Apache-2.0
#include "tests/random/Sandbox.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace heddle::random {
namespace {

// Records are "tag text NUL"; a text has no NUL.
constexpr char kEnter = '@', kKind = '=', kText = '!';

std::string readAll(int pipe) {
  std::string all;
  char buffer[4096];
  for (ssize_t got; (got = read(pipe, buffer, sizeof(buffer))) != 0;) {
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      break;
    all.append(buffer, static_cast<size_t>(got));
  }
  return all;
}

std::vector<Finding> parse(const std::string &records, std::string &oracle) {
  std::vector<Finding> findings;
  for (size_t begin = 0; begin < records.size();) {
    size_t end = std::min(records.find('\0', begin), records.size());
    std::string text = records.substr(begin + 1, end - begin - 1);
    if (records[begin] == kEnter)
      oracle = text;
    else if (records[begin] == kKind)
      findings.push_back({oracle, text, ""});
    else if (!findings.empty())
      findings.back().text = text;
    begin = end + 1;
  }
  return findings;
}

[[noreturn]] void beChild(const std::function<void(Reporter &)> &check, int pipe, int seconds,
                          bool quiet) {
  if (quiet)
    if (int null = open("/dev/null", O_WRONLY); null >= 0)
      dup2(null, STDERR_FILENO);
  alarm(static_cast<unsigned>(seconds)); // SIGALRM ends a process that handles nothing
  Reporter reporter(pipe);
  check(reporter);
  _exit(0); // nothing of the parent's is the child's to destroy
}

} // namespace

void Reporter::enter(const std::string &oracle) { write(kEnter, oracle); }

void Reporter::report(const std::string &kind, const std::string &text) {
  write(kKind, kind);
  write(kText, text);
}

void Reporter::write(char tag, std::string text) {
  std::replace(text.begin(), text.end(), '\0', ' ');
  text.insert(text.begin(), tag);
  text.push_back('\0');
  for (size_t sent = 0; sent < text.size();) {
    ssize_t wrote = ::write(pipe_, text.data() + sent, text.size() - sent);
    if (wrote < 0 && errno != EINTR)
      return;
    sent += static_cast<size_t>(std::max<ssize_t>(wrote, 0));
  }
}

std::vector<Finding> runIsolated(const std::function<void(Reporter &)> &check, int seconds,
                                 bool quiet) {
  int pipes[2];
  if (pipe(pipes) != 0)
    return {{"", "no pipe", "pipe() failed"}};
  pid_t child = fork();
  if (child < 0)
    return {{"", "no process", "fork() failed"}};
  if (child == 0) {
    close(pipes[0]);
    beChild(check, pipes[1], seconds, quiet);
  }
  close(pipes[1]);
  std::string oracle;
  std::vector<Finding> findings = parse(readAll(pipes[0]), oracle);
  close(pipes[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    findings.push_back({oracle, "no end", "does not end"});
  else if (WIFSIGNALED(status))
    findings.push_back({oracle, "signal " + std::to_string(WTERMSIG(status)),
                        std::string("crashes: ") + strsignal(WTERMSIG(status))});
  else if (WEXITSTATUS(status) != 0)
    findings.push_back({oracle, "exit", "exits with " + std::to_string(WEXITSTATUS(status))});
  return findings;
}

} // namespace heddle::random
