// trace_json.hpp - a report as a timeline, for ui.perfetto.dev and chrome://tracing.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/report.hpp"

#include <string>

namespace joulery {
inline namespace v1 {

/// The report in the Trace Event Format: recorded calls of scopes as slices with their joules
/// (without recorded calls, the long calls of the history), and the power of every channel as
/// counters.
///
/// Fails:  never; without a history and recorded slices the trace has only names.
///
///     write_report(r, "run.trace.json");   // open it in ui.perfetto.dev
[[nodiscard]] JOULERY_DECL std::string to_trace_json(const report& r);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/json.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/detail/report/scope_tree.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace joulery {
inline namespace v1 {

namespace detail {

/// Appends events of the Trace Event Format. Times are in microseconds, to the nanosecond. End
/// times are rounded, not lengths, so that nested and adjacent scopes stay so in readers that use
/// whole nanoseconds.
class trace_writer {
 public:
    explicit trace_writer(const report& r) : r_(r) {}

    std::string write() {
        out_ = "{\"displayTimeUnit\": \"ms\",\n\"otherData\": {\"library\": ";
        append_json_string(out_, r_.context.library);
        out_ += ", \"run\": ";
        append_json_string(out_, r_.context.run_name);
        out_ += ", \"hardware\": ";
        append_json_string(out_, hardware_of(r_.context));
        append(out_, {", \"started\": \"", r_.context.started.to_iso8601(),
                      "\", \"slices_dropped\": \"", r_.slices.dropped, "\"},\n\"traceEvents\": ["});
        names();
        slices();
        counters();
        out_ += "]}\n";
        return out_;
    }

 private:
    void begin(const char* phase, std::string_view name) {
        out_.append(first_ ? "\n" : ",\n").append("{\"ph\": \"").append(phase);
        out_ += "\", \"pid\": 1, \"name\": ";
        append_json_string(out_, name);
        first_ = false;
    }
    void microseconds(const char* key, std::int64_t nanoseconds) {
        out_.append(", \"").append(key).append("\": ");
        append_json_number(out_, static_cast<double>(nanoseconds) / 1000);
    }

    void names() {
        begin("M", "process_name");
        out_ += ", \"tid\": 0, \"args\": {\"name\": ";
        append_json_string(out_, r_.context.run_name.empty() ? "joulery" : r_.context.run_name);
        out_ += "}}";
        for (std::size_t t = 0; t < r_.slices.threads.size(); ++t) {
            begin("M", "thread_name");
            append(out_, {", \"tid\": ", t + 1, ", \"args\": {\"name\": "});
            append_json_string(out_, r_.slices.threads[t]);
            out_ += "}}";
        }
    }

    void slices() {
        const scope_tree tree(r_);
        for (const scope_slice* s :
             in_order(r_.slices.slices.empty() ? r_.history.bands : r_.slices.slices)) {
            if (s->scope >= r_.scopes.size()) continue;
            const scope_row& row = r_.scopes[s->scope];
            begin("X", r_.scopes[s->scope].name);
            append(out_, {", \"cat\": \"scope\", \"tid\": ", s->thread + 1});
            const std::int64_t begin = whole_nanoseconds(s->begin);
            const std::int64_t end = whole_nanoseconds(s->begin + s->length);
            microseconds("ts", begin);
            microseconds("dur", std::max(end - begin, std::int64_t{0}));
            out_ += ", \"args\": {\"path\": ";
            append_json_string(out_, row.path);
            if (s->joules - s->joules == 0) {
                out_ += ", \"joules\": ";
                append_json_number(out_, s->joules);
            }
            append(out_, {", \"quality\": \"", to_text(row.provenance), "\"}}"});
        }
    }

    // Sorted by begin, and the longest first among equal begins, because some readers must see a
    // scope before the scopes inside.
    static list<const scope_slice*> in_order(const std::vector<scope_slice>& slices) {
        list<const scope_slice*> order;
        for (const scope_slice& s : slices) order.push_back(&s);
        std::stable_sort(order.begin(), order.end(),
                         [](const scope_slice* a, const scope_slice* b) {
                             const double x = real(a->begin), y = real(b->begin);
                             return x != y ? x < y : real(a->length) > real(b->length);
                         });
        return order;
    }
    static double real(seconds t) noexcept { return is_finite(t.count()) ? t.count() : 0; }
    // The range that readers support: not below 0, where they drop events, and far from the end of
    // 64 bits.
    static std::int64_t whole_nanoseconds(seconds t) noexcept {
        const double ns = t.count() * 1e9;
        return is_nan(ns) || ns <= 0 ? 0 : std::llround(std::min(ns, 4e18));
    }

    // A step without a value is omitted; the last step is ended, so that its power ends.
    void counters() {
        const power_history& h = r_.history;
        for (std::size_t c = 0; c < h.watts.size() && c < r_.channels.size(); ++c) {
            const std::string name = concat({"power ", r_.channels[c].id});
            for (std::size_t i = 0; i < h.watts[c].size(); ++i)
                counter(name, h.begin + h.step * static_cast<double>(i), h.watts[c][i]);
            if (!h.watts[c].empty())
                counter(name, h.begin + h.step * static_cast<double>(h.watts[c].size()), 0);
        }
    }

    void counter(const std::string& name, seconds at, double watts) {
        if (!is_finite(watts)) return;
        begin("C", name);
        out_ += ", \"tid\": 0";
        microseconds("ts", whole_nanoseconds(at));
        out_ += ", \"args\": {\"W\": ";
        append_json_number(out_, watts);
        out_ += "}}";
    }

    const report& r_;
    std::string out_;
    bool first_ = true;
};

}  // namespace detail

JOULERY_DECL std::string to_trace_json(const report& r) { return detail::trace_writer(r).write(); }

}  // namespace v1
}  // namespace joulery

#endif
