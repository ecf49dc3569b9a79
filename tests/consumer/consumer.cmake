# Builds and runs the user's project in project/ the way FROM says. Arguments: FROM, SOURCE_DIR,
# WORK_DIR, COMPILER, GENERATOR.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(NOT code EQUAL 0)
    string(REPLACE ";" " " line "${ARGN}")
    message(FATAL_ERROR "${line}\nended with ${code}:\n${said}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK_DIR})
set(configure ${CMAKE_COMMAND} -G "${GENERATOR}" -DCMAKE_CXX_COMPILER=${COMPILER}
    -DJOULERY_FROM=${FROM})
if(FROM STREQUAL "package")
  run(${CMAKE_COMMAND} -S ${SOURCE_DIR} -B ${WORK_DIR}/joulery -G "${GENERATOR}"
      -DCMAKE_CXX_COMPILER=${COMPILER} -DJOULERY_BUILD_TESTS=OFF -DJOULERY_BUILD_EXAMPLES=OFF
      -DCMAKE_INSTALL_PREFIX=${WORK_DIR}/installed)
  run(${CMAKE_COMMAND} --build ${WORK_DIR}/joulery --target install)
  list(APPEND configure -DCMAKE_PREFIX_PATH=${WORK_DIR}/installed)
else()
  list(APPEND configure -DJOULERY_SOURCE_DIR=${SOURCE_DIR})
endif()
run(${configure} -S ${CMAKE_CURRENT_LIST_DIR}/project -B ${WORK_DIR}/build)
run(${CMAKE_COMMAND} --build ${WORK_DIR}/build --parallel 2)

# Programs that the compiler is too old for are not built; the others must be.
set(must program scopes_alone)
if(FROM STREQUAL "subdirectory")
  list(APPEND must bare shared_meter mixed)
endif()
foreach(program IN LISTS must)
  run(${WORK_DIR}/build/${program})
endforeach()
foreach(program cxx20 cxx23)
  if(EXISTS ${WORK_DIR}/build/${program})
    run(${WORK_DIR}/build/${program})
  endif()
endforeach()
