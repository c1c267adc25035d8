// SPDX-License-Identifier: Apache-2.0
// The text names no op of the dialect, so that only the pass can load it.
// RUN: heddle-opt %s --pass-pipeline='builtin.module(func.func(heddle-plan-memory))' | FileCheck %s

// CHECK: heddle.kernel "copy
func.func @identity(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
