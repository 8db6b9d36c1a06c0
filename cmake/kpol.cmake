# Options and packages that all rooms share.

set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Boost 1.81 REQUIRED)
if(KPOL_STATIC)
  set(OPENSSL_USE_STATIC_LIBS ON)
  # A build folder that was configured without it has the shared libraries in its cache.
  if(OPENSSL_SSL_LIBRARY MATCHES "\\.so$")
    unset(OPENSSL_SSL_LIBRARY CACHE)
    unset(OPENSSL_CRYPTO_LIBRARY CACHE)
  endif()
endif()
find_package(OpenSSL 3 REQUIRED)
pkg_check_modules(MNL REQUIRED IMPORTED_TARGET libmnl)
pkg_check_modules(NFTNL REQUIRED IMPORTED_TARGET libnftnl)

# yaml-cpp 0.7 (Debian 12) names its target yaml-cpp, 0.8 (Debian 13) yaml-cpp::yaml-cpp.
if(NOT TARGET yaml-cpp::yaml-cpp)
  add_library(yaml-cpp::yaml-cpp ALIAS yaml-cpp)
endif()
include(static)

add_library(kpol_options INTERFACE)
target_compile_features(kpol_options INTERFACE cxx_std_20)
set(CMAKE_CXX_EXTENSIONS OFF)
target_compile_options(kpol_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wnon-virtual-dtor)
# g++ 12 reports overlaps in std::string that do not exist (GCC bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(kpol_options INTERFACE -Wno-restrict)
endif()
# g++ frees its own memory only when it has this much (in KiB): a tenth less work for files compiled
# in batches.
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  target_compile_options(kpol_options INTERFACE --param=ggc-min-heapsize=524288)
endif()
target_include_directories(kpol_options INTERFACE ${PROJECT_SOURCE_DIR})

option(KPOL_UNITY "Compile files of a room together, with precompiled headers; OFF: each alone" ON)

# kpol_fast_build(TARGET [BATCH files] [HEADERS header...] [REUSE target]) Compiles TARGET's files
# in batches of BATCH files (default: one batch), each as one translation unit, with HEADERS
# precompiled, or with the precompiled headers of the target REUSE, which must have the same compile
# options. Therefore names in anonymous namespaces must differ within a target. Files still include
# what they use: tests/alone.sh compiles each of them alone, without any of this.
function(kpol_fast_build target)
  cmake_parse_arguments(ARG "" "BATCH;REUSE" "HEADERS" ${ARGN})
  if(NOT KPOL_UNITY)
    return()
  endif()
  if(NOT ARG_BATCH)
    set(ARG_BATCH 0)
  endif()
  # A release is built as a whole: in batches three times as large and of equal size, so that templates
  # are instantiated less often. During development a smaller batch compiles sooner.
  if(CMAKE_BUILD_TYPE STREQUAL Release AND ARG_BATCH GREATER 0)
    get_target_property(files ${target} SOURCES)
    list(LENGTH files count)
    math(EXPR batches "(${count} + 3 * ${ARG_BATCH} - 1) / (3 * ${ARG_BATCH})")
    math(EXPR ARG_BATCH "(${count} + ${batches} - 1) / ${batches}")
  endif()
  # g++ takes included files for headers, and warns about coroutines in them that contain local
  # types. Compiled alone (tests/alone.sh), the files are checked for it.
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${ARG_BATCH})
  if(ARG_REUSE)
    target_precompile_headers(${target} REUSE_FROM ${ARG_REUSE})
  elseif(ARG_HEADERS)
    target_precompile_headers(${target} PRIVATE ${ARG_HEADERS})
  endif()
endfunction()

# AddressSanitizer by calls instead of code in each place: a sixth less work for the compiler, and
# slower at run time. Only where sanitizers are on.
set(KPOL_ASAN_CALLS "$<$<AND:$<CONFIG:Debug>,$<CXX_COMPILER_ID:GNU>>:--param=asan-instrumentation-with-call-threshold=0>")

# kpol_cold(TARGET): for code that runs once per request, start or change of the node, never per
# packet, object or element. At -O1 it compiles in half the time, and the difference at run time is
# not measurable.
function(kpol_cold target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1> ${KPOL_ASAN_CALLS})
endfunction()

# The standard library's headers that most files include.
set(KPOL_STD_HEADERS <algorithm> <array> <charconv> <chrono> <cstdint> <cstring> <filesystem>
  <functional> <map> <memory> <optional> <ranges> <set> <span> <string> <string_view>
  <unordered_map> <utility> <variant> <vector>)

# kpol_test_build(TARGET [BATCH files]): kpol_fast_build for what only tests use, with GoogleTest's
# headers precompiled. Without debug information, which is a fifth of the work: a failed assertion
# prints its line anyway, and the product's functions keep theirs. Without UBSan, which is a third of
# the work: it judges the product, whose code has it; AddressSanitizer is in both, because a test may
# use what the product let go of.
function(kpol_test_build target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Debug>:-g0> $<$<CONFIG:Debug>:-fno-sanitize=undefined>
    ${KPOL_ASAN_CALLS})
  target_link_libraries(${target} PRIVATE GTest::gmock)  # with the same macros as the headers
  kpol_fast_build(${target} ${ARGN} REUSE kpol_test_headers)
endfunction()

# kpol_add_test(NAME LABEL SOURCES file... [LINK target...] [TIMEOUT seconds] [SHARDS count] [BATCH files])
# One GoogleTest program: NAME is its folder and label. Labels: unit, kernel, property,
# property-kernel, lint. ctest runs it in SHARDS parts, NAME.0 and so on, so that one long program
# uses every core. BATCH source files are compiled as one (kpol_fast_build).
# Tests with labels that end in "kernel" run in their own namespaces (tests/support/kernel_main.cpp).
# If these cannot be created, ctest counts the program as skipped, or as failed with
# KPOL_REQUIRE_KERNEL=1.
function(kpol_add_test name label)
  cmake_parse_arguments(ARG "" "TIMEOUT;SHARDS;BATCH" "SOURCES;LINK" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  if(NOT ARG_SHARDS)
    set(ARG_SHARDS 1)
  endif()
  if(NOT ARG_BATCH)
    set(ARG_BATCH 8)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  kpol_test_build(${name} BATCH ${ARG_BATCH})
  target_link_options(${name} PRIVATE $<$<CONFIG:Debug>:-no-pie>)  # see tests/CMakeLists.txt
  math(EXPR last "${ARG_SHARDS} - 1")
  foreach(shard RANGE ${last})
    set(entry ${name})
    if(last GREATER 0)
      set(entry ${name}.${shard})
    endif()
    add_test(NAME ${entry} COMMAND ${name})
    set_tests_properties(${entry} PROPERTIES LABELS ${label} TIMEOUT ${ARG_TIMEOUT}
      ENVIRONMENT "GTEST_TOTAL_SHARDS=${ARG_SHARDS};GTEST_SHARD_INDEX=${shard};GTEST_OUTPUT=xml:${PROJECT_BINARY_DIR}/results/${entry}.xml")
    if(label MATCHES "kernel$")
      set_tests_properties(${entry} PROPERTIES
        SKIP_REGULAR_EXPRESSION "tests, no private namespaces:")
    endif()
  endforeach()
  if(label MATCHES "kernel$")
    set(main kpol_test_kernel)
  else()
    set(main GTest::gtest_main)
  endif()
  target_link_libraries(${name} PRIVATE kpol_options ${ARG_LINK} GTest::gmock ${main})
endfunction()
