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
