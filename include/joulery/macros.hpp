// macros.hpp - the two scope macros; everything they do can be written without them.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/scope.hpp"

#define JOULERY_DETAIL_JOIN_(a, b) a##b
#define JOULERY_DETAIL_JOIN(a, b) JOULERY_DETAIL_JOIN_(a, b)

/// The rest of the block is the scope `name`: `::joulery::scope s{name};` without a name for `s`.
#define JOULERY_SCOPE(name) \
    const ::joulery::scope JOULERY_DETAIL_JOIN(joulery_scope_, __COUNTER__) { name }

/// The rest of the function is a scope with the function's name.
#define JOULERY_FUNCTION() JOULERY_SCOPE(__func__)
