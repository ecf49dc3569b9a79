// machine_union.hpp - what a channel used while several runs watched it.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/list.hpp"

#include <algorithm>
#include <cstddef>
#include <set>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// One run's reading of one channel: so many joules between two moments.
struct watched_span {
    double begin = 0;  ///< seconds, any common clock
    double end = 0;
    double joules = 0;
    std::string_view run_id;  ///< settles ties
};

/// Joules of a channel over the time that any of the spans covers, each moment counted once.
///
/// In every stretch between two begins or ends the power is that of the longest span covering it
/// (ties: the lower run id). So the ranks of one node, which all read the same counter, count once,
/// and runs one after another add up. A span without energy read nothing and covers nothing; one
/// without length counts where no other covers its moment.
/// Cost: n log n. Fails: never; spans with a not-a-number in them are passed over.
///
///     union_joules({{0, 10, 100, "a"}, {0, 8, 80, "b"}, {20, 30, 50, "c"}});   // 150
[[nodiscard]] inline double union_joules(detail::list<watched_span> spans) {
    const auto useless = [](const watched_span& s) {
        return !is_amount(s.end - s.begin) || !is_finite(s.joules) || s.joules == 0;
    };
    erase_from(spans, useless);
    const auto before = [&](std::size_t a, std::size_t b) {
        const double x = spans[a].end - spans[a].begin, y = spans[b].end - spans[b].begin;
        if (x != y) return x > y;
        if (spans[a].run_id != spans[b].run_id) return spans[a].run_id < spans[b].run_id;
        return a < b;
    };
    struct event {
        double at;
        int order;  // at one moment: ends, then lengthless spans, then begins
        std::size_t span;
    };
    detail::list<event> events;
    for (std::size_t i = 0; i < spans.size(); ++i) {
        const bool lengthless = spans[i].begin == spans[i].end;
        events.push_back({spans[i].begin, lengthless ? 1 : 2, i});
        if (!lengthless) events.push_back({spans[i].end, 0, i});
    }
    sort_stably(events, [&](const event& a, const event& b) {
        if (a.at != b.at) return a.at < b.at;
        if (a.order != b.order) return a.order < b.order;
        return before(a.span, b.span);
    });
    std::set<std::size_t, decltype(before)> open(before);
    double joules = 0, last = 0, last_instant = 0;
    bool any_instant = false;
    for (const event& e : events) {
        if (!open.empty()) {
            const watched_span& s = spans[*open.begin()];
            joules += s.joules * ((e.at - last) / (s.end - s.begin));
        }
        last = e.at;
        if (e.order == 0) {
            open.erase(e.span);
        } else if (e.order == 2) {
            open.insert(e.span);
        } else if (open.empty() && !(any_instant && last_instant == e.at)) {
            joules += spans[e.span].joules;
            any_instant = true;
            last_instant = e.at;
        }
    }
    return joules;
}

/// Seconds that at least one of the spans covers.
[[nodiscard]] inline double union_seconds(detail::list<watched_span> spans) {
    sort_stably(spans,
                [](const watched_span& a, const watched_span& b) { return a.begin < b.begin; });
    double covered = 0, until = 0;
    bool any = false;
    for (const watched_span& s : spans) {
        if (!is_positive(s.end - s.begin)) continue;
        const double from = any ? std::max(until, s.begin) : s.begin;
        if (s.end > from) covered += s.end - from;
        until = any ? std::max(until, s.end) : s.end;
        any = true;
    }
    return covered;
}

}  // namespace v1
}  // namespace joulery
