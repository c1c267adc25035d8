// SPDX-License-Identifier: Apache-2.0
// The message in a .heddle file: checked as the loader does before it loads the kernels; then its
// plans are bound and walked with every kernel replaced by one that does nothing. Machine code from
// the input is never loaded.
#include <google/protobuf/stubs/logging.h>

#include "runtime/io/FileLayer.h"
#include "runtime/io/WholeFile.h"
#include "runtime/plan/CpuFeatures.h"
#include "runtime/plan/ExecutableCheck.h"
#include "runtime/plan/Session.h"
#include "tests/fuzz/Harness.h"
#include "tests/fuzz/ProtoMutator.h"

namespace heddle::fuzz {
namespace {

using namespace runtime;

constexpr char kFile[] = "model.heddle";
// More is a matter of the machine: refused there, or granted page by page.
constexpr uint64_t kMostMemory = 1 << 20;

const std::string &noopKernels() {
  static const std::string bytes =
      *readSmallFile(FileLayer::system(), HEDDLE_NOOP_KERNEL, uint64_t{1} << 20);
  return bytes;
}

uint64_t parameterBytes(const proto::Manifest &manifest) {
  uint64_t total = 0;
  for (const proto::Parameter &parameter : manifest.parameters())
    total += byteSize(parameter.dtype(), {parameter.shape().begin(), parameter.shape().end()})
                 .value_or(0);
  return total;
}

void walkPlans(proto::Executable executable) {
  executable.set_kernels(noopKernels());
  executable.clear_modules();
  executable.mutable_manifest()->set_target("cpu:scalar");
  for (proto::Plan &plan : *executable.mutable_plans())
    for (proto::Launch &launch : *plan.mutable_launches())
      launch.set_kernel("noop");
  sealExecutable(executable);
  auto loaded = Executable::create(std::move(executable), kFile);
  require(loaded.ok(), "a checked executable cannot be created: " + loaded.status().ToString());
  auto session = Session::create(*loaded, makeCpuDevice(1));
  // Arenas may be as large as no machine's memory.
  if (absl::IsResourceExhausted(session.status()) || !accepted(session))
    return;
  for (const Entry &entry : (*loaded)->entries()) {
    StatusOr<uint64_t> needed = (*session)->memoryNeeded(entry.plan->entry());
    require(needed.ok(), "memoryNeeded fails for an entry that is there");
    if (*needed <= kMostMemory)
      accepted((*session)->run(entry.plan->entry(), {}));
  }
}

} // namespace

void runInput(std::string_view bytes) {
  google::protobuf::LogSilencer silent; // protobuf's own words on text that is not UTF-8
  proto::Executable executable;
  if (!executable.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      !accepted(checkExecutable(executable)))
    return;
  const auto &features = executable.manifest().cpu_features();
  bool runs = accepted(CpuFeatures::host().require({features.begin(), features.end()}));
  if (runs && parameterBytes(executable.manifest()) <= kMostMemory)
    walkPlans(std::move(executable));
}

} // namespace heddle::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t mostBytes,
                                          unsigned seed) {
  using namespace heddle::fuzz;
  Random random(seed);
  std::string bytes(reinterpret_cast<char *>(data), size);
  google::protobuf::LogSilencer silent;
  heddle::runtime::proto::Executable executable;
  if (random() % 4 == 0 || !executable.ParseFromString(bytes)) {
    mutateBytes(bytes, mostBytes);
  } else {
    mutateMessage(executable, random);
    if (!executable.SerializeToString(&bytes))
      bytes.clear();
  }
  return store(bytes, data, mostBytes);
}
