// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/ExecutableCheck.h"

#include <cmath>
#include <map>
#include <set>

#include "runtime/base/CheckedMath.h"
#include "runtime/base/Limits.h"
#include "runtime/plan/Executable.h"
#include "runtime/plan/Tensor.h"

namespace heddle::runtime {
namespace {

struct Type {
  proto::DataType dtype;
  std::vector<int64_t> shape;
  bool operator==(const Type &) const = default;
};
using Types = std::map<std::string, Type>;

std::string typeText(const Type &type) {
  return absl::StrCat(proto::DataType_Name(type.dtype), " ", shapeText(type.shape));
}

Status checkManifest(const proto::Manifest &manifest, Types &parameters) {
  if (manifest.format_version() != kExecutableFormat)
    return invalidInput("format version ", manifest.format_version(), ", this runtime reads ",
                        kExecutableFormat);
  if (manifest.batch() < 1 || manifest.seq() < 1 || manifest.vocab_size() < 0 ||
      manifest.max_positions() < 0)
    return invalidInput("manifest: batch ", manifest.batch(), ", sequence ", manifest.seq(),
                        ", vocabulary ", manifest.vocab_size(), ", positions ",
                        manifest.max_positions(), ": out of range");
  if (!(manifest.dropout() >= 0 && manifest.dropout() < 1))
    return invalidInput("manifest: dropout ", manifest.dropout(), " is outside [0, 1)");
  std::set<std::string> names;
  for (const proto::Parameter &parameter : manifest.parameters()) {
    Type type{parameter.dtype(), {parameter.shape().begin(), parameter.shape().end()}};
    if (Status status = byteSize(type.dtype, type.shape).status(); !status.ok())
      return withContext(status, absl::StrCat("parameter ", parameter.name()));
    if (parameter.name().empty() || !names.insert(parameter.name()).second)
      return invalidInput("parameter \"", parameter.name(), "\" is nameless or listed twice");
    for (const std::string &alias : parameter.aliases())
      if (!names.insert(alias).second)
        return invalidInput("parameter ", parameter.name(), ": its other name ", alias,
                            " is taken already");
    double scale = parameter.initializer().scale();
    if (!std::isfinite(scale) || scale < 0)
      return invalidInput("parameter ", parameter.name(), ": initial scale ", scale);
    parameters.emplace(parameter.name(), std::move(type));
  }
  return absl::OkStatus();
}

/// One entry's plan, and what it shares with others.
class PlanCheck {
public:
  PlanCheck(const proto::Plan &plan, const Types &parameters, Types &states)
      : plan_(plan), parameters_(parameters), states_(states) {}

  Status run() {
    if (plan_.entry().empty())
      return invalidInput("an entry without a name");
    if (plan_.arena_bytes() > limits::kArenaBytes)
      return invalidInput("an arena of ", plan_.arena_bytes(), " bytes, more than the limit of ",
                          limits::kArenaBytes);
    for (const proto::Value &argument : plan_.arguments())
      HEDDLE_RETURN_IF_ERROR(checkValue(argument, true));
    for (const proto::Value &result : plan_.results())
      HEDDLE_RETURN_IF_ERROR(checkValue(result, false));
    HEDDLE_RETURN_IF_ERROR(checkAliases());
    for (int i = 0; i < plan_.launches_size(); ++i)
      if (Status status = checkLaunch(plan_.launches(i)); !status.ok())
        return withContext(status, absl::StrCat("launch ", i, " (", plan_.launches(i).kernel(),
                                                " at ", plan_.launches(i).layer(), ")"));
    return absl::OkStatus();
  }

private:
  Status checkValue(const proto::Value &value, bool argument) {
    const std::string &name = value.name(), &kind = value.kind();
    Type type{value.dtype(), shapeOf(value)};
    auto bytes = byteSize(type.dtype, type.shape);
    if (!bytes.ok())
      return withContext(bytes.status(), name);
    (argument ? argumentBytes_ : resultBytes_).push_back(*bytes);
    if (name.empty() || !(argument ? argumentNames_ : resultNames_).insert(name).second)
      return invalidInput(argument ? "argument" : "result", " \"", name,
                          "\" is nameless or listed twice");
    bool known = argument ? kind == "param" || kind == "state" || kind == "input" ||
                                kind == "scalar" || kind == "rng"
                          : kind == "param" || kind == "state" || kind == "output";
    if (!known)
      return invalidInput(name, ": unknown kind \"", kind, "\"");
    if (!proto::Value::Default_IsValid(value.default_value()))
      return invalidInput(name, ": unknown default ", static_cast<int>(value.default_value()));
    if (kind == "param") {
      auto found = parameters_.find(name);
      if (found == parameters_.end())
        return invalidInput("parameter ", name, " is not in the manifest");
      if (!(found->second == type))
        return invalidInput("parameter ", name, ": ", typeText(type), " here, ",
                            typeText(found->second), " in the manifest");
    } else if (kind == "state") {
      const Type &first = states_.emplace(name, type).first->second;
      if (!(first == type))
        return invalidInput("state ", name, ": ", typeText(type), " here, ", typeText(first),
                            " elsewhere");
    }
    return absl::OkStatus();
  }

