# Finds what the project stands on and sets the flags that every target shares.

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # What ccache must overlook to cache a file that includes a precompiled header, and to find in
  # one checkout what another compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE_PROGRAM})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  add_compile_options(
    $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fpch-preprocess>
    "$<$<COMPILE_LANG_AND_ID:CXX,Clang>:SHELL:-Xclang -fno-pch-timestamp>")
endif()

if(EXISTS /usr/lib/llvm-22/bin/ld.lld)
  add_link_options(-B/usr/lib/llvm-22/bin -fuse-ld=lld)
endif()

if(HEDDLE_COMPILER)
  set(LLVM_DIR /usr/lib/llvm-22/lib/cmake/llvm CACHE PATH "LLVM 22")
  set(MLIR_DIR /usr/lib/llvm-22/lib/cmake/mlir CACHE PATH "MLIR 22")
  find_package(MLIR REQUIRED CONFIG)
  if(NOT LLVM_PACKAGE_VERSION VERSION_GREATER_EQUAL 22 OR LLVM_PACKAGE_VERSION VERSION_GREATER_EQUAL 23)
    message(FATAL_ERROR "Heddle is written against MLIR 22, found ${LLVM_PACKAGE_VERSION}")
  endif()
  list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
  include(TableGen)
  include(AddLLVM)
  include(AddMLIR)
endif()
find_package(Protobuf REQUIRED)
find_package(absl REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(GTest REQUIRED)
find_package(Threads REQUIRED)

add_compile_options(-fPIC)
# MLIR's headers have parameters that they do not use.
add_compile_options(-Wall -Wextra -Wno-unused-parameter)
# GCC 12 takes std::string's own copies for overruns (its bugs 105329 and 105651).
add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-restrict>
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-stringop-overflow>
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-stringop-overread>
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-array-bounds>)
# libstdc++ 12's own std::stable_sort uses what its own header deprecates.
add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Wno-deprecated-declarations>)
add_compile_definitions(_FILE_OFFSET_BITS=64)

include_directories(${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
