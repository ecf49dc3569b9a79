// macros.hpp - the two scope macros; both are shorthand for a `scope`.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/scope.hpp"

#define JOULERY_DETAIL_JOIN_(a, b) a##b
#define JOULERY_DETAIL_JOIN(a, b) JOULERY_DETAIL_JOIN_(a, b)

/// Makes the rest of the block the scope `name`, as `::joulery::scope s{name};` does, without a
/// variable name.
#define JOULERY_SCOPE(name) \
    const ::joulery::scope JOULERY_DETAIL_JOIN(joulery_scope_, __COUNTER__) { name }

/// Makes the rest of the function a scope with the function's name.
#define JOULERY_FUNCTION() JOULERY_SCOPE(__func__)
