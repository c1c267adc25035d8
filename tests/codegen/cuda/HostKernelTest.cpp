// SPDX-License-Identifier: Apache-2.0
// The host's compiler as one of kernels, and what the emulator refuses to load or launch.
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codegen/cuda/HostKernel.h"
#include "tests/codegen/cuda/EmulatedKernel.h"

namespace heddle::test {
namespace {

using testing::HasSubstr;

std::string messageOf(const Status &status) { return std::string(status.message()); }

/// Runs each test with every compiler that is here.
class HostCompiler : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    setenv("HEDDLE_HOST_CXX", GetParam(), 1);
    if (!codegen::hostCompiler().ok())
      GTEST_SKIP() << "no " << GetParam() << " on the PATH";
  }
  void TearDown() override { unsetenv("HEDDLE_HOST_CXX"); }
};

TEST_P(HostCompiler, an_error_shows_the_kernels_line) {
  StatusOr<std::string> object = codegen::compileForEmulator(
      "GK_KERNEL(32, 1) broken(float *out) {\n  out[0] = gk_no_such_thing();\n}\n", "broken.cu");
  ASSERT_FALSE(object.ok());
  EXPECT_THAT(messageOf(object.status()), HasSubstr("cannot compile broken.cu for the emulator"));
  EXPECT_THAT(messageOf(object.status()), HasSubstr("broken.cu:2"));
  EXPECT_THAT(messageOf(object.status()), HasSubstr("out[0] = gk_no_such_thing();"));
}

TEST_P(HostCompiler, faults_name_kernel_line_block_and_thread) {
  EmulatedKernels kernels("GK_KERNEL(64, 1) neighbours(u32 *out) {\n"
                          "  u32 *shared = (u32 *)gk_shared();\n"
                          "  shared[gk_thread()] = gk_block_x();\n"
                          "  out[gk_block_x() * 64 + gk_thread()] =\n"
                          "      shared[63 - gk_thread()];\n"
                          "}\n"
                          "GK_EXPORT(neighbours)\n",
                          "neighbours.cu");
  Memory memory;
  emulator::LaunchResult result =
      kernels.launch("neighbours", {{2, 1, 1}, 1, 64, 256}, memory, {}, memory.make<uint32_t>(128));
  EXPECT_TRUE(result.isFinished);
  bool hasRace = false;
  for (const emulator::Fault &fault : result.faults) {
    if (fault.kind != emulator::FaultKind::Race)
      continue;
    hasRace = true;
    EXPECT_EQ(fault.kernel, "neighbours");
    EXPECT_EQ(fault.at.file, "neighbours.cu");
    EXPECT_THAT((std::vector{fault.at.line, fault.other.line}),
                testing::UnorderedElementsAre(3, testing::AnyOf(4, 5)));
    EXPECT_THAT(fault.text(), HasSubstr("neighbours (neighbours.cu:"));
    EXPECT_THAT(fault.text(), HasSubstr("block 0,0,0 thread"));
  }
  EXPECT_TRUE(hasRace) << result.text();
}

TEST_P(HostCompiler, wild_global_accesses_end_the_launch_before_they_happen) {
  EmulatedKernels kernels("GK_KERNEL(32, 1) beyond(const float *in, float *out, long far) {\n"
                          "  out[gk_thread()] =\n"
                          "      in[gk_thread() + far];\n"
                          "}\n"
                          "GK_EXPORT(beyond)\n",
                          "beyond.cu");
  for (long far : {0L, 1L, 1L << 40}) {
    Memory memory;
    emulator::LaunchResult result =
        kernels.launch("beyond", {{1, 1, 1}, 1, 32, 0}, memory, {}, memory.make<float>(32),
                       memory.make<float>(32), far);
    EXPECT_EQ(result.isFinished, far == 0);
    ASSERT_EQ(result.faults.size(), far == 0 ? 0u : 1u) << result.text();
    if (far) {
      EXPECT_EQ(result.faults[0].kind, emulator::FaultKind::GlobalBounds);
      EXPECT_THAT(result.text(), HasSubstr("load of 4 bytes"));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(compilers, HostCompiler, testing::Values("clang++-22", "g++"));

TEST(HostKernel, names_a_compiler_that_is_missing) {
  setenv("HEDDLE_HOST_CXX", "no-such-compiler", 1);
  Status status = codegen::hostCompiler().status();
  unsetenv("HEDDLE_HOST_CXX");
  EXPECT_THAT(messageOf(status), HasSubstr("HEDDLE_HOST_CXX names no-such-compiler"));
}

TEST(KernelObject, refuses_what_is_no_kernel) {
  EXPECT_THAT(messageOf(emulator::KernelObject::load("text").status()), HasSubstr("ELF"));
  std::string broken = "\177ELF\2\1" + std::string(100, 'x');
  EXPECT_THAT(messageOf(emulator::KernelObject::load(broken).status()),
              HasSubstr("cannot load an emulated kernel"));
}

TEST(Launch, refuses_what_a_driver_refuses) {
  StatusOr<std::string> bytes =
      codegen::compileForEmulator("GK_KERNEL(32, 1) none() {}\nGK_EXPORT(none)\n", "none.cu");
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  StatusOr<emulator::KernelObject> object = emulator::KernelObject::load(*bytes);
  ASSERT_TRUE(object.ok()) << object.status();
  emulator::GlobalMemory memory;
  auto refusal = [&](const std::string &kernel, const emulator::LaunchShape &shape) {
    return messageOf(emulator::launch(*object, kernel, shape, nullptr, memory).status());
  };
  EXPECT_EQ(refusal("none", {}), "");
  EXPECT_THAT(refusal("other", {}), HasSubstr("no kernel other"));
  EXPECT_THAT(refusal("none", {{1, 1, 1}, 1, 1025, 0}), HasSubstr("1025 threads"));
  EXPECT_THAT(refusal("none", {{1, 1, 1}, 1, 32, 232449}), HasSubstr("232449 bytes"));
  EXPECT_THAT(refusal("none", {{3, 1, 1}, 2, 32, 0}), HasSubstr("3 blocks in clusters of 2"));
  EXPECT_THAT(refusal("none", {{0, 1, 1}, 1, 32, 0}), HasSubstr("no blocks"));
}

} // namespace
} // namespace heddle::test
