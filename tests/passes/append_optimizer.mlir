// SPDX-License-Identifier: Apache-2.0
// RUN: heddle-opt %s --heddle-append-optimizer --cse | FileCheck %s

// CHECK-NOT: @train_grad

// CHECK-LABEL: func.func @step(
// CHECK-SAME: [[W:%arg0]]: tensor<2x2xf32> {heddle.kind = "param", heddle.name = "w"},
// CHECK-SAME: [[B:%arg1]]: tensor<2xf32> {heddle.kind = "param", heddle.name = "b"},
// CHECK-SAME: [[MW:%arg2]]: tensor<2x2xf32> {heddle.kind = "state", heddle.name = "adam.m.w"},
// CHECK-SAME: [[MB:%arg3]]: tensor<2xf32> {heddle.kind = "state", heddle.name = "adam.m.b"},
// CHECK-SAME: [[VW:%arg4]]: tensor<2x2xf32> {heddle.kind = "state", heddle.name = "adam.v.w"},
// CHECK-SAME: [[VB:%arg5]]: tensor<2xf32> {heddle.kind = "state", heddle.name = "adam.v.b"},
// CHECK-SAME: [[X:%arg6]]: tensor<2x2xf32> {heddle.kind = "input", heddle.name = "input_ids"},
// CHECK-SAME: [[HYPER:%arg7]]: tensor<9xf32> {heddle.kind = "scalar", heddle.name = "hyper"},
// CHECK-SAME: [[CLIP:%arg8]]: tensor<f32> {heddle.kind = "scalar", heddle.name = "grad_clip"},
// CHECK-SAME: tensor<3xi64> {heddle.kind = "rng", heddle.name = "rng"})
// CHECK-SAME: -> (tensor<f32> {heddle.kind = "output", heddle.name = "loss"},
// CHECK-SAME: tensor<f32> {heddle.kind = "output", heddle.name = "grad_norm"},
// CHECK-SAME: {heddle.kind = "param", heddle.name = "w"},
// CHECK-SAME: {heddle.kind = "param", heddle.name = "b"},
// CHECK-SAME: {heddle.kind = "state", heddle.name = "adam.m.w"},
// CHECK-SAME: {heddle.kind = "state", heddle.name = "adam.m.b"},
// CHECK-SAME: {heddle.kind = "state", heddle.name = "adam.v.w"},
// CHECK-SAME: {heddle.kind = "state", heddle.name = "adam.v.b"})
// CHECK: [[ONE:%[a-z0-9_]+]] = heddle.constant dense<1.000000e+00> : tensor<f32>
// CHECK: [[DW:%[a-z0-9_]+]] = heddle.mul [[X]], [[ONE]]
// CHECK: [[DB:%[a-z0-9_]+]] = heddle.mul
// CHECK: [[NORM:%[a-z0-9_]+]] = heddle.global_norm [[DW]], [[DB]]
// CHECK: [[EPS:%[a-z0-9_]+]] = heddle.constant dense<9.99999997E-7>
// CHECK: [[GUARDED:%[a-z0-9_]+]] = heddle.add [[NORM]], [[EPS]]
// CHECK: [[RATIO:%[a-z0-9_]+]] = heddle.div [[CLIP]], [[GUARDED]]
// CHECK: [[SCALE:%[a-z0-9_]+]] = heddle.minimum [[RATIO]], [[ONE]]
// CHECK: [[NEWW:%[a-z0-9_]+]], [[NEWMW:%[a-z0-9_]+]], [[NEWVW:%[a-z0-9_]+]] = heddle.adamw [[W]], [[DW]], [[MW]], [[VW]], [[HYPER]], [[SCALE]] {decay}
// Biases are not decayed.
// CHECK: [[NEWB:%[a-z0-9_]+]], [[NEWMB:%[a-z0-9_]+]], [[NEWVB:%[a-z0-9_]+]] = heddle.adamw [[B]], [[DB]], [[MB]], [[VB]], [[HYPER]], [[SCALE]] :
// CHECK: return {{%[a-z0-9_]+}}, [[NORM]], [[NEWW]], [[NEWB]], [[NEWMW]], [[NEWMB]], [[NEWVW]], [[NEWVB]]

