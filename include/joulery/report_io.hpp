// report_io.hpp - reports as text, JSON and files; merging and differences of reports.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/report.hpp"
#include "joulery/result.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace joulery {
inline namespace v1 {

/// How the table is laid out.
struct text_options {
    std::size_t width = 0;  ///< in characters; columns that don't fit are left out. 0: the width of
                            ///< the terminal on stdout, 100 elsewhere
    std::size_t max_rows = 60;  ///< the most expensive scopes are shown, the rest summed. 0: all
    bool color = false;         ///< terminal escape sequences
    bool by_part = false;       ///< if space is short, prefer processor and GPU to power and time
};

/// The report as a table: one row per scope, indented by nesting; then channels, the machine's
/// total, the assumptions of the carbon figures, the cost of measuring, and warnings.
///
/// Units:  scaled, three significant digits; estimated figures begin with "~".
/// Cost:   linear in the rows. Fails: never; control characters in names are escaped.
///
///     std::fputs(to_text(joulery::snapshot()).c_str(), stderr);
[[nodiscard]] JOULERY_DECL std::string to_text(const report& r, const text_options& o);

[[nodiscard]] JOULERY_DECL std::string to_text(const report& r);

inline constexpr std::string_view json_schema = "joulery-report";
inline constexpr int json_schema_version = 1;

/// The whole report as one JSON object, in UTF-8, the same bytes in every locale.
///
/// Units:  in the member names (`_j` joules, `_s` seconds, `_g` grams CO2e); numbers round-trip.
/// Schema: "schema" is "joulery-report"; "schema_version" is raised when readers must change.
///         Members are listed in report/fields.hpp; new ones may be added without a new version.
/// Fails:  never; not-a-number and infinities become null, invalid UTF-8 becomes U+FFFD. If nothing
///         was measured or estimated, energies and emissions are null, not 0.
///
///     std::string text = to_json(joulery::snapshot());
[[nodiscard]] JOULERY_DECL std::string to_json(const report& r);

/// Reads what `to_json` wrote: `*from_json(to_json(r)) == r` (null comes back as not-a-number).
/// Unknown members are ignored, missing ones keep their defaults.
///
/// Fails:  for truncated text, wrong types, a newer version; the reason names the member and the
///         byte.
///
///     result<report> r = from_json(text);
///     if (!r) std::cerr << path << ": " << r.error().reason << '\n';
[[nodiscard]] JOULERY_DECL result<report> from_json(std::string_view text);

/// Equal in every field, to the last bit. A report that contains a not-a-number equals no other.
///
/// Thread: any. Cost: linear in the rows. Fails: never.
[[nodiscard]] JOULERY_DECL bool operator==(const report& a, const report& b);
[[nodiscard]] JOULERY_DECL bool operator!=(const report& a, const report& b);

/// Adds two reports. Associative and commutative to rounding (except for the order of rows);
/// merging a run with itself, or with an earlier state of the same run, changes nothing.
///
/// The energy of a machine is never counted twice: if runs on one machine overlap in time (the
/// ranks of a node), each moment counts once and the scopes share the energy. Channels of different
/// machines stay separate, with the host's name before their id. Fields of the context that differ
/// read "mixed". Uncertainties add in quadrature.
///
///     report node = merge(*from_json(rank0), *from_json(rank1));
[[nodiscard]] JOULERY_DECL report merge(const report& a, const report& b);

/// Adds any number of reports, in linear time.
///
/// Thread: any. Cost: linear in the rows of all. Fails: never.
[[nodiscard]] JOULERY_DECL report merge(const std::vector<report>& reports);

/// Adds reports that arrive one at a time, so that memory does not grow with their number: `next`
/// fills in the next one, or returns false.
///
/// Thread: any. Cost: linear in the rows of all; memory for one report and the result. Fails:
/// never.
///
///     report all = merge([&](report& r) { return read_next_file(r); });
[[nodiscard]] JOULERY_DECL report merge(const std::function<bool(report&)>& next);

/// A window of a running program: what the run used between two of its reports. Rows without calls
/// and time in the window stay, with zeros; warnings are those of the later report.
///
/// Units:  `uncertainty` is that of the difference. Cost: linear in the rows.
/// Fails:  never; for reports of different runs the result is the later one, with a warning.
///
///     report before = joulery::snapshot();
///     serve(1000);
///     std::cout << to_text(difference(joulery::snapshot(), before));
[[nodiscard]] JOULERY_DECL report difference(const report& later, const report& earlier);

/// A file format: its file name ending and the function that writes it.
struct report_format {
    std::string_view ending;
    std::string (*write)(const report&);  ///< null: the program does not include its header
    std::string_view header;              ///< "writers/otlp.hpp"
};

/// The formats that `write_report` knows.
///
/// Thread: any. Cost: none. Fails: never.
[[nodiscard]] JOULERY_DECL list_view<report_format> report_formats() noexcept;

/// The format whose ending matches the file name (the longest match), or null.
///
/// Thread: any. Cost: a comparison per format. Fails: never.
[[nodiscard]] JOULERY_DECL const report_format* find_format(std::string_view name) noexcept;

/// How a table should look on the file `descriptor`: colored on a terminal unless NO_COLOR is set;
/// as wide as the terminal, 100 columns elsewhere.
///
/// Thread: any. Cost: a few system calls. Fails: never.
///
///     std::fputs(to_text(r, terminal_options(1)).c_str(), stdout);
[[nodiscard]] JOULERY_DECL text_options terminal_options(int descriptor) noexcept;

/// The same for stderr.
[[nodiscard]] JOULERY_DECL text_options stderr_options() noexcept;

/// Writes `r` to `target`: "-" is the table on stderr; "github" appends Markdown to the step
/// summary of GitHub Actions (GITHUB_STEP_SUMMARY); anything else is a file, in the format of its
/// ending.
///
/// Thread: any; the file is replaced atomically. Fails: for an unknown ending, or if the file can't
///         be written; the reason names the file, and the old file stays.
///
///     if (status s = write_report(r, "run.json"); !s)
///         std::cerr << s.error().reason << "; " << s.error().remedy << '\n';
JOULERY_DECL status write_report(const report& r, const std::string& target);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION
#include "joulery/detail/report/intervals.hpp"
#include "joulery/detail/report/json.hpp"
#include "joulery/detail/report/merge.hpp"
#include "joulery/detail/report/text_table.hpp"
#include "joulery/detail/report/write.hpp"
#endif
