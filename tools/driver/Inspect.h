// SPDX-License-Identifier: Apache-2.0
// What `heddle inspect` shows, as data; tools/driver/InspectText.h prints it.

#ifndef HEDDLE_TOOLS_DRIVER_INSPECT_H
#define HEDDLE_TOOLS_DRIVER_INSPECT_H

#include <optional>
#include <string>
#include <vector>

#include "passes/FusionReport.h"
#include "passes/MemoryReport.h"
#include "runtime/base/Status.h"
#include "tools/driver/Compile.h"
#include "tools/driver/SymbolicShapes.h"

namespace heddle::tools {

struct Source;

struct ParameterRow {
  std::string name, layer;
  std::vector<int64_t> shape;
  int64_t elements = 0;
};

struct ParameterSection {
  struct Layer {
    std::string path;
    int64_t tensors = 0, elements = 0;
  };
  std::vector<ParameterRow> parameters; // in the order of the entries' arguments
  std::vector<Layer> layers;            // in the order in which they come up
  int64_t elements = 0;
};

/// An op of the graph as the builder wrote it.
struct OpRow {
  std::string op;       // "matmul"
  std::string operands; // "1x8x128xf32, 128x384xf32"
  std::string results;
  std::string layer;
  std::string letters; // "[B,T,C], [C,3C] -> [B,T,3C]"; empty where `lettersMissing` says why
};

/// A distinct kernel, and where it runs.
struct KernelRow {
  std::string symbol;
  int64_t tasks = 0;               // on a CUDA device, blocks
  double flops = 0, bytes = 0;     // of one launch
  int64_t launches = 0;            // in all entries shown
  std::vector<std::string> layers; // in the order of the launches, each once
};

struct PlanMemory {
  std::string entry;
  passes::MemoryReport report; // of an executable: the sums only
};

struct Summary {
  std::string name, family, source; // source: "definition", "ir" or "executable"
  std::vector<std::string> entries;
  int64_t parameters = 0, vocabulary = 0, longestSequence = 0;
  int64_t batch = 0, seq = 0; // what was compiled, or what would be
  std::string target;
};

struct InspectRequest {
  /// B, T and target; entries are chosen by `train`.
  CompileRequest compile;
  bool params = false, shapes = false, fusions = false, memory = false, kernels = false;
  /// The IR after this stage; empty: none.
  std::string ir;
  /// The training entries instead of forward.
  bool train = false;
};

/// The sections asked for. Without any: the summary.
struct Inspection {
  std::optional<Summary> summary;
  std::optional<ParameterSection> params;
  std::optional<std::vector<OpRow>> shapes;
  std::optional<std::vector<passes::FusionEntry>> fusions;
  std::optional<std::vector<PlanMemory>> memory;
  // With memory, of decoders and compiled models that generate: keys and values kept, at B and T.
  std::optional<double> cacheBytes;
  std::optional<std::vector<KernelRow>> kernels;
  std::string entry; // that shapes are of
  std::string lettersMissing;
  std::optional<std::vector<Growth>> growth; // with shapes, where they have letters
  std::string ir;
};

/// Does no more than what is asked for takes: parameters and summary of a definition need no IR,
/// fusions and memory no code generation. InvalidArgument where an executable cannot say (shapes,
/// fusions, IR).
StatusOr<Inspection> inspect(const Source &source, const InspectRequest &request);

} // namespace heddle::tools

#endif // HEDDLE_TOOLS_DRIVER_INSPECT_H
