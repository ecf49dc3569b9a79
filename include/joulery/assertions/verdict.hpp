// verdict.hpp - what a check says: holds, fails, inconclusive, or skipped.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/assertions/statistics.hpp"

#include <cstdlib>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {
namespace testing {

/// A check fails only where the interval lies wholly on the wrong side of its limit.
enum class verdict : unsigned char {
    holds,         ///< the interval lies wholly on the right side
    fails,         ///< it lies wholly on the wrong side
    inconclusive,  ///< it straddles the limit: a warning, a failure in strict mode
    skipped,       ///< nothing was measured
};

[[nodiscard]] constexpr std::string_view to_text(verdict v) noexcept {
    constexpr std::string_view names[] = {"holds", "fails", "inconclusive", "skipped"};
    return names[static_cast<unsigned>(v)];
}

/// A verdict and everything a reader needs to judge it.
struct check_result {
    verdict outcome = verdict::skipped;
    std::string message;
};

/// Where an interval lies against a range of allowed values.
[[nodiscard]] inline verdict place(const interval& i, double lowest, double highest) noexcept {
    if (i.low >= lowest && i.high <= highest) return verdict::holds;
    if (i.high < lowest || i.low > highest) return verdict::fails;
    return verdict::inconclusive;
}

/// What counts as a failure besides `fails`: `JOULERY_ENERGY_STRICT=1` adds what is inconclusive,
/// `=all` what is skipped too (for machines that are known to have a counter).
enum class strictness : unsigned char { lenient, strict, all };

[[nodiscard]] inline strictness parse_strictness(std::string_view text) noexcept {
    if (text.empty() || text == "0" || text == "off") return strictness::lenient;
    return text == "all" ? strictness::all : strictness::strict;
}
[[nodiscard]] inline strictness strictness_asked_for() {
    const char* text = std::getenv("JOULERY_ENERGY_STRICT");
    return parse_strictness(text != nullptr ? text : "");
}

/// How a test framework should treat a result: `inconclusive` and `skipped` as such, or as
/// failures.
[[nodiscard]] inline verdict judged(verdict v, strictness s) noexcept {
    if (v == verdict::inconclusive && s != strictness::lenient) return verdict::fails;
    if (v == verdict::skipped && s == strictness::all) return verdict::fails;
    return v;
}

}  // namespace testing
}  // namespace v1
}  // namespace joulery
