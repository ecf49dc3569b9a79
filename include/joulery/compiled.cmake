# joulery/compiled.cmake - the target joulery::compiled: the library's bodies compiled once, in a
# project's own build and with its own flags; files that link it see declarations only. All files of
# a program link it, or all link joulery::joulery.
# SPDX-License-Identifier: MIT
if(NOT TARGET joulery_compiled)
  add_library(joulery_compiled STATIC EXCLUDE_FROM_ALL ${CMAKE_CURRENT_LIST_DIR}/compiled.cpp)
  add_library(joulery::compiled ALIAS joulery_compiled)
  target_link_libraries(joulery_compiled PUBLIC joulery::joulery)
  target_compile_definitions(joulery_compiled PUBLIC JOULERY_SEPARATE_COMPILATION)
  set_target_properties(joulery_compiled PROPERTIES POSITION_INDEPENDENT_CODE ON)
  if(MINGW)  # without optimisation it has more sections than an object file of the usual kind takes
    target_compile_options(joulery_compiled PRIVATE -Wa,-mbig-obj)
  endif()
endif()
