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

/// The tokens of a row: what the model wrote so far, behind what it was given, and what its encoder
/// reads where it has one.
struct RowTokens {
  TokenRows rows, sources;
};

/// A row's result depends on its own tokens alone.
class EntryRunner {
public:
  explicit EntryRunner(Session &session);

  Status prepare();
  int64_t batch() const { return batch_; }
  /// T: how many tokens the cache holds.
  int64_t window() const { return window_; }
  /// S: how many tokens a source may have; 0: the model has no encoder.
  int64_t sourceWindow() const { return source_; }

  /// Computes the last T tokens of each row anew, at positions from 0 on, and fills the caches; of
  /// an encoder-decoder also those of the sources.
  /// Gives logits [B, V] of what follows the last token.
  StatusOr<Tensor> prefill(const RowTokens &tokens);
  /// Computes each row's last token, behind the others in the cache. Rows of more than T tokens
  /// have no place for it: their results mean nothing.
  StatusOr<Tensor> decode(const RowTokens &tokens);

  /// Why the last logits give no next token: where a value that is not finite came from.
  Status explain(const Status &status, size_t prompt);

private:
  StatusOr<Tensor> logitsOf(PreparedEntry &entry);
  /// input_ids of the sources where they are read, and which of them count.
  Status setSources(PreparedEntry &entry, const TokenRows &sources, bool read);
  const char *idsName() const { return source_ > 0 ? "decoder_input_ids" : "input_ids"; }

  Session &session_;
  int64_t batch_, window_, source_;
  PreparedEntry *prefill_ = nullptr;
  PreparedEntry *decode_ = nullptr;
  PreparedEntry *ran_ = nullptr; // the one of the two that ran last
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_GENERATE_ENTRYRUNNER_H
