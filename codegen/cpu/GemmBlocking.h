// SPDX-License-Identifier: Apache-2.0
// How the work of a gemm kernel is cut. Plain data, no code generation.

#ifndef HEDDLE_CODEGEN_CPU_GEMMBLOCKING_H
#define HEDDLE_CODEGEN_CPU_GEMMBLOCKING_H

#include "codegen/body/GemmProblem.h"
#include "codegen/cpu/Target.h"

namespace heddle::codegen {

enum class GemmMode {
  PackB,   // a panel of B is copied to scratch, all rows run over it
  DirectB, // few rows: B is read in place
  PackA,   // A lies in columns far apart: blocks of it are copied, B is read in place
  Dot,     // few rows and B transposed: dot products along k
};

/// How a problem is cut into tiles and tasks. Rows are split evenly: the first `longTiles` tiles
/// have one row more than `tileRows`.
struct GemmBlocking {
  GemmMode mode = GemmMode::PackB;
  int vectors = 0;        // of a panel
  int64_t panelWidth = 0; // columns
  int64_t panels = 0;
  int64_t tailColumns = 0; // of the last panel; panelWidth when it is full
  int64_t tiles = 0, tileRows = 0, longTiles = 0;
  int64_t depthBlock = 0;    // k per pass; the whole of k in one pass when it is at least k
  int64_t tilesPerBlock = 0; // tiles of a task
  int64_t blocks = 0;
  int64_t panelsPerTask = 1; // a group; more than one with PackA and with k in passes
  int dotColumns = 0;
  /// With DirectB, where nothing but reading B takes time: all panels that a task range has of a
  /// batch entry advance through k together, this much at a time. 0: one panel after the other.
  int64_t streamSlice = 0;
  /// With Dot: ask for the next columns early.
  bool prefetchDots = false;

  int64_t maxTileRows() const { return tileRows + (longTiles ? 1 : 0); }
  int64_t panelGroups() const { return (panels + panelsPerTask - 1) / panelsPerTask; }
  bool streamed() const { return streamSlice > 0; }
  bool depthIsBlocked(const GemmProblem &problem) const { return depthBlock < problem.k; }
};

GemmBlocking chooseBlocking(const GemmProblem &problem, const Target &target);

} // namespace heddle::codegen

#endif // HEDDLE_CODEGEN_CPU_GEMMBLOCKING_H
