// progress_line.hpp - the state of a run in one line, for a terminal.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/core/utf8.hpp"
#include "joulery/detail/report/figures.hpp"
#include "joulery/quality.hpp"
#include "joulery/units.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

namespace joulery {
inline namespace v1 {

/// How far a scope with a known number of items is.
struct progress_state {
    std::string path;       ///< "train/epoch"; "" where no scope has said how much it will do
    std::string item_name;  ///< "sample"
    double done = 0;        ///< items so far
    double total = 0;       ///< items by its end
    seconds time{0};        ///< since the total was stated
    energy per_item;        ///< not-a-number where it is not known yet
    emissions co2e_per_item;
};

/// A run at a moment, as the live line shows it.
struct progress_figures {
    seconds time{0};  ///< since the start
    power now;        ///< not-a-number where it is not known yet
    energy total;     ///< so far
    emissions co2e;   ///< of `total`
    quality provenance = quality::measured;
    progress_state progress;
};

namespace detail {

inline std::string progress_text(const progress_figures& f) {
    const progress_state& p = f.progress;
    const auto marked = [&](const std::string& text) {
        return with_quality_prefix(text, f.provenance);
    };
    const double part = p.done / p.total;
    const double share = is_positive(part) ? std::min(part, 1.0) : 0.0;
    std::string out = std::to_string(static_cast<int>(100 * share)) + " %";
    if (is_positive(p.per_item.joules()))
        out += " of " + marked(to_text(p.per_item * p.total)) + ", " +
               marked(to_text(p.co2e_per_item * p.total));
    const double rate = p.done / p.time.count();
    const double left = std::max(p.total - p.done, 0.0);
    if (is_positive(rate) && left > 0) out += ", " + to_text(seconds(left / rate)) + " left";
    return out + " (" + escape_control(p.path) + ")";
}

}  // namespace detail

/// The line: where a scope has stated its items (see `scope::set_total`), how far it is, what it
/// will have cost at its end and when that is; then power now, joules and CO2e so far, run time.
/// Estimates bear a "~". What does not fit is left out from the end.
///
/// Cost: a few strings. Fails: never; what is not known is "n/a", and names can't move the cursor.
///
///     to_live_line(f, 80);   // "40 % of 615 J, 80 mg CO2e, 24 s left (train)  142 W  1.84 kJ"
[[nodiscard]] inline std::string to_live_line(const progress_figures& f, std::size_t columns) {
    std::string line;
    if (!f.progress.path.empty() && f.progress.total > 0) line = detail::progress_text(f);
    for (const std::string& text : {to_text(f.now), to_text(f.total), to_text(f.co2e)}) {
        const std::string marked = with_quality_prefix(text, f.provenance);
        if (!line.empty() && display_width(line) + 2 + display_width(marked) > columns) break;
        line += (line.empty() ? "" : "  ") + marked;
    }
    const std::string time = to_text(f.time);
    if (display_width(line) + 2 + time.size() <= columns) line += "  " + time;
    return shortened(line, columns);
}

}  // namespace v1
}  // namespace joulery
