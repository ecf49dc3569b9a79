// conserved_report.hpp - properties of every report's sums.
#pragma once

#include "joulery/report.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>

/// A row has its own energy plus its children's; the machine's energy is attributed exactly once.
/// `inclusive`: rows of several threads each have everything and don't add up.
inline void check_conserved_report(const joulery::report& r, bool inclusive = false) {
    const double rounding = 1e-9 * r.total.joules();
    double sum = r.unscoped.joules();
    for (std::size_t i = 0; i < r.scopes.size(); ++i) {
        const joulery::scope_row& row = r.scopes[i];
        double parts = row.self.joules();
        for (const joulery::scope_row& part : r.scopes)
            if (part.parent == i) parts += part.total.joules();
        CHECK(std::fabs(row.total.joules() - parts) <= rounding);
        CHECK(row.self.joules() >= -1e-9);
        sum += row.self.joules();
    }
    if (!inclusive) CHECK(std::fabs(sum - r.total.joules()) <= rounding);
}
