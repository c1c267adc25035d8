list(APPEND HEDDLE_CODEGEN_CPU_SOURCES
  Attention.cpp
  AttentionGrad.cpp
  AttentionParts.cpp
  AttentionShell.cpp
  Gemm.cpp
  GemmEpilogue.cpp
  GemmParts.cpp
  GemmBlocking.cpp
  IrHelpers.cpp
  KernelShell.cpp
  MicroKernel.cpp
  Pack.cpp
  Target.cpp
)
