// known_energy.hpp - whether a report knows any energy, and what formats show if not.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/finite.hpp"
#include "joulery/report.hpp"

#include <optional>

namespace joulery {
inline namespace v1 {

/// Shown instead of a figure that was neither measured nor estimated.
inline constexpr const char* not_measured_text = "not measured";

/// Whether a report knows any energy. Otherwise its zeros mean nothing: a total of zero is a figure
/// only if a working channel is summed.
[[nodiscard]] inline bool knows_energy(const report& r) noexcept {
    const auto is_some = [](energy e) { return !is_nan(e.joules()) && e.joules() != 0; };
    if (is_some(r.total) || is_some(r.overhead.joules)) return true;
    for (const channel_row& c : r.channels)
        if (c.summed && (c.state == "ok" || is_some(c.total))) return true;
    for (const scope_row& s : r.scopes)
        if (is_some(s.total) || is_some(s.self)) return true;
    return false;
}

namespace detail {

/// Calls `f` with each energy and `g` with each mass that a report states.
template <class F, class G>
void each_energy(report& r, F f, G g) {
    for (energy* e : {&r.total, &r.unscoped, &r.overhead.joules}) f(*e);
    g(r.co2e);
    for (channel_row& c : r.channels) {
        f(c.total);
        f(c.unscoped);
    }
    for (scope_row& s : r.scopes) {
        for (energy* e : {&s.total, &s.self, &s.uncertainty}) f(*e);
        for (energy& e : s.by_channel) f(e);
        g(s.co2e);
    }
    for (run_span& run : r.runs)
        for (energy& e : run.by_channel) f(e);
}

}  // namespace detail

/// A report as its formats show it: if no energy is known, all zeros that would look like figures
/// become not-a-number (null in JSON, an empty field in CSV, "n/a" in a table).
///
/// Cost:   none if energy is known, else a copy.
///
///     const shown_report shown(r);
///     write(*shown);
class shown_report {
 public:
    explicit shown_report(const report& r) : shown_(&r) {
        if (knows_energy(r)) return;
        copy_ = r;
        shown_ = &*copy_;
        forget(*copy_);
    }
    shown_report(const shown_report&) = delete;
    shown_report& operator=(const shown_report&) = delete;

    [[nodiscard]] const report& operator*() const noexcept { return *shown_; }
    [[nodiscard]] bool is_known() const noexcept { return !copy_; }

 private:
    static void forget(report& r) {
        detail::each_energy(
            r, [](energy& e) { e = energy::from_joules(not_a_number()); },
            [](emissions& m) { m = emissions::from_grams(not_a_number()); });
    }

    const report* shown_;
    std::optional<report> copy_;
};

/// Restores the zeros that `shown_report` replaced in a report that knows no energy.
inline void restore_zeros(report& r) {
    if (knows_energy(r)) return;
    const auto zero = [](auto& x) { x = {}; };
    detail::each_energy(r, zero, zero);
}

}  // namespace v1
}  // namespace joulery