// CHECK-LABEL: func.func @accumulate(
// CHECK-SAME: [[GW:%arg2]]: tensor<2x2xf32> {heddle.kind = "state", heddle.name = "grad.w"},
// CHECK-SAME: [[GB:%arg3]]: tensor<2xf32> {heddle.kind = "state", heddle.name = "grad.b"},
// CHECK-SAME: heddle.name = "input_ids"},
// CHECK-SAME: [[SCALE:%arg5]]: tensor<f32> {heddle.kind = "scalar", heddle.name = "loss_scale"},
// CHECK-SAME: heddle.name = "rng"})
// CHECK-SAME: -> (tensor<f32> {heddle.kind = "output", heddle.name = "loss"},
// CHECK-SAME: {heddle.kind = "state", heddle.name = "grad.w"},
// CHECK-SAME: {heddle.kind = "state", heddle.name = "grad.b"})
// CHECK: [[DW:%[a-z0-9_]+]] = heddle.mul %arg4, [[SCALE]]
// CHECK: [[SUM:%[a-z0-9_]+]] = heddle.add [[GW]], [[DW]]
// CHECK: return {{%[a-z0-9_]+}}, [[SUM]],

// CHECK-LABEL: func.func @step_accumulated(
// CHECK-SAME: [[W:%arg0]]: tensor<2x2xf32>
// CHECK-SAME: [[GW:%arg2]]: tensor<2x2xf32> {heddle.kind = "state", heddle.name = "grad.w"}
// CHECK-SAME: [[GB:%arg3]]: tensor<2xf32> {heddle.kind = "state", heddle.name = "grad.b"}
// CHECK-SAME: {heddle.kind = "state", heddle.name = "adam.m.w"}
// CHECK-SAME: heddle.name = "loss_scale"
// CHECK-SAME: heddle.name = "hyper"
// CHECK-SAME: heddle.name = "grad_clip"
// CHECK: [[SUMW:%[a-z0-9_]+]] = heddle.add [[GW]],
// CHECK: [[SUMB:%[a-z0-9_]+]] = heddle.add [[GB]],
// CHECK: heddle.global_norm [[SUMW]], [[SUMB]]
// CHECK: heddle.adamw [[W]], [[SUMW]]
// CHECK: [[ZW:%[a-z0-9_]+]] = heddle.constant dense<0.000000e+00> : tensor<2x2xf32>
// CHECK: [[ZB:%[a-z0-9_]+]] = heddle.constant dense<0.000000e+00> : tensor<2xf32>
// CHECK: return {{.*}}, [[ZW]], [[ZB]] :
func.func @train_grad(%w: tensor<2x2xf32> {heddle.kind = "param", heddle.name = "w"},
    %b: tensor<2xf32> {heddle.kind = "param", heddle.name = "b"},
    %x: tensor<2x2xf32> {heddle.kind = "input", heddle.name = "input_ids"},
    %scale: tensor<f32> {heddle.kind = "scalar", heddle.name = "loss_scale"},
    %rng: tensor<3xi64> {heddle.kind = "rng", heddle.name = "rng"})
    -> (tensor<f32> {heddle.kind = "output", heddle.name = "loss"},
        tensor<2x2xf32> {heddle.kind = "output", heddle.name = "grad.w"},
        tensor<2xf32> {heddle.kind = "output", heddle.name = "grad.b"}) {
  %p = heddle.mul %w, %x : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %loss = heddle.sum %p {axes = array<i64: 0, 1>} : (tensor<2x2xf32>) -> tensor<f32>
  %dw = heddle.mul %x, %scale : (tensor<2x2xf32>, tensor<f32>) -> tensor<2x2xf32>
  %db = heddle.mul %b, %scale : (tensor<2xf32>, tensor<f32>) -> tensor<2xf32>
  return %loss, %dw, %db : tensor<f32>, tensor<2x2xf32>, tensor<2xf32>
}
