# heddle_library(NAME SRCS ... DEPS ...): a room's static library. With MLIR, it
# sees the compiler's headers; without, it may go into the runtime.
function(heddle_library name)
  cmake_parse_arguments(ARG "MLIR" "" "SRCS;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SRCS})
  if(ARG_MLIR)
    heddle_use_mlir(${name})
  else()
    target_precompile_headers(${name} REUSE_FROM HeddleBasePch)
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_DEPS})
endfunction()

function(heddle_use_mlir name)
  target_include_directories(${name} SYSTEM PUBLIC ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
  target_compile_definitions(${name} PUBLIC ${LLVM_DEFINITIONS_LIST})
  target_link_libraries(${name} PUBLIC MLIR LLVM)
  target_precompile_headers(${name} REUSE_FROM HeddleMlirPch)
  heddle_sanitize_mlir(${name})
endfunction()

# heddle_gtest(NAME SRCS ... DEPS ...): one GoogleTest binary, one ctest entry.
function(heddle_gtest name)
  cmake_parse_arguments(ARG "MLIR" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SRCS})
  if(ARG_MLIR)
    heddle_use_mlir(${name})
  else()
    target_precompile_headers(${name} REUSE_FROM HeddleTestPch)
  endif()
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES ENVIRONMENT
    "HEDDLE_SOURCE_DIR=${CMAKE_SOURCE_DIR};HEDDLE_BINARY_DIR=${CMAKE_BINARY_DIR}")
endfunction()

# heddle_protobuf(NAME FILE.proto): a library of the generated C++ of one proto.
function(heddle_protobuf name proto)
  get_filename_component(stem ${proto} NAME_WE)
  file(RELATIVE_PATH dir ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  set(out ${CMAKE_BINARY_DIR}/${dir}/${stem}.pb)
  add_custom_command(
    OUTPUT ${out}.cc ${out}.h
    COMMAND protobuf::protoc --proto_path=${CMAKE_SOURCE_DIR}
            --cpp_out=${CMAKE_BINARY_DIR} ${dir}/${proto}
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${proto})
  add_library(${name} STATIC ${out}.cc ${out}.h)
  target_include_directories(${name} SYSTEM PUBLIC ${Protobuf_INCLUDE_DIRS})
  target_link_libraries(${name} PUBLIC heddle_static_protobuf)
endfunction()

# The archive, not the shared library: heddle-run links everything but libc
# statically, and one process must not hold two copies of protobuf.
add_library(heddle_static_protobuf INTERFACE)
find_library(HEDDLE_PROTOBUF_ARCHIVE NAMES libprotobuf.a REQUIRED)
find_library(HEDDLE_ZLIB_ARCHIVE NAMES libz.a REQUIRED)
target_link_libraries(heddle_static_protobuf INTERFACE
  ${HEDDLE_PROTOBUF_ARCHIVE} ${HEDDLE_ZLIB_ARCHIVE} Threads::Threads)

# Abseil's own CMake targets name the shared libraries. The group lets the linker look the archives
# through until nothing is missing; it takes only the objects that are used.
add_library(heddle_static_absl INTERFACE)
file(GLOB HEDDLE_ABSL_ARCHIVES /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/libabsl_*.a)
if(NOT HEDDLE_ABSL_ARCHIVES)
  message(FATAL_ERROR "no libabsl_*.a found: install libabsl-dev")
endif()
list(JOIN HEDDLE_ABSL_ARCHIVES "," HEDDLE_ABSL_GROUP)
target_link_libraries(heddle_static_absl INTERFACE
  "$<LINK_GROUP:RESCAN,${HEDDLE_ABSL_GROUP}>" Threads::Threads)

add_library(heddle_static_nettle INTERFACE)
find_library(HEDDLE_NETTLE_ARCHIVE NAMES libnettle.a REQUIRED)
target_link_libraries(heddle_static_nettle INTERFACE ${HEDDLE_NETTLE_ARCHIVE})

add_library(heddle_static_pcre2 INTERFACE)
find_library(HEDDLE_PCRE2_ARCHIVE NAMES libpcre2-8.a REQUIRED)
target_link_libraries(heddle_static_pcre2 INTERFACE ${HEDDLE_PCRE2_ARCHIVE})

# Without the define its header asks for the shared library's symbols.
add_library(heddle_static_utf8proc INTERFACE)
find_library(HEDDLE_UTF8PROC_ARCHIVE NAMES libutf8proc.a REQUIRED)
target_link_libraries(heddle_static_utf8proc INTERFACE ${HEDDLE_UTF8PROC_ARCHIVE})
target_compile_definitions(heddle_static_utf8proc INTERFACE UTF8PROC_STATIC)
