// SPDX-License-Identifier: Apache-2.0
// What this processor can run, under LLVM's names for its features.

#ifndef HEDDLE_RUNTIME_PLAN_CPUFEATURES_H
#define HEDDLE_RUNTIME_PLAN_CPUFEATURES_H

#include <string>
#include <vector>

#include "runtime/base/Status.h"

namespace heddle::runtime {

class CpuFeatures {
public:
  /// Read from CPUID; a vector feature counts only if the system also saves its registers.
  static const CpuFeatures &host();

  bool has(const std::string &feature) const;
  /// All that are present, sorted.
  const std::vector<std::string> &names() const { return names_; }
  /// "AMD EPYC ...": for people, never to choose code by.
  const std::string &model() const { return model_; }

  /// InvalidArgument that names every feature of `required` that is missing (or that this runtime
  /// does not know). A leading '+' is allowed.
  Status require(const std::vector<std::string> &required) const;

private:
  CpuFeatures();
  std::vector<std::string> names_;
  std::string model_;
};

} // namespace heddle::runtime

#endif // HEDDLE_RUNTIME_PLAN_CPUFEATURES_H
