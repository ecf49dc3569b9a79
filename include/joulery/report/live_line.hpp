// joulery/report/live_line.hpp - the state of a run in one line, for a terminal.
// Layer 4. SPDX-License-Identifier: MIT
#pragma once

#include "joulery/core/quality.hpp"
#include "joulery/core/unit_text.hpp"
#include "joulery/core/units.hpp"
#include "joulery/core/utf8.hpp"
#include "joulery/report/figures.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

namespace joulery {
inline namespace v1 {

/// How far a scope with a known number of items is.
struct live_progress {
    std::string path;       ///< "train/epoch"; "" where no scope has said how much it will do
    std::string item_name;  ///< "sample"
    double done = 0;        ///< items so far
    double total = 0;       ///< items by its end
    seconds time{0};        ///< since the total was stated
    energy per_item;        ///< not-a-number where it is not known yet
    emissions co2e_per_item;
};

/// A run at a moment, as the live line shows it.
struct live_figures {
    seconds time{0};  ///< since the start
    power now;        ///< not-a-number where it is not known yet
    energy total;     ///< so far
    emissions co2e;   ///< of `total`
    quality provenance = quality::measured;
    live_progress progress;
};

namespace detail {

inline std::string progress_text(const live_figures& f) {
    const live_progress& p = f.progress;
    const std::string item = p.item_name.empty() ? "item" : harmless(p.item_name);
    const double share = p.done / p.total > 0 ? std::min(p.done / p.total, 1.0) : 0.0;
    std::string out = harmless(p.path) + " " + std::to_string(static_cast<int>(100 * share)) +
                      " % of " + count_text(p.total) + " " + item;
    const double rate = p.done / p.time.count();
    if (!(rate > 0) || rate - rate != 0) return out;
    out += ", " + plain_text(rate, item + "/s");
    const double left = std::max(p.total - p.done, 0.0);
    if (p.per_item.joules() > 0)
        out += ", " + marked(to_text(p.per_item), f.provenance) + "/" + item + ", in all " +
               marked(to_text(p.per_item * p.total), f.provenance) + " and " +
               marked(to_text(p.co2e_per_item * p.total), f.provenance);
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
[[nodiscard]] inline std::string to_live_line(const live_figures& f, std::size_t columns) {
    std::string line = to_text(f.time) + "  " + marked(to_text(f.now), f.provenance) + "  " +
                       marked(to_text(f.total), f.provenance) + "  " +
                       marked(to_text(f.co2e), f.provenance);
    if (!f.progress.path.empty() && f.progress.total > 0) line += "  " + detail::progress_text(f);
    return shortened(line, columns);
}

}  // namespace v1
}  // namespace joulery
