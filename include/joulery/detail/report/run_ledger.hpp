// run_ledger.hpp - the machines, channels and runs in a merged report.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/report/join_context.hpp"
#include "joulery/report.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// One run's reading of one channel: joules between two moments.
struct watched_span {
    double begin = 0;  ///< seconds, any common clock
    double end = 0;
    double joules = 0;
    std::string_view run_id;  ///< breaks ties
};

/// Joules of a channel over the time covered by any of the spans, counting each moment once.
///
/// Between any two begins or ends the power is that of the longest span covering that time (ties:
/// the lower run id). So the ranks of one node, which all read the same counter, count once, and
/// consecutive runs add up. A span without energy covers nothing; a span without length counts if
/// no other covers its moment.
/// Cost:   n log n. Fails: never; spans that contain a not-a-number are ignored.
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

/// Seconds covered by at least one of the spans.
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

/// The prefix of each machine's channels if there are several machines: the host's name, or the
/// machine's id if hosts share a name. Depends only on the set of runs, so that merged reports can
/// be merged again.
[[nodiscard]] inline std::map<std::string, std::string> machine_labels(
    const std::vector<run_span>& runs) {
    std::map<std::string, std::string> labels;
    for (const run_span& run : runs) {
        std::string& label = labels[run.machine];
        if (label.empty() || (!run.host.empty() && run.host < label)) label = run.host;
    }
    std::map<std::string, int> uses;
    for (const auto& [machine, label] : labels) ++uses[label];
    for (auto& [machine, label] : labels)
        if (label.empty() || uses[label] > 1) label = machine;
    return labels;
}

/// The runs of a report, with host and machine filled in; a report without runs counts as one run.
[[nodiscard]] inline std::vector<run_span> runs_of(const report& r) {
    std::vector<run_span> runs = r.runs;
    if (runs.empty()) runs.emplace_back();
    const bool one = runs.size() == 1;
    for (run_span& run : runs) {
        if (run.run_id.empty()) run.run_id = r.context.run_id;
        if (run.machine.empty() && r.context.machine != mixed) run.machine = r.context.machine;
        if (run.host.empty() && r.context.host != mixed) run.host = r.context.host;
        if (one && !is_positive(run.end - run.begin)) {
            run.begin = r.context.started.unix_seconds();
            run.end = run.begin + r.context.duration.count();
        }
        if (one && run.by_channel.empty())
            for (const channel_row& c : r.channels) run.by_channel.push_back(c.total);
        if (run.run_id.empty())
            run.run_id =
                concat({run.machine, "@", wall_time::from_unix_seconds(run.begin).to_iso8601()});
    }
    return runs;
}

/// Machines, their channels, the runs that read them, and the energy that each channel really used.
///
/// A channel is identified by machine, id and whether it is summed: a run that saw a channel inside
/// another must not remove it from the total of a run that didn't.
class run_ledger {
 public:
    struct channel {
        channel_row row;          ///< with its plain id and parent
        std::size_t machine = 0;  ///< index of its machine
        std::size_t place = 0;    ///< among the channels of its machine
    };
    struct machine {
        std::string id;
        std::vector<std::size_t> channels;  ///< indexes, in the order of `run_span::by_channel`
    };

    /// Adds a report's channels; returns their indexes here.
    std::vector<std::size_t> add_channels(const report& r, const std::vector<run_span>& from) {
        const std::map<std::string, std::string> labels = machine_labels(from);
        std::vector<std::size_t> here;
        for (const channel_row& row : r.channels) {
            const std::string& owner = row.machine.empty() ? from.front().machine : row.machine;
            const auto label = labels.find(owner);
            channel_row plain = row;
            if (labels.size() > 1 && label != labels.end()) {
                plain.id = without_prefix(row.id, label->second);
                plain.parent = without_prefix(row.parent, label->second);
            }
            here.push_back(add_channel(plain, owner));
        }
        return here;
    }

    /// Adds a run whose `by_channel` has the order of `order` (indexes here of its machine's
    /// channels). Returns what it replaced: 0 nothing, 1 an earlier state of the same run, 2 it was
    /// included already.
    int add_run(const run_span& run, const std::vector<std::size_t>& order) {
        const std::size_t m = machine_index(run.machine);
        run_span mine = run;
        mine.by_channel.assign(machines_[m].channels.size(), energy());
        for (std::size_t i = 0; i < order.size() && i < run.by_channel.size(); ++i)
            mine.by_channel[channels_[order[i]].place] += run.by_channel[i];
        const auto [known, is_new] = by_run_id_.emplace(run.run_id, runs_.size());
        if (is_new) {
            runs_.push_back(std::move(mine));
            return 0;
        }
        if (runs_[known->second].end >= run.end) return 2;
        runs_[known->second] = std::move(mine);
        return 1;
    }

