// compare.hpp - compares two reports, scope by scope.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/report.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace joulery {
inline namespace v1 {

/// How the second report's energy compares with the first's, given the error bars.
enum class comparison_verdict : unsigned char {
    lower,          ///< b uses less: the error bars (k = 2) do not overlap
    higher,         ///< b uses more
    none,           ///< no difference outside the error bars
    only_in_a,      ///< b has no such scope
    only_in_b,      ///< a has no such scope
    not_comparable  ///< an uncertainty is missing, or the items differ in kind
};

[[nodiscard]] constexpr std::string_view to_text(comparison_verdict d) noexcept {
    constexpr std::string_view names[] = {"lower",     "higher",    "no difference",
                                          "only in a", "only in b", "not comparable"};
    return names[static_cast<unsigned>(d)];
}

/// One scope in both reports. J/item is compared if both count the same items, else J.
struct compared_scope {
    std::string path;
    const scope_row* a = nullptr;  ///< points into the report, which must outlive this
    const scope_row* b = nullptr;
    bool per_item = false;
    double ratio = 0;        ///< energy of b over a, per item where `per_item`; 0: none
    double uncertainty = 0;  ///< of the ratio, k = 2
    comparison_verdict verdict = comparison_verdict::not_comparable;
};

struct comparison {
    std::vector<compared_scope> scopes;  ///< those of a in their order, then those only in b
    std::vector<std::string> notes;      ///< why the two are less comparable
};

/// Compares two reports. A difference counts only if it exceeds both error bars combined (root of
/// the sum of squares, k = 2); otherwise the verdict is "no difference".
///
/// Fails:  never; scopes that can't be compared have the verdict `not_comparable`. Keeps pointers
///         into both reports.
///
///     std::cout << to_text(compare(before, after));
[[nodiscard]] JOULERY_DECL comparison compare(const report& a, const report& b);

comparison compare(report&&, const report&) = delete;  // the rows would dangle
comparison compare(const report&, report&&) = delete;
comparison compare(report&&, report&&) = delete;

/// A table: scope, then joules, J/item, CO2e and time of both, the ratio and the verdict.
///
/// Thread: any. Cost: linear in the scopes. Fails: never.
[[nodiscard]] JOULERY_DECL std::string to_text(const comparison& c);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/carbon/format_significant.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/core/utf8.hpp"
#include "joulery/detail/report/text_grid.hpp"

#include <cmath>
#include <unordered_map>

namespace joulery {
inline namespace v1 {

namespace detail {

inline void judge(compared_scope& s) {
    if (!s.a || !s.b) {
        s.verdict = s.a ? comparison_verdict::only_in_a : comparison_verdict::only_in_b;
        return;
    }
    if ((s.a->items > 0 || s.b->items > 0) && s.a->item_name != s.b->item_name) return;
    s.per_item = s.a->items > 0 && s.b->items > 0;
    const double per_a = s.per_item ? s.a->items : 1, per_b = s.per_item ? s.b->items : 1;
    const double a = s.a->total.joules() / per_a, b = s.b->total.joules() / per_b;
    if (!is_positive(a) || !is_positive(b)) return;
    s.ratio = b / a;
    const double ua = s.a->uncertainty.joules() / per_a, ub = s.b->uncertainty.joules() / per_b;
    // A missing error bar means that the uncertainty is unknown, not zero.
    if (!is_positive(ua) || !is_positive(ub)) return;
    s.uncertainty = s.ratio * std::hypot(ua / a, ub / b);
    const double gap = std::fabs(b - a);
    if (gap <= std::hypot(ua, ub))
        s.verdict = comparison_verdict::none;
    else
        s.verdict = b < a ? comparison_verdict::lower : comparison_verdict::higher;
}

inline void note_conditions(const report& a, const report& b, std::vector<std::string>& notes) {
    const auto differ = [&](const char* what, const std::string& x, const std::string& y) {
        if (x != y) notes.push_back(concat({what, " differ: ", x, " and ", y}));
    };
    const run_context &x = a.context, &y = b.context;
    differ("processors", x.cpu, y.cpu);
    differ("attributions", x.attribution, y.attribution);
    differ("places", x.carbon.grid.place, y.carbon.grid.place);
    const grid_factor &f = x.carbon.grid, &g = y.carbon.grid;
    if (f.boundary != g.boundary || f.accounting != g.accounting || f.kind != g.kind ||
        f.method != g.method)
        notes.push_back(concat({"CO2e is defined differently: ", f.boundary, "/", f.accounting, "/",
                                f.kind, "/", f.method, " and ", g.boundary, "/", g.accounting, "/",
                                g.kind, "/", g.method}));
    differ("qualities", std::string(to_text(a.provenance)), std::string(to_text(b.provenance)));
}

/// The rows of a report by path; the first one if several share a path.
inline std::unordered_map<std::string_view, const scope_row*> rows_by_path(const report& r) {
    std::unordered_map<std::string_view, const scope_row*> rows;
    rows.reserve(r.scopes.size());
    for (const scope_row& row : r.scopes) rows.emplace(row.path, &row);
    return rows;
}

}  // namespace detail

JOULERY_DECL comparison compare(const report& a, const report& b) {
    comparison out;
    const auto rows_of_a = detail::rows_by_path(a), rows_of_b = detail::rows_by_path(b);
    for (const scope_row& row : a.scopes) {
        compared_scope s;
        s.path = row.path;
        s.a = &row;
        if (const auto twin = rows_of_b.find(row.path); twin != rows_of_b.end()) s.b = twin->second;
        detail::judge(s);
        out.scopes.push_back(s);
    }
    for (const scope_row& row : b.scopes) {
        if (rows_of_a.count(row.path) > 0) continue;
        compared_scope s;
        s.path = row.path;
        s.b = &row;
        detail::judge(s);
        out.scopes.push_back(s);
    }
    detail::note_conditions(a, b, out.notes);
    return out;
}

JOULERY_DECL std::string to_text(const comparison& c) {
    const auto of = [](const scope_row* s, auto text) { return s ? text(*s) : std::string("-"); };
    const auto both = [&](const compared_scope& s, auto text) {
        return concat({of(s.a, text), " | ", of(s.b, text)});
    };
    text_grid grid({{"scope"},
                    {"energy a | b", 0, true},
                    {"per item a | b", 0, true},
                    {"CO2e a | b", 0, true},
                    {"time a | b", 0, true},
                    {"b/a", 0, true}});
    for (const compared_scope& s : c.scopes) {
        std::string judged;
        if (s.ratio > 0) {
            judged = format_significant(s.ratio, 3);
            if (s.uncertainty > 0) append(judged, {" +- ", format_significant(s.uncertainty, 2)});
            judged += ", ";
        }
        judged += to_text(s.verdict);
        grid.add({escape_control(s.path),
                  both(s, [](const scope_row& r) { return to_text(r.total); }),
                  both(s,
                       [](const scope_row& r) {
                           return r.items > 0 ? to_text(r.total / r.items) : std::string("-");
                       }),
                  both(s, [](const scope_row& r) { return mass_text(r.co2e); }),
                  both(s, [](const scope_row& r) { return to_text(seconds(r.time)); }), judged});
    }
    std::string out = grid.render(std::string::npos, false);  // a truncated figure would be wrong
    for (const std::string& note : c.notes) append(out, {"note: ", escape_control(note), "\n"});
    return out;
}

}  // namespace v1
}  // namespace joulery

#endif
