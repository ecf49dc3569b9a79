// json_lines.hpp - one line of JSON for each interval of a run, for followers.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/report.hpp"

#include <string>

namespace joulery {
inline namespace v1 {

/// One interval as a JSON object on a line, with its newline, as in a `.jsonl` report. Members:
/// `run`, `run_name` and `hardware`, `interval` (1, 2, ...), `last`, `begin_unix_s`, `end_unix_s`;
/// `so_far_j` and `so_far_s` of the run; of the interval `seconds`, `energy_j`, `unscoped_j`,
/// `co2e_g`, `quality`, `watts` by channel and `scopes`. Only scopes that were active are listed,
/// each with `path`, `energy_j`, `self_j`, `uncertainty_j`, `co2e_g`, `calls`, `seconds`; if it has
/// any, `items`, `item` and `busy_seconds`; for recorded calls `p50_s`, `p99_s`, `p50_j`, `p99_j`,
/// `call_method`.
///
/// Units:  in the names. Cost: linear in the rows. Fails: never; a not-a-number becomes null.
///
///     o.on_interval = [](const interval_report& i) { send(to_json_line(i)); };
[[nodiscard]] JOULERY_DECL std::string to_json_line(const interval_report& i);

/// A whole run as its only interval.
[[nodiscard]] JOULERY_DECL std::string to_json_line(const report& r);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/json.hpp"
#include "joulery/detail/report/figures.hpp"
#include "joulery/quality.hpp"
#include "joulery/report_io.hpp"

#include <string_view>

namespace joulery {
inline namespace v1 {

namespace detail {

/// Appends the members of an object.
class json_object {
 public:
    explicit json_object(std::string& out) : out_(out) { out_ += '{'; }
    json_object(const json_object&) = delete;
    json_object& operator=(const json_object&) = delete;
    ~json_object() { out_ += '}'; }
    std::string& member(std::string_view name) {
        if (!first_) out_ += ',';
        first_ = false;
        append_json_string(out_, name);
        out_ += ':';
        return out_;
    }
    void text(std::string_view name, std::string_view value) {
        append_json_string(member(name), value);
    }
    void number(std::string_view name, double value) { append_json_number(member(name), value); }

 private:
    std::string& out_;
    bool first_ = true;
};

[[nodiscard]] inline bool has_anything(const scope_row& row) noexcept {
    return row.calls > 0 || row.total != energy{} || row.time.count() > 0 || row.items != 0;
}

inline void put_scope(std::string& out, const scope_row& row) {
    json_object o(out);
    o.text("path", row.path);
    o.number("energy_j", row.total.joules());
    o.number("self_j", row.self.joules());
    o.number("uncertainty_j", row.uncertainty.joules());
    o.number("co2e_g", row.co2e.grams());
    o.number("calls", static_cast<double>(row.calls));
    o.number("seconds", row.time.count());
    if (row.busy_time) o.number("busy_seconds", row.busy_time->count());
    if (row.call_time.max.count() > 0) {
        o.number("p50_s", row.call_time.p50.count());
        o.number("p99_s", row.call_time.p99.count());
    }
    if (row.call_energy.max.joules() > 0) {
        o.number("p50_j", row.call_energy.p50.joules());
        o.number("p99_j", row.call_energy.p99.joules());
        o.text("call_method", row.call_method);
    }
    if (row.items == 0) return;
    o.number("items", row.items);
    o.text("item", row.item_name);
}

inline void put_run(json_object& o, const interval_report& i) {
    const run_context& context = i.so_far.context;
    const double begun = context.started.unix_seconds();
    const double end = begun + context.duration.count();
    o.text("run", context.run_id);
    o.text("run_name", context.run_name);
    o.text("hardware", hardware_of(context));
    o.number("interval", static_cast<double>(i.number));
    o.member("last") += i.is_last ? "true" : "false";
    o.number("begin_unix_s", end - i.window.context.duration.count());
    o.number("end_unix_s", end);
    o.number("so_far_j", knows_energy(i.so_far) ? i.so_far.total.joules() : not_a_number());
    o.number("so_far_s", context.duration.count());
}

}  // namespace detail

JOULERY_DECL std::string to_json_line(const interval_report& i) {
    const shown_report window(i.window);
    const report& w = *window;
    std::string out;
    {
        detail::json_object o(out);
        detail::put_run(o, i);
        o.number("seconds", w.context.duration.count());
        o.number("energy_j", w.total.joules());
        o.number("unscoped_j", w.unscoped.joules());
        o.number("co2e_g", w.co2e.grams());
        o.text("quality", to_text(w.provenance));
        o.member("watts");
        {
            detail::json_object watts(out);
            const double s = w.context.duration.count();
            for (const channel_row& c : w.channels)
                watts.number(c.id, s > 0 ? c.total.joules() / s : 0);
        }
        o.member("scopes") += '[';
        bool first = true;
        for (const scope_row& row : w.scopes) {
            if (!detail::has_anything(row)) continue;
            if (!first) out += ',';
            first = false;
            detail::put_scope(out, row);
        }
        out += ']';
    }
    out += '\n';
    return out;
}

JOULERY_DECL std::string to_json_line(const report& r) {
    interval_report whole;
    whole.number = 1;
    whole.window = whole.so_far = r;
    whole.is_last = true;
    return to_json_line(whole);
}

}  // namespace v1
}  // namespace joulery

#endif
