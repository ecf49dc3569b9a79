// check_tally.hpp - the verdicts of a program that has no test framework.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/assertions/verdict.hpp"

#include <atomic>
#include <cstdio>
#include <string>

namespace joulery {
inline namespace v1 {
namespace testing {

/// How many checks came to which verdict. Thread: any.
struct check_tally {
    std::atomic<unsigned> held{0}, failed{0}, inconclusive{0}, skipped{0};

    void add(verdict v) noexcept {
        std::atomic<unsigned>* const counts[] = {&held, &failed, &inconclusive, &skipped};
        ++*counts[static_cast<unsigned>(v)];
    }
};

/// Of all checks made without a test framework.
inline check_tally plain_checks;

/// For `main`: 1 where a check failed, 77 where all were skipped (ctest's SKIP_RETURN_CODE,
/// automake's convention), else 0.
///
///     int main() { JOULERY_CHECK_ENERGY(m, < 2_mJ);  return joulery::testing::exit_code(); }
[[nodiscard]] inline int exit_code() noexcept {
    if (plain_checks.failed > 0) return 1;
    const bool none_made = plain_checks.held + plain_checks.inconclusive == 0;
    return none_made && plain_checks.skipped > 0 ? 77 : 0;
}

namespace detail {

/// Prints a verdict, except the good news, and counts it.
inline void report_plainly(const check_result& r, const char* claim, const char* file, int line) {
    const verdict v = judged(r.outcome, strictness_asked_for());
    plain_checks.add(v);
    const bool ok = v == verdict::holds;
    std::fprintf(ok ? stdout : stderr, "%s:%d: %s: %s: %s\n", file, line, claim,
                 std::string(to_text(v)).c_str(), r.message.c_str());
}

/// "energy check JOULERY_CHECK_ENERGY(m, < 2_mJ) fails: ..." for a test framework's own report.
[[nodiscard]] inline std::string framework_text(const check_result& r, const char* claim) {
    return std::string("energy check ") + claim + ": " + std::string(to_text(r.outcome)) + ": " +
           r.message;
}

}  // namespace detail

}  // namespace testing
}  // namespace v1
}  // namespace joulery
