// checks.hpp - energy checks for doctest, Catch2, GoogleTest, or no framework.
// SPDX-License-Identifier: MIT
//
// Include it after the test framework, if there is one: without a framework, verdicts are printed
// and counted (check_log.hpp). No macro of a framework is redefined.
//
//     TEST_CASE("int8 inference costs less than fp32") {
//         JOULERY_CHECK_ENERGY(uses_less_than(int8, fp32, 0.9));     // in turns: for any machine
//     }
//     TEST_CASE("inference stays below 2 mJ") {
//         auto m = joulery::measure([&] { return net.infer(x); });
//         JOULERY_CHECK_ENERGY(m, < 2_mJ);                           // joules a call
//         JOULERY_CHECK_ENERGY(m, == between(1_mJ, 2_mJ));
//         JOULERY_CHECK_ENERGY(m, < 50_W);                           // mean power
//         JOULERY_CHECK_ENERGY(m, < 12_g);                           // CO2e a call
//         JOULERY_CHECK_ENERGY(m.per_item(64), < 30_uJ);
//         JOULERY_CHECK_ENERGY_BASELINE(m, "conv3x3", within(10_percent));
//     }
//
// A check fails only if the whole confidence interval is on the wrong side of the limit. If the
// interval straddles the limit, or if other work on the machine may explain the result, the check
// warns, and fails with JOULERY_ENERGY_STRICT=1. Without a measured channel, or under a sanitizer
// or valgrind, it is skipped with the reason, and fails with JOULERY_ENERGY_STRICT=all.
#pragma once

#include "joulery/assertions/baseline_check.hpp"
#include "joulery/assertions/build_key.hpp"
#include "joulery/assertions/check_log.hpp"
#include "joulery/assertions/claim.hpp"
#include "joulery/assertions/compare_calls.hpp"
#include "joulery/assertions/measure.hpp"
#include "joulery/units.hpp"

#include <cstdio>
#include <string>

#if defined(CATCH_VERSION_MAJOR)
#include <iostream>
#endif

// JOULERY_DETAIL_TELL_*(text): passes each of the four verdicts to the framework in use.
#if defined(DOCTEST_LIBRARY_INCLUDED)
#define JOULERY_DETAIL_TELL_HOLDS(text) DOCTEST_CHECK_MESSAGE(true, text)
// An assertion, because doctest's JUnit output omits messages.
#define JOULERY_DETAIL_TELL_FAILS(text)                  \
    do {                                                 \
        const bool energy_check_holds = false;           \
        DOCTEST_CHECK_MESSAGE(energy_check_holds, text); \
    } while (false)
#define JOULERY_DETAIL_TELL_WARNS(text) DOCTEST_ADD_MESSAGE_AT(__FILE__, __LINE__, text)
#define JOULERY_DETAIL_TELL_SKIPS(text) DOCTEST_ADD_MESSAGE_AT(__FILE__, __LINE__, text)
#elif defined(CATCH_VERSION_MAJOR)
// Only two of its reporters show warnings, but all keep output to std::cout.
#define JOULERY_DETAIL_TELL_WARNS(text) \
    (std::cout << __FILE__ << ":" << __LINE__ << ": warning: " << (text) << std::endl)
#define JOULERY_DETAIL_TELL_SKIPS(text) JOULERY_DETAIL_TELL_WARNS(text)
#if defined(CATCH_CONFIG_PREFIX_ALL)
#define JOULERY_DETAIL_TELL_HOLDS(text) CATCH_SUCCEED(text)
#define JOULERY_DETAIL_TELL_FAILS(text) CATCH_FAIL_CHECK(text)
#else
#define JOULERY_DETAIL_TELL_HOLDS(text) SUCCEED(text)
#define JOULERY_DETAIL_TELL_FAILS(text) FAIL_CHECK(text)
#endif
#elif defined(GTEST_MESSAGE_AT_)
// A skip that does not leave the test, so that its other checks run. GoogleTest has no warnings, so
// they are printed. All results are properties in the XML.
#define JOULERY_DETAIL_GTEST_PROPERTY(text) \
    ::testing::Test::RecordProperty("energy_line_" + std::to_string(__LINE__), (text))
