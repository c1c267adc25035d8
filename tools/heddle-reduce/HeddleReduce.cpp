// SPDX-License-Identifier: Apache-2.0
// heddle-reduce: the smallest module that still fails. Of a reproducer without further words:
//
//   heddle-reduce /tmp/heddle-reproducer-1234.mlir -o small.mlir
//
// or of any module with the command that fails on it, where FILE stands for the module:
//
//   heddle-reduce model.mlir --test 'heddle-opt --heddle-fuse-ffn FILE' -o small.mlir
#include <CLI/CLI.hpp>
#include <cstdio>

#include "ir/Conventions.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "runtime/base/Limits.h"
#include "runtime/cli/Flags.h"
#include "runtime/cli/Process.h"
#include "runtime/cli/Verbs.h"
#include "runtime/io/FileLayer.h"
#include "runtime/io/WholeFile.h"
#include "tools/driver/MlirText.h"
#include "tools/heddle-reduce/Reducer.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace heddle;
using namespace heddle::tools;

namespace {

struct ReduceFlags {
  std::string input, output, test, match, tools;
  double timeout = 20;
  int maxRuns = 2000;
};

void addFlags(CLI::App &command, ReduceFlags &flags) {
  command.add_option("FILE", flags.input, "the module, or a reproducer")->required();
  command.add_option("-o,--output", flags.output, "the smaller module; nothing: standard output");
  command.add_option("--test", flags.test,
                     "shell command; a module counts while it fails as it does on the input, with "
                     "the same signal or exit code and first error; FILE stands for the module, or "
                     "comes at its end");
  command.add_option("--match", flags.match, "a failure counts when it says this");
  command.add_option("--timeout", flags.timeout, "seconds for one command; a hang is a failure")
      ->check(CLI::PositiveNumber);
  command.add_option("--max-runs", flags.maxRuns, "commands to run at most")
      ->check(CLI::PositiveNumber);
  command.add_option("--tools", flags.tools,
                     "folder with the heddle-opt and heddle that replay a reproducer");
}

/// What follows the module in a reproducer of a pass: which pass to run.
std::string footerOf(const std::string &text) {
  size_t begin = text.rfind("\n{-#");
  return begin == std::string::npos ? "" : text.substr(begin);
}

std::vector<std::string> command(std::initializer_list<std::string_view> words) {
  return {words.begin(), words.end()};
}

StatusOr<std::vector<std::string>> commandFor(const ReduceFlags &flags, const std::string &footer,
                                              mlir::ModuleOp module, const char *program) {
  constexpr const char *file = Oracle::kFile;
  if (!flags.test.empty()) {
    bool named = flags.test.find(file) != std::string::npos;
    return command({"/bin/sh", "-c", named ? flags.test : absl::StrCat(flags.test, " ", file)});
  }
  std::string folder = flags.tools;
  if (folder.empty()) {
    static int anchor;
    folder = llvm::sys::path::parent_path(llvm::sys::fs::getMainExecutable(program, &anchor)).str();
  }
  if (footer.find("mlir_reproducer") != std::string::npos)
    return command({folder + "/heddle-opt", "--run-reproducer", file});
  if (module->hasAttr(ir::kStageAttr))
    return command({folder + "/heddle", "compile", file, "-o", absl::StrCat(file, ".heddle")});
  return invalidInput(flags.input, ": is no reproducer, so --test must say what fails");
}

StatusOr<int> reduce(const ReduceFlags &flags, const char *program) {
  runtime::FileLayer &files = runtime::FileLayer::system();
  HEDDLE_ASSIGN_OR_RETURN(std::string text,
                          runtime::readSmallFile(files, flags.input, limits::kMlirBytes));
  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  HEDDLE_ASSIGN_OR_RETURN(mlir::OwningOpRef<mlir::ModuleOp> module,
                          parseMlirText(text, flags.input, *context));
  OracleOptions options;
  std::string footer = footerOf(text);
  HEDDLE_ASSIGN_OR_RETURN(options.command, commandFor(flags, footer, *module, program));
  options.timeoutSeconds = flags.timeout;
  options.match = flags.match;
  Oracle oracle(std::move(options));
  HEDDLE_RETURN_IF_ERROR(oracle.learn(text));
  std::fprintf(stderr, "failure: %s\n", oracle.learned().key.c_str());

  Reducer reducer(std::move(module), footer, oracle, flags.maxRuns);
  size_t before = reducer.opCount();
  HEDDLE_RETURN_IF_ERROR(reducer.run());
  std::fprintf(stderr, "%zu ops of %zu are left, after %d runs\n", reducer.opCount(), before,
               oracle.runs());
  if (flags.output.empty())
    std::fputs(reducer.text().c_str(), stdout);
  else
    HEDDLE_RETURN_IF_ERROR(runtime::writeFileAtomically(files, flags.output, reducer.text()));
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  runtime::prepareProcess();
  CLI::App command("The smallest module that still fails");
  ReduceFlags flags;
  addFlags(command, flags);
  runtime::addEnvironmentTwins(command);
  if (int code = runtime::parseCommandLine(command, argc, argv); code >= 0)
    return runtime::runCommand([code] { return code; }); // the help may have failed to print
  return runtime::runCommand([&] { return reduce(flags, argv[0]); });
}
