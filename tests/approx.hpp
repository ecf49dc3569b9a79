// tests/approx.hpp - equality within a relative tolerance, however small the value is.
#pragma once

#include <doctest/doctest.h>

#include <limits>

/// doctest's own Approx adds 1 to the value before scaling, so that all microjoules are equal. With
/// the smallest number instead, 0 equals only 0. Differences of larger values, which are near 0
/// except for rounding, set their own `.scale()`.
inline doctest::Approx approx(double x) {
    return doctest::Approx(x).scale(std::numeric_limits<double>::min());
}
