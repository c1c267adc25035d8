heddle_library(HeddleTestKernelCheck MLIR SRCS KernelCheck.cpp
  DEPS HeddleTestCudaRun HeddleTestJit HeddleTestKernelText HeddleInterpreter)
heddle_gtest(codegen_map_test MLIR SRCS MapKernelTest.cpp DEPS HeddleTestKernelCheck)
heddle_gtest(codegen_row_test MLIR SRCS RowKernelTest.cpp DEPS HeddleTestKernelCheck)
heddle_gtest(codegen_column_test MLIR SRCS ColumnReduceTest.cpp DEPS HeddleTestKernelCheck)
heddle_gtest(codegen_single_test MLIR SRCS SingleOpsTest.cpp DEPS HeddleTestKernelCheck)
heddle_gtest(codegen_whole_model_test MLIR SRCS WholeModelTest.cpp
  DEPS HeddleTestKernelCheck HeddleCodegen HeddlePasses HeddleBuilder HeddleModel)
heddle_gtest(codegen_math_test MLIR SRCS MathEmitterTest.cpp DEPS HeddleTestKernelCheck)
heddle_gtest(codegen_iteration_space_test MLIR SRCS IterationSpaceTest.cpp DEPS HeddleCodegenCpu)
heddle_gtest(codegen_plan_test MLIR SRCS KernelCacheTest.cpp KernelClassesTest.cpp PlanWriterTest.cpp
  DEPS HeddleTestKernelText HeddleCodegen)

# The same kernels as CUDA on the emulator.
foreach(test map row column single epilogue whole_model)
  add_test(NAME cuda_${test}_test COMMAND codegen_${test}_test)
  set_tests_properties(cuda_${test}_test PROPERTIES ENVIRONMENT
    "HEDDLE_KERNEL_TARGET=cuda:emulated;HEDDLE_SOURCE_DIR=${CMAKE_SOURCE_DIR};HEDDLE_BINARY_DIR=${CMAKE_BINARY_DIR}")
endforeach()
