# Builds and runs the users' projects beside this file as FROM says. Arguments: FROM,
# SOURCE_DIR, WORK_DIR, COMPILER, GENERATOR; QUICK_COMPILER builds what is in examples/packaging.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(NOT code EQUAL 0)
    string(REPLACE ";" " " line "${ARGN}")
    message(FATAL_ERROR "${line}\nended with ${code}:\n${said}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK_DIR})
set(here ${CMAKE_CURRENT_LIST_DIR})
set(installed ${WORK_DIR}/installed)
set(configure ${CMAKE_COMMAND} -G "${GENERATOR}" -DCMAKE_PREFIX_PATH=${installed})
# Most of these projects compile the same implementation with the same options.
find_program(ccache NAMES ccache)
if(ccache)
  list(APPEND configure -DCMAKE_CXX_COMPILER_LAUNCHER=${ccache})
endif()

# build_project(name options...): configures and builds the project in the folder `name`, here or in
# examples/packaging.
function(build_project name)
  set(sources ${here})
  set(compiler ${COMPILER})
  if(NOT EXISTS ${sources}/${name})
    set(sources ${SOURCE_DIR}/examples/packaging)
    set(compiler ${QUICK_COMPILER})
  endif()
  run(${configure} -DCMAKE_CXX_COMPILER=${compiler} ${ARGN} -S ${sources}/${name}
      -B ${WORK_DIR}/${name})
  run(${CMAKE_COMMAND} --build ${WORK_DIR}/${name} --parallel 2)
endfunction()

# A library that exports itself with joulery in its interface, and a program that uses it.
function(check_reexport)
  build_project(exported_library -DCMAKE_INSTALL_PREFIX=${installed} ${ARGN})
  run(${CMAKE_COMMAND} --build ${WORK_DIR}/exported_library --target install)
  if(FROM STREQUAL "package")
    build_project(its_user)
    run(${WORK_DIR}/its_user/downstream)
  endif()
endfunction()

function(must_exist)
  foreach(file IN LISTS ARGN)
    if(NOT EXISTS ${installed}/${file})
      message(FATAL_ERROR "${file} is not installed")
    endif()
  endforeach()
endfunction()

# An unknown component is not found.
function(check_components)
  file(WRITE ${WORK_DIR}/components/CMakeLists.txt
       "cmake_minimum_required(VERSION 3.16)\nproject(p LANGUAGES CXX)\n"
       "find_package(joulery CONFIG QUIET COMPONENTS no_such_part)\n"
       "if(joulery_FOUND)\n  message(FATAL_ERROR \"found a component that there is not\")\nendif()\n")
  run(${configure} -DCMAKE_CXX_COMPILER=${COMPILER} -S ${WORK_DIR}/components -B ${WORK_DIR}/components/build)
endfunction()

# The package works as examples/packaging says, in a copy of that folder.
function(check_packaging)
  file(COPY ${SOURCE_DIR}/examples/packaging DESTINATION ${WORK_DIR})
  set(folder ${WORK_DIR}/packaging)
  run(${configure} -DCMAKE_CXX_COMPILER=${QUICK_COMPILER}
      -DFETCHCONTENT_SOURCE_DIR_JOULERY=${SOURCE_DIR} -S ${folder}/fetch_content -B ${folder}/fetch_content/build)
  run(${CMAKE_COMMAND} --build ${folder}/fetch_content/build --parallel 2 --target trainer)
  run(${folder}/fetch_content/build/trainer)
  set(ENV{PKG_CONFIG_PATH} ${installed}/share/pkgconfig)
  set(ENV{CXX} ${QUICK_COMPILER})
  if(ccache)
    set(ENV{CXX} "${ccache} ${QUICK_COMPILER}")
  endif()
  set(ENV{CXXFLAGS} -O0)
  find_program(pkg_config NAMES pkg-config)
  find_program(make NAMES make gmake)
  if(pkg_config AND make)
    run(${make} -C ${folder}/make -j2 "CXX=$ENV{CXX}")
    run(${folder}/make/trainer)
  endif()
  find_program(meson NAMES meson)
  if(pkg_config AND meson)
    run(${meson} setup --buildtype=plain ${folder}/meson/build ${folder}/meson)
    run(${meson} compile -C ${folder}/meson/build)
    run(${folder}/meson/build/trainer)
  endif()
endfunction()

if(FROM STREQUAL "package")
  run(${configure} -DCMAKE_CXX_COMPILER=${COMPILER} -S ${SOURCE_DIR} -B ${WORK_DIR}/joulery -DJOULERY_BUILD_TESTS=OFF
      -DJOULERY_BUILD_EXAMPLES=OFF -DCMAKE_INSTALL_PREFIX=${installed}
      -DCMAKE_INSTALL_INCLUDEDIR=include/apart)
  run(${CMAKE_COMMAND} --build ${WORK_DIR}/joulery --target install)
  must_exist(include/apart/joulery/joulery.hpp include/apart/joulery/joulery.h
             share/doc/joulery/LICENSE share/pkgconfig/joulery.pc)
  build_project(project -DJOULERY_FROM=package)
  check_components()
  check_packaging()
  check_reexport()
else()
  find_program(python NAMES python3)
  if(python)
    file(MAKE_DIRECTORY ${WORK_DIR}/single/joulery)
    run(${python} -B ${SOURCE_DIR}/include/joulery/package/single_header.py ${SOURCE_DIR}/include
        ${WORK_DIR}/single/joulery/joulery.hpp)
    list(APPEND single -DJOULERY_SINGLE_HEADER=${WORK_DIR}/single)
  endif()
  build_project(project -DJOULERY_FROM=${FROM} -DJOULERY_SOURCE_DIR=${SOURCE_DIR} ${single})
  check_reexport(-DJOULERY_SOURCE_DIR=${SOURCE_DIR})
endif()

# Without the implementation the program does not link, and the symbol says what to do. With scopes only,
# one warning says that there will be no report, if one is requested.
function(check_links)
  execute_process(COMMAND ${CMAKE_COMMAND} --build ${WORK_DIR}/project --target needs_implementation
                  RESULT_VARIABLE code OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(code EQUAL 0 OR NOT said MATCHES "joulery_needs_define_JOULERY_IMPLEMENTATION_in_one_cpp_file")
    message(FATAL_ERROR "a program without the implementation: ${code}\n${said}")
  endif()
  foreach(wanted "" "inert.json")
    execute_process(COMMAND ${CMAKE_COMMAND} -E env JOULERY_REPORT=${wanted} ${WORK_DIR}/project/inert
                    RESULT_VARIABLE code ERROR_VARIABLE said WORKING_DIRECTORY ${WORK_DIR})
    string(REGEX MATCHALL "nothing is measured" lines "${said}")
    list(LENGTH lines count)
    if(NOT code EQUAL 0 OR (wanted AND NOT count EQUAL 1) OR (NOT wanted AND NOT said STREQUAL ""))
      message(FATAL_ERROR "inert with JOULERY_REPORT=${wanted}: ${code}\n${said}")
    endif()
  endforeach()
  set(plug_in ${WORK_DIR}/project/libplug_in.so)
  run(${WORK_DIR}/project/plug_in_host ${plug_in} ${WORK_DIR}/project/libother_version.so)
  foreach(copy other_plug_in closed_plug_in)
    configure_file(${plug_in} ${WORK_DIR}/project/lib${copy}.so COPYONLY)
  endforeach()
  run(${WORK_DIR}/project/plug_ins_alone ${plug_in} ${WORK_DIR}/project/libother_plug_in.so
      ${WORK_DIR}/project/libclosed_plug_in.so)
  set(visible ${WORK_DIR}/project/libvisible_plug_in.so)
  configure_file(${visible} ${WORK_DIR}/project/libother_visible_plug_in.so COPYONLY)
  run(${WORK_DIR}/project/plug_ins_visible ${visible}
      ${WORK_DIR}/project/libother_visible_plug_in.so)
endfunction()
if(FROM STREQUAL "subdirectory")
  check_links()
endif()

# Programs that the compiler is too old for are not built; the others must be.
set(must program scopes_alone)
if(FROM STREQUAL "subdirectory")
  list(APPEND must bare shared_meter mixed disabled_program two_implementations)
  if(python)
    list(APPEND must single_header)
  endif()
endif()
foreach(program IN LISTS must)
  run(${WORK_DIR}/project/${program})
endforeach()
foreach(program cxx20 cxx23)
  if(EXISTS ${WORK_DIR}/project/${program})
    run(${WORK_DIR}/project/${program})
  endif()
endforeach()

if(FROM STREQUAL "package")
  file(REMOVE_RECURSE ${installed}/lib)  # the other library's
  file(REMOVE ${installed}/include/trainer.hpp)
  run(${CMAKE_COMMAND} --build ${WORK_DIR}/joulery --target uninstall)
  file(GLOB_RECURSE left LIST_DIRECTORIES false ${installed}/*)
  if(left)
    message(FATAL_ERROR "after uninstalling, these files remain: ${left}")
  endif()
endif()
