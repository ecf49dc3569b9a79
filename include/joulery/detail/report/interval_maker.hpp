// interval_maker.hpp - splits a run into intervals.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/report.hpp"
#include "joulery/report_io.hpp"

#include <cstdint>
#include <optional>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Makes an interval of each report of a run: the difference to the report before, or, for the
/// first, everything since the start.
///
/// Thread: one at a time.
///
///     interval_maker intervals;
///     on_interval(intervals.next(meter.snapshot(), false));
class interval_maker {
 public:
    [[nodiscard]] interval_report next(report so_far, bool is_last) {
        interval_report i;
        i.number = ++number_;
        i.window = last_ ? difference(so_far, *last_) : so_far;
        i.so_far = so_far;
        i.is_last = is_last;
        last_ = std::move(so_far);
        return i;
    }

 private:
    std::optional<report> last_;
    std::uint64_t number_ = 0;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
