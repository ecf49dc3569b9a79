// merge.hpp - merges several reports: ranks, nodes, repeated runs.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/list.hpp"
#include "joulery/detail/report/report_merger.hpp"
#include "joulery/detail/report/run_ledger.hpp"
#include "joulery/report_io.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <string>
#include <tuple>

namespace joulery {
inline namespace v1 {

namespace detail {

/// Sorts reports of many runs first, then by start, then longer states of a run first, so that a
/// report comes after the reports that contain it.
inline list<const report*> in_merging_order(const list<const report*>& reports) {
    struct key {
        std::size_t runs = 0;
        double begin = std::numeric_limits<double>::max(), end = 0;
        std::string run_id;
    };
    list<key> keys;
    for (const report* r : reports) {
        key k;
        for (const run_span& run : runs_of(*r)) {
            ++k.runs;
            if (k.run_id.empty() || run.run_id < k.run_id) k.run_id = run.run_id;
            k.begin = std::min(k.begin, run.begin);
            k.end = std::max(k.end, run.end);
        }
        keys.push_back(k);
    }
    std::vector<std::size_t> order(reports.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    sort_stably(order, [&](std::size_t a, std::size_t b) {
        const key &x = keys[a], &y = keys[b];
        return std::tie(y.runs, x.begin, x.run_id, y.end) <
               std::tie(x.runs, y.begin, y.run_id, x.end);
    });
    list<const report*> out;
    for (const std::size_t i : order) out.push_back(reports[i]);
    return out;
}

}  // namespace detail

JOULERY_DECL report merge(const report& a, const report& b) {
    report_merger all;
    for (const report* r : detail::in_merging_order({&a, &b})) all.add(*r);
    return all.finish();
}

JOULERY_DECL report merge(const std::vector<report>& reports) {
    detail::list<const report*> pointers;
    for (const report& r : reports) pointers.push_back(&r);
    report_merger all;
    for (const report* r : detail::in_merging_order(pointers)) all.add(*r);
    return all.finish();
}

JOULERY_DECL report merge(const std::function<bool(report&)>& next) {
    report_merger all;
    for (report r; next(r); r = report()) all.add(r);
    return all.finish();
}

}  // namespace v1
}  // namespace joulery
