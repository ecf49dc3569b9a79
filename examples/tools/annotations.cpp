// annotations.cpp - a shared library that makes scopes of the annotations that a program has
// already: NVTX ranges and Kokkos regions and kernels. SPDX-License-Identifier: MIT
//
//   g++ -std=c++17 -O2 -shared -fPIC -Iinclude examples/tools/annotations.cpp -o annotations.so
//   NVTX_INJECTION64_PATH=$PWD/annotations.so  JOULERY_REPORT=- ./program
//   KOKKOS_TOOLS_LIBS=$PWD/annotations.so      JOULERY_REPORT=- ./program
//   KOKKOS_PROFILE_LIBRARY=$PWD/annotations.so JOULERY_REPORT=- ./program   # before Kokkos 4
#define JOULERY_IMPLEMENTATION
#include <joulery/joulery.hpp>

#include <joulery/integration/kokkos.hpp>
#include <joulery/integration/nvtx.hpp>
