// SPDX-License-Identifier: Apache-2.0
// A pass or a kernel that fails, in whatever way, leaves a file and the one command that fails
// again.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>
#include <sys/wait.h>
#include <thread>

#include "codegen/CrashNote.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "tests/tools/TestFaultPass.h"
#include "tools/driver/Compile.h"

namespace heddle::tools {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr const char *kModule = R"(
func.func @forward(%x: tensor<2x3xf32> {heddle.kind = "input", heddle.name = "x"})
    -> (tensor<2x3xf32> {heddle.kind = "output", heddle.name = "y"}) {
  %y = heddle.tanh %x : tensor<2x3xf32>
  return %y : tensor<2x3xf32>
})";

/// A kernel of two matrix products, which is no kernel.
constexpr const char *kIllegalKernel = R"(
module attributes {heddle.stage = "kernels"} {
  func.func @forward(%x: tensor<4x4xf32>) -> tensor<4x4xf32> {
    %y = heddle.kernel "two" (%a = %x) : (tensor<4x4xf32>) -> tensor<4x4xf32> {
      %b = heddle.matmul %a, %a : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
      %c = heddle.matmul %b, %a : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
      heddle.yield %c : tensor<4x4xf32>
    }
    return %y : tensor<4x4xf32>
  }
})";

