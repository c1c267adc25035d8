// RUN: heddle-opt %s | heddle-opt | FileCheck %s
// RUN: heddle-opt %s --mlir-print-op-generic | heddle-opt | FileCheck %s

// CHECK-LABEL: func.func @kernel
func.func @kernel(%x: tensor<2x3xf32>, %y: tensor<3xf32>) -> tensor<2x3xf32> {
  // CHECK: %{{.*}}:2 = heddle.kernel "decoder.layers.0.norm" (%[[A:.*]] = %{{.*}}, %[[B:.*]] = %{{.*}}) : (tensor<2x3xf32>, tensor<3xf32>) -> (tensor<2x3xf32>, tensor<3xf32>) attributes {offsets = array<i64: 0, -1>} {
  %r:2 = heddle.kernel "decoder.layers.0.norm" (%a = %x, %b = %y) : (tensor<2x3xf32>, tensor<3xf32>) -> (tensor<2x3xf32>, tensor<3xf32>) attributes {offsets = array<i64: 0, -1>} {
    // CHECK-NEXT: heddle.add %[[A]], %[[B]]
    %0 = heddle.add %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
    // CHECK-NEXT: heddle.yield %{{.*}}, %[[B]] : tensor<2x3xf32>, tensor<3xf32>
    heddle.yield %0, %b : tensor<2x3xf32>, tensor<3xf32>
  }
  return %r#0 : tensor<2x3xf32>
}

// No inputs, one result; one input used twice.
// CHECK-LABEL: func.func @edges
func.func @edges(%x: tensor<2xf32>) -> tensor<2xf32> {
  // CHECK: heddle.kernel "zero" () : () -> tensor<2xf32> {
  %0 = heddle.kernel "zero" () : () -> tensor<2xf32> {
    %c = heddle.constant dense<0.0> : tensor<2xf32>
    heddle.yield %c : tensor<2xf32>
  }
  // CHECK: heddle.kernel "sum" (%{{.*}} = %[[Z:.*]], %{{.*}} = %[[Z]]) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32> {
  %1 = heddle.kernel "sum" (%a = %0, %b = %0) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32> {
    %s = heddle.add %a, %b : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    heddle.yield %s : tensor<2xf32>
  }
  return %1 : tensor<2xf32>
}
