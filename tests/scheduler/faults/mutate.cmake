# cmake -DROOT=... -DFILE=... -DOUTPUT=... -P mutate.cmake: writes the mutated
# copy of ROOT/FILE to OUTPUT.
file(READ ${ROOT}/${FILE} text)

function(mutation name file from to)
  if(NOT file STREQUAL FILE)
    return()
  endif()
  string(FIND "${text}" "${from}" first)
  string(FIND "${text}" "${from}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "mutation ${name}: its text is not in ${file} exactly once; "
      "follow the change of ${file} in tests/scheduler/faults/mutations.cmake")
  endif()
  string(REPLACE "${from}" "${to}" mutated "${text}")
  set(text "${mutated}" PARENT_SCOPE)
endfunction()

include(${CMAKE_CURRENT_LIST_DIR}/mutations.cmake)
file(WRITE ${OUTPUT} "#include \"tests/scheduler/faults/mutant.h\"\n#line 1 \"${FILE}\"\n${text}")
