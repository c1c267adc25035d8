module {
  func.func @loss(%hidden: tensor<2x8x16xf32>, %last: tensor<2xi32>, %w: tensor<16x31xf32>) -> tensor<2x31xf32> {
    %scaled = heddle.tanh %hidden : tensor<2x8x16xf32>
    %row = heddle.gather_rows %scaled, %last : (tensor<2x8x16xf32>, tensor<2xi32>) -> tensor<2x16xf32>
    %gain = heddle.softmax %row : tensor<2x16xf32>
    %logits = heddle.matmul %gain, %w : (tensor<2x16xf32>, tensor<16x31xf32>) -> tensor<2x31xf32>
    return %logits : tensor<2x31xf32>
  }
}

{-#
  external_resources: {
    mlir_reproducer: {
      pipeline: "builtin.module(heddle-test-fault{kind=abort when=heddle.gather_rows})",
      disable_threading: true,
      verify_each: true
    }
  }
#-}
