// SPDX-License-Identifier: Apache-2.0
#include "runtime/io/Sha256.h"

#include <memory>

namespace heddle::runtime {

Sha256Digest Sha256::finish() {
  Sha256Digest digest;
  sha256_digest(&state_, digest.size(), digest.data()); // also resets the state
  return digest;
}

Sha256Digest Sha256::of(std::string_view text) {
  Sha256 hash;
  hash.update(text);
  return hash.finish();
}

std::string toHex(const Sha256Digest &digest) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * digest.size());
  for (uint8_t byte : digest) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

std::string sha256Hex(std::string_view text) { return toHex(Sha256::of(text)); }

StatusOr<FileDigest> digestFile(FileLayer &layer, const std::string &path) {
  HEDDLE_ASSIGN_OR_RETURN(File file, layer.openForRead(path));
  constexpr size_t kPiece = size_t{1} << 16;
  auto piece = std::make_unique_for_overwrite<char[]>(kPiece);
  Sha256 hash;
  uint64_t size = 0;
  while (true) {
    HEDDLE_ASSIGN_OR_RETURN(size_t count, file.read(piece.get(), kPiece));
    hash.update(piece.get(), count);
    size += count;
    if (count < kPiece)
      return FileDigest{size, hash.finish()};
  }
}

Status HashingSink::write(const void *bytes, size_t size) {
  HEDDLE_RETURN_IF_ERROR(next_.write(bytes, size));
  hash_.update(bytes, size);
  size_ += size;
  return absl::OkStatus();
}

} // namespace heddle::runtime
