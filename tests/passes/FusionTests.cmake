# Fusion, kernels and the pipeline.
heddle_gtest(passes_pipeline_test MLIR
  SRCS KernelFormsTest.cpp PassEquivalenceTest.cpp PipelineTest.cpp TinyTransformer.cpp
  DEPS HeddlePasses HeddleInterpreter)
