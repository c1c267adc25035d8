// SPDX-License-Identifier: Apache-2.0
// SHA-256 of bytes as they come (nettle's, which uses the CPU's own instructions).

#ifndef HEDDLE_RUNTIME_IO_SHA256_H
#define HEDDLE_RUNTIME_IO_SHA256_H

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include <nettle/sha2.h>

#include "runtime/io/FileLayer.h"

namespace heddle::runtime {

using Sha256Digest = std::array<uint8_t, 32>;

class Sha256 {
public:
  Sha256() { sha256_init(&state_); }
  void update(const void *bytes, size_t size) {
    sha256_update(&state_, size, static_cast<const uint8_t *>(bytes));
  }
  void update(std::string_view text) { update(text.data(), text.size()); }
  /// The digest of all bytes so far; starts afresh.
  Sha256Digest finish();

  static Sha256Digest of(std::string_view text);

private:
  sha256_ctx state_;
};

/// 64 lower-case hexadecimal digits.
std::string toHex(const Sha256Digest &digest);
std::string sha256Hex(std::string_view text);

struct FileDigest {
  uint64_t size = 0;
  Sha256Digest digest{};
};
/// Reads the file through, in pieces.
StatusOr<FileDigest> digestFile(FileLayer &layer, const std::string &path);

/// Hashes and counts what passes through to another sink, which outlives it.
class HashingSink : public ByteSink {
public:
  explicit HashingSink(ByteSink &next) : next_(next) {}
  using ByteSink::write;
  Status write(const void *bytes, size_t size) override;
  FileDigest finish() { return {size_, hash_.finish()}; }

private:
  ByteSink &next_;
  Sha256 hash_;
  uint64_t size_ = 0;
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_IO_SHA256_H
