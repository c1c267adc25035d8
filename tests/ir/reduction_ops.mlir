// RUN: heddle-opt %s | heddle-opt | FileCheck %s
// RUN: heddle-opt %s --mlir-print-op-generic | heddle-opt | FileCheck %s

// CHECK-LABEL: func.func @reductions
func.func @reductions(%x: tensor<2x3x4xf32>) -> (tensor<3xf32>, tensor<2x3xf32>) {
  // CHECK: heddle.sum %{{.*}} {axes = array<i64: 0, 2>} : (tensor<2x3x4xf32>) -> tensor<3xf32>
  %0 = heddle.sum %x {axes = array<i64: 0, 2>} : (tensor<2x3x4xf32>) -> tensor<3xf32>
  // CHECK: heddle.max %{{.*}} {axes = array<i64: 2>} : (tensor<2x3x4xf32>) -> tensor<2x3xf32>
  %1 = heddle.max %x {axes = array<i64: 2>} : (tensor<2x3x4xf32>) -> tensor<2x3xf32>
  return %0, %1 : tensor<3xf32>, tensor<2x3xf32>
}

// CHECK-LABEL: func.func @softmax
func.func @softmax(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  // CHECK: heddle.softmax %{{.*}} : tensor<2x3xf32>
  %0 = heddle.softmax %x : tensor<2x3xf32>
  // CHECK: heddle.softmax_grad %{{.*}}, %{{.*}} : tensor<2x3xf32>
  %1 = heddle.softmax_grad %0, %x : tensor<2x3xf32>
  return %1 : tensor<2x3xf32>
}

// Statistics of a narrow type are f32.
// CHECK-LABEL: func.func @layer_norm
func.func @layer_norm(%x: tensor<2x3x4xbf16>, %g: tensor<4xbf16>) -> tensor<2x3x4xbf16> {
  // CHECK: heddle.layer_norm %{{.*}} gamma(%{{.*}}) beta(%{{.*}}) {eps = 1.000000e-05 : f64} : (tensor<2x3x4xbf16>, tensor<4xbf16>, tensor<4xbf16>) -> (tensor<2x3x4xbf16>, tensor<2x3xf32>, tensor<2x3xf32>)
  %0:3 = heddle.layer_norm %x gamma(%g) beta(%g) {eps = 1.0e-5 : f64} : (tensor<2x3x4xbf16>, tensor<4xbf16>, tensor<4xbf16>) -> (tensor<2x3x4xbf16>, tensor<2x3xf32>, tensor<2x3xf32>)
  // CHECK: heddle.layer_norm %{{.*}} beta(%{{.*}}) {
  %1:3 = heddle.layer_norm %x beta(%g) {eps = 1.0e-5 : f64} : (tensor<2x3x4xbf16>, tensor<4xbf16>) -> (tensor<2x3x4xbf16>, tensor<2x3xf32>, tensor<2x3xf32>)
  // CHECK: heddle.layer_norm_grad %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} gamma(%{{.*}}) :
  %2 = heddle.layer_norm_grad %1#0, %x, %0#1, %0#2 gamma(%g) : (tensor<2x3x4xbf16>, tensor<2x3x4xbf16>, tensor<2x3xf32>, tensor<2x3xf32>, tensor<4xbf16>) -> tensor<2x3x4xbf16>
  // CHECK: heddle.layer_norm_param_grad
  %3:2 = heddle.layer_norm_param_grad %2, %x, %0#1, %0#2 : (tensor<2x3x4xbf16>, tensor<2x3x4xbf16>, tensor<2x3xf32>, tensor<2x3xf32>) -> (tensor<4xbf16>, tensor<4xbf16>)
  return %2 : tensor<2x3x4xbf16>
}

// CHECK-LABEL: func.func @rms_norm
func.func @rms_norm(%x: tensor<2x4xf32>, %g: tensor<4xf32>) -> tensor<2x4xf32> {
  // CHECK: heddle.rms_norm %{{.*}} gamma(%{{.*}}) {eps = 1.000000e-05 : f64} : (tensor<2x4xf32>, tensor<4xf32>) -> (tensor<2x4xf32>, tensor<2xf32>)
  %0:2 = heddle.rms_norm %x gamma(%g) {eps = 1.0e-5 : f64} : (tensor<2x4xf32>, tensor<4xf32>) -> (tensor<2x4xf32>, tensor<2xf32>)
  // CHECK: heddle.rms_norm_grad %{{.*}}, %{{.*}}, %{{.*}} gamma(%{{.*}}) :
  %1 = heddle.rms_norm_grad %0#0, %x, %0#1 gamma(%g) : (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  // CHECK: heddle.rms_norm_param_grad
  %2 = heddle.rms_norm_param_grad %1, %x, %0#1 : (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2xf32>) -> tensor<4xf32>
  return %1 : tensor<2x4xf32>
}
