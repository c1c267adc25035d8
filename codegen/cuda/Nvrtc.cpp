// SPDX-License-Identifier: Apache-2.0
#include "codegen/cuda/Nvrtc.h"

#include <algorithm>
#include <cstdlib>
#include <dlfcn.h>
#include <sys/stat.h>

#include "absl/strings/str_join.h"

namespace heddle::codegen {
namespace {

// Newest first. Each major version keeps its interface.
constexpr const char *kLibraryNames[] = {"libnvrtc.so.13", "libnvrtc.so.12"};
constexpr const char *kFolders[] = {"/usr/local/cuda/lib64", "/usr/local/cuda/lib",
                                    "/usr/local/cuda/targets/x86_64-linux/lib",
                                    "/usr/lib/x86_64-linux-gnu"};

bool isFolder(const std::string &path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

/// What dlopen shall try, in order.
std::vector<std::string> candidates() {
  std::vector<std::string> paths;
  auto addFolder = [&](const std::string &folder) {
    for (const char *name : kLibraryNames)
      paths.push_back(folder + "/" + name);
  };
  if (const char *given = getenv("HEDDLE_NVRTC"); given && *given) {
    if (isFolder(given))
      addFolder(given);
    else
      paths.push_back(given);
    return paths;
  }
  paths.assign(std::begin(kLibraryNames), std::end(kLibraryNames));
  if (const char *home = getenv("CUDA_HOME"); home && *home)
    addFolder(std::string(home) + "/lib64");
  for (const char *folder : kFolders)
    addFolder(folder);
  return paths;
}

Status notFound(const std::vector<std::string> &looked) {
  return absl::FailedPreconditionError(absl::StrCat(
      "NVRTC, the compiler of CUDA kernels, was not found; looked for ",
      absl::StrJoin(looked, ", "),
      " (a name without a folder: where the dynamic loader looks, LD_LIBRARY_PATH included); "
      "install CUDA's toolkit or the Python package nvidia-cuda-nvrtc, and set HEDDLE_NVRTC to the "
      "library or its folder where it is elsewhere"));
}

using Program = struct OpaqueProgram *;

} // namespace

struct Nvrtc::Calls {
  int (*version)(int *, int *);
  int (*architectureCount)(int *);
  int (*architectures)(int *);
  const char *(*errorString)(int);
  int (*create)(Program *, const char *, const char *, int, const char *const *,
                const char *const *);
  int (*destroy)(Program *);
  int (*compile)(Program, int, const char *const *);
  int (*logSize)(Program, size_t *);
  int (*log)(Program, char *);
  int (*cubinSize)(Program, size_t *);
  int (*cubin)(Program, char *);

  /// The name of the first function that the library lacks, or null.
  const char *bind(void *library) {
    const char *missing = nullptr;
    auto find = [&](auto &function, const char *name) {
      function =
          reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
      if (!function && !missing)
        missing = name;
    };
    find(version, "nvrtcVersion");
    find(architectureCount, "nvrtcGetNumSupportedArchs");
    find(architectures, "nvrtcGetSupportedArchs");
    find(errorString, "nvrtcGetErrorString");
    find(create, "nvrtcCreateProgram");
    find(destroy, "nvrtcDestroyProgram");
    find(compile, "nvrtcCompileProgram");
    find(logSize, "nvrtcGetProgramLogSize");
    find(log, "nvrtcGetProgramLog");
    find(cubinSize, "nvrtcGetCUBINSize");
    find(cubin, "nvrtcGetCUBIN");
    return missing;
  }
};

StatusOr<Nvrtc> Nvrtc::load() {
  std::vector<std::string> looked = candidates();
  for (const std::string &path : looked) {
    void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library)
      continue;
    Nvrtc nvrtc;
    auto calls = std::make_shared<Calls>();
    if (const char *missing = calls->bind(library))
      return absl::FailedPreconditionError(
          absl::StrCat(path, " is no NVRTC that can be used here: it has no ", missing));
    nvrtc.path_ = path;
    if (Dl_info info; dladdr(reinterpret_cast<void *>(calls->version), &info) && info.dli_fname)
      nvrtc.path_ = info.dli_fname;
    int count = 0;
    if (calls->version(&nvrtc.major_, &nvrtc.minor_) != 0 || calls->architectureCount(&count) != 0)
      return absl::FailedPreconditionError(absl::StrCat(nvrtc.path_, " does not tell its version"));
    nvrtc.architectures_.resize(count);
    calls->architectures(nvrtc.architectures_.data());
    nvrtc.calls_ = std::move(calls);
    return nvrtc;
  }
  return notFound(looked);
}

StatusOr<const Nvrtc *> Nvrtc::get() {
  static const StatusOr<Nvrtc> *nvrtc = new StatusOr<Nvrtc>(load());
  if (!nvrtc->ok())
    return nvrtc->status();
  return &**nvrtc;
}

bool Nvrtc::supports(const std::string &architecture) const {
  return std::any_of(architectures_.begin(), architectures_.end(), [&](int number) {
    std::string name = absl::StrCat("sm_", number);
    // Hopper's and later ones have their own instructions under the name with an `a`.
    return architecture == name || (number >= 90 && architecture == name + "a");
  });
}

StatusOr<Cubin> Nvrtc::compile(const std::string &source, const std::string &fileName,
                               const Options &options) const {
  if (!supports(options.architecture))
    return invalidInput("NVRTC ", major_, ".", minor_, " (", path_, ") does not compile for ",
                        options.architecture, "; it knows sm_",
                        absl::StrJoin(architectures_, ", sm_"));
  std::vector<std::string> flags = {"--gpu-architecture=" + options.architecture, "--std=c++17",
                                    "--diag-suppress=177"}; // a function of the header not used
  if (options.verbose)
    flags.push_back("--ptxas-options=-v");
  if (options.lineInfo)
    flags.push_back("-lineinfo");
  std::vector<const char *> pointers;
  for (const std::string &flag : flags)
    pointers.push_back(flag.c_str());

  Program program = nullptr;
  if (int code = calls_->create(&program, source.c_str(), fileName.c_str(), 0, nullptr, nullptr))
    return absl::InternalError(
        absl::StrCat("NVRTC cannot take ", fileName, ": ", calls_->errorString(code)));
  std::shared_ptr<void> guard(nullptr, [&](void *) { calls_->destroy(&program); });

  int code = calls_->compile(program, static_cast<int>(pointers.size()), pointers.data());
  Cubin cubin;
  size_t size = 0;
  if (calls_->logSize(program, &size) == 0 && size > 1) {
    cubin.log.resize(size);
    calls_->log(program, cubin.log.data());
    cubin.log.resize(size - 1); // its zero
  }
  if (code != 0)
    return absl::InternalError(absl::StrCat("NVRTC cannot compile ", fileName, " for ",
                                            options.architecture, ": ", calls_->errorString(code),
                                            "\n", logWithLines(cubin.log, source, fileName)));
  if (calls_->cubinSize(program, &size) != 0 || size == 0)
    return absl::InternalError(absl::StrCat("NVRTC gives no cubin for ", fileName));
  cubin.bytes.resize(size);
  calls_->cubin(program, cubin.bytes.data());
  return cubin;
}

} // namespace heddle::codegen
