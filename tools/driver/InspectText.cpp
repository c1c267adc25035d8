// SPDX-License-Identifier: Apache-2.0
#include "tools/driver/InspectText.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "runtime/plan/Tensor.h"

namespace heddle::tools {
namespace {

// Lines of a table that would otherwise be hundreds of much the same.
constexpr size_t kShownLayers = 3;

std::string bytesText(double bytes) {
  const char *units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  int unit = 0;
  for (; bytes >= 1024 && unit < 4; ++unit)
    bytes /= 1024;
  return absl::StrFormat("%.*f %s", unit == 0 ? 0 : 1, bytes, units[unit]);
}

/// "1234567" as "1,234,567".
std::string countText(int64_t count) {
  std::string digits = std::to_string(count);
  for (size_t i = digits.size(); i > 3; i -= 3)
    digits.insert(i - 3, ",");
  return digits;
}

std::string atLayer(const std::string &layer) { return layer.empty() ? "" : " (" + layer + ")"; }

/// Rows of cells under a head, columns as wide as need be; the last is not padded. Columns named in
/// `right` (by position) are flush right.
class Table {
public:
  explicit Table(std::vector<std::string> head, std::vector<size_t> right = {})
      : right_(std::move(right)) {
    add(std::move(head));
  }

  void add(std::vector<std::string> row) {
    widths_.resize(std::max(widths_.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i)
      widths_[i] = std::max(widths_[i], row[i].size());
    rows_.push_back(std::move(row));
  }

  std::string text() const {
    std::string text;
    for (const std::vector<std::string> &row : rows_) {
      for (size_t i = 0; i < row.size(); ++i) {
        std::string padding(widths_[i] - row[i].size(), ' ');
        bool isRight = std::find(right_.begin(), right_.end(), i) != right_.end();
        text += isRight ? padding + row[i] : row[i];
        if (i + 1 < row.size())
          text += (isRight ? "" : padding) + "  ";
      }
      text += "\n";
    }
    return text;
  }

private:
  std::vector<size_t> right_, widths_;
  std::vector<std::vector<std::string>> rows_;
};

std::string summaryText(const Summary &summary) {
  std::string text;
  auto line = [&](const char *what, const std::string &value) {
    if (!value.empty())
      text += absl::StrFormat("%-11s %s\n", what, value);
  };
  line("name", summary.name);
  line("family", summary.family);
  line("source", summary.source);
  line("parameters", countText(summary.parameters));
  line("vocabulary", summary.vocabulary > 0 ? countText(summary.vocabulary) : "");
  line("positions", summary.longestSequence > 0 ? countText(summary.longestSequence) : "");
  line("entries", absl::StrJoin(summary.entries, ", "));
  if (summary.batch > 0)
    line("shape", absl::StrCat("batch ", summary.batch, ", sequence ", summary.seq));
  line("target", summary.target);
  return text;
}

std::string paramsText(const ParameterSection &params) {
  Table parameters({"parameter", "shape", "elements", "layer"}, {2});
  for (const ParameterRow &row : params.parameters)
    parameters.add({row.name, runtime::shapeText(row.shape), countText(row.elements), row.layer});
  Table layers({"layer", "tensors", "elements"}, {1, 2});
  for (const ParameterSection::Layer &layer : params.layers)
    layers.add({layer.path, countText(layer.tensors), countText(layer.elements)});
  return absl::StrCat(parameters.text(), "\n", layers.text(), "\n", countText(params.elements),
                      " parameters in ", countText(static_cast<int64_t>(params.parameters.size())),
                      " tensors, ", bytesText(4.0 * static_cast<double>(params.elements)),
                      " in f32\n");
}

std::string shapesText(const Inspection &inspection) {
  std::string head = absl::StrCat(inspection.entry, " as the builder wrote it, ",
                                  inspection.shapes->size(), " ops\n");
  if (!inspection.lettersMissing.empty()) {
    Table table({"op", "operands", "results", "layer"});
    for (const OpRow &row : *inspection.shapes)
      table.add({row.op, row.operands, row.results, row.layer});
    return absl::StrCat(head, "no letters: ", inspection.lettersMissing, "\n", table.text());
  }
  Table table({"op", "letters", "operands", "results", "layer"});
  for (const OpRow &row : *inspection.shapes)
    table.add({row.op, row.letters, row.operands, row.results, row.layer});
  const bool source =
      std::any_of(inspection.shapes->begin(), inspection.shapes->end(),
                  [](const OpRow &row) { return row.layer.starts_with("encoder."); });
  const bool images =
      std::any_of(inspection.shapes->begin(), inspection.shapes->end(),
                  [](const OpRow &row) { return row.letters.find("Ch") != std::string::npos; });
  return absl::StrCat(head, "B batch, T sequence, C width, H heads, G key and value heads, D head ",
                      "size, F hidden, V vocabulary, P positions",
                      source ? ", S source sequence, those of the encoder with '\n" : "\n",
                      images
                          ? "images: Ch channels, Ih x Iw pixels, patches of Ph x Pw, N = Nh x Nw "
                            "patches\n"
                          : "",
                      table.text());
}

std::string growthText(const std::vector<Growth> &rows) {
  Table table({"T", "GFLOP forward", "of attention", "bytes moved", "inference memory",
               "training memory", "of [T, T]", "cache"},
              {0, 1, 2, 3, 4, 5, 6, 7});
  for (const Growth &row : rows)
    table.add({countText(row.seq), absl::StrFormat("%.3f", row.forwardFlops / 1e9),
               absl::StrFormat("%.3f", row.attentionFlops / 1e9), bytesText(row.bytesMoved),
               bytesText(row.inferenceBytes), bytesText(row.trainingBytes),
               bytesText(row.scoreBytes), bytesText(row.cacheBytes)});
  return absl::StrCat(
      "growth with T, in f32 and op by op, before any fusion; a training step takes three times ",
      "the FLOPs; fused attention keeps nothing of [T, T]\n", table.text());
}

std::string fusionsText(const std::vector<passes::FusionEntry> &entries) {
  std::map<std::string, std::map<std::string, int>> fused; // function, op
  std::string missed, kept;
  for (const passes::FusionEntry &entry : entries) {
    if (entry.kind == passes::FusionEntry::Kind::Fused) {
      ++fused[entry.function][entry.op];
      continue;
    }
    bool isMissed = entry.kind == passes::FusionEntry::Kind::Missed;
    absl::StrAppend(isMissed ? &missed : &kept, "  ", entry.op, " in ", entry.function,
                    atLayer(entry.layer), ": ", entry.reason, "\n");
    if (!entry.advice.empty())
      absl::StrAppend(isMissed ? &missed : &kept, "    ", entry.advice, "\n");
  }
  std::string text;
  for (const auto &[function, ops] : fused) {
    absl::StrAppend(&text, "fused in ", function, ":");
    const char *separator = " ";
    for (const auto &[op, count] : ops) {
      absl::StrAppend(&text, separator, op, " ", count);
      separator = ", ";
    }
    text += "\n";
  }
  if (fused.empty())
    text += "nothing was fused\n";
  text += missed.empty() ? "nothing was missed\n" : "missed:\n" + missed;
  return kept.empty() ? text : text + "left as it is on purpose:\n" + kept;
}

std::string memoryText(const PlanMemory &memory) {
  const passes::MemoryReport &report = memory.report;
  std::string text =
      absl::StrCat(memory.entry, ": arena ", bytesText(static_cast<double>(report.arenaBytes)),
                   " for ", bytesText(static_cast<double>(report.maxLiveBytes)), " alive at most");
  if (report.maxLiveBytes > 0)
    text += absl::StrFormat(" (%.4f)", static_cast<double>(report.arenaBytes) /
                                           static_cast<double>(report.maxLiveBytes));
  absl::StrAppend(&text, "; arguments ", bytesText(static_cast<double>(report.argumentBytes)),
                  ", results ", bytesText(static_cast<double>(report.resultBytes)), ", constants ",
                  bytesText(static_cast<double>(report.constantBytes)), "\n");
  if (report.tensors.empty())
    return text;
  absl::StrAppend(&text, "peak of ", bytesText(static_cast<double>(report.peakBytes)),
                  " in kernel ", report.peakKernel, ", ", report.peakKernelName,
                  atLayer(report.peakLayer), "; there live:\n");
  auto row = [](const passes::TensorLifetime &tensor) -> std::vector<std::string> {
    return {std::to_string(tensor.first),
            std::to_string(tensor.last),
            std::to_string(tensor.offset),
            bytesText(static_cast<double>(tensor.bytes)),
            tensor.type,
            tensor.name,
            tensor.layer};
  };
  const std::vector<std::string> head = {"written", "read", "offset", "size",
                                         "type",    "name", "layer"};
  Table peak(head, {0, 1, 2, 3}), all(head, {0, 1, 2, 3});
  for (size_t index : report.aliveAtPeak)
    peak.add(row(report.tensors[index]));
  for (const passes::TensorLifetime &tensor : report.tensors)
    all.add(row(tensor));
  return absl::StrCat(
      text, peak.text(), "all ", report.tensors.size(),
      " tensors of the arena, by the kernel that writes and that last reads them:\n", all.text());
}

std::string kernelsText(const std::vector<KernelRow> &kernels) {
  Table table({"launches", "tasks", "MFLOP", "size", "kernel", "layers"}, {0, 1, 2, 3});
  int64_t launches = 0;
  double flops = 0;
  for (const KernelRow &row : kernels) {
    launches += row.launches;
    flops += row.flops * static_cast<double>(row.launches);
    size_t shown = std::min(row.layers.size(), kShownLayers);
    std::string layers = absl::StrJoin(row.layers.begin(), row.layers.begin() + shown, ", ");
    if (row.layers.size() > shown)
      absl::StrAppend(&layers, " and ", row.layers.size() - shown, " more");
    table.add({std::to_string(row.launches), std::to_string(row.tasks),
               absl::StrFormat("%.3f", row.flops / 1e6), bytesText(row.bytes), row.symbol, layers});
  }
  return absl::StrFormat("%s%d distinct kernels, %d launches, %.3f GFLOP\n", table.text(),
                         kernels.size(), launches, flops / 1e9);
}

} // namespace

std::string inspectionText(const Inspection &inspection) {
  std::vector<std::string> sections;
  if (inspection.summary)
    sections.push_back(summaryText(*inspection.summary));
  if (inspection.params)
    sections.push_back(paramsText(*inspection.params));
  if (inspection.shapes)
    sections.push_back(shapesText(inspection));
  if (inspection.growth)
    sections.push_back(growthText(*inspection.growth));
  if (inspection.fusions)
    sections.push_back(fusionsText(*inspection.fusions));
  if (inspection.memory)
    for (const PlanMemory &memory : *inspection.memory)
      sections.push_back(memoryText(memory));
  if (inspection.cacheBytes)
    sections.push_back(absl::StrCat(
        "keys and values kept while generating: ", bytesText(*inspection.cacheBytes), "\n"));
  if (inspection.kernels)
    sections.push_back(kernelsText(*inspection.kernels));
  if (!inspection.ir.empty())
    sections.push_back(inspection.ir);
  return absl::StrJoin(sections, "\n");
}

} // namespace heddle::tools