/// Reproducers go into a folder of the test's own.
class ReproducerTest : public ::testing::Test {
protected:
  void SetUp() override {
    folder_ =
        fs::path(::testing::TempDir()) / ("heddle-reproducer-test-" + std::to_string(getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    setenv("TMPDIR", folder_.c_str(), 1);
  }
  void TearDown() override {
    unsetenv("TMPDIR");
    fs::remove_all(folder_);
  }

  fs::path onlyFile() {
    std::vector<fs::path> files;
    for (const auto &entry : fs::recursive_directory_iterator(folder_))
      if (entry.path().extension() == ".mlir" &&
          entry.path().filename().string().starts_with("heddle-reproducer"))
        files.push_back(entry.path());
    EXPECT_EQ(files.size(), 1u);
    return files.empty() ? fs::path() : files[0];
  }

  /// Whether the command fails again; heddle-test-opt stands for heddle-opt, which has no such
  /// pass.
  static bool fails(const std::string &arguments) {
    std::string command =
        absl::StrCat("LLVM_DISABLE_SYMBOLIZATION=1 ", std::getenv("HEDDLE_BINARY_DIR"), "/bin/",
                     arguments, " >/dev/null 2>&1");
    return std::system(command.c_str()) != 0;
  }

  CompileRequest request(const std::string &kind) {
    CompileRequest request;
    request.entries = {"forward"};
    if (!kind.empty())
      request.editStages = [kind](std::vector<passes::Stage> &stages) {
        stages[1].passes.insert(stages[1].passes.begin() + 1,
                                {"heddle-test-fault", [kind](mlir::OpPassManager &manager) {
                                   manager.addPass(tests::createTestFaultPass(kind, "heddle.tanh"));
                                 }});
      };
    return request;
  }

  static Status compile(const char *text, CompileRequest request) {
    HEDDLE_ASSIGN_OR_RETURN(Compilation compilation,
                            Compilation::start(text, "model.mlir", std::move(request)));
    return compilation.finish().status();
  }

  void compileAndCrash(const std::string &kind) {
    codegen::installCrashHandler();
    (void)compile(kModule, request(kind));
    std::exit(0);
  }

  /// Two threads with a note each; the second crashes.
  void crashInWorker() {
    codegen::installCrashHandler();
    std::string path = (folder_ / "heddle-reproducer-").string();
    codegen::Reproducer ours{path + "a.mlir", "ours", "sleeping", "none"};
    codegen::CrashNote note(ours);
    std::thread worker([&path] {
      codegen::Reproducer theirs{path + "b.mlir", "theirs", "generating", "heddle compile it"};
      codegen::CrashNote note(theirs);
      std::abort();
    });
    worker.join();
  }

  fs::path folder_;
};

TEST_F(ReproducerTest, FailingPassIsInternalErrorWithCommand) {
  for (const char *kind : {"fail", "invalid"}) {
    Status status = compile(kModule, request(kind));
    EXPECT_EQ(exitCode(status), 1);
    std::string message(status.message());
    EXPECT_THAT(message, HasSubstr("pass heddle-test-fault of stage fused failed"));
    EXPECT_THAT(message, HasSubstr("this is a bug in Heddle"));
    fs::path file = onlyFile();
    EXPECT_THAT(message, HasSubstr("reproduce with: heddle-opt --run-reproducer " + file.string()));
    EXPECT_TRUE(fails("heddle-test-opt --run-reproducer " + file.string()));
    fs::remove(file);
  }
}

TEST_F(ReproducerTest, RefusedTextIsBadInput) {
  Status status = compile(kModule, request("error"));
  EXPECT_EQ(exitCode(status), 2);
  EXPECT_THAT(std::string(status.message()), HasSubstr("model.mlir: "));
  EXPECT_THAT(std::string(status.message()), HasSubstr("planted"));
  EXPECT_TRUE(fails("heddle-test-opt --run-reproducer " + onlyFile().string()));
}

TEST_F(ReproducerTest, ReproducerHoldsTheModuleBeforeThePass) {
  EXPECT_FALSE(compile(kModule, request("fail")).ok());
  std::ostringstream text;
  text << std::ifstream(onlyFile()).rdbuf();
  EXPECT_THAT(text.str(), HasSubstr("heddle.tanh"));
  EXPECT_THAT(text.str(), HasSubstr("heddle-test-fault{kind=fail when=heddle.tanh}"));
}

TEST_F(ReproducerTest, DumpFolderTakesTheReproducer) {
  CompileRequest dumping = request("fail");
  dumping.dumpFolder = (folder_ / "dump").string();
  EXPECT_FALSE(compile(kModule, dumping).ok());
  EXPECT_EQ(onlyFile().parent_path(), folder_ / "dump" / "001-fused");
}

TEST_F(ReproducerTest, MissingFolderIsSaid) {
  setenv("TMPDIR", (folder_ / "none").c_str(), 1);
  Status status = compile(kModule, request("fail"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("no reproducer could be written"));
}

/// AddressSanitizer reports an impossible allocation by itself.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kNoMemoryIsOurs = false;
#else
constexpr bool kNoMemoryIsOurs = true;
#endif

TEST_F(ReproducerTest, CrashLeavesReproducer) {
  for (auto [kind, what] :
       {std::pair("segv", "SIGSEGV"), std::pair("abort", "SIGABRT"),
        std::pair("overflow", "SIGSEGV"), std::pair("memory", "out of memory")}) {
    if (kind == std::string("memory") && !kNoMemoryIsOurs)
      continue;
    EXPECT_EXIT(compileAndCrash(kind), ::testing::ExitedWithCode(1),
                std::string("pass heddle-test-fault of stage fused failed: .*") + what +
                    ".*\n.*reproduce with: heddle-opt --run-reproducer ");
    fs::path file = onlyFile();
    EXPECT_TRUE(fails("heddle-test-opt --run-reproducer " + file.string())) << kind;
    fs::remove(file);
  }
}

TEST_F(ReproducerTest, CrashOfAWorkerLeavesItsNote) {
  EXPECT_EXIT(crashInWorker(), ::testing::ExitedWithCode(1),
              "error: generating failed: .*SIGABRT.*\nreproduce with: heddle compile it\n");
  EXPECT_EQ(onlyFile().filename(), "heddle-reproducer-b.mlir");
}

TEST_F(ReproducerTest, KernelThatCannotBeGenerated) {
  Status status = compile(kIllegalKernel, request(""));
  EXPECT_EQ(exitCode(status), 2);
  std::string message(status.message());
  EXPECT_THAT(message, HasSubstr("no kernel can be generated: "));
  std::string file = onlyFile().string();
  std::string command = "heddle compile " + file + " -o " + file + ".heddle --target ";
  EXPECT_THAT(message, HasSubstr("reproduce with: " + command));
  EXPECT_TRUE(fails(command + "cpu:scalar"));
}

TEST_F(ReproducerTest, SuccessLeavesNothing) {
  EXPECT_TRUE(compile(kModule, request("")).ok());
  EXPECT_TRUE(fs::is_empty(folder_));
}

} // namespace
} // namespace heddle::tools
