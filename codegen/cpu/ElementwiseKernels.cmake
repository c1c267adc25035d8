list(APPEND HEDDLE_CODEGEN_CPU_SOURCES
  Dropout.cpp
  ElementwiseEmitter.cpp
  MathEmitter.cpp
)
