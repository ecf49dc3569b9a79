# joulery/joulery.cmake - the targets joulery::joulery (joulery.hpp) and joulery::full (full.hpp, and
# the headers of assertions/ and testing/): the headers, and the implementation compiled once, in the
# project's own build and with its flags. A program may have both.
# SPDX-License-Identifier: MIT
set(joulery_sources ${CMAKE_CURRENT_LIST_DIR})
function(joulery_add_bodies name file)
  if(NOT TARGET joulery_${name})
    add_library(joulery_${name} STATIC EXCLUDE_FROM_ALL ${joulery_sources}/${file})
    target_link_libraries(joulery_${name} PUBLIC joulery::headers)
    set_target_properties(joulery_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    set(bodies joulery_needs_define_JOULERY_IMPLEMENTATION_in_one_cpp_file)
    if(MINGW)  # without optimization it has more sections than an object file usually takes
      target_compile_options(joulery_${name} PRIVATE -Wa,-mbig-obj)
    elseif(APPLE)  # scopes refer to the bodies weakly, which alone takes nothing from an archive
      target_link_options(joulery_${name} INTERFACE LINKER:-u,_${bodies})
    elseif(UNIX)
      target_link_options(joulery_${name} INTERFACE LINKER:-u,${bodies})
    endif()
  endif()
  # Imported, so that a library that links it and exports itself names it, and needs no export of it:
  # users of that library find joulery, too, and compile the implementation in their own build.
  if(NOT TARGET joulery::${name})
    add_library(joulery::${name} INTERFACE IMPORTED GLOBAL)
    target_link_libraries(joulery::${name} INTERFACE joulery_${name})
  endif()
endfunction()
joulery_add_bodies(joulery joulery.cpp)
joulery_add_bodies(full joulery_full.cpp)
