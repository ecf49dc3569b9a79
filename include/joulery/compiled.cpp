// joulery/compiled.cpp - the bodies of the library, for programs whose files are all compiled with
// JOULERY_SEPARATE_COMPILATION. Compile it once and link it; header-only programs don't need it.
// SPDX-License-Identifier: MIT
#ifndef JOULERY_SEPARATE_COMPILATION
#define JOULERY_SEPARATE_COMPILATION
#endif
#define JOULERY_COMPILED  // here are the bodies

#include "joulery/joulery.hpp"
#include "joulery/testing/measuring_meter.hpp"

template joulery::detail::thread_tree* joulery::detail::first_tree<void>() noexcept;
