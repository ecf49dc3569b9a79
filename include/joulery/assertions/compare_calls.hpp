// compare_calls.hpp - compares the cost of two pieces of code, measured in turns.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/assertions/claim.hpp"
#include "joulery/assertions/measure.hpp"
#include "joulery/detail/core/unit_text.hpp"

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// Two measurements taken in turns, so that changes of the machine affect both.
struct call_comparison {
    measurement a, b;
    testing::confidence_interval ratio;  ///< joules per call of `a` over those of `b`, 95 %
};

namespace testing {

namespace detail {

/// Mean of a / b over pairs of neighboring batches; disturbances that affect both cancel.
[[nodiscard]] inline confidence_interval ratio_of(const std::vector<double>& a,
                                                  const std::vector<double>& b, double resolution) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) ratios.push_back(a[i] / b[i]);
    return sure_interval(ratios, resolution);
}

[[nodiscard]] inline double relative_resolution(const measurement& m) {
    double worst = 0;
    for (const energy_batch& b : m.batches)
        worst = std::fmax(worst, b.resolution.joules() / std::fabs(b.used.joules()));
    return worst;
}

inline confidence_interval ratio_of(const measurement& a, const measurement& b) {
    const double x = relative_resolution(a), y = relative_resolution(b);
    return ratio_of(a.samples(), b.samples(), std::sqrt(x * x + y * y));
}

}  // namespace detail

/// The verdict on "a uses less than `factor` times what b uses".
[[nodiscard]] inline check_result judge_less(const call_comparison& c, double factor) {
    if (!is_positive(factor)) return mistaken("the factor is not a number above zero");
    for (const measurement* m : {&c.a, &c.b})
        if (std::string why = why_unchecked(*m); !why.empty())
            return {verdict::skipped, std::move(why)};
    verdict v = place(c.ratio, -1e308, factor);
    for (const measurement* m : {&c.a, &c.b}) v = trusted(v, *m, true);
    std::string text = "the first uses " + percent_text(c.ratio.middle) +
                       " (95 %: " + percent_text(c.ratio.low) + " to " +
                       percent_text(c.ratio.high) + ") of the second, which " +
                       (v == verdict::holds ? "is" : (v == verdict::fails ? "is not" : "may be")) +
                       " less than " + percent_text(factor);
    const auto side = [](const char* name, const measurement& m) {
        return std::string("\n  ") + name + ": " +
               detail::interval_text<energy>(m, detail::interval_of(m, energy{})) + ", " +
               circumstances(m);
    };
    text += side("first", c.a) + side("second", c.b);
    if (v == verdict::inconclusive)
        text += "\n  to do: measure for longer (measure_options::max_time, precision)";
    if (v == verdict::fails)
        text +=
            "\n  to do: find the regression (a report by scope shows it), or change the "
            "factor on purpose";
    return {v, std::move(text), {}, c.ratio, "ratio"};
}

}  // namespace testing

/// Measures two pieces of code in turns, one batch of each at a time.
///
///     auto c = joulery::compare_calls([&] { run(int8); }, [&] { run(fp32); });
///     c.ratio.middle;   // 0.63
template <class A, class B>
call_comparison compare_calls(meter& on, A&& a, B&& b, const measure_options& o = {}) {
    namespace parts = testing::detail;
    call_comparison c;
    if (parts::has_no_channel(on, c.a)) {
        c.b = c.a;
        parts::call_and_use(a);
        parts::call_and_use(b);
        return c;
    }
    auto first = [&]() -> decltype(auto) { return a(); };
    auto second = [&]() -> decltype(auto) { return b(); };
    testing::interleaved_run run(on, o);
    if (parts::is_out_of_time(run, c.a)) {
        c.b = c.a;
        parts::call_and_use(a);
        parts::call_and_use(b);
        return c;
    }
    run.add(parts::batch_ref::to(first));
    run.add(parts::batch_ref::to(second));
    run.run([&] {
        return parts::is_narrow(run[0].batches, o.precision) &&
               parts::is_narrow(run[1].batches, o.precision);
    });
    const auto fill = [&](measurement& m, std::size_t i) {
        m.batches = run[i].batches;
        m.calls_per_batch = run[i].calls;
        parts::finish(m, on, run);
    };
    fill(c.a, 0);
    fill(c.b, 1);
    if (c.a && c.b) c.ratio = parts::ratio_of(c.a, c.b);
    return c;
}
template <class A, class B>
call_comparison compare_calls(A&& a, B&& b, const measure_options& o = {}) {
    return compare_calls(testing::measuring_meter(), a, b, o);
}

/// JOULERY_CHECK_ENERGY(uses_less_than(a, b, 0.9)): a call of `a` costs less than 0.9 of one of
/// `b`.
template <class A, class B>
testing::check_result uses_less_than(A&& a, B&& b, double factor = 1,
                                     const measure_options& o = {}) {
    return testing::judge_less(compare_calls(a, b, o), factor);
}
template <class A, class B>
testing::check_result uses_less_than(meter& on, A&& a, B&& b, double factor = 1,
                                     const measure_options& o = {}) {
    return testing::judge_less(compare_calls(on, a, b, o), factor);
}

}  // namespace v1
}  // namespace joulery
