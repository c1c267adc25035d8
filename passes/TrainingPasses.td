// SPDX-License-Identifier: Apache-2.0
// The passes that turn a loss into a training step, and the one that plans memory.

#ifndef HEDDLE_PASSES_TRAININGPASSES_TD
#define HEDDLE_PASSES_TRAININGPASSES_TD

include "mlir/Pass/PassBase.td"

def DifferentiatePass : Pass<"heddle-differentiate", "mlir::ModuleOp"> {
  let summary = "derives the gradient of a loss function by its parameters";
  let description = [{
    Copies the function `source`, whose one result is the loss, into `target` and appends the
    gradient. Results: `loss`, then `grad.<parameter>` for every argument of kind "param" that is not
    `heddle.frozen`, in the order of the arguments. A parameter that does not influence the loss gets zeros.
    With `loss-scale` the target takes a further scalar argument `loss_scale`, the gradient that
    flows into the loss; else that is 1.

    Forward ops keep their order. A composite op is replaced by its decomposition where its
    rule does not cover what is asked (a bias of attention that needs a gradient). An op without a
    rule is an error that names it and its layer.

    ```mlir
    func.func @train_loss(%w: tensor<4xf32> {heddle.kind = "param", heddle.name = "w"})
        -> (tensor<f32> {heddle.kind = "output", heddle.name = "loss"}) {
      %0 = heddle.mul %w, %w : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
      %1 = heddle.sum %0 {axes = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
      return %1 : tensor<f32>
    }
    ==>
    func.func @grad(%w: ...) -> (tensor<f32> {... "loss"}, tensor<4xf32> {... "grad.w"})
    ```
  }];
  let options = [
    Option<"source", "source", "std::string", "\"train_loss\"", "function to differentiate">,
    Option<"target", "target", "std::string", "\"grad\"", "name of the new function">,
    Option<"lossScale", "loss-scale", "bool", "false",
           "take the gradient that flows into the loss as an argument">
  ];
  let dependentDialects = ["::heddle::ir::HeddleDialect"];
}

def MergeLossGradientPass : Pass<"heddle-merge-loss-gradient", "mlir::func::FuncOp"> {
  let summary = "computes a linear cross entropy once, with its gradients";
  let description = [{
    `linear_cross_entropy` goes when `linear_cross_entropy_train` has the same operands and
    attributes, all uses of the loss come after it, and the log-sum-exps have no use: the loss
    is then that of the gradient op. Saves the product x w, the largest of many a model.
  }];
}

def AppendOptimizerPass : Pass<"heddle-append-optimizer", "mlir::ModuleOp"> {
  let summary = "makes the training entries from the gradient function";
  let description = [{
    From `gradient` (made by heddle-differentiate with loss-scale) builds, and then drops it:
      - `@step`: takes states `adam.m.<p>`, `adam.v.<p>` behind the parameters and the scalars
        `hyper`, `grad_clip` behind the inputs; the loss scale is 1. Clips by the global norm as
        torch.nn.utils.clip_grad_norm_ does and makes an AdamW step per parameter, with decay for
        rank 2 and more. Results: `loss`, `grad_norm` (before clipping), new parameters, new m, new v.
      - `@accumulate`: takes states `grad.<p>` and keeps the argument `loss_scale`; results: `loss`
        and the states with the scaled gradients added.
      - `@step_accumulated`: both; steps by the sums, and the `grad.<p>` come out as zeros.
    Only parameters with a result `grad.<p>` take part.
  }];
  let options = [
    Option<"gradient", "gradient", "std::string", "\"train_grad\"", "the gradient function">
  ];
  let dependentDialects = ["::heddle::ir::HeddleDialect"];
}

def RecomputeActivationsPass : Pass<"heddle-recompute-activations", "mlir::func::FuncOp"> {
  let summary = "computes cheap activations again instead of keeping them for the backward pass";
  let description = [{
    Runs behind heddle-expand-composites and cse (which would undo it) and before
    heddle-form-kernels. Fires at each activation, product, layer_norm and rms_norm for which all
    of this holds:
      - its result takes `min-bytes` or more;
      - it has a use more than `distance` ops behind it;
      - every operand of that size is an argument or is read at or behind that use anyway.
    The op is cloned before that use; uses from there on read the clone. Costs one pass over the
    tensor in the backward pass and saves the tensor between the passes. Values stay equal to the
    last bit.
  }];
  let options = [
    Option<"minBytes", "min-bytes", "int64_t", "2097152", "smaller results are kept">,
    Option<"distance", "distance", "int64_t", "32",
           "ops between a result and a use that is worth computing it again">
  ];
}

def PlanMemoryPass : Pass<"heddle-plan-memory", "mlir::func::FuncOp"> {
  let summary = "decides where every result of a kernel is stored";
  let description = [{
    Expects only kernels, reshapes, slices and concats along the leading axis, constants and the
    return. Sets `offsets` on kernels (bytes from the start of the arena, or -1), where needed
    `heddle.arguments` (the argument whose buffer a result is written into), and on the function
    `heddle.arena_bytes` and `heddle.max_live_bytes`. ir/BufferAssignment.h reads them.

    Reshapes and slices are windows on their operand, parts of a concat are stored in the whole. A
    result takes over the buffer of an operand that dies in its kernel where passes/InPlace.h
    allows it. Results of kind "output" are stored in the caller's buffers; new values of parameters
    and states straight over the old ones. Where that cannot be, a kernel `copy` is added.
  }];
  let dependentDialects = ["::heddle::ir::HeddleDialect"];
}

#endif