#define JOULERY_DETAIL_TELL_HOLDS(text) JOULERY_DETAIL_GTEST_PROPERTY(text)
#define JOULERY_DETAIL_TELL_FAILS(text)  \
    JOULERY_DETAIL_GTEST_PROPERTY(text); \
    GTEST_MESSAGE_AT_(__FILE__, __LINE__, "", ::testing::TestPartResult::kNonFatalFailure) << (text)
#define JOULERY_DETAIL_TELL_WARNS(text)                                       \
    (std::printf("%s:%d: warning: %s\n", __FILE__, __LINE__, (text).c_str()), \
     JOULERY_DETAIL_GTEST_PROPERTY(text))
#define JOULERY_DETAIL_TELL_SKIPS(text)  \
    JOULERY_DETAIL_GTEST_PROPERTY(text); \
    GTEST_MESSAGE_AT_(__FILE__, __LINE__, "", ::testing::TestPartResult::kSkip) << (text)
#endif

#if defined(JOULERY_DETAIL_TELL_HOLDS)
#define JOULERY_DETAIL_REPORT(result, claim)                                                \
    do {                                                                                    \
        const ::joulery::v1::testing::detail::final_check joulery_check =                   \
            ::joulery::v1::testing::detail::conclude((result), {claim, __FILE__, __LINE__}, \
                                                     JOULERY_DETAIL_SANITIZER);             \
        switch (joulery_check.outcome) {                                                    \
            case ::joulery::v1::testing::verdict::holds:                                    \
                JOULERY_DETAIL_TELL_HOLDS(joulery_check.text);                              \
                break;                                                                      \
            case ::joulery::v1::testing::verdict::fails:                                    \
                JOULERY_DETAIL_TELL_FAILS(joulery_check.text);                              \
                break;                                                                      \
            case ::joulery::v1::testing::verdict::inconclusive:                             \
                JOULERY_DETAIL_TELL_WARNS(joulery_check.text);                              \
                break;                                                                      \
            case ::joulery::v1::testing::verdict::skipped:                                  \
                JOULERY_DETAIL_TELL_SKIPS(joulery_check.text);                              \
                break;                                                                      \
        }                                                                                   \
    } while (false)
#else
#define JOULERY_DETAIL_REPORT(result, claim)                                            \
    ::joulery::v1::testing::detail::tell_plainly(                                       \
        ::joulery::v1::testing::detail::conclude((result), {claim, __FILE__, __LINE__}, \
                                                 JOULERY_DETAIL_SANITIZER),             \
        {claim, __FILE__, __LINE__})
#endif

// (m, < 2_mJ) is a subject and a claim; (uses_less_than(...)) is a complete result.
#define JOULERY_DETAIL_ALONE(result) ::joulery::v1::testing::subject(result)
#define JOULERY_DETAIL_CLAIM(measured, claim) ::joulery::v1::testing::subject(measured) claim
#define JOULERY_DETAIL_PICK(a, b, chosen, ...) chosen

/// Checks what a measurement costs: `JOULERY_CHECK_ENERGY(m, < 2_mJ)`; or a complete result:
/// `JOULERY_CHECK_ENERGY(uses_less_than(a, b, 0.9))`.
#define JOULERY_CHECK_ENERGY(...)                                                     \
    JOULERY_DETAIL_REPORT((JOULERY_DETAIL_PICK(__VA_ARGS__, JOULERY_DETAIL_CLAIM,     \
                                               JOULERY_DETAIL_ALONE, )(__VA_ARGS__)), \
                          #__VA_ARGS__)

/// Checks that a measurement costs no more than the baseline with that name, within a tolerance:
/// `JOULERY_CHECK_ENERGY_BASELINE(m, "conv3x3", within(10_percent))`.
#define JOULERY_CHECK_ENERGY_BASELINE(measured, ...)                                       \
    JOULERY_DETAIL_REPORT(                                                                 \
        ::joulery::v1::testing::check_baseline(                                            \
            (measured),                                                                    \
            ::joulery::v1::testing::baseline_place_of(                                     \
                __FILE__, ::joulery::v1::testing::build_key(JOULERY_DETAIL_BUILD,          \
                                                            JOULERY_DETAIL_INSTRUCTIONS)), \
            __VA_ARGS__),                                                                  \
        #__VA_ARGS__)
