// measure.hpp - measures what a piece of code costs a call, with its interval.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/assertions/device_models.hpp"
#include "joulery/assertions/interleaved_run.hpp"
#include "joulery/assertions/measure_options.hpp"
#include "joulery/assertions/measurement.hpp"
#include "joulery/assertions/measuring_meter.hpp"
#include "joulery/assertions/statistics.hpp"
#include "joulery/assertions/summarise.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/meter.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace testing {

namespace detail {

/// Why `m` measures nothing at all; true where it does not.
inline bool has_no_channel(meter& m, measurement& out) {
    if (!m.machinery().is_this_process()) {
        out.why_not = "this process was forked from the one whose meter this is";
        out.remedy = "make a meter in this process: meter m{options}";
        return true;
    }
    if (!m.channels().empty()) return false;
    out.why_not = "no energy counter can be read";
    for (const std::string& w : m.settings().warnings) out.why_not += "; " + w;
    out.remedy = "run on a machine with a counter that this user may read";
    return true;
}

/// A source that failed at its last read: what it counted since is missing.
inline void note_failures(meter& m, measurement& out) {
    for (const auto& s : m.machinery().sources()) {
        const std::lock_guard<std::mutex> lock(s->source.accounts);
        if (s->source.state() == read_status::ok) continue;
        out.provenance = quality::partial;
        out.notes.push_back(std::string(s->source.name()) +
                            " could not be read to the end: its energy is not complete");
    }
}

/// Joules a call of `a`, with those of `b` taken off.
[[nodiscard]] inline std::vector<energy_batch> net_of(const interleaved_run::part& a,
                                                      const interleaved_run::part& b,
                                                      bool same_time) {
    std::vector<energy_batch> net = a.batches;
    for (std::size_t i = 0; i < net.size() && i < b.batches.size(); ++i) {
        const energy_batch& off = b.batches[i];
        const double share = same_time
                                 ? net[i].time / off.time
                                 : static_cast<double>(a.calls) / static_cast<double>(b.calls);
        net[i].used -= off.used * share;
        const double r = net[i].resolution.joules(), s = off.resolution.joules() * share;
        net[i].resolution = energy::from_joules(std::sqrt(r * r + s * s));
        if (!same_time) net[i].time = std::max(net[i].time - off.time * share, seconds(0));
    }
    return net;
}

[[nodiscard]] inline bool is_narrow(const std::vector<energy_batch>& batches, double precision) {
    std::vector<double> used;
    for (const energy_batch& b : batches) used.push_back(b.used.joules());
    const interval i = mean_interval(used);
    return i.half_width() <= precision * std::fabs(i.middle);
}

/// What is known of a measurement when its run is over.
inline void finish(measurement& out, meter& m, const interleaved_run& run) {
    out.provenance = worse_of(out.provenance, run.provenance());
    out.channel = run.edges().summed_channels();
    out.devices = device_models(m.channels());
    out.precise = run.precise();
    out.grams_per_joule = m.settings().carbon.of(energy::from_joules(1)).grams();
    note_failures(m, out);
    if (run.timeless()) {
        out.why_not = "the code takes no time on the meter's clock";
        out.remedy = "let it move the clock, or measure on a real one";
        return;
    }
    summarise(out);
    bool moved = false;
    for (const energy_batch& b : out.batches) moved = moved || b.used.joules() != 0;
    if (!moved) {
        out.why_not = "the counters did not move while the code ran: " + out.channel;
        out.remedy = "measure for longer (measure_options::max_time), or look at the counter";
    }
    if (!out.precise && out.batches.size() > 1)
        out.notes.emplace_back(
            "the time was up before the interval was as narrow as asked for; "
            "measure_options::max_time gives it more");
    if (run.had_company())
        out.notes.emplace_back("another measurement ran at the same time; its energy is in here");
}

/// Waits as long as the last batch of the code took.
struct idle_wait {
    void operator()() const {
        const auto length = std::chrono::duration_cast<std::chrono::nanoseconds>(run->last_time());
        if (options->idle) return options->idle(length);
        std::this_thread::sleep_for(length);
    }
    const interleaved_run* run;
    const measure_options* options;
};

}  // namespace detail

}  // namespace testing

/// What a call of `fn` costs: warm-up, then batches between dated readings of the counters until
/// the 95 % interval of the mean is narrow enough or the time is up. What `fn` returns counts as
/// used.
///
/// Units:  joules a call of everything the meter adds up, all threads, whole machine.
/// Thread: any; measuring on two at once measures both in each, and says so.
/// Cost:   0.3 s to `max_time`; a call that takes longer than that is made once.
/// Fails:  without a counter the result says why (`why_not`) and `fn` was called once; what `fn`
///         throws passes through.
///
///     auto m = joulery::measure([&] { return net.infer(x); });
///     measure_options o; o.max_time = 10s;  auto n = joulery::measure(f, o);
///     auto s = joulery::measure(a_meter, f, o);     // on a meter of your own, or a simulated one
template <class Callable>
measurement measure(meter& on, Callable&& fn, const measure_options& o = {}) {
    namespace parts = testing::detail;
    measurement out;
    if (parts::has_no_channel(on, out)) {
        parts::call_and_use(fn);
        return out;
    }
    auto code = [&]() -> decltype(auto) { return fn(); };  // plain functions too
    testing::interleaved_run run(on, o);
    run.add(parts::batch_ref::to(code));
    parts::idle_wait idle{&run, &o};
    if (o.baseline) {
        run.add(parts::batch_ref::to(o.baseline));
    } else if (o.minus_idle) {
        run.add(parts::batch_ref::to(idle), 1);
    }
    const bool net = o.baseline || o.minus_idle;
    const bool idles = net && !o.baseline;
    const auto batches = [&] {
        return net ? parts::net_of(run[0], run[1], idles) : run[0].batches;
    };
    run.run([&] { return parts::is_narrow(batches(), o.precision); });
    out.batches = batches();
    out.calls_per_batch = run[0].calls;
    parts::finish(out, on, run);
    return out;
}
template <class Callable>
measurement measure(Callable&& fn, const measure_options& o = {}) {
    return measure(testing::measuring_meter(), fn, o);
}

}  // namespace v1
}  // namespace joulery
