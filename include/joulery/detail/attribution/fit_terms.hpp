// fit_terms.hpp - a row's paths in the form that the regression needs, column by column.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/pending_row.hpp"
#include "joulery/detail/attribution/row_window.hpp"
#include "joulery/detail/core/list.hpp"

#include <algorithm>
#include <cstdint>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The terms of the row that ends now.
///
/// Thread: not synchronized; one owner. Cost: a few steps per member.
class fit_terms {
 public:
    void begin(const list<fit_member>& members) {
        terms_.clear();
        for (const fit_member& m : members) {
            if (regression_term* t = find(m.column))
                t->seconds += m.seconds, t->length = {};  // several paths share it
            else
                terms_.push_back({m.column, m.seconds, 0, m.calls, m.length});
        }
    }
    /// Notes how many threads have a column open at the end of the row.
    void add_open(std::uint32_t column, double threads) {
        if (regression_term* t = find(column)) t->open_at_end += threads;
    }
    /// The row's energy is that up to `delay` seconds before its end: what is known to have been
    /// open since then is moved to the next row. `tail`: s from the last change of scopes to the
    /// end.
    void move_late(double delay, double tail) {
        for (const late_time& l : late_) {
            if (find(l.column) == nullptr) terms_.push_back({l.column, 0, 0, {}, {}});
            find(l.column)->seconds += l.seconds;
        }
        late_.clear();
        for (regression_term& t : terms_) {
            const double late = std::min(std::min(delay, tail) * t.open_at_end, t.seconds);
            if (!(late > 0)) continue;
            t.seconds -= late;
            late_.push_back({t.column, late});
        }
    }
    void give_to(regression_row& row) const noexcept {
        row.terms = terms_.data();
        row.count = terms_.size();
    }

 private:
    struct late_time {
        std::uint32_t column;
        double seconds;
    };
    [[nodiscard]] regression_term* find(std::uint32_t column) noexcept {
        for (regression_term& t : terms_)
            if (t.column == column) return &t;
        return nullptr;
    }

    list<regression_term> terms_;
    list<late_time> late_;  ///< of the previous row
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
