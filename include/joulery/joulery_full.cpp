// joulery_full.cpp - in place of joulery.cpp for programs that use more than joulery.hpp.
// SPDX-License-Identifier: MIT
#define JOULERY_IMPLEMENTATION
#include "joulery/assertions/measuring_meter.hpp"
#include "joulery/full.hpp"
#include "joulery/testing/access.hpp"
