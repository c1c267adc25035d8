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
  RowKernel.cpp
  RowLosses.cpp
  RowNorms.cpp
  RowOps.cpp
  RowPasses.cpp
)
