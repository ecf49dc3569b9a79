// csv.hpp - a report's scopes as comma-separated values (RFC 4180).
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/report.hpp"

#include <string>

namespace joulery {
inline namespace v1 {

/// A header, one record per scope, then "(outside all scopes)" and "(total)". The column "row"
/// distinguishes them: "scope", "outside", "total". `self_j` of all rows adds up to the run's
/// joules; `total_j` includes the scopes inside.
///
/// Names: "=SUM(A1)" is written "'=SUM(A1)", which spreadsheets show and do not compute.
/// Units:  in the column names; numbers round-trip, with a decimal point in every locale. There is
///         one column per channel, "channel:<id>_j". Fails: never; not-a-number is an empty field.
///
///     std::ofstream("run.csv", std::ios::binary) << to_csv(r);
[[nodiscard]] JOULERY_DECL std::string to_csv(const report& r);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/detail/core/utf8.hpp"
#include "joulery/detail/report/figures.hpp"
#include "joulery/detail/report/scope_tree.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace joulery {
inline namespace v1 {

namespace detail {

/// Appends fields to records: commas between, quotes where needed, CR LF at the end. Text that a
/// spreadsheet would take for a formula is prefixed with an apostrophe; control characters show as
/// "\x1b".
class csv_writer {
 public:
    csv_writer& add(std::string_view text) {
        separate();
        const std::string cell = (is_formula(text) ? "'" : "") + escape_control(text);
        const bool quoted = cell.find_first_of(",;\"") != std::string::npos;
        if (quoted) out_ += '"';
        for (const char c : cell) {
            if (c == '"') out_ += '"';
            out_ += c;
        }
        if (quoted) out_ += '"';
        return *this;
    }
    // Not-a-number and infinities are empty: spreadsheets and data frames read that as missing.
    csv_writer& add(double x) {
        separate();
        if (is_finite(x)) append_number(out_, x);
        return *this;
    }
    csv_writer& add(std::uint64_t n) {
        separate();
        append_number(out_, n);
        return *this;
    }
    void end_record() {
        out_ += "\r\n";
        first_ = true;
    }
    [[nodiscard]] const std::string& text() const noexcept { return out_; }

 private:
    // Text that a spreadsheet would compute or run instead of showing it; full-width '=' (U+FF1D)
    // as well.
    static bool is_formula(std::string_view text) noexcept {
        std::size_t at = 0;
        const char32_t first = text.empty() ? 0 : next_code_point(text, at);
        for (const char32_t c : {U'=', U'+', U'-', U'@'})
            if (first == c || first == c + 0xFEE0) return true;
        return false;
    }

    void separate() {
        if (!first_) out_ += ',';
        first_ = false;
    }
    std::string out_;
    bool first_ = true;
};

}  // namespace detail

JOULERY_DECL std::string to_csv(const report& report_or_none) {
    const shown_report shown(report_or_none);
    const report& r = *shown;
    detail::csv_writer csv;
    for (const char* name :
         {"path", "row", "depth", "calls", "time_s", "total_j", "self_j", "uncertainty_j", "co2e_g",
          "items", "item_name", "j_per_item", "quality", "method", "hardware"})
        csv.add(std::string_view(name));
    for (const channel_row& c : r.channels) csv.add(concat({"channel:", c.id, "_j"}));
    csv.end_record();
    const scope_tree tree(r);
    for (std::size_t i = 0; i < r.scopes.size(); ++i) {
        const scope_row& s = r.scopes[i];
        csv.add(s.path).add("scope").add(static_cast<std::uint64_t>(tree.level[i])).add(s.calls);
        csv.add(s.time.count()).add(s.total.joules()).add(s.self.joules());
        csv.add(s.uncertainty.joules()).add(s.co2e.grams()).add(s.items).add(s.item_name);
        csv.add(s.total.joules() / s.items).add(quality_text(s.total, s.provenance)).add(s.method);
        csv.add(hardware_of(r.context));
        for (std::size_t c = 0; c < r.channels.size(); ++c)
            csv.add(c < s.by_channel.size() ? s.by_channel[c].joules() : 0.0);
        csv.end_record();
    }
    const auto summary = [&](std::string_view name, energy e, bool total) {
        csv.add(name)
            .add(total ? "total" : "outside")
            .add(std::uint64_t{0})
            .add("")
            .add(total ? r.context.duration.count() : 0.0);
        csv.add(e.joules()).add(total && !is_nan(e.joules()) ? 0.0 : e.joules()).add("");
        csv.add(total ? r.co2e.grams() : r.context.carbon.of(e).grams());
        csv.add("").add("").add("").add(quality_text(e, r.provenance)).add("");
        csv.add(hardware_of(r.context));
        for (const channel_row& c : r.channels)
            csv.add(total ? c.total.joules() : c.unscoped.joules());
        csv.end_record();
    };
    summary("(outside all scopes)", r.unscoped, false);
    summary("(total)", r.total, true);
    return csv.text();
}

}  // namespace v1
}  // namespace joulery

#endif
