// SPDX-License-Identifier: Apache-2.0
// heddle-run: the verbs that run compiled models, with no compiler on board.
#include <CLI/CLI.hpp>

#include "runtime/cli/Process.h"
#include "runtime/cli/Verbs.h"
#include "runtime/io/FileLayer.h"

using namespace heddle;
using namespace heddle::runtime;

namespace {

/// Loads the executable that the flags name and runs the verb on it.
template <typename Flags, typename Verb> int runOn(const Flags &flags, Verb verb) {
  return runCommand([&]() -> StatusOr<int> {
    FileLayer &layer = FileLayer::system();
    HEDDLE_ASSIGN_OR_RETURN(SharedExecutable executable, Executable::load(layer, flags.model));
    return verb(layer, std::move(executable), flags);
  });
}

} // namespace

int main(int argc, char **argv) {
  prepareProcess();
  CLI::App command("Runs models compiled by heddle (.heddle files)");
  command.require_subcommand(1);
  RunFlags run;
  TrainFlags train;
  GenerateFlags generate;
  BenchFlags bench;
  addFlags(*command.add_subcommand("run", "one pass over inputs from a file"), run);
  addFlags(*command.add_subcommand("train", "trains, saves checkpoints, resumes"), train);
  addFlags(*command.add_subcommand("generate", "goes on from a prompt"), generate);
  addFlags(*command.add_subcommand("bench", "measures an entry"), bench);
  addEnvironmentTwins(command);
  if (int code = parseCommandLine(command, argc, argv); code >= 0)
    return runCommand([code] { return code; }); // the help may have failed to print
  if (command.got_subcommand("run"))
    return runOn(run, runVerb);
  if (command.got_subcommand("train"))
    return runOn(train, trainVerb);
  if (command.got_subcommand("generate"))
    return runOn(generate, generateVerb);
  return runOn(bench, [](FileLayer &layer, SharedExecutable executable, const BenchFlags &flags) {
    return benchVerb(layer, std::move(executable), flags);
  });
}
