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
    const std::string item = p.item_name.empty() ? "item" : escape_control(p.item_name);
    const double part = p.done / p.total;
    const double share = is_positive(part) ? std::min(part, 1.0) : 0.0;
    std::string out = escape_control(p.path) + " " + std::to_string(static_cast<int>(100 * share)) +
                      " % of " + count_text(p.total) + " " + item;
    const double rate = p.done / p.time.count();
    if (!is_positive(rate)) return out;
    out += ", " + plain_text(rate, item + "/s");
    const double left = std::max(p.total - p.done, 0.0);
    if (is_positive(p.per_item.joules()))
        out += ", " + with_quality_prefix(to_text(p.per_item), f.provenance) + "/" + item +
               ", in all " + with_quality_prefix(to_text(p.per_item * p.total), f.provenance) +
               " and " + with_quality_prefix(to_text(p.co2e_per_item * p.total), f.provenance);
    if (left > 0) out += ", " + to_text(seconds(left / rate)) + " left";
    return out;
}

}  // namespace detail

/// The line: run time, power now, joules and CO2e so far; where a scope has stated its items (see
/// `scope::set_total`) how far it is, its rate, J/item, and what it will have cost at its end.
/// Estimates bear a "~".
///
/// Cost: a few strings. Fails: never; what is not known is "n/a", and names can't move the cursor.
///
///     to_live_line(f, 80);   // "42.1 s  142 W  1.84 kJ  0.242 g CO2e"
[[nodiscard]] inline std::string to_live_line(const progress_figures& f, std::size_t columns) {
    std::string line = to_text(f.time) + "  " + with_quality_prefix(to_text(f.now), f.provenance) +
                       "  " + with_quality_prefix(to_text(f.total), f.provenance) + "  " +
                       with_quality_prefix(to_text(f.co2e), f.provenance);
    if (!f.progress.path.empty() && f.progress.total > 0) line += "  " + detail::progress_text(f);
    return shortened(line, columns);
}

}  // namespace v1
}  // namespace joulery