    /// True if a run with that id and at least that duration is included.
    [[nodiscard]] bool knows(const run_span& run) const {
        const auto known = by_run_id_.find(run.run_id);
        return known != by_run_id_.end() && runs_[known->second].end >= run.end;
    }

    struct sums {
        std::vector<double> read;  ///< by channel: sum over all runs
        std::vector<double> used;  ///< by channel: each moment counted once
    };
    [[nodiscard]] sums add_up() const {
        sums s;
        s.read.assign(channels_.size(), 0);
        s.used.assign(channels_.size(), 0);
        detail::list<detail::list<watched_span>> spans(channels_.size());
        for (const run_span& run : runs_) {
            const machine& m = machines_[machine_by_id_.at(run.machine)];
            for (std::size_t i = 0; i < run.by_channel.size(); ++i) {
                const double joules = run.by_channel[i].joules();
                s.read[m.channels[i]] += joules;
                if (joules != 0)
                    spans[m.channels[i]].push_back({run.begin, run.end, joules, run.run_id});
            }
        }
        for (std::size_t c = 0; c < channels_.size(); ++c) {
            s.used[c] = spans[c].size() == 1 ? spans[c][0].joules : union_joules(spans[c]);
        }
        return s;
    }

    /// The factor, per channel, that scales the scopes' shares to the energy that was really used.
    [[nodiscard]] static double factor(const sums& s, std::size_t c) noexcept {
        const double f = s.used[c] / s.read[c];
        return is_positive(f) ? f : 1.0;
    }

    /// The number of channels of the machine with that id.
    [[nodiscard]] std::size_t channels_of(const std::string& machine_id) const {
        const auto found = machine_by_id_.find(machine_id);
        return found == machine_by_id_.end() ? 0 : machines_[found->second].channels.size();
    }

    /// True if two runs that overlap on one machine read different summed channels.
    [[nodiscard]] bool overlap_unlike() const {
        std::vector<std::size_t> order(runs_.size());
        for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
        sort_stably(order, [&](std::size_t a, std::size_t b) {
            const run_span &x = runs_[a], &y = runs_[b];
            return x.machine != y.machine ? x.machine < y.machine : x.begin < y.begin;
        });
        // Runs linked by overlaps form a cluster; a run that differs from its cluster overlaps
        // another.
        const run_span* first = nullptr;
        double until = 0;
        for (const std::size_t i : order) {
            const run_span& run = runs_[i];
            if (first == nullptr || first->machine != run.machine || run.begin >= until) {
                first = &run;
                until = run.end;
            } else if (summed_by(run) != summed_by(*first)) {
                return true;
            }
            until = std::max(until, run.end);
        }
        return false;
    }

    [[nodiscard]] const std::vector<channel>& channels() const noexcept { return channels_; }
    [[nodiscard]] const detail::list<machine>& machines() const noexcept { return machines_; }
    [[nodiscard]] const std::vector<run_span>& runs() const noexcept { return runs_; }

 private:
    [[nodiscard]] detail::list<bool> summed_by(const run_span& run) const {
        const machine& m = machines_[machine_by_id_.at(run.machine)];
        detail::list<bool> read(m.channels.size(), false);
        for (std::size_t i = 0; i < run.by_channel.size(); ++i)
            read[i] = channels_[m.channels[i]].row.summed && run.by_channel[i].joules() != 0;
        return read;
    }

    static std::string without_prefix(const std::string& id, const std::string& label) {
        const bool has = id.size() > label.size() && id.compare(0, label.size(), label) == 0 &&
                         id[label.size()] == ':';
        return has ? id.substr(label.size() + 1) : id;
    }

    std::size_t machine_index(const std::string& id) {
        const auto [found, is_new] = machine_by_id_.emplace(id, machines_.size());
        if (is_new) machines_.push_back({id, {}});
        return found->second;
    }

    std::size_t add_channel(const channel_row& row, const std::string& owner) {
        const std::size_t m = machine_index(owner);
        const std::string key = owner + '\n' + row.id + (row.summed ? "\n+" : "\n-");
        const auto [found, is_new] = channel_by_key_.emplace(key, channels_.size());
        if (is_new) {
            channels_.push_back({row, m, machines_[m].channels.size()});
            machines_[m].channels.push_back(found->second);
        } else {
            join_channel(channels_[found->second].row, row);
        }
        return found->second;
    }

    detail::list<machine> machines_;
    std::vector<channel> channels_;
    std::vector<run_span> runs_;
    std::unordered_map<std::string, std::size_t> machine_by_id_, channel_by_key_, by_run_id_;
};

}  // namespace v1
}  // namespace joulery
