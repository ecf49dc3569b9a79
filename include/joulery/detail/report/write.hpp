// write.hpp - writes a report to a named target, in the format of its ending.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/atomic_file.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/environment_variable.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/detail/core/shared_file.hpp"
#include "joulery/detail/core/utf8.hpp"
#include "joulery/detail/report/text_grid.hpp"
#include "joulery/report_io.hpp"
#include "joulery/writers/csv.hpp"
#include "joulery/writers/html.hpp"
#include "joulery/writers/json_lines.hpp"

#if JOULERY_POSIX()
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {

// Writers whose headers a program may omit: null if no file has their implementation.
#if defined(__GNUC__) && !defined(_WIN32)
#define JOULERY_OPTIONAL_WRITER(name) JOULERY_WEAK std::string name(const report& r)
JOULERY_OPTIONAL_WRITER(to_annex);
JOULERY_OPTIONAL_WRITER(to_codecarbon_csv);
JOULERY_OPTIONAL_WRITER(to_folded);
JOULERY_OPTIONAL_WRITER(to_junit);
JOULERY_OPTIONAL_WRITER(to_markdown);
JOULERY_OPTIONAL_WRITER(to_model_card);
JOULERY_OPTIONAL_WRITER(to_otlp_json);
JOULERY_OPTIONAL_WRITER(to_prometheus);
JOULERY_OPTIONAL_WRITER(to_sci_json);
JOULERY_OPTIONAL_WRITER(to_speedscope);
JOULERY_OPTIONAL_WRITER(to_trace_json);
#undef JOULERY_OPTIONAL_WRITER
#endif

JOULERY_DECL list_view<report_format> report_formats() noexcept {
    // To add a format, add a line here.
    static const report_format all[] = {
        {".json", to_json, "report_io.hpp"},
        {".csv", to_csv, "writers/csv.hpp"},
        {".html", to_html, "writers/html.hpp"},
        {".jsonl", [](const report& r) { return to_json_line(r); }, "writers/json_lines.hpp"},
        {".txt", [](const report& r) { return to_text(r, {100}); }, "report_io.hpp"},
#if defined(__GNUC__) && !defined(_WIN32)
        {".md", to_markdown, "writers/markdown.hpp"},
        {".prom", to_prometheus, "writers/prometheus.hpp"},
        {".folded", to_folded, "writers/folded.hpp"},
        {".speedscope.json", to_speedscope, "writers/speedscope.hpp"},
        {".trace.json", to_trace_json, "writers/trace_json.hpp"},
        {".otlp.json", to_otlp_json, "writers/otlp.hpp"},
        {".junit.xml", to_junit, "writers/junit.hpp"},
        {".emissions.csv", to_codecarbon_csv, "writers/codecarbon_csv.hpp"},
        {".card.yaml", to_model_card, "writers/model_card.hpp"},
        {".annex.md", to_annex, "writers/technical_documentation.hpp"},
        {".sci.json", to_sci_json, "writers/sci_json.hpp"},
#endif
    };
    return list_view<report_format>(all);
}

JOULERY_DECL const report_format* find_format(std::string_view name) noexcept {
    const report_format* best = nullptr;
    for (const report_format& f : report_formats())
        if (name.size() > f.ending.size() &&
            name.substr(name.size() - f.ending.size()) == f.ending &&
            (best == nullptr || f.ending.size() > best->ending.size()))
            best = &f;
    return best;
}

JOULERY_DECL text_options terminal_options(int descriptor) noexcept {
    text_options o;
    o.width = detail::terminal_width(descriptor);
#if JOULERY_POSIX()
    if (::isatty(descriptor) == 0) return o;
    const char* no_color = detail::environment_variable("NO_COLOR");
    const char* terminal = detail::environment_variable("TERM");
    o.color = (no_color == nullptr || *no_color == '\0') && terminal != nullptr &&
              std::string_view(terminal) != "dumb";
#endif
    return o;
}

JOULERY_DECL text_options stderr_options() noexcept { return terminal_options(2); }

namespace detail {

inline failure no_writer(const std::string& target, const report_format& format) {
    return {concat({"report not written to ", escape_control(target),
                    ": this program has no writer for ", format.ending}),
            concat({"include <joulery/", format.header,
                    "> in the file that defines JOULERY_IMPLEMENTATION, or, with CMake, link "
                    "joulery::full; examples/report.cpp converts a JSON report"})};
}

/// The summary of a step of GitHub Actions: a file to which steps append Markdown.
inline status write_to_github(const report& r) {
    const char* path = environment_variable("GITHUB_STEP_SUMMARY");
    if (path == nullptr || *path == '\0')
        return failure{"report not written to the step's summary: GITHUB_STEP_SUMMARY is not set",
                       "run it in a step of GitHub Actions, or name a file ending in .md"};
    const report_format* markdown = find_format("summary.md");
    if (markdown == nullptr || markdown->write == nullptr)
        return no_writer("the step's summary", {".md", nullptr, "writers/markdown.hpp"});
    const int error = append_to_file(path, concat({markdown->write(r), "\n"}));
    if (error == 0) return {};
    return failure{
        concat({"report not written to ", escape_control(path), ": ", error_text(error)}), {}};
}

inline failure no_format(const std::string& target) {
    std::string known = "- (the table on stderr), github (the step's summary)";
    for (const report_format& f : report_formats()) known.append(", ").append(f.ending);
    return {concat({"report not written to ", escape_control(target),
                    ": its ending names no known format"}),
            concat({"use one of ", known})};
}

/// Whether this program knows how to write to `target`; known before there is a report.
[[nodiscard]] inline status find_writer(const std::string& target) {
    if (target == "-" || target == "github") return {};
    const report_format* format = find_format(target);
    if (format == nullptr) return no_format(target);
    if (format->write == nullptr) return no_writer(target, *format);
    return {};
}

}  // namespace detail

JOULERY_DECL status write_report(const report& r, const std::string& target) {
    if (target == "github") return detail::write_to_github(r);
    if (target == "-") {
        const std::string text = to_text(r, stderr_options());
        const int error = detail::write_to_stderr(text);
        if (error == 0) return {};
        return failure{concat({"table not written to stderr: ", error_text(error)}), {}};
    }
    if (const status known = detail::find_writer(target); !known) return known;
    const auto done = replace_file(target, find_format(target)->write(r));
    return done ? status() : status(done.error());
}

}  // namespace v1
}  // namespace joulery
