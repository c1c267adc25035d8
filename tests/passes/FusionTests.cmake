# Fusion, kernels and the pipeline.
heddle_gtest(passes_pipeline_test MLIR
  SRCS KernelFormsTest.cpp PassEquivalenceTest.cpp PipelineTest.cpp PlanSimulation.cpp
       RandomGraph.cpp RandomGraphTest.cpp TinyTransformer.cpp
  DEPS HeddlePasses HeddleInterpreter)
heddle_gtest(passes_random_kernel_test MLIR
  SRCS RandomGraph.cpp RandomKernelTest.cpp TinyTransformer.cpp
  DEPS HeddlePasses HeddleInterpreter HeddleTestKernelCheck)
