// SPDX-License-Identifier: Apache-2.0
#include "tools/driver/Dump.h"

#include <cstdio>
#include <google/protobuf/util/json_util.h>

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "passes/FusionReport.h"
#include "passes/MemoryReport.h"
#include "runtime/io/WholeFile.h"

using namespace mlir;

namespace heddle::tools {
namespace {

std::string numbered(int number, const std::string &name) {
  char prefix[16];
  std::snprintf(prefix, sizeof prefix, "%03d-", number);
  return prefix + name;
}

/// A dump is for people to read: it need not survive a power cut.
Status writeText(const std::string &path, const std::string &text) {
  return runtime::writeFileAtomically(runtime::FileLayer::system(), path, text,
                                      runtime::Durability::Unflushed);
}

std::string memoryText(ModuleOp planned) {
  std::string text;
  for (func::FuncOp function : planned.getOps<func::FuncOp>()) {
    passes::MemoryReport report = passes::memoryReport(function);
    absl::StrAppend(&text, "@", function.getName().str(), ": arena ", report.arenaBytes,
                    " bytes, most alive at once ", report.maxLiveBytes, ", in kernel ",
                    report.peakKernel, " ", report.peakKernelName, " (", report.peakLayer, ")\n");
    for (const passes::TensorLifetime &tensor : report.tensors)
      absl::StrAppend(&text, "  ", tensor.offset, " +", tensor.bytes, "  kernels ", tensor.first,
                      "..", tensor.last, "  ", tensor.type, "  ", tensor.name, "  ", tensor.layer,
                      "\n");
  }
  return text;
}

std::string remarksText(const passes::FusionReport &fusions) {
  std::string text;
  for (const passes::FusionEntry &entry : fusions.entries()) {
    absl::StrAppend(&text, passes::fusionKindName(entry.kind).str(), " ", entry.op, " @",
                    entry.function, " ", entry.layer);
    if (!entry.reason.empty())
      absl::StrAppend(&text, ": ", entry.reason);
    if (!entry.advice.empty())
      absl::StrAppend(&text, "; ", entry.advice);
    text += "\n";
  }
  return text;
}

std::string manifestText(const runtime::proto::Manifest &manifest) {
  // Embedded files are in the executable; here they would only hide the rest.
  runtime::proto::Manifest shown = manifest;
  shown.clear_files();
  std::string text;
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  return google::protobuf::util::MessageToJsonString(shown, &text, options).ok() ? text : "{}\n";
}

} // namespace

void StageDumper::enterStage(const std::string &stage) {
  stageFolder_ = runtime::joinPath(folder_, numbered(stage_++, stage));
  file_ = 0;
  Status made = runtime::FileLayer::system().makeFolders(stageFolder_);
  if (status_.ok())
    status_ = made;
}

void StageDumper::write(const std::string &pass, ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, OpPrintingFlags().enableDebugInfo(true, /*prettyForm=*/false));
  Status written =
      writeText(runtime::joinPath(stageFolder_, numbered(file_++, pass + ".mlir")), text);
  if (status_.ok())
    status_ = written;
}

StatusOr<std::string> StageDumper::kernelFolder() {
  std::string folder = runtime::joinPath(folder_, numbered(stage_++, "code"));
  HEDDLE_RETURN_IF_ERROR(runtime::FileLayer::system().makeFolders(folder));
  return folder;
}

Status StageDumper::writeSummary(ModuleOp planned, const passes::FusionReport &fusions,
                                 const runtime::proto::Manifest &manifest) {
  HEDDLE_RETURN_IF_ERROR(writeText(runtime::joinPath(folder_, "memory.txt"), memoryText(planned)));
  HEDDLE_RETURN_IF_ERROR(
      writeText(runtime::joinPath(folder_, "remarks.txt"), remarksText(fusions)));
  return writeText(runtime::joinPath(folder_, "manifest.json"), manifestText(manifest));
}

} // namespace heddle::tools
