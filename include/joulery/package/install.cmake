# install.cmake - the package: headers, license, CMake and pkg-config files; and its uninstallation.
# SPDX-License-Identifier: MIT
include(CMakePackageConfigHelpers)
set(joulery_package ${CMAKE_INSTALL_DATADIR}/cmake/joulery)

install(DIRECTORY include/joulery DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        PATTERN package EXCLUDE)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(TARGETS joulery_headers EXPORT joulery-targets)
install(EXPORT joulery-targets NAMESPACE joulery:: DESTINATION ${joulery_package})

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/joulery-config.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/joulery-config.cmake
  INSTALL_DESTINATION ${joulery_package} PATH_VARS CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/joulery-config-version.cmake
                                 COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/joulery-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/joulery-config-version.cmake
              ${CMAKE_CURRENT_LIST_DIR}/JouleryEnergyTest.cmake
        DESTINATION ${joulery_package})

if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(joulery_includes ${CMAKE_INSTALL_INCLUDEDIR})
else()
  set(joulery_includes "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/joulery.pc.in ${CMAKE_CURRENT_BINARY_DIR}/joulery.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/joulery.pc
        DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)

if(joulery_top_level)
  add_custom_target(uninstall
    COMMAND ${CMAKE_COMMAND} -DMANIFEST=${CMAKE_CURRENT_BINARY_DIR}/install_manifest.txt
            -P ${CMAKE_CURRENT_LIST_DIR}/uninstall.cmake
    COMMENT "Removing what was installed")
endif()
