// SPDX-License-Identifier: Apache-2.0
// Writing safetensors files that are the same for the same tensors: ordered by element size (large
// first, so that every tensor is aligned), then by name, as the format's own library does.

#ifndef HEDDLE_RUNTIME_IO_SAFETENSORSWRITER_H
#define HEDDLE_RUNTIME_IO_SAFETENSORSWRITER_H

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "runtime/base/DType.h"
#include "runtime/io/FileLayer.h"

namespace heddle::runtime {

/// A tensor and the function that writes its bytes, dense and row-major; it is called once, when
/// its turn comes, so that a converted tensor need not be in memory before.
struct TensorToWrite {
  std::string name;
  DType dtype = DType::F32;
  std::vector<int64_t> shape;
  std::function<Status(ByteSink &)> write;
};

/// Bytes that are in memory already and stay there until the file is written.
TensorToWrite tensorFromMemory(std::string name, DType dtype, std::vector<int64_t> shape,
                               const void *data);

using SafetensorsMetadata = std::map<std::string, std::string>;

/// What `transformers` asks for before it opens a file.
inline SafetensorsMetadata defaultSafetensorsMetadata() { return {{"format", "pt"}}; }

/// Header and tensors into `sink`. Errors: a bad or double name, a shape that is too large, a
/// `write` that fails or writes another number of bytes than the shape says.
Status writeSafetensors(ByteSink &sink, std::vector<TensorToWrite> tensors,
                        const SafetensorsMetadata &metadata = defaultSafetensorsMetadata());

/// The same into a file that appears whole or not at all.
Status writeSafetensorsFile(FileLayer &layer, const std::string &path,
                            std::vector<TensorToWrite> tensors,
                            const SafetensorsMetadata &metadata = defaultSafetensorsMetadata());

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_IO_SAFETENSORSWRITER_H
