heddle_library(HeddleTestKernelText MLIR SRCS KernelText.cpp DEPS HeddleCpuObject HeddleIR GTest::gtest)
heddle_library(HeddleTestCudaRun MLIR SRCS CudaKernelRun.cpp
  DEPS HeddleCudaKernels HeddleCudaText HeddleCudaEmulator GTest::gtest)
heddle_gtest(codegen_gemm_test MLIR SRCS GemmTest.cpp DEPS HeddleTestJit HeddleTestKernelText)
heddle_gtest(codegen_attention_test MLIR SRCS AttentionTest.cpp AttentionReference.cpp
  DEPS HeddleTestCudaRun HeddleTestJit HeddleTestKernelText)
heddle_gtest(codegen_epilogue_test MLIR SRCS GemmEpilogueTest.cpp DEPS HeddleTestKernelCheck)
heddle_gtest(codegen_inner_loop_test MLIR SRCS InnerLoopTest.cpp DEPS HeddleTestJit HeddleTestKernelText)
