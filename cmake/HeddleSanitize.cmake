# HEDDLE_SANITIZE: what -fsanitize= takes, for all of our own code (presets asan and ubsan; both
# at once is "address,undefined"). MLIR, LLVM and generated kernels stay as they are.
set(HEDDLE_SANITIZE "" CACHE STRING "address, undefined, or both with a comma; empty: none")

if(HEDDLE_SANITIZE)
  add_compile_options(-fsanitize=${HEDDLE_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  # The packaged MLIR has no type information, which the check of virtual tables asks for.
  if(HEDDLE_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize=vptr)
  endif()
  add_link_options(-fsanitize=${HEDDLE_SANITIZE})
  add_compile_definitions(HEDDLE_SANITIZED)
endif()

# What the sanitizers must know of a program that is linked with the packaged MLIR: MlirAsanOptions.cpp.
function(heddle_sanitize_mlir name)
  get_target_property(type ${name} TYPE)
  if(HEDDLE_SANITIZE MATCHES address AND type STREQUAL EXECUTABLE)
    target_sources(${name} PRIVATE ${CMAKE_SOURCE_DIR}/cmake/MlirAsanOptions.cpp)
  endif()
endfunction()
