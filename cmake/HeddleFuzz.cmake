# Fuzz targets: one source with heddle::fuzz::runInput (tests/fuzz/Harness.h). With HEDDLE_FUZZ
# heddle_fuzz makes the fuzzer fuzz_NAME; in every other build it makes an ordinary test that
# replays the kept inputs.

if(HEDDLE_FUZZ)
  # The packaged protobuf, Abseil and nettle stay without instrumentation: they neither check nor
  # poison, which costs reports inside of them and causes no false ones (libstdc++ marks the unused
  # part of its containers only where _GLIBCXX_SANITIZE_VECTOR asks for it).
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()

# heddle_fuzz(NAME SRCS ... DEPS libraries ... NEEDS targets that it loads itself ...)
function(heddle_fuzz name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS;NEEDS" ${ARGN})
  if(HEDDLE_FUZZ)
    add_executable(fuzz_${name} ${ARG_SRCS})
    target_link_libraries(fuzz_${name} PRIVATE HeddleFuzzHarness ${ARG_DEPS})
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    if(ARG_NEEDS)
      add_dependencies(fuzz_${name} ${ARG_NEEDS})
    endif()
    return()
  endif()
  set(folders ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
  if(EXISTS ${CMAKE_SOURCE_DIR}/tests/fuzz/regressions/${name})
    list(APPEND folders ${CMAKE_SOURCE_DIR}/tests/fuzz/regressions/${name})
  endif()
  add_executable(fuzz_${name}_replay ${ARG_SRCS} ${CMAKE_SOURCE_DIR}/tests/fuzz/ReplayMain.cpp)
  target_link_libraries(fuzz_${name}_replay PRIVATE HeddleFuzzHarness ${ARG_DEPS})
  if(ARG_NEEDS)
    add_dependencies(fuzz_${name}_replay ${ARG_NEEDS})
  endif()
  add_test(NAME fuzz_${name}_replay COMMAND fuzz_${name}_replay ${folders})
endfunction()
