# Unverified: written to vcpkg's documentation and never run. As an overlay port beside a checkout.
set(SOURCE_PATH ${CMAKE_CURRENT_LIST_DIR}/../../..)
vcpkg_cmake_configure(SOURCE_PATH ${SOURCE_PATH}
  OPTIONS -DJOULERY_BUILD_TESTS=OFF -DJOULERY_BUILD_EXAMPLES=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH share/cmake/joulery)
file(REMOVE_RECURSE ${CURRENT_PACKAGES_DIR}/debug)
vcpkg_install_copyright(FILE_LIST ${SOURCE_PATH}/LICENSE)
