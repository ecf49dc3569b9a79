// tests/approx.hpp - equal but for a share of the value, however small the value is.
#pragma once

#include <doctest/doctest.h>

#include <limits>

/// doctest's own Approx adds 1 to what it takes a share of, so that of microjoules all are equal.
/// The smallest number in its place leaves 0 equal to 0 and to nothing else. What is a difference
/// of larger values, and so near 0 but for their rounding, says its own `.scale()`.
inline doctest::Approx approx(double x) {
    return doctest::Approx(x).scale(std::numeric_limits<double>::min());
}
