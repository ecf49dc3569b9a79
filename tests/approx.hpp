// tests/approx.hpp - equal but for a share of the value, however small the value is.
#pragma once

#include <doctest/doctest.h>

/// doctest's own Approx adds 1 to what it takes a share of, so that of microjoules all are equal.
inline doctest::Approx approx(double x) { return doctest::Approx(x).scale(0.0); }
