// SPDX-License-Identifier: Apache-2.0
// All ops of the dialect, by family.

include "ir/ElementwiseOps.td"
include "ir/ShapeOps.td"
include "ir/ReductionOps.td"
include "ir/MatmulOps.td"
include "ir/EmbeddingOps.td"
include "ir/AttentionOps.td"
include "ir/FfnOps.td"
include "ir/LossOps.td"
include "ir/OptimizerOps.td"
include "ir/KernelOps.td"