  Status checkAliases() {
    if (plan_.result_alias_size() != plan_.results_size())
      return invalidInput(plan_.results_size(), " results, ", plan_.result_alias_size(),
                          " entries in result_alias");
    std::set<int> taken;
    for (int i = 0; i < plan_.results_size(); ++i) {
      const proto::Value &result = plan_.results(i);
      int alias = plan_.result_alias(i);
      if (alias == -1) {
        if (result.kind() == "param")
          return invalidInput("result ", result.name(), ": a new parameter must share a buffer");
        continue;
      }
      if (alias < 0 || alias >= plan_.arguments_size() || !taken.insert(alias).second)
        return invalidInput("result ", result.name(), ": alias ", alias,
                            " is out of range or taken");
      const proto::Value &argument = plan_.arguments(alias);
      bool same = argument.kind() == result.kind() && argument.name() == result.name() &&
                  argument.dtype() == result.dtype() && shapeOf(argument) == shapeOf(result);
      if (!same)
        return invalidInput("result ", result.name(), ": shares the buffer of ", argument.name(),
                            ", which has another name, kind or type");
    }
    return absl::OkStatus();
  }

  StatusOr<uint64_t> bufferBytes(const proto::BufferRef &ref) {
    auto at = [&](const std::vector<uint64_t> &sizes, const char *what) -> StatusOr<uint64_t> {
      if (ref.index() < 0 || static_cast<size_t>(ref.index()) >= sizes.size())
        return invalidInput(what, " ", ref.index(), " of ", sizes.size());
      return sizes[ref.index()];
    };
    switch (ref.space()) {
    case proto::BufferRef::ARENA:
      return plan_.arena_bytes();
    case proto::BufferRef::ARGUMENT:
      return at(argumentBytes_, "argument");
    case proto::BufferRef::RESULT:
      return at(resultBytes_, "result");
    case proto::BufferRef::CONSTANT:
      if (ref.index() < 0 || ref.index() >= plan_.constants_size())
        return invalidInput("constant ", ref.index(), " of ", plan_.constants_size());
      return uint64_t{plan_.constants(ref.index()).size()};
    default:
      return invalidInput("unknown buffer space ", static_cast<int>(ref.space()));
    }
  }

  /// Messages say places by it.
  static Status checkShape(const proto::BufferRef &ref, uint64_t bytes) {
    if (ref.shape().empty())
      return absl::OkStatus();
    HEDDLE_ASSIGN_OR_RETURN(uint64_t expected,
                            byteSize(ref.dtype(), {ref.shape().begin(), ref.shape().end()}));
    if (expected != bytes)
      return invalidInput("shape ", shapeText(ref.shape()), " of ", ref.elements(), " elements");
    return absl::OkStatus();
  }

  /// What a driver would refuse, and what no kernel of ours asks for.
  static Status checkGrid(const proto::Launch &launch) {
    if (launch.workspace_bytes() > limits::kArenaBytes)
      return invalidInput("a workspace of ", launch.workspace_bytes(),
                          " bytes, more than the limit of ", limits::kArenaBytes);
    for (const proto::GridLaunch &grid : launch.grid()) {
      if (grid.blocks() < 1 || grid.blocks() > 0x7fffffff)
        return invalidInput(grid.function(), ": ", grid.blocks(), " blocks");
      if (grid.threads() < 1 || grid.threads() > 1024)
        return invalidInput(grid.function(), ": ", grid.threads(), " threads in a block");
      if (grid.shared_bytes() > limits::kSharedBytes)
        return invalidInput(grid.function(), ": ", grid.shared_bytes(),
                            " bytes of shared memory, more than the limit of ",
                            limits::kSharedBytes);
    }
    return absl::OkStatus();
  }

  Status checkLaunch(const proto::Launch &launch) {
    if (launch.kernel().empty())
      return invalidInput("no kernel");
    if (launch.tasks() < 0)
      return invalidInput(launch.tasks(), " tasks");
    if (launch.scratch_bytes() > limits::kScratchBytes)
      return invalidInput(launch.scratch_bytes(), " bytes of scratch, more than the limit of ",
                          limits::kScratchBytes);
    HEDDLE_RETURN_IF_ERROR(checkGrid(launch));
    if (launch.outputs() < 0 || launch.outputs() > launch.operands_size())
      return invalidInput(launch.outputs(), " outputs of ", launch.operands_size(), " operands");
    for (int i = 0; i < launch.operands_size(); ++i) {
      const proto::BufferRef &ref = launch.operands(i);
      HEDDLE_ASSIGN_OR_RETURN(uint64_t size, bufferBytes(ref));
      HEDDLE_ASSIGN_OR_RETURN(DType dtype, dtypeOf(ref.dtype()));
      auto bytes = checkedMul(ref.elements(), dtypeSize(dtype));
      auto end = bytes ? checkedAdd(*bytes, ref.offset()) : std::nullopt;
      if (!end || *end > size)
        return invalidInput("operand ", i, ": ", ref.elements(), " elements at byte ", ref.offset(),
                            " of a buffer of ", size, " bytes");
      HEDDLE_RETURN_IF_ERROR(checkShape(ref, *bytes));
      if (i >= launch.operands_size() - launch.outputs() &&
          ref.space() == proto::BufferRef::CONSTANT)
        return invalidInput("operand ", i, ": writes a constant");
    }
    return absl::OkStatus();
  }

  const proto::Plan &plan_;
  const Types &parameters_;
  Types &states_;
  std::vector<uint64_t> argumentBytes_, resultBytes_;
  std::set<std::string> argumentNames_, resultNames_;
};

} // namespace

Status checkExecutable(const proto::Executable &executable) {
  Types parameters, states;
  HEDDLE_RETURN_IF_ERROR(checkManifest(executable.manifest(), parameters));
  std::set<std::string> entries;
  for (const proto::Plan &plan : executable.plans()) {
    if (!entries.insert(plan.entry()).second)
      return invalidInput("entry ", plan.entry(), " is there twice");
    Status status = PlanCheck(plan, parameters, states).run();
    if (!status.ok())
      return withContext(status, absl::StrCat("entry ", plan.entry()));
  }
  return absl::OkStatus();
}

} // namespace heddle::runtime
