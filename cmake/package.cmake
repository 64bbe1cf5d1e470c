# What `cmake --install` adds for users of the package: find_package(ekman) and pkg-config.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/ekman)
configure_package_config_file(cmake/ekmanConfig.cmake.in ${PROJECT_BINARY_DIR}/ekmanConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/ekmanConfigVersion.cmake COMPATIBILITY SameMinorVersion)
# Relative, so that `cmake --install --prefix` and a moved tree work.
file(RELATIVE_PATH prefix_from_pkgconfig /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/ekman.pc.in ${PROJECT_BINARY_DIR}/ekman.pc @ONLY)
install(EXPORT ekmanTargets NAMESPACE ekman:: DESTINATION ${package_dir})
install(FILES ${PROJECT_BINARY_DIR}/ekmanConfig.cmake ${PROJECT_BINARY_DIR}/ekmanConfigVersion.cmake
  DESTINATION ${package_dir})
install(FILES ${PROJECT_BINARY_DIR}/ekman.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/ekman)
