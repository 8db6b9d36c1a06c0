# KPOL_STATIC: programs without run-time dependencies, as in the image.
#
# Debian has no static libraries of fmt and spdlog, so their headers are used. Debian 12 has none of
# libmnl either; packaging/libmnl.sh fetches one.

# The targets that rooms link; with KPOL_STATIC they are header-only.
if(KPOL_STATIC)
  set(KPOL_FMT fmt::fmt-header-only)
  # spdlog's own header-only target would link the shared library of fmt.
  add_library(kpol_spdlog INTERFACE)
  target_compile_definitions(kpol_spdlog INTERFACE SPDLOG_FMT_EXTERNAL)
  target_link_libraries(kpol_spdlog INTERFACE fmt::fmt-header-only)
  set(KPOL_SPDLOG kpol_spdlog)
else()
  set(KPOL_FMT fmt::fmt)
  set(KPOL_SPDLOG spdlog::spdlog)
endif()

# Makes `target` link the archive `file` instead of a package's shared library.
function(kpol_link_archive target file)
  find_library(KPOL_${file} ${file} REQUIRED)
  mark_as_advanced(KPOL_${file})
  set_target_properties(${target} PROPERTIES INTERFACE_LINK_LIBRARIES ${KPOL_${file}})
endfunction()

if(KPOL_STATIC)
  find_library(KPOL_MNL_ARCHIVE libmnl.a HINTS ${MNL_LIBRARY_DIRS}
    ${PROJECT_SOURCE_DIR}/build/libmnl/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE})
  mark_as_advanced(KPOL_MNL_ARCHIVE)
  if(NOT KPOL_MNL_ARCHIVE)
    message(FATAL_ERROR "libmnl.a not found, but static programs need it. packaging/libmnl.sh fetches "
      "Debian's; otherwise set -DKPOL_MNL_ARCHIVE=FILE or -DKPOL_STATIC=OFF")
  endif()
  set_target_properties(PkgConfig::MNL PROPERTIES INTERFACE_LINK_LIBRARIES ${KPOL_MNL_ARCHIVE})
  kpol_link_archive(PkgConfig::NFTNL libnftnl.a)
  # The packaged target is the shared library. The headers are in the standard path.
  find_library(KPOL_YAML_ARCHIVE libyaml-cpp.a REQUIRED)
  mark_as_advanced(KPOL_YAML_ARCHIVE)
  add_library(kpol_yaml_cpp UNKNOWN IMPORTED)
  set_target_properties(kpol_yaml_cpp PROPERTIES IMPORTED_LOCATION ${KPOL_YAML_ARCHIVE})
  set(KPOL_YAML kpol_yaml_cpp)
else()
  set(KPOL_YAML yaml-cpp::yaml-cpp)
endif()

# kpol_static_program(TARGET): links TARGET statically, with address space randomization
# (static-pie).
function(kpol_static_program target)
  if(KPOL_STATIC)
    target_link_options(${target} PRIVATE -static-pie)
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  endif()
endfunction()
