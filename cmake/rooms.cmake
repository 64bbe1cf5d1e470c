# One static library for each room of architecture.md: ekman_<name> holds all .cpp files of its folder
# (main.cpp excepted), compiled with the project's warnings and the repository root on the include path.
function(ekman_room name folder)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "LINK")
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  add_library(ekman_${name} STATIC ${sources})
  target_include_directories(ekman_${name} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/coupler/include)
  target_link_libraries(ekman_${name} PUBLIC ${arg_LINK})
  target_compile_definitions(ekman_${name} PUBLIC OMPI_SKIP_MPICXX)
  ekman_warnings(ekman_${name})
endfunction()

# GCC 13 and 14 take a reference for dangling when the function that returns it was given a temporary, a name for instance.
function(ekman_warnings target)
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic $<$<BOOL:${EKMAN_WERROR}>:-Werror>>)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wno-dangling-reference>)
  endif()
endfunction()
