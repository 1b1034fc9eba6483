# `cpack -G DEB` and `cpack -G TGZ` in the build folder: libkeel-dev_VERSION_all.deb and keel-VERSION.tar.gz.

set(CPACK_PACKAGE_NAME keel)
set(CPACK_PACKAGE_VENDOR "keel contributors")
set(CPACK_PACKAGE_CONTACT "keel contributors <keel@localhost>")
set(CPACK_PACKAGE_FILE_NAME keel-${PROJECT_VERSION})
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_GENERATOR TGZ)
if(CMAKE_HOST_UNIX)
  list(APPEND CPACK_GENERATOR DEB)
endif()

# Headers alone: one package for all machines. What keel.pc requires, the package depends on.
set(CPACK_DEBIAN_PACKAGE_NAME libkeel-dev)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libeigen3-dev (>= 3.4)")
if(TARGET keel_zlib)
  string(APPEND CPACK_DEBIAN_PACKAGE_DEPENDS ", zlib1g-dev")
endif()
include(CPack)
