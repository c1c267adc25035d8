// SPDX-License-Identifier: Apache-2.0
// The entries `prefill` and `decode` of an executable, fed with sequences of tokens.

#ifndef HEDDLE_RUNTIME_GENERATE_ENTRYRUNNER_H
#define HEDDLE_RUNTIME_GENERATE_ENTRYRUNNER_H

#include <cstdint>
#include <vector>

#include "runtime/base/Status.h"
#include "runtime/plan/Tensor.h"

namespace heddle::runtime {

class Executable;
class PreparedEntry;
class Session;

/// [B, bins, 2 S] where prefill takes frames; empty where it does not, or where there is none.
std::vector<int64_t> framesShape(const Executable &executable);

/// The tokens of at most B rows of the batch; what the rows behind them compute is not looked at.
using TokenRows = std::vector<const std::vector<int32_t> *>;

/// What an encoder reads for a row: 1 to S tokens, or f32 [bins, count] of 1 to 2 S frames, with
/// zeros behind them.
struct Source {
  const std::vector<int32_t> *tokens = nullptr;
  const float *frames = nullptr;
  int64_t count = 0;
};

/// The tokens of a row: what the model wrote so far, behind what it was given, and what its encoder
/// reads where it has one.
struct RowTokens {
  TokenRows rows;
  std::vector<Source> sources;
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
  /// The sources where they are read, and which of their tokens count.
  Status setSources(PreparedEntry &entry, const std::vector<Source> &sources, bool read);
  /// All frames count, those of silence too.
  Status setFrames(const std::vector<Source> &sources);
  const char *idsName() const { return source_ > 0 ? "decoder_input_ids" : "input_ids"; }

  Session &session_;
  int64_t batch_, window_, source_;
  std::vector<int64_t> frames_; // [B, bins, 2 S], of an encoder that reads them
  PreparedEntry *prefill_ = nullptr;
  PreparedEntry *decode_ = nullptr;
  PreparedEntry *ran_ = nullptr; // the one of the two that ran last
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_GENERATE_ENTRYRUNNER_H
