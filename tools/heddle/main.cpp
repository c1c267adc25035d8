// SPDX-License-Identifier: Apache-2.0
// heddle: compiles models, runs them, shows what was made of them.
#include "codegen/CrashNote.h"
#include "runtime/base/Limits.h"
#include "runtime/cli/NumberFlag.h"
#include "runtime/cli/Process.h"
#include "runtime/cli/Verbs.h"
#include "tools/heddle/Doctor.h"
#include "tools/heddle/Verbs.h"

using namespace heddle;
using namespace heddle::tools;

int main(int argc, char **argv) {
  codegen::installCrashHandler();
  runtime::prepareProcess();
  CLI::App command("A graph compiler and runtime for transformer models");
  command.require_subcommand(1);
  CompilerFlags compiler;
  std::function<StatusOr<int>()> chosen;
  // One line a verb: its name, what it does, its flags, the function that does it.
  auto add = [&](const char *name, const char *summary, auto flags, auto verb) {
    CLI::App *subcommand = command.add_subcommand(name, summary);
    addFlags(*subcommand, *flags);
    addCompilerFlags(*subcommand, compiler);
    subcommand->callback([&compiler, &chosen, flags, verb] {
      chosen = [&compiler, flags, verb] { return verb(*flags, compiler); };
    });
  };
  add("compile", "compiles a model to one executable", std::make_shared<CompileFlags>(),
      compileVerb);
  add("run", "one pass over inputs from a file", std::make_shared<runtime::RunFlags>(),
      tools::runVerb);
  add("train", "trains, saves checkpoints, resumes", std::make_shared<runtime::TrainFlags>(),
      tools::trainVerb);
  add("generate", "goes on from a prompt", std::make_shared<runtime::GenerateFlags>(),
      tools::generateVerb);
  add("verify", "compares kernels, passes and gradients with float64",
      std::make_shared<VerifyFlags>(), verifyVerb);
  add("inspect", "shows parameters, shapes, fusions, memory, kernels, IR",
      std::make_shared<InspectFlags>(), inspectVerb);
  add("tokenize", "text to ids, --decode back", std::make_shared<TokenizeFlags>(), tokenizeVerb);
  add("bench", "measures an entry", std::make_shared<runtime::BenchFlags>(), tools::benchVerb);

  DoctorOptions doctor;
  CLI::App *doctorVerb =
      command.add_subcommand("doctor", "shows what this machine has and what is used of it");
  runtime::addNumber(*doctorVerb, "--threads", doctor.threads, "0: one a core",
                     {0, limits::kThreads});
  doctorVerb->add_flag("--json", doctor.json, "one JSON object on standard output");
  doctorVerb->callback([&] { chosen = [&doctor] { return StatusOr<int>(runDoctor(doctor)); }; });

  runtime::addEnvironmentTwins(command);
  if (int code = runtime::parseCommandLine(command, argc, argv); code >= 0)
    return runtime::runCommand([code] { return code; }); // the help may have failed to print
  return runtime::runCommand(chosen);
}
