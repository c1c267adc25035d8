list(APPEND HEDDLE_CODEGEN_CPU_SOURCES
  Dropout.cpp
  ElementwiseEmitter.cpp
  IterationSpace.cpp
  KernelGenerator.cpp
  KernelModule.cpp
  LaneKernel.cpp
  LaneMemory.cpp
  MapKernel.cpp
  MathEmitter.cpp
)
