// SPDX-License-Identifier: Apache-2.0
#include "codegen/cpu/GemmBlocking.h"

#include "codegen/cpu/GeneratedKernel.h"

namespace heddle::codegen {
namespace {

int64_t ceilDiv(int64_t x, int64_t y) { return (x + y - 1) / y; }

/// Vectors of a panel: all of a narrow matrix, else a width that leaves no ragged last panel if
/// there is one.
int panelVectors(const Target &target, int64_t columns) {
  int64_t vectors = ceilDiv(columns, target.lanes());
  int preferred = target.gemmTile().vectors, widest = preferred + 1;
  if (vectors <= widest && target.maxRows(static_cast<int>(vectors)) >= 4)
    return static_cast<int>(vectors);
  if (vectors % preferred != 0 && vectors % widest == 0 && target.maxRows(widest) >= 6)
    return widest;
  return preferred;
}

/// For a few rows the matrix B is read once, so what counts is long runs of it and enough tasks.
int directVectors(const Target &target, int64_t rows, int64_t columns) {
  int most = static_cast<int>((target.registers() - 2) / (rows + 1));
  int64_t vectors = ceilDiv(columns, target.lanes());
  int64_t wanted = std::max<int64_t>(vectors / 12, target.isa() == Isa::Avx512 ? 4 : 2);
  return static_cast<int>(std::max<int64_t>(1, std::min<int64_t>({most, 8, wanted, vectors})));
}

void splitRows(GemmBlocking &blocking, int64_t rows, int64_t most) {
  blocking.tiles = ceilDiv(rows, most);
  blocking.tileRows = rows / blocking.tiles;
  blocking.longTiles = rows % blocking.tiles;
}

void splitColumns(GemmBlocking &blocking, int64_t columns, int64_t width) {
  blocking.panelWidth = width;
  blocking.panels = ceilDiv(columns, width);
  blocking.tailColumns = columns - (blocking.panels - 1) * width;
}

void splitTiles(GemmBlocking &blocking, int64_t tilesPerBlock) {
  blocking.tilesPerBlock = std::min(std::max<int64_t>(tilesPerBlock, 1), blocking.tiles);
  blocking.blocks = ceilDiv(blocking.tiles, blocking.tilesPerBlock);
}

/// The sums of all columns lie in scratch while B goes by.
bool streamFits(const GemmProblem &problem, int64_t columns) {
  return columns * problem.m * 4 <= (4 << 20);
}

/// Whether the batch entries of B are one matrix from end to end, for one row: a range of tasks
/// then reads whole rows of it without gaps, each as it comes. Narrow panels keep up best there
/// (measured: 2 vectors 50 GB/s, 4 48, 8 38, of 58).
bool readsOneRun(const GemmProblem &problem) {
  return problem.m == 1 && problem.batchAxes.size() == 1 && problem.b.kStride == problem.n &&
         problem.batchAxes[0].bStride == problem.k * problem.n && streamFits(problem, problem.n);
}

GemmBlocking chooseDot(const GemmProblem &problem, const Target &target) {
  GemmBlocking blocking;
  blocking.mode = GemmMode::Dot;
  blocking.depthBlock = problem.k;
  splitRows(blocking, problem.m, target.isa() == Isa::Avx512 ? 8 : 4);
  int rows = static_cast<int>(blocking.maxTileRows());
  blocking.dotColumns = std::min(8, (target.registers() - (target.hasFma() ? 2 : 3)) / (rows + 1));
  // What comes from memory comes fastest from one end to the other: prefetchers lose track of a
  // second run beside the first.
  blocking.prefetchDots = problem.m <= 4;
  if (problem.m == 1 && target.hasFma() && problem.n * problem.k * 4 > 4 * target.l2Bytes())
    blocking.dotColumns = 1;
  int64_t width = problem.n <= 1024 ? 16 : problem.n <= 4096 ? 32 : 64;
  splitColumns(blocking, problem.n, width);
  splitTiles(blocking, blocking.tiles);
  return blocking;
}

/// The block of A must stay in L2 beside a panel of B.
GemmBlocking choosePackA(const GemmProblem &problem, const Target &target, GemmBlocking blocking) {
  blocking.mode = GemmMode::PackA;
  int64_t rows = std::max<int64_t>(target.l2Bytes() / 8 / 4 / problem.k, 4 * blocking.tileRows);
  splitTiles(blocking, rows / blocking.maxTileRows());
  int64_t groups = ceilDiv(kWantedTasks, blocking.blocks * problem.batch());
  blocking.panelsPerTask = ceilDiv(blocking.panels, std::min(groups, blocking.panels));
  return blocking;
}

/// k in passes. Packing B is what costs: every block of rows packs it anew, so there are as few
/// blocks as keep the partial sums in L2 beside the packed panels. Two panels at a time, where that
/// leaves enough tasks, read B in longer runs and A half as often.
GemmBlocking choosePasses(const GemmProblem &problem, const Target &target, GemmBlocking blocking) {
  blocking.panelsPerTask = blocking.panels * problem.batch() >= 16 && blocking.panels > 1 ? 2 : 1;
  int64_t width = blocking.panelsPerTask * blocking.panelWidth;
  int64_t most = std::max<int64_t>(target.l2Bytes() * 4 / 10 / 4 / width, 128);
  int64_t passes = ceilDiv(problem.k, most);
  blocking.depthBlock = ceilDiv(ceilDiv(problem.k, passes), 16) * 16;
  int64_t blocks = ceilDiv(8, blocking.panelGroups() * problem.batch());
  int64_t rows = std::max<int64_t>(target.l2Bytes() / 4 / 4 / width, 64);
  splitTiles(blocking, std::min(std::max<int64_t>(ceilDiv(blocking.tiles, blocks), 8),
                                rows / blocking.maxTileRows()));
  return blocking;
}

} // namespace

GemmBlocking chooseBlocking(const GemmProblem &problem, const Target &target) {
  bool columnsContiguous = problem.b.otherStride == 1;
  if (!columnsContiguous && problem.b.kStride == 1 && problem.a.kStride == 1 && problem.m <= 32)
    return chooseDot(problem, target);

  GemmBlocking blocking;
  int64_t wholeTile = target.gemmTile().rows;
  bool fewRows = columnsContiguous && problem.m <= wholeTile;
  bool oneRun = fewRows && readsOneRun(problem);
  blocking.vectors = oneRun    ? 2
                     : fewRows ? directVectors(target, problem.m, problem.n)
                               : panelVectors(target, problem.n);
  splitColumns(blocking, problem.n, int64_t{blocking.vectors} * target.lanes());
  splitRows(blocking, problem.m,
            fewRows ? problem.m : std::min<int64_t>(8, target.maxRows(blocking.vectors)));
  blocking.depthBlock = problem.k;

  // A panel of all k that leaves room in L2 needs no second pass over the accumulators.
  int64_t passes = ceilDiv(problem.k * blocking.panelWidth * 4, target.l2Bytes() * 6 / 10);
  bool farApart = problem.a.otherStride == 1 && problem.a.kStride * 4 >= (16 << 10) &&
                  problem.m > 4 * wholeTile;
  if (columnsContiguous && farApart && passes <= 1 && problem.k >= 8)
    return choosePackA(problem, target, blocking);

  int64_t units = blocking.panels * problem.batch();
  if (fewRows || (columnsContiguous && problem.m <= 128 && passes <= 1)) {
    blocking.mode = GemmMode::DirectB;
    int64_t blocks = std::min(ceilDiv(kWantedTasks, units), ceilDiv(blocking.tiles, 2));
    splitTiles(blocking, ceilDiv(blocking.tiles, blocks));
    // A slice is as many rows as hardware prefetchers follow.
    if (fewRows && streamFits(problem, blocking.panels * blocking.panelWidth))
      blocking.streamSlice = oneRun ? 1 : 8;
    return blocking;
  }
  if (passes > 1)
    return choosePasses(problem, target, blocking);
  int64_t blocks = std::min(ceilDiv(kWantedTasks, units), ceilDiv(blocking.tiles, 4));
  splitTiles(blocking, ceilDiv(blocking.tiles, blocks));
  return blocking;
}

} // namespace heddle::codegen
