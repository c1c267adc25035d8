// SPDX-License-Identifier: Apache-2.0
// A file of known results: in.<name>, out.<name>, grad.<parameter>, named as in Hugging Face.
#include <algorithm>
#include <map>

#include "frontend/Stacks.h"
#include "runtime/io/FileLayer.h"
#include "runtime/io/Safetensors.h"
#include "runtime/plan/EntryInputs.h"
#include "runtime/plan/Tensor.h"
#include "tools/driver/Tolerances.h"
#include "tools/driver/Values.h"
#include "tools/driver/VerifyParts.h"

namespace heddle::tools {
namespace {

struct Golden {
  std::string path;
  runtime::TensorMap inputs, outputs, gradients; // without the prefix
};

/// B and T, or S of an encoder-decoder; 0 where the model knows it from its image.
StatusOr<std::pair<int64_t, int64_t>> shapeOf(const Golden &golden) {
  auto has = [&](const char *name, size_t rank) {
    auto found = golden.inputs.find(name);
    return found != golden.inputs.end() && found->second.shape.size() == rank ? &found->second.shape
                                                                              : nullptr;
  };
  if (const std::vector<int64_t> *ids = has("input_ids", 2))
    return std::pair(ids->at(0), ids->at(1));
  if (const std::vector<int64_t> *pixels = has("pixel_values", 4))
    return std::pair(pixels->at(0), int64_t{0});
  if (const std::vector<int64_t> *frames = has("input_features", 3))
    return std::pair(frames->at(0), frames->at(2) / 2);
  return invalidInput(golden.path, ": holds no tensor in.input_ids [B, T], nor in.pixel_values ",
                      "[B, channels, height, width], nor in.input_features [B, bins, frames]");
}

StatusOr<Golden> readGolden(const std::string &path) {
  HEDDLE_ASSIGN_OR_RETURN(auto file,
                          runtime::SafetensorsFile::open(runtime::FileLayer::system(), path));
  Golden golden;
  golden.path = path;
  for (size_t i = 0; i < file.size(); ++i) {
    runtime::TensorView view = file.at(i);
    runtime::Tensor tensor{view.dtype(), view.shape(), std::string(view.content())};
    const std::string &name = view.name();
    if (name.rfind("in.", 0) == 0)
      golden.inputs[name.substr(3)] = std::move(tensor);
    else if (name.rfind("out.", 0) == 0)
      golden.outputs[name.substr(4)] = std::move(tensor);
    else if (name.rfind("grad.", 0) == 0)
      golden.gradients[name.substr(5)] = std::move(tensor);
    else
      return view.error("expected a name that starts with in., out. or grad.");
  }
  HEDDLE_RETURN_IF_ERROR(shapeOf(golden).status());
  if (golden.outputs.empty() && golden.gradients.empty())
    return invalidInput(path, ": holds neither out.* nor grad.*: nothing to compare with");
  return golden;
}

class GoldenJudge {
public:
  GoldenJudge(Golden golden, VerifySubject &subject, VerifyReport &report)
      : golden_(std::move(golden)), subject_(subject), report_(report) {}

  Status run() {
    HEDDLE_RETURN_IF_ERROR(runtime::makeEntryInputs(
        golden_.inputs, runtime::inputRules(subject_.executable->manifest())));
    for (const auto &[name, expected] : golden_.outputs) {
      HEDDLE_ASSIGN_OR_RETURN(runtime::Tensor actual, output(name));
      HEDDLE_RETURN_IF_ERROR(add("out." + name, name, actual, expected));
    }
    HEDDLE_ASSIGN_OR_RETURN(const double least, leastGradient());
    for (const auto &[name, expected] : golden_.gradients) {
      HEDDLE_ASSIGN_OR_RETURN(std::string parameter, parameterNamed(name));
      HEDDLE_ASSIGN_OR_RETURN(const runtime::TensorMap *results, resultsOf("grad"));
      HEDDLE_RETURN_IF_ERROR(
          add("grad." + name, "gradient", results->at("grad." + parameter), expected, least));
    }
    if (size_t all = subject_.executable->manifest().parameters().size();
        !golden_.gradients.empty() && golden_.gradients.size() < all)
      report_.remarks.push_back(absl::StrCat(golden_.path, " holds gradients of ",
                                             golden_.gradients.size(), " of ", all, " parameters"));
    return absl::OkStatus();
  }

private:
  StatusOr<const runtime::TensorMap *> resultsOf(const std::string &entry) {
    auto [found, isNew] = results_.try_emplace(entry);
    if (!isNew)
      return &found->second;
    runtime::TensorMap inputs = golden_.inputs;
    if (entry == "forward")
      std::erase_if(inputs, [](const auto &input) { return runtime::isTarget(input.first); });
    else if (const auto *found = subject_.executable->find(entry);
             !runtime::hasTargets(inputs) && found && runtime::takesTargets(*found->plan))
      return invalidInput(golden_.path, ": holds a loss or gradients but no in.labels, nor ",
                          "in.start_positions and in.end_positions");
    auto results = subject_.session->run(entry, inputs);
    if (!results.ok())
      return withContext(results.status(), golden_.path);
    found->second = *std::move(results);
    return &found->second;
  }

