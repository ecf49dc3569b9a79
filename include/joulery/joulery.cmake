# joulery/joulery.cmake - the target joulery::joulery: the headers, and the library's bodies compiled
# once, in a project's own build and with its own flags.
# SPDX-License-Identifier: MIT
if(NOT TARGET joulery)
  add_library(joulery STATIC EXCLUDE_FROM_ALL ${CMAKE_CURRENT_LIST_DIR}/joulery.cpp)
  add_library(joulery::joulery ALIAS joulery)
  target_link_libraries(joulery PUBLIC joulery::headers)
  set_target_properties(joulery PROPERTIES POSITION_INDEPENDENT_CODE ON)
  if(MINGW)  # without optimisation it has more sections than an object file of the usual kind takes
    target_compile_options(joulery PRIVATE -Wa,-mbig-obj)
  elseif(APPLE)  # scopes refer to the bodies weakly, which alone would not take them from an archive
    target_link_options(joulery INTERFACE LINKER:-u,_joulery_implementation)
  elseif(UNIX)
    target_link_options(joulery INTERFACE LINKER:-u,joulery_implementation)
  endif()
endif()
