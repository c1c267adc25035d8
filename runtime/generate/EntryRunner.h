// SPDX-License-Identifier: Apache-2.0
// The entries `prefill` and `decode` of an executable, fed with sequences of tokens.

#ifndef HEDDLE_RUNTIME_GENERATE_ENTRYRUNNER_H
#define HEDDLE_RUNTIME_GENERATE_ENTRYRUNNER_H

#include <cstdint>
#include <vector>

#include "runtime/base/Status.h"
#include "runtime/plan/Tensor.h"

namespace heddle::runtime {

class PreparedEntry;
class Session;

/// The tokens of at most B rows of the batch; what the rows behind them compute is not looked at.
using TokenRows = std::vector<const std::vector<int32_t> *>;

/// A row's result depends on its own tokens alone.
class EntryRunner {
public:
  explicit EntryRunner(Session &session);

  Status prepare();
  int64_t batch() const { return batch_; }
  /// T: how many tokens the cache holds.
  int64_t window() const { return window_; }

  /// Computes the last T tokens of each row anew, at positions from 0 on, and fills the caches.
  /// Gives logits [B, V] of what follows the last token.
  StatusOr<Tensor> prefill(const TokenRows &rows);
  /// Computes each row's last token, behind the others in the cache. Rows of more than T tokens
  /// have no place for it: their results mean nothing.
  StatusOr<Tensor> decode(const TokenRows &rows);

  /// Why the last logits give no next token: where a value that is not finite came from.
  Status explain(const Status &status, size_t prompt);

private:
  StatusOr<Tensor> logitsOf(PreparedEntry &entry);

  Session &session_;
  int64_t batch_, window_;
  PreparedEntry *prefill_ = nullptr;
  PreparedEntry *decode_ = nullptr;
  PreparedEntry *ran_ = nullptr; // the one of the two that ran last
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_GENERATE_ENTRYRUNNER_H
