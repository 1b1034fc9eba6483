# What keel is built on: used by keel's own CMakeLists.txt and by the installed package.

# Finds what keel cannot do without. `keel_missing` says in a sentence what was not found; empty if all is there.
macro(keel_find_core_dependencies)
  set(keel_missing "")
  # No version is passed: Eigen 5 does not call itself compatible with 3.4.
  if(NOT TARGET Eigen3::Eigen)
    find_package(Eigen3 QUIET NO_MODULE)
    if(NOT Eigen3_FOUND)
      set(keel_missing "keel needs Eigen 3.4 or newer, which was not found (Debian: libeigen3-dev)")
    elseif(DEFINED Eigen3_VERSION AND Eigen3_VERSION VERSION_LESS 3.4)
      set(keel_missing "keel needs Eigen 3.4 or newer, found ${Eigen3_VERSION}")
    endif()
  endif()
  find_package(Threads QUIET)
  if(NOT Threads_FOUND AND NOT keel_missing)
    set(keel_missing "keel needs a threads library, which was not found")
  endif()
endmacro()

# keel::NAME with the macro KEEL_HAS_NAME, made of a library target. Its module in pkg-config, if it has one, is the
# third argument.
function(keel_add_component name library)
  string(TOUPPER ${name} upper)
  add_library(keel_${name} INTERFACE IMPORTED GLOBAL)
  add_library(keel::${name} ALIAS keel_${name})
  target_link_libraries(keel_${name} INTERFACE keel::keel ${library})
  target_compile_definitions(keel_${name} INTERFACE KEEL_HAS_${upper}=1)
  target_link_libraries(keel_io INTERFACE keel_${name})
  set_property(GLOBAL APPEND PROPERTY keel_pc_definitions -DKEEL_HAS_${upper}=1)
  set_property(GLOBAL APPEND PROPERTY keel_pc_requires ${ARGN})
endfunction()

# The libraries that formats need, each on when it is there: keel::zlib; keel::io is all that were found.
function(keel_add_components)
  if(TARGET keel_io)
    return()
  endif()
  add_library(keel_io INTERFACE IMPORTED GLOBAL)
  add_library(keel::io ALIAS keel_io)
  target_link_libraries(keel_io INTERFACE keel::keel)

  find_package(ZLIB QUIET)
  if(TARGET ZLIB::ZLIB)
    keel_add_component(zlib ZLIB::ZLIB zlib)
  endif()
endfunction()

# keel::png and keel::jpeg, for <keel/io/datasets/image_folder.hpp>, where libpng and libjpeg-turbo are found; no part of
# keel::io, so that only a program that reads images links them.
function(keel_add_images)
  if(TARGET keel_png OR TARGET keel_jpeg)
    return()
  endif()
  foreach(name PNG JPEG)
    find_package(${name} QUIET)
    if(TARGET ${name}::${name})
      string(TOLOWER ${name} lower)
      add_library(keel_${lower} INTERFACE IMPORTED GLOBAL)
      add_library(keel::${lower} ALIAS keel_${lower})
      target_link_libraries(keel_${lower} INTERFACE keel::keel ${name}::${name})
      target_compile_definitions(keel_${lower} INTERFACE KEEL_HAS_${name}=1)
      set_target_properties(${name}::${name} PROPERTIES IMPORTED_GLOBAL TRUE)
    endif()
  endforeach()
endfunction()

# keel::protobuf, for .onnx, where the compiler finds protozero. That is headers alone: a program that has them on its path
# reads and writes .onnx without this too.
function(keel_add_protobuf)
  if(TARGET keel_protobuf)
    return()
  endif()
  include(CheckIncludeFileCXX)
  check_include_file_cxx(protozero/pbf_reader.hpp KEEL_PROTOZERO_FOUND)
  if(KEEL_PROTOZERO_FOUND)
    add_library(keel_protobuf INTERFACE IMPORTED GLOBAL)
    add_library(keel::protobuf ALIAS keel_protobuf)
    target_link_libraries(keel_protobuf INTERFACE keel::keel)
    target_compile_definitions(keel_protobuf INTERFACE KEEL_HAS_PROTOBUF=1)
  endif()
endfunction()

# keel::mpi, for <keel/distributed/mpi.hpp>, where MPI is found; no part of keel::io. Looking for it takes CMake a
# second or two, so an installed keel does it only where it is asked for.
function(keel_add_mpi)
  if(TARGET keel_mpi)
    return()
  endif()
  find_package(MPI QUIET COMPONENTS CXX)
  if(TARGET MPI::MPI_CXX)
    add_library(keel_mpi INTERFACE IMPORTED GLOBAL)
    add_library(keel::mpi ALIAS keel_mpi)
    target_link_libraries(keel_mpi INTERFACE keel::keel MPI::MPI_CXX)
    set_target_properties(MPI::MPI_CXX PROPERTIES IMPORTED_GLOBAL TRUE)
  endif()
endfunction()

# keel::compiled: the code of keel's templates for float, compiled once instead of in every file that uses it.
function(keel_add_compiled include_dir)
  if(TARGET keel_compiled)
    return()
  endif()
  add_library(keel_compiled STATIC EXCLUDE_FROM_ALL
    ${include_dir}/keel/kernels/compiled.cpp ${include_dir}/keel/layers/compiled.cpp ${include_dir}/keel/compiled.cpp
    ${include_dir}/keel/io/compiled.cpp)
  add_library(keel::compiled ALIAS keel_compiled)
  set_target_properties(keel_compiled PROPERTIES POSITION_INDEPENDENT_CODE ON) # for shared libraries that use it
  target_compile_definitions(keel_compiled PUBLIC KEEL_COMPILED=linked)
  # Kernels are what a program waits for: a Debug build of the program has them optimised all the same.
  target_compile_options(keel_compiled PRIVATE
    $<$<AND:$<CXX_COMPILER_ID:GNU,Clang,AppleClang>,$<NOT:$<CONFIG:Release,RelWithDebInfo,MinSizeRel>>>:-O2>)
  target_link_libraries(keel_compiled PUBLIC keel::io)
endfunction()

# keel.pc: keel::io for programs that are built without CMake. It finds the headers from its own place, so the installed
# tree may be moved.
function(keel_write_pkg_config file folder)
  file(RELATIVE_PATH keel_pc_prefix /prefix/${folder} /prefix)
  get_property(keel_pc_requires GLOBAL PROPERTY keel_pc_requires)
  get_property(keel_pc_definitions GLOBAL PROPERTY keel_pc_definitions)
  list(JOIN keel_pc_requires " " keel_pc_requires)
  if(NOT "-DKEEL_HAS_ZLIB=1" IN_LIST keel_pc_definitions)
    list(APPEND keel_pc_definitions -DKEEL_HAS_ZLIB=0)
  endif()
  list(JOIN keel_pc_definitions " " keel_pc_definitions)
  configure_file(${CMAKE_CURRENT_FUNCTION_LIST_DIR}/keel.pc.in ${file} @ONLY)
endfunction()
