// otlp.hpp - a report as OpenTelemetry metrics in OTLP's JSON form.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/report.hpp"

#include <string>

namespace joulery {
inline namespace v1 {

/// The report as an OTLP/JSON metrics request, which collectors accept as a file (otlpjsonfile
/// receiver) or by HTTP at /v1/metrics.
///
/// Units: joules, seconds, grams; sums are cumulative from the run's start. Fails: never.
///
///     write_report(r, "run.otlp.json");   // curl -d @run.otlp.json collector:4318/v1/metrics
[[nodiscard]] JOULERY_DECL std::string to_otlp_json(const report& r);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/json.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/detail/report/figures.hpp"

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace joulery {
inline namespace v1 {

namespace detail {

/// Appends an ExportMetricsServiceRequest in proto3's JSON mapping: 64-bit integers are strings,
/// enumerations are numbers, unknown values are points without a value.
class otlp_writer {
 public:
    explicit otlp_writer(const report& r) : r_(r) {}

    std::string write() {
        const run_context& c = r_.context;
        out_ = "{\"resourceMetrics\": [{\"resource\": ";
        attributes({{"service.name", c.run_name.empty() ? "joulery" : c.run_name},
                    {"service.instance.id", c.run_id},
                    {"host.name", c.host},
                    {"host.id", c.machine},
                    {"host.cpu.model.name", c.cpu},
                    {"joulery.hardware", c.hardware},
                    {"os.description", c.os}});
        out_ += "},\n\"scopeMetrics\": [{\"scope\": {\"name\": \"joulery\", \"version\": ";
        append_json_string(out_, version_of(c.library));
        out_ += "}, \"metrics\": [";
        channels();
        machine();
        scopes();
        out_ += "]}]}]}\n";
        return out_;
    }

 private:
    struct attribute {
        attribute(std::string_view k, std::string_view text) : key(k), value(text) {}
        attribute(std::string_view k, const char* text) : key(k), value(text) {}
        attribute(std::string_view k, const std::string& text) : key(k), value(text) {}
        attribute(std::string_view k, bool t) : key(k), truth(t), is_truth(true) {}

        std::string_view key, value;
        bool truth = false, is_truth = false;
    };

    // "joulery 0.1.0" is name and version; the instrumentation scope has its own version field.
    static std::string_view version_of(std::string_view library) noexcept {
        constexpr std::string_view name = "joulery ";
        return library.substr(0, name.size()) == name ? library.substr(name.size()) : library;
    }

    // Leaves the object open; the caller closes it. Unknown values are omitted.
    void attributes(std::initializer_list<attribute> list) {
        out_ += "{\"attributes\": [";
        const char* separator = "";
        for (const attribute& a : list) {
            if (!a.is_truth && a.value.empty()) continue;
            out_.append(separator).append("{\"key\": ");
            append_json_string(out_, a.key);
            out_ += ", \"value\": {";
            if (a.is_truth) {
                out_.append("\"boolValue\": ").append(a.truth ? "true" : "false");
            } else {
                out_ += "\"stringValue\": ";
                append_json_string(out_, a.value);
            }
            out_ += "}}";
            separator = ", ";
        }
        out_ += "]";
    }

    void begin(std::string_view name, std::string_view unit, std::string_view what) {
        out_ += first_metric_ ? "\n{\"name\": " : ",\n{\"name\": ";
        append_json_string(out_, name);
        out_ += ", \"unit\": ";
        append_json_string(out_, unit);
        out_ += ", \"description\": ";
        append_json_string(out_, what);
        out_ +=
            ",\n \"sum\": {\"aggregationTemporality\": 2, \"isMonotonic\": true, \"dataPoints\": [";
        first_metric_ = false;
        first_point_ = true;
    }
    void end() { out_ += "]}}"; }

    void point(std::initializer_list<attribute> list, double value) {
        out_ += first_point_ ? "\n  " : ",\n  ";
        first_point_ = false;
        attributes(list);
        const double begin = r_.context.started.unix_seconds();
        nanoseconds(", \"startTimeUnixNano\": \"", begin);
        nanoseconds("\", \"timeUnixNano\": \"", begin + r_.context.duration.count());
        out_ += '"';
        if (is_nan(value)) {
            out_ += ", \"flags\": 1";  // no recorded value
        } else {
            out_ += ", \"asDouble\": ";
            if (is_finite(value))
                append_number(out_, value);
            else
                out_ += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
        }
        out_ += '}';
    }

    void nanoseconds(const char* before, double unix_seconds) {
        out_ += before;
        const bool sound = is_positive(unix_seconds) && unix_seconds < 1.8e10;
        append_number(out_, sound ? static_cast<std::uint64_t>(unix_seconds * 1e9) : 0);
    }

    static std::string_view hardware_type(component part) {
        switch (part) {
            case component::cpu:
                return "cpu";
            case component::gpu:
                return "gpu";
            case component::dram:
                return "memory";
            default:
                return "other";
        }
    }

    // hw.energy is the semantic conventions' name for a component's consumed energy.
    void channels() {
        begin("hw.energy", "J", "Energy consumed by the component");
        for (const channel_row& c : r_.channels)
            point({{"hw.id", c.id},
                   {"hw.type", hardware_type(c.part)},
                   {"hw.parent", c.parent},
                   {"joulery.summed", c.summed},
                   {"joulery.quality", to_text(c.provenance)}},
                  c.total.joules());
        end();
    }

    void machine() {
        const std::string_view q = to_text(r_.provenance);
        begin("joulery.energy", "J", "Energy of the machine during the run");
        point({{"joulery.quality", q}}, r_.total.joules());
        end();
        begin("joulery.unscoped.energy", "J", "Energy outside all scopes");
        point({{"joulery.quality", q}}, r_.unscoped.joules());
        end();
        begin("joulery.emissions", "g", "CO2 equivalent of the energy");
        point({{"joulery.quality", q}, {"joulery.grid", r_.context.carbon.grid.place}},
              r_.co2e.grams());
        end();
    }

    void scopes() {
        each("joulery.scope.energy", "J", "Energy inside a scope, including its children",
             [](const scope_row& s) { return s.total.joules(); });
        each("joulery.scope.self.energy", "J", "Energy inside a scope, without its children",
             [](const scope_row& s) { return s.self.joules(); });
        each("joulery.scope.calls", "{call}", "Times a scope was entered",
             [](const scope_row& s) { return static_cast<double>(s.calls); });
        each("joulery.scope.time", "s", "Time inside a scope, summed over threads",
             [](const scope_row& s) { return s.time.count(); });
        each("joulery.scope.items", "{item}", "Items processed inside a scope",
             [](const scope_row& s) { return s.items; });
    }

    template <class Value>
    void each(std::string_view name, std::string_view unit, std::string_view what, Value value) {
        begin(name, unit, what);
        for (const scope_row& s : r_.scopes)
            point({{"joulery.scope", s.path}, {"joulery.quality", to_text(s.provenance)}},
                  value(s));
        end();
    }

    const report& r_;
    std::string out_;
    bool first_metric_ = true;
    bool first_point_ = true;
};

}  // namespace detail

JOULERY_DECL std::string to_otlp_json(const report& r) {
    const shown_report shown(r);
    return detail::otlp_writer(*shown).write();
}

}  // namespace v1
}  // namespace joulery

#endif
