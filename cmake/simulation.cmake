# The program for simulated machines: the rooms whose code depends on mpi.h or on the clock once more, with the mpi.h of
# SimGrid's SMPI; all other rooms as they are.
find_path(SIMGRID_INCLUDE_DIR smpi/mpi.h)
find_library(SIMGRID_LIBRARY simgrid)
mark_as_advanced(SIMGRID_INCLUDE_DIR SIMGRID_LIBRARY)
if(NOT SIMGRID_INCLUDE_DIR OR NOT SIMGRID_LIBRARY)
  if(NOT EKMAN_SIMULATION STREQUAL "AUTO")
    message(FATAL_ERROR "EKMAN_SIMULATION is ${EKMAN_SIMULATION}, but there is no SimGrid: install libsimgrid-dev, or leave it at AUTO")
  endif()
  message(STATUS "No SimGrid (libsimgrid-dev): `ekman simulate` is not built")
  return()
endif()

set(simulated_sources)
foreach(room base profile comm session offline command simulation)
  file(GLOB found CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/coupler/${room}/*.cpp)
  list(APPEND simulated_sources ${found})
endforeach()
# What only other commands need.
list(FILTER simulated_sources EXCLUDE REGEX
  "/command/(main|ml_library|check|evaluate|evaluation_files|graph|inspect|merge_recordings|networks|own_thread|inline_network|plan_summary|recorded_data|recording_words|report|learning_curves|python_figure|sweep|sweep_[a-z]+|train|simulate|mimic)\\.cpp$")
list(APPEND simulated_sources ${PROJECT_SOURCE_DIR}/coupler/api/coupler.cpp ${PROJECT_SOURCE_DIR}/coupler/api/ml_library.cpp)
add_executable(ekman_simulated ${simulated_sources})
set_target_properties(ekman_simulated PROPERTIES OUTPUT_NAME ekman-simulated
  RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/libexec/ekman)
target_include_directories(ekman_simulated BEFORE PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/coupler/include)
target_include_directories(ekman_simulated SYSTEM BEFORE PRIVATE ${SIMGRID_INCLUDE_DIR}/smpi ${SIMGRID_INCLUDE_DIR})
target_compile_definitions(ekman_simulated PRIVATE EKMAN_SIMULATION EKMAN_VERSION="${PROJECT_VERSION}"
  EKMAN_ML_LIBRARY="libekman_ml.so.${PROJECT_VERSION_MAJOR}" EKMAN_TORCH_LIBRARY="libekman_torch.so.${PROJECT_VERSION_MAJOR}"
  EKMAN_DATA_FROM_PROGRAM="../../share" EKMAN_FIGURES="")
ekman_warnings(ekman_simulated)
# Of the rooms that are as they are only the files: their targets bring the mpi.h of the real MPI with them.
foreach(room adapter_yaml study adapter_hdf5 adapter_json exchange engine layout restart recording plan fmt)
  target_link_libraries(ekman_simulated PRIVATE $<TARGET_FILE:ekman_${room}>)
  add_dependencies(ekman_simulated ekman_${room})
endforeach()
target_link_libraries(ekman_simulated PRIVATE ${SIMGRID_LIBRARY} yaml-cpp::yaml-cpp hdf5::hdf5 hdf5::hdf5_hl
  nlohmann_json::nlohmann_json CLI11::CLI11 Threads::Threads ${CMAKE_DL_LIBS})
target_include_directories(ekman_simulated SYSTEM PRIVATE
  $<TARGET_PROPERTY:fmt::fmt-header-only,INTERFACE_INCLUDE_DIRECTORIES>)
install(TARGETS ekman_simulated RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/ekman)
