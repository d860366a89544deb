# Language, warnings, and the helpers by which every folder declares its
# target. Nothing outside this file sets a compiler flag.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_LINK_DEPENDS_NO_SHARED ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(OCTET_CCACHE ccache)
if(OCTET_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${OCTET_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${OCTET_CCACHE})
endif()

# Flags for our own code only: generated code and third parties are not ours
# to mend. An absl::Status that is dropped is an error, not a warning.
add_library(octet_flags INTERFACE)
target_include_directories(octet_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(octet_flags INTERFACE
  -Wall -Wextra -Wno-missing-field-initializers -Werror=unused-result -Werror=return-type)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  target_compile_options(octet_flags INTERFACE -Wthread-safety -Werror=thread-safety)
endif()

# octet_library(NAME folder SRCS ... DEPS ...): the target of one folder.
function(octet_library)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(octet_${ARG_NAME} STATIC ${ARG_SRCS})
  add_library(octet::${ARG_NAME} ALIAS octet_${ARG_NAME})
  target_link_libraries(octet_${ARG_NAME} PUBLIC octet_flags ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
endfunction()

# octet_program(NAME octet-agent SRCS main.cc DEPS ...): a file in build/bin.
function(octet_program)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS" ${ARGN})
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_link_libraries(${ARG_NAME} PRIVATE octet_flags ${ARG_DEPS})
endfunction()

# octet_time_limit(VARIABLE): what a test may take, longer where all takes longer.
function(octet_time_limit variable)
  if(OCTET_SANITIZE)
    math(EXPR ${variable} "${${variable}} * 5")
  endif()
  set(${variable} ${${variable}} PARENT_SCOPE)
endfunction()

# octet_test(NAME folder_thing_test SRCS ... DEPS ... [LABEL label] [SERIAL]): a
# GoogleTest program, registered with CTest as one test a case. SERIAL: nothing
# else runs beside one of them.
function(octet_test)
  cmake_parse_arguments(ARG "SERIAL" "NAME;TIMEOUT;LABEL" "SRCS;DEPS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  octet_time_limit(ARG_TIMEOUT)
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_link_libraries(${ARG_NAME} PRIVATE octet_flags ${ARG_DEPS} GTest::gmock_main)
  set_target_properties(${ARG_NAME} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  set(label)  # An empty value would get lost on the way, and the next name be taken for it.
  if(ARG_LABEL)
    set(label LABELS ${ARG_LABEL})
  endif()
  gtest_discover_tests(${ARG_NAME} DISCOVERY_MODE PRE_TEST
    PROPERTIES TIMEOUT ${ARG_TIMEOUT} RUN_SERIAL ${ARG_SERIAL} ${OCTET_SANITIZED_TEST}
      ${label})
endfunction()
