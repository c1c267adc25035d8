// SPDX-License-Identifier: Apache-2.0
// Moving what is cached of one sequence of the batch to another.

#ifndef HEDDLE_RUNTIME_GENERATE_CACHEROWS_H
#define HEDDLE_RUNTIME_GENERATE_CACHEROWS_H

#include <cstdint>
#include <vector>

#include "runtime/base/Status.h"

namespace heddle::runtime {

class Session;

/// Row `to` takes the positions [begin, end) of row `from`.
struct RowCopy {
  int64_t from = 0, to = 0, begin = 0, end = 0;
};

/// Beams that live in rows of the batch. `rows[r]` are the tokens whose keys and values row r has
/// cached; beam i is in row `rowOf[i]`; the next beams extend beams `parents`. Gives each next beam
/// a row: a parent's first child stays where it is, the others take rows that no beam stays in, the
/// one with the longest common beginning. So no row that is read is written, and equal beginnings
/// are not copied. `rowOf` becomes that of the next beams, of which there are at most rows.size().
std::vector<RowCopy> assignRows(const std::vector<std::vector<int32_t>> &rows,
                                const std::vector<int64_t> &parents, std::vector<int64_t> &rowOf);

/// Copies within every state named "cache." + anything, [B, heads, T, D], or [B, heads, C, D] with
/// C < T: a ring, where position p is in slot p mod C. Of one with another shape [B, ...] whole
/// rows. No row is both read and written, and a copy's `end` is where the tokens of its row `from`
/// end, which row `to` has no more of.
Status copyCacheRows(Session &session, const std::vector<RowCopy> &copies);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_GENERATE_CACHEROWS_H
