// SPDX-License-Identifier: Apache-2.0
#include "runtime/train/MergedWeights.h"

#include <map>

#include "runtime/plan/Session.h"

namespace heddle::runtime {
namespace {

StatusOr<std::vector<float>> onHost(const StoredTensor &tensor, Device &device) {
  std::vector<float> copy(tensor.bytes() / sizeof(float));
  HEDDLE_RETURN_IF_ERROR(device.download(copy.data(), tensor.data(), tensor.bytes()));
  return copy;
}

/// w + scale B A, or w + scale A^T B^T where w is transposed.
void addProduct(std::vector<float> &w, const std::vector<float> &a, const std::vector<float> &b,
                int64_t rank, double scale, bool transposed) {
  const int64_t in = static_cast<int64_t>(a.size()) / rank;
  const int64_t out = static_cast<int64_t>(b.size()) / rank;
  std::vector<double> row(in);
  for (int64_t o = 0; o < out; ++o) {
    std::fill(row.begin(), row.end(), 0.0);
    for (int64_t r = 0; r < rank; ++r)
      for (int64_t i = 0; i < in; ++i)
        row[i] += static_cast<double>(b[o * rank + r]) * static_cast<double>(a[r * in + i]);
    for (int64_t i = 0; i < in; ++i) {
      float &element = w[transposed ? i * out + o : o * in + i];
      element = static_cast<float>(element + scale * row[i]);
    }
  }
}

Status writeMerged(ByteSink &sink, const Session &session, const StoredTensor &weight,
                   const proto::LowRankAdapter &adapter) {
  Device &device = const_cast<Session &>(session).device();
  const StoredTensor &first = *session.find(adapter.a()), &second = *session.find(adapter.b());
  HEDDLE_ASSIGN_OR_RETURN(std::vector<float> w, onHost(weight, device));
  HEDDLE_ASSIGN_OR_RETURN(std::vector<float> a, onHost(first, device));
  HEDDLE_ASSIGN_OR_RETURN(std::vector<float> b, onHost(second, device));
  addProduct(w, a, b, first.shape.front(), adapter.scale(), adapter.transposed());
  return sink.write(w.data(), weight.bytes());
}

} // namespace

std::vector<TensorToWrite> mergedWeights(const Session &session) {
  const proto::Manifest &manifest = session.manifest();
  std::map<std::string, const proto::LowRankAdapter *> adapterOf;
  for (const proto::LowRankAdapter &adapter : manifest.adapters())
    adapterOf.emplace(adapter.weight(), &adapter);
  std::vector<TensorToWrite> tensors;
  for (int i = 0; i < manifest.parameters_size(); ++i) {
    const StoredTensor &tensor = session.parameters()[i];
    if (manifest.parameters(i).of_adapter())
      continue;
    auto adapted = adapterOf.find(tensor.name);
    const proto::LowRankAdapter *adapter = adapted == adapterOf.end() ? nullptr : adapted->second;
    tensors.push_back({tensor.name, tensor.dtype, tensor.shape,
                       [&session, &tensor, adapter](ByteSink &sink) -> Status {
                         if (adapter)
                           return writeMerged(sink, session, tensor, *adapter);
                         Device &device = const_cast<Session &>(session).device();
                         HEDDLE_ASSIGN_OR_RETURN(std::vector<float> copy, onHost(tensor, device));
                         return sink.write(copy.data(), tensor.bytes());
                       }});
  }
  return tensors;
}

} // namespace heddle::runtime
