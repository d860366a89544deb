# OCTET_SANITIZE=address,undefined or thread: instruments all our code, and makes
# the test suite fail by what any process of it reports, not only the tests' own.
set(OCTET_SANITIZE "" CACHE STRING "address,undefined or thread; empty for none")
if(NOT OCTET_SANITIZE)
  return()
endif()

add_compile_options(-fsanitize=${OCTET_SANITIZE} -fno-omit-frame-pointer)
add_link_options(-fsanitize=${OCTET_SANITIZE})

set(folder ${PROJECT_SOURCE_DIR}/tests/sanitizers)
set(reports ${PROJECT_BINARY_DIR}/sanitizer-reports.txt)
add_library(octet_sanitizers STATIC ${folder}/reports.cc)
# The runtimes call into it before they are set up.
target_compile_options(octet_sanitizers PRIVATE -fno-sanitize=all)
target_compile_definitions(octet_sanitizers PRIVATE OCTET_SANITIZER_REPORTS="${reports}")
# Only the runtimes refer to it, so the linker must be told to take it.
target_link_libraries(octet_flags INTERFACE
  $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:$<LINK_LIBRARY:WHOLE_ARCHIVE,octet_sanitizers>>)

if(OCTET_SANITIZE STREQUAL thread)
  target_sources(octet_sanitizers PRIVATE ${folder}/absl_locks.cc ${folder}/grpc_calls.cc)
  target_include_directories(octet_sanitizers PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(octet_sanitizers PUBLIC absl::synchronization gRPC::grpc++)
  # Under it protobuf's headers give maps a layout that the packaged library has not.
  target_compile_options(protobuf::libprotobuf INTERFACE -U__SANITIZE_THREAD__)
endif()

# Any test that is run brings the two along: one before all, one after all.
set(OCTET_SANITIZED_TEST FIXTURES_REQUIRED sanitizers)
add_test(NAME Sanitizers.Begin
  COMMAND sh -c ": >'${reports}' && chmod 666 '${reports}'")
add_test(NAME Sanitizers.NoProcessReportedAnything
  COMMAND sh -c "! grep . '${reports}'")
set_tests_properties(Sanitizers.Begin PROPERTIES FIXTURES_SETUP sanitizers)
set_tests_properties(Sanitizers.NoProcessReportedAnything PROPERTIES FIXTURES_CLEANUP sanitizers)
