# JouleryEnergyTest.cmake - a ctest for a program with energy checks, or with an energy budget.
# SPDX-License-Identifier: MIT
#
#   joulery_add_energy_test(NAME energy COMMAND energy_checks)            # JOULERY_CHECK_ENERGY inside
#   joulery_add_energy_test(NAME infer_1000 COMMAND infer --images 1000 BUDGET 5J [TIMEOUT seconds])
#
# COMMAND is a target or a program that uses joulery. ctest runs it alone (RUN_SERIAL), because its energy
# would include that of other tests. If nothing can be measured, or only estimated, or the program
# exits with 77, ctest shows the test as skipped. With BUDGET, a number and one of uJ, mJ, J, kJ, MJ,
# the total in the program's own report is compared with it. The checks of a target know its compiler
# flags, so that baselines of -O2 and -O3 are not compared.

if(NOT CMAKE_SCRIPT_MODE_FILE STREQUAL CMAKE_CURRENT_LIST_FILE)
  set(JOULERY_ENERGY_TEST_SCRIPT ${CMAKE_CURRENT_LIST_FILE} CACHE INTERNAL "")

  # The flags of a target that affect energy: warnings do not.
  function(joulery_tell_build_flags target)
    string(TOUPPER "${CMAKE_BUILD_TYPE}" type)
    string(REGEX REPLACE "(^| )-W[^ ]*" "" flags "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${type}}")
    string(STRIP "${flags}" flags)
    string(REPLACE "\"" "" flags "${flags}")
    set(own $<JOIN:$<FILTER:$<TARGET_PROPERTY:${target},COMPILE_OPTIONS>,EXCLUDE,^-W>, >)
    set_property(TARGET ${target} APPEND PROPERTY COMPILE_DEFINITIONS
      "JOULERY_BUILD_FLAGS=\"${flags} ${own}\"")
  endfunction()

  function(joulery_add_energy_test)
    cmake_parse_arguments(PARSE_ARGV 0 test "" "NAME;BUDGET;TIMEOUT" "COMMAND")
    foreach(needed NAME COMMAND)
      if(NOT test_${needed})
        message(FATAL_ERROR "joulery_add_energy_test: ${needed} is missing")
      endif()
    endforeach()
    if(test_BUDGET AND NOT test_BUDGET MATCHES "^[0-9]+\\.?[0-9]*(uJ|mJ|J|kJ|MJ)$")
      message(FATAL_ERROR "joulery_add_energy_test: BUDGET ${test_BUDGET} is not understood: write "
                          "5J, 250mJ or 1.5kJ")
    endif()
    list(GET test_COMMAND 0 program)
    if(TARGET ${program})
      joulery_tell_build_flags(${program})
      list(REMOVE_AT test_COMMAND 0)
      list(INSERT test_COMMAND 0 $<TARGET_FILE:${program}>)
    endif()
    if(test_BUDGET)
      string(MAKE_C_IDENTIFIER "${test_NAME}" file)
      set(test_COMMAND ${CMAKE_COMMAND} -DBUDGET=${test_BUDGET}
        -DREPORT=${CMAKE_CURRENT_BINARY_DIR}/energy_${file}.json
        -P ${JOULERY_ENERGY_TEST_SCRIPT} -- ${test_COMMAND})
    endif()
    add_test(NAME ${test_NAME} COMMAND ${test_COMMAND})
    # RESOURCE_LOCK is for tools that run ctest's tests their own way. A script can't choose its exit
    # code before CMake 3.29, so a message reports the skip.
    set_tests_properties(${test_NAME} PROPERTIES RUN_SERIAL ON RESOURCE_LOCK joulery_energy
      SKIP_RETURN_CODE 77 SKIP_REGULAR_EXPRESSION "energy test skipped: ")
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

# Keeps other processes from measuring at the same time: the lock of quiet_machine.hpp, waiting at most
# two minutes. The program itself must not take it.
if(NOT DEFINED ENV{JOULERY_ENERGY_LOCK})
  set(ENV{JOULERY_ENERGY_LOCK} /tmp/joulery-energy.lock)
endif()
if(NOT "$ENV{JOULERY_ENERGY_LOCK}" STREQUAL "off" AND NOT WIN32)
  file(LOCK $ENV{JOULERY_ENERGY_LOCK} TIMEOUT 120 RESULT_VARIABLE lock)
  set(ENV{JOULERY_ENERGY_LOCK} off)
endif()
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
if(text MATCHES "\"total_j\": null")
  message("energy test skipped: no energy counter can be read")
  return()
endif()
string(REGEX MATCH "\"total_j\": ([0-9.e+-]+)" found "${text}")
set(joules "${CMAKE_MATCH_1}")
string(REGEX MATCH "\"co2e_g\": [^,]*,[ \n]*\"quality\": \"([a-z]+)\"" found "${text}")
set(provenance "${CMAKE_MATCH_1}")
if(joules STREQUAL "" OR provenance STREQUAL "")
  message(FATAL_ERROR "${REPORT} is not a report that this version can read")
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
