heddle_library(HeddleTestKernelText MLIR SRCS KernelText.cpp DEPS HeddleCpuObject HeddleIR GTest::gtest)
heddle_gtest(codegen_gemm_test MLIR SRCS GemmTest.cpp DEPS HeddleTestJit HeddleTestKernelText)
heddle_gtest(codegen_attention_test MLIR SRCS AttentionTest.cpp AttentionReference.cpp
  DEPS HeddleTestJit HeddleTestKernelText)
