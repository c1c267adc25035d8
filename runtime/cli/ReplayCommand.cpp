// SPDX-License-Identifier: Apache-2.0
#include "runtime/cli/ReplayCommand.h"

#include <algorithm>
#include <cctype>
#include <cstring>

#include "runtime/io/JsonWriter.h"
#include "runtime/plan/Executable.h"
#include "runtime/train/Replay.h"

namespace heddle::runtime {
namespace {

/// As a word of a shell's command.
std::string quoted(const std::string &text) {
  bool isPlain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) || std::strchr("/._-+=:,@%", c);
  });
  if (isPlain)
    return text;
  std::string word = "'";
  for (char c : text)
    word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

} // namespace

std::string replayCommand(const Executable &executable, const TrainFlags &flags,
                          const std::string &folder, const std::string &entry) {
  const std::string &origin = executable.origin();
  std::string command = origin.ends_with(".heddle") ? "heddle-run run " : "heddle run ";
  if (origin.ends_with(".heddle") || executable.manifest().files().empty())
    absl::StrAppend(&command, quoted(origin), " --weights ");
  absl::StrAppend(&command, quoted(folder), " --entry ", entry, " --inputs ",
                  quoted(joinPath(folder, kReplayInputsFile)), " --outputs ",
                  quoted(joinPath(folder, "outputs.safetensors")));
  for (const std::string &word : flags.replayFlags)
    absl::StrAppend(&command, " ", quoted(word));
  if (flags.dropout && entry == "step")
    absl::StrAppend(&command, " --dropout ", jsonNumber(*flags.dropout));
  for (const std::string &pattern : flags.freeze)
    if (entry == "step" && !origin.ends_with(".heddle"))
      absl::StrAppend(&command, " --freeze ", quoted(pattern));
  if (!flags.lora.empty() && !origin.ends_with(".heddle"))
    absl::StrAppend(&command, " --lora ", quoted(flags.lora));
  if (!flags.target.empty())
    absl::StrAppend(&command, " --target ", quoted(flags.target));
  return command;
}

} // namespace heddle::runtime
