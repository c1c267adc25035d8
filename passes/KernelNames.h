// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_PASSES_KERNELNAMES_H
#define HEDDLE_PASSES_KERNELNAMES_H

#include <string>

#include "ir/Dialect.h"

namespace heddle::passes {

/// A readable name after form and shape: "gemm_bias_gelu_1024x3072x768" (rows, columns, depth),
/// "layer_norm_add_1024x768", "attention_causal_b4_h12_t256_d64", "copy_4x12x256x64". For people,
/// in traces and reports; two different kernels may have the same.
std::string kernelName(ir::KernelOp kernel);

} // namespace heddle::passes

#endif // HEDDLE_PASSES_KERNELNAMES_H
