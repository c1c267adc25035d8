// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/Executable.h"

#include <algorithm>
#include <string_view>

#include "runtime/base/Limits.h"
#include "runtime/io/FileLayer.h"
#include "runtime/io/Sha256.h"
#include "runtime/io/WholeFile.h"
#include "runtime/plan/CpuFeatures.h"
#include "runtime/plan/ExecutableCheck.h"

namespace heddle::runtime {
namespace {

std::string kernelHash(const proto::Executable &executable) {
  std::string code = executable.kernels();
  for (const proto::DeviceModule &module : executable.modules())
    code += module.SerializeAsString();
  Sha256Digest digest = Sha256::of(code);
  return std::string(digest.begin(), digest.end());
}

// How the field file_sha256 begins: its number and type, its length.
constexpr std::string_view kSealStart = "\x7a\x20";
constexpr size_t kSealBytes = kSealStart.size() + std::tuple_size_v<Sha256Digest>;

std::string sealOf(std::string_view content) {
  Sha256Digest digest = Sha256::of(content);
  return std::string(kSealStart) + std::string(digest.begin(), digest.end());
}

/// A plan drives machine code over raw memory: a changed byte could do anything, so none passes.
Status checkSeal(std::string_view bytes, const std::string &path) {
  std::string_view seal = bytes.substr(bytes.size() - std::min(bytes.size(), kSealBytes));
  if (seal.size() < kSealBytes || !seal.starts_with(kSealStart))
    return invalidInput(path, ": not a Heddle executable, or one that is cut short");
  if (seal != sealOf(bytes.substr(0, bytes.size() - kSealBytes)))
    return invalidInput(path, ": damaged: its content does not match the SHA-256 at its end");
  return absl::OkStatus();
}

/// The name of the parameter or state that an operand is, or "".
std::string storedName(const proto::Plan &plan, const proto::BufferRef &ref) {
  const proto::Value *value = nullptr;
  if (ref.space() == proto::BufferRef::ARGUMENT)
    value = &plan.arguments(ref.index());
  else if (ref.space() == proto::BufferRef::RESULT)
    value = &plan.results(ref.index());
  return value && (value->kind() == "param" || value->kind() == "state") ? value->name() : "";
}

bool isResult(const proto::Plan &plan, const proto::BufferRef &ref, const char *name) {
  return ref.space() == proto::BufferRef::RESULT && plan.results(ref.index()).name() == name;
}

/// Finds where a step becomes final.
void findCommit(Entry &entry) {
  const proto::Plan &plan = *entry.plan;
  entry.commit = plan.launches_size();
  bool loss = false, norm = true;
  for (const proto::Value &result : plan.results())
    if (result.name() == "grad_norm")
      norm = false;
  for (int i = 0; i < plan.launches_size(); ++i) {
    const proto::Launch &launch = plan.launches(i);
    for (int o = launch.operands_size() - launch.outputs(); o < launch.operands_size(); ++o) {
      std::string name = storedName(plan, launch.operands(o));
      if (!name.empty() && name.rfind("grad.", 0) != 0 && entry.commit > i)
        entry.commit = i;
    }
    if (entry.commit <= i)
      break;
    for (int o = launch.operands_size() - launch.outputs(); o < launch.operands_size(); ++o) {
      loss |= isResult(plan, launch.operands(o), "loss");
      norm |= isResult(plan, launch.operands(o), "grad_norm");
    }
  }
  entry.lossBeforeCommit = loss && norm;
}

} // namespace

StatusOr<std::shared_ptr<const Executable>> Executable::load(FileLayer &layer,
                                                             const std::string &path) {
  HEDDLE_ASSIGN_OR_RETURN(MappedFile file, layer.map(path));
  if (file.size() > limits::kExecutableBytes)
    return invalidInput(path, ": ", file.size(), " bytes, more than the limit of ",
                        limits::kExecutableBytes);
  HEDDLE_RETURN_IF_ERROR(checkSeal(file.bytes(), path));
  proto::Executable executable;
  if (!executable.ParseFromArray(file.data(), static_cast<int>(file.size())))
    return invalidInput(path, ": not a Heddle executable, or a damaged one");
  if (!executable.has_manifest())
    return invalidInput(path, ": not a Heddle executable: it has no manifest");
  return create(std::move(executable), path);
}

StatusOr<std::shared_ptr<const Executable>> Executable::create(proto::Executable executable,
                                                               std::string origin) {
  std::shared_ptr<Executable> result(new Executable);
  result->origin_ = std::move(origin);
  result->proto_ = std::move(executable);
  if (Status status = result->initialize(); !status.ok())
    return withContext(status, result->origin_);
  return std::shared_ptr<const Executable>(std::move(result));
}

Status Executable::initialize() {
  HEDDLE_RETURN_IF_ERROR(checkExecutable(proto_));
  const auto &features = proto_.manifest().cpu_features();
  // Before the kernels are loaded: an initialiser could already use them.
  HEDDLE_RETURN_IF_ERROR(
      CpuFeatures::host().require(std::vector<std::string>(features.begin(), features.end())));
  if (proto_.kernels_sha256() != kernelHash(proto_))
    return invalidInput("the kernels do not match their hash: the file is damaged");
  HEDDLE_ASSIGN_OR_RETURN(kernels_, KernelLibrary::load(proto_.kernels()));
  HEDDLE_RETURN_IF_ERROR(loadModules());
  for (const proto::Plan &plan : proto_.plans()) {
    Entry entry;
    entry.plan = &plan;
    for (const proto::Launch &launch : plan.launches())
      if (Status status = findKernel(launch, entry); !status.ok())
        return withContext(status, absl::StrCat("entry ", plan.entry()));
    findCommit(entry);
    entries_.push_back(std::move(entry));
  }
  proto_.clear_kernels(); // the loader has its own copy
  for (proto::DeviceModule &module : *proto_.mutable_modules())
    module.clear_object();
  return absl::OkStatus();
}

Status Executable::loadModules() {
  for (const proto::DeviceModule &module : proto_.modules()) {
    auto object = emulator::KernelObject::load(module.object());
    if (!object.ok())
      return withContext(object.status(), absl::StrCat("kernel ", module.kernel()));
    if (!modules_.emplace(module.kernel(), *std::move(object)).second)
      return invalidInput("kernel ", module.kernel(), " is there twice");
  }
  return absl::OkStatus();
}

Status Executable::findKernel(const proto::Launch &launch, Entry &entry) const {
  if (!isEmulated(manifest())) {
    entry.kernels.push_back(kernels_.find(launch.kernel()));
    return entry.kernels.back() ? absl::OkStatus()
                                : invalidInput("the kernels hold no function ", launch.kernel());
  }
  if (launch.grid().empty())
    return invalidInput("kernel ", launch.kernel(), " is launched with no function");
  auto module = modules_.find(launch.kernel());
  if (module == modules_.end())
    return invalidInput("there is no kernel ", launch.kernel());
  for (const proto::GridLaunch &grid : launch.grid())
    if (!module->second.find(grid.function()))
      return invalidInput("kernel ", launch.kernel(), " has no function ", grid.function());
  entry.modules.push_back(&module->second);
  return absl::OkStatus();
}

bool isEmulated(const proto::Manifest &manifest) { return manifest.target() == "cuda:emulated"; }

const Entry *Executable::find(const std::string &name) const {
  for (const Entry &entry : entries_)
    if (entry.plan->entry() == name)
      return &entry;
  return nullptr;
}

StatusOr<const Entry *> Executable::entry(const std::string &name) const {
  if (const Entry *found = find(name))
    return found;
  std::string compiled;
  for (const Entry &entry : entries_)
    absl::StrAppend(&compiled, compiled.empty() ? "" : ", ", entry.plan->entry());
  bool training = name == "step" || name == "grad" || name == "eval" || name == "accumulate" ||
                  name == "step_accumulated";
  return invalidInput(origin_, ": has no entry ", name, " (compiled: ", compiled, ")",
                      training ? "; compile the model with --train" : "");
}

const proto::EmbeddedFile *Executable::file(const std::string &name) const {
  for (const proto::EmbeddedFile &file : manifest().files())
    if (file.name() == name)
      return &file;
  return nullptr;
}

void sealExecutable(proto::Executable &executable) {
  executable.mutable_manifest()->set_format_version(kExecutableFormat);
  executable.set_kernels_sha256(kernelHash(executable));
}

Status writeExecutable(FileLayer &layer, proto::Executable &executable, const std::string &path) {
  sealExecutable(executable);
  std::string bytes;
  if (executable.ByteSizeLong() > limits::kExecutableBytes - kSealBytes ||
      !executable.SerializeToString(&bytes))
    return invalidInput("cannot write ", path, ": the executable has ", executable.ByteSizeLong(),
                        " bytes, more than the limit of ", limits::kExecutableBytes);
  return writeFileAtomically(layer, path, bytes + sealOf(bytes));
}

} // namespace heddle::runtime
