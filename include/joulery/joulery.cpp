// joulery.cpp - the one file of a program that has the library's bodies.
// SPDX-License-Identifier: MIT
#define JOULERY_IMPLEMENTATION
#include "joulery/joulery.hpp"
