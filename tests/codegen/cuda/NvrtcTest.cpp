// SPDX-License-Identifier: Apache-2.0
// The wrappers through NVRTC: every kernel of these tests compiles for the architectures that it is
// for, and the compiler finds nothing to complain of. Skipped, with the reason, where there is
// none.
#include <cstdlib>
#include <regex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codegen/cuda/DeviceHeader.h"
#include "codegen/cuda/Nvrtc.h"
#include "tests/codegen/cuda/EmulatedKernel.h"

namespace heddle::test {
namespace {

using codegen::Cubin;
using codegen::Nvrtc;
using testing::HasSubstr;
using testing::Not;

class Compiling : public testing::Test {
protected:
  void SetUp() override {
    StatusOr<const Nvrtc *> found = Nvrtc::get();
    if (!found.ok())
      GTEST_SKIP() << std::string(found.status().message());
    nvrtc = *found;
  }
  const Nvrtc *nvrtc = nullptr;
};

TEST_F(Compiling, every_kernel_for_its_architectures_without_a_complaint) {
  for (const KernelFile &file : kernelFiles()) {
    std::vector<const char *> architectures = {"sm_90a"};
    if (file.isForSm80)
      architectures.insert(architectures.begin(), {"sm_80"});
    for (const char *architecture : architectures) {
      StatusOr<Cubin> cubin = nvrtc->compile(
          codegen::kernelSource(kernelText(file.file), file.file, {file.bf16, file.tf32}, false),
          file.file, {architecture, /*verbose=*/true});
      ASSERT_TRUE(cubin.ok()) << cubin.status();
      EXPECT_EQ(cubin->bytes.substr(0, 4), "\177ELF") << file.file;
      // C75xx: setmaxnreg ignored, wgmma serialised and the like: slower, and silent otherwise.
      EXPECT_THAT(cubin->log, Not(HasSubstr("(C75"))) << file.file << " for " << architecture;
      EXPECT_THAT(cubin->log, Not(HasSubstr("warning"))) << file.file << " for " << architecture;
      std::regex spills("([1-9][0-9]*) bytes spill");
      EXPECT_FALSE(std::regex_search(cubin->log, spills)) << file.file << "\n" << cubin->log;
    }
  }
}

TEST_F(Compiling, an_error_shows_the_kernels_line) {
  std::string text = "GK_KERNEL(32, 1) broken(float *out) {\n  out[0] = gk_no_such_thing();\n}\n";
  StatusOr<Cubin> cubin =
      nvrtc->compile(codegen::kernelSource(text, "broken.cu", {}, false), "broken.cu", {"sm_80"});
  ASSERT_FALSE(cubin.ok());
  std::string message(cubin.status().message());
  EXPECT_THAT(message, HasSubstr("cannot compile broken.cu for sm_80"));
  EXPECT_THAT(message, HasSubstr("broken.cu(2)"));
  EXPECT_THAT(message, HasSubstr("out[0] = gk_no_such_thing();"));
}

TEST_F(Compiling, what_sm_80_lacks_is_named) {
  std::string text = "GK_KERNEL(32, 1) late() {\n  gk_cluster_sync();\n}\n";
  StatusOr<Cubin> cubin =
      nvrtc->compile(codegen::kernelSource(text, "late.cu", {}, false), "late.cu", {"sm_80"});
  ASSERT_FALSE(cubin.ok());
  EXPECT_THAT(std::string(cubin.status().message()), HasSubstr("\"gk_cluster_sync\" is undefined"));
}

TEST_F(Compiling, an_architecture_that_it_does_not_know_is_refused) {
  EXPECT_TRUE(nvrtc->supports("sm_90a"));
  EXPECT_FALSE(nvrtc->supports("sm_80a"));
  StatusOr<Cubin> cubin = nvrtc->compile("", "empty.cu", {"sm_35"});
  ASSERT_FALSE(cubin.ok());
  EXPECT_THAT(std::string(cubin.status().message()),
              HasSubstr("does not compile for sm_35; it knows sm_"));
}

/// Sets an environment variable as long as it lives.
class Setting {
public:
  Setting(const char *name, const char *value) : name_(name) {
    if (const char *old = getenv(name))
      old_ = old;
    setenv(name, value, 1);
  }
  ~Setting() { old_.empty() ? unsetenv(name_) : setenv(name_, old_.c_str(), 1); }

private:
  const char *name_;
  std::string old_;
};

TEST(Nvrtc, says_where_it_looked_when_there_is_none) {
  Setting elsewhere("HEDDLE_NVRTC", "/no/such/folder/libnvrtc.so");
  StatusOr<Nvrtc> none = Nvrtc::load();
  ASSERT_FALSE(none.ok());
  std::string message(none.status().message());
  EXPECT_THAT(message, HasSubstr("looked for /no/such/folder/libnvrtc.so"));
  EXPECT_THAT(message, HasSubstr("nvidia-cuda-nvrtc"));
  EXPECT_THAT(message, HasSubstr("HEDDLE_NVRTC"));
}

TEST(Nvrtc, refuses_another_library) {
  Setting libc("HEDDLE_NVRTC", "libc.so.6");
  StatusOr<Nvrtc> other = Nvrtc::load();
  ASSERT_FALSE(other.ok());
  EXPECT_THAT(std::string(other.status().message()), HasSubstr("has no nvrtcVersion"));
}

TEST(WgmmaText, is_written_for_the_asked_widths_alone) {
  std::string text = codegen::wgmmaText({{64}, {128}});
  EXPECT_THAT(text, HasSubstr("wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16"));
  EXPECT_THAT(text, HasSubstr("wgmma.mma_async.sync.aligned.m64n128k8.f32.tf32.tf32"));
  EXPECT_THAT(text, Not(HasSubstr("n128k16")));
  EXPECT_EQ(text, codegen::wgmmaText({{64}, {128}}));
  EXPECT_EQ(codegen::wgmmaText({}), "");
}

} // namespace
} // namespace heddle::test
