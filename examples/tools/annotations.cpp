// annotations.cpp - a shared library that makes scopes of the annotations that a program has
// already: NVTX ranges and Kokkos regions and kernels. SPDX-License-Identifier: MIT
//
//     g++ -std=c++17 -O2 -shared -fPIC -I include examples/tools/annotations.cpp -o
//     libannotations.so NVTX_INJECTION64_PATH=$PWD/libannotations.so JOULERY_REPORT=- ./program
//     KOKKOS_TOOLS_LIBS=$PWD/libannotations.so     JOULERY_REPORT=- ./program
#define JOULERY_IMPLEMENTATION
#include <joulery/joulery.hpp>

#include <joulery/integration/kokkos.hpp>
#include <joulery/integration/nvtx.hpp>
