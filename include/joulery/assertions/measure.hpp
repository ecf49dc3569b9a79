// measure.hpp - measures the cost of a call, with a confidence interval.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/assertions/interleaved_run.hpp"
#include "joulery/assertions/measurement.hpp"
#include "joulery/assertions/measuring_meter.hpp"
#include "joulery/assertions/statistics.hpp"
#include "joulery/backend.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/meter.hpp"
#include "joulery/testing/access.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

namespace testing {

namespace detail {

/// The confidence interval from the spread of the samples, but never narrower than the resolution
/// of the counters. A single sample has no spread; the resolution alone counts.
[[nodiscard]] inline confidence_interval sure_interval(const std::vector<double>& samples,
                                                       double resolution) {
    confidence_interval i = mean_interval(samples);
    const double least = resolution / std::sqrt(static_cast<double>(samples.size()));
    const double half = samples.size() < 2 ? least : std::max(i.half_width(), least);
    return {i.middle, i.middle - half, i.middle + half};
}

inline void note_what_was_odd(measurement& m, const steadiness& s) {
    const std::size_t n = m.batches.size();
    m.steady = s.steady;
    if (!s.steady)
        m.notes.push_back("the level changed by " + percent_text(s.change) + " at batch " +
                          std::to_string(s.change_at + 1) + " of " + std::to_string(n) +
                          " (a throttling processor, or other work that began or ended); the "
                          "interval covers both levels");
    if (s.outliers > 0)
        m.notes.push_back(std::to_string(s.outliers) + " of " + std::to_string(n) +
                          " batches are outliers (other work on the machine); they are included");
    if (n == 1)
        m.notes.emplace_back(m.calls == 1
                                 ? "only one call: the spread between calls is unknown"
                                 : "only one batch: the spread between batches is unknown");
}

}  // namespace detail

/// Computes the results from `m.batches` and `m.calls_per_batch`.
///
/// If the level changed during the measurement, the interval covers the levels before and after,
/// since the true cost may be either.
inline void summarize(measurement& m) {
    if (m.batches.empty() || m.calls_per_batch == 0) return;
    const std::vector<double> samples = m.samples();
    double resolution = 0;
    energy used;
    seconds time{};
    for (const energy_batch& b : m.batches) {
        resolution = std::max(resolution, b.resolution.joules());
        used += b.used;
        time += b.time;
    }
    const auto calls = static_cast<double>(m.calls_per_batch);
    m.calls = m.calls_per_batch * m.batches.size();
    confidence_interval i = detail::sure_interval(samples, resolution / calls);
    const steadiness s = judge_steadiness(samples);
    if (!s.steady) {
        const auto cut = samples.begin() + static_cast<std::ptrdiff_t>(s.change_at);
        const confidence_interval first =
            detail::sure_interval({samples.begin(), cut}, resolution / calls);
        const confidence_interval then =
            detail::sure_interval({cut, samples.end()}, resolution / calls);
        i.low = std::min(first.low, then.low);
        i.high = std::max(first.high, then.high);
    }
    m.per_call = energy::from_joules(i.middle);
    m.low = energy::from_joules(i.low);
    m.high = energy::from_joules(i.high);
    m.time_per_call = time / static_cast<double>(m.calls);
    m.mean_power = time.count() > 0 ? used / time : power{};
    m.co2e = emissions::from_grams(m.grams_per_joule * i.middle);
    detail::note_what_was_odd(m, s);
}

namespace detail {

/// "10de:2330": vendor and device of a PCI address, as the kernel's sysfs has them (Documentation/
/// ABI/testing/sysfs-bus-pci); "" where it has none.
[[nodiscard]] inline std::string pci_model(const system_root& root, const std::string& address) {
    const std::string folder = "/sys/bus/pci/devices/" + address;
    const std::string vendor = root.line(folder + "/vendor"),
                      device = root.line(folder + "/device");
    if (vendor.substr(0, 2) != "0x" || device.substr(0, 2) != "0x") return {};
    return vendor.substr(2) + ":" + device.substr(2);
}

}  // namespace detail

/// The models of the PCI devices among the channels, with counts: "8 x 10de:2330". Two channels of
/// one device count once; processor channels are not devices.
[[nodiscard]] inline std::string device_models(const std::vector<channel>& channels,
                                               const system_root& root = {}) {
    constexpr std::string_view bus = "pci:";
    std::set<std::string> addresses;
    for (const channel& c : channels)
        if (c.device.compare(0, bus.size(), bus) == 0)
            addresses.insert(c.device.substr(bus.size()));
    std::map<std::string, std::size_t> models;
    for (const std::string& address : addresses) {
        const std::string model = detail::pci_model(root, address);
        if (!model.empty()) ++models[model];
    }
    std::string out;
    for (const auto& [model, count] : models)
        out += (out.empty() ? "" : ", ") + std::to_string(count) + " x " + model;
    return out;
}

namespace detail {

/// Whether nothing can be measured; sets the reason.
inline bool has_no_channel(meter& m, measurement& out) {
    if (!access::engine_of(m).is_this_process()) {
        out.failure_reason = "this process was forked from the process that owns the meter";
        out.remedy = "make a meter in this process: meter m{options}";
        return true;
    }
    if (!m.channels().empty()) return false;
    out.failure_reason = "no energy counter can be read";
    for (const std::string& w : m.settings().warnings) out.failure_reason += "; " + w;
    out.remedy = "run on a machine with a counter that this user may read";
    return true;
}

inline bool is_out_of_time(const interleaved_run& run, measurement& out) {
    if (run.has_time()) return false;
    out.failure_reason = "the program's time for measuring is used up";
    out.remedy = "allow more: JOULERY_ENERGY_TIME=5min, or shorten each measurement";
    return true;
}

/// A backend that failed at its last read: its energy since the previous read is missing.
inline void note_failures(meter& m, measurement& out) {
    for (const auto& s : access::engine_of(m).backends()) {
        const std::lock_guard<std::mutex> lock(s->reader.state_mutex);
        if (s->reader.state() == read_status::ok) continue;
        out.provenance = quality::partial;
        out.notes.push_back(std::string(s->reader.name()) +
                            " could not be read at the end: its energy is incomplete");
    }
}

/// Joules per call of `a`, minus those of `b`.
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
    const confidence_interval i = mean_interval(used);
    return i.half_width() <= precision * std::fabs(i.middle);
}

/// Fills in the results after the run.
inline void finish(measurement& out, meter& m, const interleaved_run& run) {
    out.provenance = worse_of(out.provenance, run.provenance());
    out.channel = run.edges().summed_channels();
    out.devices = device_models(m.channels());
    out.precise = run.precise();
    out.grams_per_joule = m.settings().carbon.of(energy::from_joules(1)).grams();
    note_failures(m, out);
    if (run.timeless()) {
        out.failure_reason = "the code takes no time on the meter's clock";
        out.remedy = "let it move the clock, or measure on a real one";
        return;
    }
    summarize(out);
    bool moved = false;
    for (const energy_batch& b : out.batches) moved = moved || b.used.joules() != 0;
    if (!moved) {
        out.failure_reason = "the counters did not move while the code ran: " + out.channel;
        out.remedy = "measure for longer (measure_options::max_time), or look at the counter";
    }
    if (!out.precise && out.batches.size() > 1)
        out.notes.emplace_back(
            "the time ran out before the interval was as narrow as requested; "
            "measure_options::max_time gives it more");
    out.disturbance = run.disturbance();
}

/// Waits as long as the code's last batch took.
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

/// Measures the cost of a call of `fn`: warm-up, then batches between dated readings of the
/// counters until the 95 % confidence interval of the mean is narrow enough or the time is over.
/// The result of `fn` counts as used.
///
/// Units:  joules per call, of all summed channels, all threads, the whole machine.
/// Thread: any; two measurements at the same time each include the other's energy, and report that.
/// Cost:   0.3 s to `max_time`; a call that takes longer is made once. Before measuring it waits
///         for other measuring processes, at most a minute per program.
/// Fails:  without a counter the result has the reason (`failure_reason`), and `fn` was called
///         once; exceptions of `fn` pass through.
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
    auto code = [&]() -> decltype(auto) { return fn(); };  // also for plain functions
    testing::interleaved_run run(on, o);
    if (parts::is_out_of_time(run, out)) {
        parts::call_and_use(fn);
        return out;
    }
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
    out.is_net = net;
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
