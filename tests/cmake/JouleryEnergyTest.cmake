# JouleryEnergyTest.cmake - a ctest that runs a program and fails where it used more than its budget.
# SPDX-License-Identifier: MIT
#
#   joulery_add_energy_test(NAME infer_1000 COMMAND infer --images 1000 BUDGET 5J [TIMEOUT seconds])
#
# COMMAND is a target or a program that uses joulery; its report says what it used. BUDGET is a number
# and one of uJ, mJ, J, kJ, MJ. Where nothing can be measured, or only estimated, ctest shows the test as
# skipped, with the reason in its log; likewise where the program itself exits with 77.

if(NOT CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  set(JOULERY_ENERGY_TEST_SCRIPT ${CMAKE_CURRENT_LIST_FILE} CACHE INTERNAL "")

  function(joulery_add_energy_test)
    cmake_parse_arguments(PARSE_ARGV 0 test "" "NAME;BUDGET;TIMEOUT" "COMMAND")
    foreach(needed NAME BUDGET COMMAND)
      if(NOT test_${needed})
        message(FATAL_ERROR "joulery_add_energy_test: ${needed} is missing")
      endif()
    endforeach()
    if(NOT test_BUDGET MATCHES "^[0-9]+\\.?[0-9]*(uJ|mJ|J|kJ|MJ)$")
      message(FATAL_ERROR "joulery_add_energy_test: BUDGET ${test_BUDGET} is not understood: say it "
                          "like 5J, 250mJ or 1.5kJ")
    endif()
    list(GET test_COMMAND 0 program)
    if(TARGET ${program})
      list(REMOVE_AT test_COMMAND 0)
      list(INSERT test_COMMAND 0 $<TARGET_FILE:${program}>)
    endif()
    string(MAKE_C_IDENTIFIER "${test_NAME}" file)
    add_test(NAME ${test_NAME} COMMAND ${CMAKE_COMMAND} -DBUDGET=${test_BUDGET}
      -DREPORT=${CMAKE_CURRENT_BINARY_DIR}/energy_${file}.json
      -P ${JOULERY_ENERGY_TEST_SCRIPT} -- ${test_COMMAND})
    # A script can't choose its exit code before CMake 3.29, so that the skip is told in words.
    set_tests_properties(${test_NAME} PROPERTIES SKIP_REGULAR_EXPRESSION "energy test skipped: ")
    if(test_TIMEOUT)
      set_tests_properties(${test_NAME} PROPERTIES TIMEOUT ${test_TIMEOUT})
    endif()
  endfunction()
  return()
endif()

# From here on: cmake -DBUDGET=5J -DREPORT=run.json -P JouleryEnergyTest.cmake -- program arguments...
set(command)
set(past_dashes OFF)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE ${last})
  if(past_dashes)
    list(APPEND command "${CMAKE_ARGV${i}}")
  elseif(CMAKE_ARGV${i} STREQUAL "--")
    set(past_dashes ON)
  endif()
endforeach()

file(REMOVE ${REPORT})
set(ENV{JOULERY_REPORT} ${REPORT})
execute_process(COMMAND ${command} RESULT_VARIABLE code)
if(code STREQUAL "77")
  message("energy test skipped: the program says so (exit code 77)")
  return()
elseif(NOT code STREQUAL "0")
  message(FATAL_ERROR "${command} ended with ${code}")
elseif(NOT EXISTS ${REPORT})
  message(FATAL_ERROR "${command} wrote no report: it opens no joulery::scope, or JOULERY=off")
endif()

file(READ ${REPORT} text)
string(REGEX MATCH "\"total_j\": ([0-9.e+-]+)" found "${text}")
set(joules "${CMAKE_MATCH_1}")
string(REGEX MATCH "\"co2e_g\": [^,]*,[ \n]*\"provenance\": \"([a-z]+)\"" found "${text}")
set(provenance "${CMAKE_MATCH_1}")
if(joules STREQUAL "" OR provenance STREQUAL "")
  message(FATAL_ERROR "${REPORT} is not a report that this version understands")
elseif(text MATCHES "\"channels\": *\\[[ \n]*\\]")
  message("energy test skipped: no energy counter can be read")
  return()
elseif(NOT provenance MATCHES "^(measured|derived)$")
  message("energy test skipped: the energy is ${provenance}, not measured")
  return()
endif()

# if(LESS) compares real numbers, exponents and all.
string(REGEX MATCH "^([0-9.]+)(.*)$" found "${BUDGET}")
set(exponent_uJ -6)
set(exponent_mJ -3)
set(exponent_J 0)
set(exponent_kJ 3)
set(exponent_MJ 6)
set(limit "${CMAKE_MATCH_1}e${exponent_${CMAKE_MATCH_2}}")
if(joules LESS limit)
  message("used ${joules} J of ${BUDGET}, ${provenance}")
else()
  message(FATAL_ERROR "used ${joules} J, more than ${BUDGET} (${provenance}); ${REPORT} shows where")
endif()