  StatusOr<runtime::Tensor> output(const std::string &name) {
    const char *entry = name == "loss" ? "loss" : "forward";
    HEDDLE_ASSIGN_OR_RETURN(const runtime::TensorMap *results, resultsOf(entry));
    auto found = results->find(name);
    if (found == results->end())
      return invalidInput(golden_.path, ": out.", name, ": the model has no output ", name,
                          ", expected loss", known(*results));
    if (name == "logits")
      return maskedLike(found->second);
    return found->second;
  }

  static std::string known(const runtime::TensorMap &results) {
    std::string names;
    for (const auto &[name, tensor] : results)
      names += ", " + name;
    return names;
  }

  StatusOr<std::string> parameterNamed(const std::string &name) const {
    for (const runtime::proto::Parameter &parameter :
         subject_.executable->manifest().parameters()) {
      const auto &aliases = parameter.aliases();
      if (parameter.name() == name ||
          std::find(aliases.begin(), aliases.end(), name) != aliases.end())
        return parameter.name();
    }
    return invalidInput(golden_.path, ": grad.", name, ": the model has no parameter ", name);
  }

  /// Logits at padding mean nothing, and implementations differ there (a query that sees no key):
  /// they are zeros on both sides.
  runtime::Tensor maskedLike(runtime::Tensor logits) const {
    const bool decoder = subject_.executable->manifest().source_seq() > 0;
    const char *name = decoder ? "decoder_attention_mask" : "attention_mask";
    auto mask = golden_.inputs.find(name);
    if (mask == golden_.inputs.end() || logits.shape.size() != 3 || logits.dtype != DType::F32)
      return logits;
    auto wide = runtime::convertTensor(mask->second, DType::I64, absl::StrCat("in.", name));
    if (!wide.ok())
      return logits;
    const int64_t V = logits.shape[2];
    for (int64_t i = 0; i < wide->elements(); ++i)
      if (wide->as<int64_t>()[i] == 0)
        std::fill_n(logits.as<float>() + i * V, V, 0.0f);
    return logits;
  }

  StatusOr<double> leastGradient() const {
    double largest = 0;
    for (const auto &[name, expected] : golden_.gradients) {
      HEDDLE_ASSIGN_OR_RETURN(runtime::Tensor known,
                              runtime::convertTensor(expected, DType::F32, "grad." + name));
      HEDDLE_ASSIGN_OR_RETURN(ir::TensorRef values, toReference(known));
      largest = std::max(largest, largestMagnitude(*values));
    }
    return kLeastGradient * largest;
  }

  Status add(const std::string &subject, const std::string &tolerance,
             const runtime::Tensor &actual, const runtime::Tensor &expected,
             double leastScale = 0) {
    runtime::Tensor known = expected;
    HEDDLE_ASSIGN_OR_RETURN(known, runtime::convertTensor(expected, DType::F32, subject));
    if (tolerance == "logits")
      known = maskedLike(std::move(known));
    HEDDLE_ASSIGN_OR_RETURN(ir::TensorRef ours, toReference(actual));
    HEDDLE_ASSIGN_OR_RETURN(ir::TensorRef theirs, toReference(known));
    double bound = toleranceFor("golden", tolerance, "f32").bound;
    report_.checks.push_back(compareTensors("golden", subject, *ours, *theirs, bound, leastScale));
    return absl::OkStatus();
  }

  Golden golden_;
  VerifySubject &subject_;
  VerifyReport &report_;
  std::map<std::string, runtime::TensorMap> results_; // by entry
};

} // namespace

Status checkGolden(const Source &source, const VerifyRequest &request, VerifyReport &report) {
  HEDDLE_ASSIGN_OR_RETURN(Golden golden, readGolden(request.against));
  VerifyRequest shaped = request;
  HEDDLE_ASSIGN_OR_RETURN(const auto shape, shapeOf(golden));
  shaped.compile.batch = shape.first;
  if (source.fixedSequence() == 0)
    shaped.compile.seq = shape.second;
  if (source.model && frontend::decoderReadsTokens(source.model->definition)) {
    shaped.compile.sourceSeq = shape.second;
    for (const char *name : {"labels", "decoder_input_ids"})
      if (auto target = golden.inputs.find(name);
          target != golden.inputs.end() && target->second.shape.size() == 2)
        shaped.compile.seq = target->second.shape[1];
  }
  std::vector<std::string> entries;
  for (const auto &[name, tensor] : golden.outputs)
    if (const char *entry = name == "loss" ? "loss" : "forward";
        std::find(entries.begin(), entries.end(), entry) == entries.end())
      entries.push_back(entry);
  if (!golden.gradients.empty())
    entries.push_back("grad");
  HEDDLE_ASSIGN_OR_RETURN(VerifySubject subject, makeSubject(source, shaped, std::move(entries)));
  return GoldenJudge(std::move(golden), subject, report).run();
}

} // namespace heddle::tools
