// SPDX-License-Identifier: Apache-2.0
// How much we are willing to read. Every reader of files from outside stops at one of these with an
// error that names the file, the place and the limit; each is tested at n and at n + 1, and has its
// row in LIMITS.md. MB are 2^20 bytes, except in the safetensors header, whose own specification
// says 100,000,000.

#ifndef HEDDLE_RUNTIME_BASE_LIMITS_H
#define HEDDLE_RUNTIME_BASE_LIMITS_H

#include <cstdint>

namespace heddle::limits {

inline constexpr uint64_t kMegabyte = uint64_t{1} << 20;

// Protobuf's text parser recurses once per level and overflows the stack near depth 6,540.
inline constexpr uint64_t kTextprotoBytes = 16 * kMegabyte;
inline constexpr int kTextprotoDepth = 64;

// MLIR's text parser recurses, too: it overflows the stack at 2,074 nested regions.
inline constexpr uint64_t kMlirBytes = 256 * kMegabyte;
inline constexpr int kMlirDepth = 256;

inline constexpr uint64_t kConfigJsonBytes = 1 * kMegabyte;
inline constexpr uint64_t kTokenizerJsonBytes = 64 * kMegabyte;
/// `model.safetensors.index.json`: one line a tensor, so as large as a tokenizer.
inline constexpr uint64_t kIndexJsonBytes = 64 * kMegabyte;
inline constexpr int kJsonDepth = 32;
/// Values in a document that is held as a tree. A value of two bytes takes a hundred in memory; an
/// index of kTensors tensors has half as many.
inline constexpr uint64_t kJsonValues = 2'000'000;
/// The integers that a reader of doubles (every JavaScript, many others) keeps exact.
inline constexpr int64_t kJsonInteger = int64_t{1} << 53;

inline constexpr uint64_t kSafetensorsHeaderBytes = 100'000'000;
/// Tensors per file, and per checkpoint over all its shards.
inline constexpr uint64_t kTensors = 1'000'000;
inline constexpr uint64_t kTensorNameBytes = 1024;
inline constexpr uint64_t kTensorRank = 8;
/// Free text beside the tensors (`__metadata__`).
inline constexpr uint64_t kSafetensorsMetadataEntries = 10'000;
inline constexpr uint64_t kShards = 10'000;

/// A compiled model: plans and kernels, never weights. Protobuf's own limit for one message.
inline constexpr uint64_t kExecutableBytes = (uint64_t{1} << 31) - 1;
/// Of one entry, and of one kernel on one thread: no model needs more, but a damaged file could ask
/// for anything.
inline constexpr uint64_t kArenaBytes = uint64_t{1} << 47;
inline constexpr uint64_t kScratchBytes = uint64_t{1} << 36;
/// Shared memory of a block on a CUDA device: as much as any has (227 KiB, compute capability 9.0).
inline constexpr uint64_t kSharedBytes = 232448;

/// The manifest of a checkpoint and the number of files it may list, with names of usual length.
inline constexpr uint64_t kManifestBytes = 4 * kMegabyte;
inline constexpr uint64_t kManifestFiles = 10'000;

/// One line of a training log.
inline constexpr uint64_t kLogLineBytes = uint64_t{1} << 16;

/// All text of --data together: it is tokenised in memory, four bytes a token.
inline constexpr uint64_t kTrainingTextBytes = uint64_t{1} << 33;
/// Folders below --data: a link that points upwards makes a folder endless.
inline constexpr int kFolderDepth = 32;
/// A token of a vocabulary. Finding the longest token at each byte of a text takes as many steps at
/// most.
inline constexpr uint64_t kTokenBytes = 4096;
/// Ids below the largest that no token has.
inline constexpr uint64_t kVocabularyHoles = 65536;
/// Tokens that a text is padded to.
inline constexpr uint64_t kPaddedLength = 1 << 24;
/// In one "Sequence": each is a call within the one before.
inline constexpr uint64_t kPreTokenizers = 64;
/// N of --tokenizer bpe:N.
inline constexpr int64_t kTrainedVocabulary = 1'000'000;
/// One line of what `tokenize` reads.
inline constexpr uint64_t kTokenizeLineBytes = 64 * kMegabyte;

/// A line of a .jsonl file: one record of training data.
inline constexpr uint64_t kRecordBytes = 16 * kMegabyte;

/// What --threads may ask for; the system may grant less.
inline constexpr int kThreads = 4096;

} // namespace heddle::limits

#endif // HEDDLE_RUNTIME_BASE_LIMITS_H
