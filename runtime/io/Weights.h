// SPDX-License-Identifier: Apache-2.0
// A checkpoint's tensors, wherever they lie: one safetensors file, or a folder with
// `model.safetensors`, with `model.safetensors.index.json` and its shards, or with one other
// `*.safetensors`. Pickles are never read: a folder that has nothing else is an error with the
// command that converts it.

#ifndef HEDDLE_RUNTIME_IO_WEIGHTS_H
#define HEDDLE_RUNTIME_IO_WEIGHTS_H

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "runtime/io/Safetensors.h"
#include "runtime/io/Sha256.h"

namespace heddle::runtime {

/// All tensors of a checkpoint, mapped. Move only (views stay valid); safe to read on all threads.
class Weights {
public:
  /// `path` and, under the names FOLDER/NAME, the tensors of each of the `folders` beside its
  /// files.
  static StatusOr<Weights> open(FileLayer &layer, const std::string &path,
                                const std::vector<std::string> &folders = {});

  /// As given to open().
  const std::string &path() const { return path_; }
  /// Sorted.
  const std::vector<std::string> &names() const { return names_; }
  std::optional<TensorView> find(std::string_view name) const;
  const std::vector<SafetensorsFile> &files() const { return files_; }

  /// SHA-256 over names, dtypes, shapes and bytes in the order of the names: the same however the
  /// tensors are spread over files. Reads everything.
  Sha256Digest digest() const;

private:
  static StatusOr<Weights> openAlone(FileLayer &layer, const std::string &path);
  /// All tensors of a folder, under names that begin with its name.
  Status add(Weights weights, const std::string &folder);
  Status openFile(FileLayer &layer, const std::string &path);
  Status openIndex(FileLayer &layer, const std::string &folder, const std::string &indexPath);
  /// Fills names_ and byName_ from all tensors of the only file.
  void indexAll();

  std::string path_;
  std::vector<SafetensorsFile> files_;
  std::vector<std::string> names_;
  absl::flat_hash_map<std::string, TensorView> byName_;
};

/// Whether a model folder holds weights at all (a folder without may be initialised by seed). An
/// error where it holds only pickles.
StatusOr<bool> folderHasWeights(FileLayer &layer, const std::string &folder);

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_IO_WEIGHTS_H
