// nvml.hpp - NVIDIA GPUs through the driver's management library.
// SPDX-License-Identifier: MIT
//
// nvml.h of CUDA 12.4 and API 13; libnvidia-ml 550 run without a GPU. Tested on fake libraries, and
// on one H100 (driver 580.159.04); the tests labeled `hardware` check a GPU's answers. Not
// verified: the module scope on superchips, and counters of other GPUs.
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/backends/common/counter_check.hpp"
#include "joulery/detail/backends/gpu/nvml_api.hpp"
#include "joulery/detail/backends/gpu/nvml_asleep.hpp"
#include "joulery/detail/backends/gpu/nvml_discovery.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/detail/metering/registry.hpp"
#include "joulery/detail/timing/time_source.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if JOULERY_POSIX()
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {

// nvml.h of CUDA 12.4: one sample per process that was active in the last sample period (1/6 to 1
// s, by model), with the percentage of it in which its kernels ran; NOT_FOUND if none was. Not for
// GPUs split into instances (MIG), nor before Maxwell. Tested on a fake library.
namespace detail {

/// This process's id on the whole machine; 0 in a container with ids of its own (/proc/self/ns/pid
/// names a namespace other than the machine's first one).
[[nodiscard]] inline std::uint32_t machine_wide_pid(const system_root& root) {
#if JOULERY_POSIX()
    char name[64];
    const ::ssize_t n = ::readlink(root.path("/proc/self/ns/pid").c_str(), name, sizeof name);
    constexpr std::string_view first = "pid:[4026531836]";  // PROC_PID_INIT_INO
    if (n > 0 && std::string_view(name, static_cast<std::size_t>(n)) != first) return 0;
    return static_cast<std::uint32_t>(::getpid());
#else
    (void)root;
    return 0;
#endif
}

/// This process's share of a GPU's time.
///
/// Thread: one caller. Cost: one call of the library.
/// Fails:  `unknown_share` if the library does not know, and until this process is seen to use the
///         GPU; if nobody used it since the last call, the last share.
class nvml_process_share {
 public:
    [[nodiscard]] double take(const nvml_api& api, nvml_device device, std::uint32_t pid) noexcept {
        if (pid == 0 || refused_ || api.process_utilization == nullptr) return unknown_share;
        std::array<nvml_process_utilization, most_processes> samples{};
        unsigned n = most_processes;
        const int status = api.process_utilization(device, samples.data(), &n, seen_us_);
        refused_ = status == nvml_not_supported || status == nvml_no_permission;
        if (status == nvml_ok) look(samples.data(), std::min(n, most_processes), pid);
        return status == nvml_ok || status == nvml_not_found ? share_ : unknown_share;
    }

 private:
    static constexpr unsigned most_processes = 128;

    void look(const nvml_process_utilization* samples, unsigned n, std::uint32_t pid) noexcept {
        double own = 0, all = 0;
        for (unsigned i = 0; i < n; ++i) {
            if (samples[i].timestamp_us <= seen_us_) continue;  // some drivers repeat old samples
            const double busy = samples[i].sm;
            all += busy;
            if (samples[i].pid == pid) own += busy;
        }
        for (unsigned i = 0; i < n; ++i) seen_us_ = std::max(seen_us_, samples[i].timestamp_us);
        if (all <= 0 || (own <= 0 && share_ < 0)) return;
        share_ = own / all;
    }

    double share_ = unknown_share;
    std::uint64_t seen_us_ = 0;
    bool refused_ = false;
};

}  // namespace detail

/// Reads each GPU's total energy counter, or its power if it has none.
///
/// Units:  millijoules since the driver was loaded; milliwatts.
/// Thread: reads must not overlap.
/// Cost:   one call per GPU, including its module's power. Measured on an H100 (driver 580): 2.6 to
///         16 ms for a counter that changes every 100 ms, 1 to 12 us for a power; in the first ten
///         seconds sometimes a second call, which compares the two. A counter that stands still
///         while power flows is replaced by power x time.
/// Fails:  a lost GPU gets `no_value` while the others continue, and is searched for by its UUID;
///         if all are lost: `gone`, and the library is restarted from time to time. Limits: the
///         energy is that of the board, whoever uses it: it includes the instances of a split GPU
///         (MIG) and, except under `attribution::process`, other processes. A meter belongs to the
///         process that opened it; after fork the child opens its own.
///
///     auto gpus = open_nvml(system_root{});
///     if (!gpus) std::cerr << gpus.error().reason << "\n" << gpus.error().remedy << "\n";
class nvml final : public detail::device_library {
 public:
    nvml(const detail::nvml_api& api, detail::list<detail::nvml_meter> meters, std::string note,
         std::shared_ptr<const time_source> clock, std::uint32_t pid = 0)
        : api_(api), clock_(std::move(clock)), pid_(pid), note_(std::move(note)) {
        for (detail::nvml_meter& m : meters) {
            channels_.push_back(m.described);
            states_.emplace_back();
            states_.back().meter = std::move(m);
        }
    }

    /// One backend per GPU, together with its module: driver calls that take milliseconds do not
    /// wait for one another, and each reading has its own time.
    [[nodiscard]] std::vector<std::unique_ptr<backend>> split() override {
        std::vector<std::unique_ptr<backend>> parts;
        std::string note(note_.text());
        for (std::size_t i = 0; i < states_.size();) {
            detail::list<detail::nvml_meter> meters;
            const detail::nvml_device device = states_[i].meter.device;
            for (; i < states_.size() && states_[i].meter.device == device; ++i)
                meters.push_back(std::move(states_[i].meter));
            if (!parts.empty() && api_.init() != detail::nvml_ok) continue;  // one reference each
            parts.push_back(std::make_unique<nvml>(api_, std::move(meters), std::exchange(note, {}),
                                                   clock_, pid_));
        }
        return parts;
    }

    [[nodiscard]] std::string_view name() const noexcept override { return "nvml"; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return channels_;
    }
    [[nodiscard]] std::string_view note() const noexcept override { return note_.text(); }

    [[nodiscard]] double process_share(std::size_t i) noexcept override {
        state& s = states_[i];
        return s.misses != 0 ? unknown_share : s.share.take(api_, s.meter.device, pid_);
    }

    read_status read(counter_span out) noexcept override {
        const std::size_t n = std::min(out.size(), states_.size());
        if (bad_reads_ != 0 && is_turn(bad_reads_)) start_again();
        std::size_t good = 0;
        std::size_t lost = 0;
        for (std::size_t i = 0; i < n; ++i) {
            state& s = states_[i];
            if (i == 0 || s.meter.device != states_[i - 1].meter.device) ask_together(i, n);
            if (s.misses != 0 && is_turn(s.misses)) find_again(s.meter);
            int status = detail::nvml_ok;  // for a sleeping GPU, which is not asked
            const auto ask = [&]() noexcept {
                std::uint64_t value = no_value;
                status = value_of(s, value);
                return status == detail::nvml_ok ? value : no_value;
            };
            out[i] = channels_[i].kind == reading_kind::energy_counter ? s.meter.sleep.counter(ask)
                                                                       : s.meter.sleep.gauge(ask);
            if (status == detail::nvml_ok) {
                s.misses = 0;
                ++good;
            } else {
                out[i] = no_value;
                ++s.misses;
                s.check.give_up();
                if (is_lost(status)) ++lost;
            }
        }
        if (!note_.is_done()) publish_checks();
        bad_reads_ = good > 0 ? 0 : bad_reads_ + 1;
        if (good > 0) return read_status::ok;
        return lost == n ? read_status::gone : read_status::retry;
    }

 private:
    static constexpr std::size_t most_together = 4;
    struct state {
        detail::nvml_meter meter;
        detail::counter_check check;
        detail::nvml_process_share share;
        unsigned misses = 0;
        bool replaced = false;  ///< the counter stands still: count power x time instead
        double replaced_at = 0;
        double last_watts = 0;
        double millijoules = 0;
        std::uint64_t answer = no_value;  ///< from a call for several values
    };

    static bool is_lost(int status) noexcept {
        return status == detail::nvml_gpu_is_lost || status == detail::nvml_gpu_not_found ||
               status == detail::nvml_uninitialized || status == detail::nvml_driver_not_loaded ||
               status == detail::nvml_version_mismatch;
    }
    // The 1st, 2nd, 4th ... consecutive failure, and every 64th: starting the library takes 18 ms.
    static bool is_turn(unsigned failures) noexcept {
        return (failures & (failures - 1)) == 0 || failures % 64 == 0;
    }

    [[nodiscard]] double seconds() const noexcept {
        return static_cast<double>(clock_->now()) * clock_->seconds_per_tick();
    }

    // Reads all values of a device that has several, such as a module's and its GPU's, in one call,
    // because each call may wait for the driver for milliseconds.
    void ask_together(std::size_t first, std::size_t end) noexcept {
        detail::nvml_field_value values[most_together] = {};
        std::size_t n = 0;
        const detail::nvml_device device = states_[first].meter.device;
        if (states_[first].meter.sleep.may_sleep()) return;
        for (std::size_t i = first; i < end && states_[i].meter.device == device; ++i) {
            const detail::nvml_meter& m = states_[i].meter;
            states_[i].answer = no_value;
            if (n == most_together || m.field == 0 || states_[i].replaced) return;
            values[n].field = m.field;
            values[n].scope = m.scope;
            values[n++].status = detail::nvml_not_supported;
        }
        if (n < 2 || api_.fields == nullptr ||
            api_.fields(device, static_cast<int>(n), values) != detail::nvml_ok)
            return;
        for (std::size_t k = 0; k < n; ++k) {
            std::uint64_t value = 0;
            if (values[k].status == detail::nvml_ok && detail::nvml_api::value_of(values[k], value))
                states_[first + k].answer = value;
        }
    }

    int value_of(state& s, std::uint64_t& value) noexcept {
        const detail::nvml_meter& m = s.meter;
        const std::uint64_t had = std::exchange(s.answer, no_value);
        if (had != no_value && m.from == detail::nvml_source::power_field) {
            value = had;
            return detail::nvml_ok;
        }
        switch (m.from) {
            case detail::nvml_source::power_field:
                return api_.read_field(m.device, m.field, m.scope, value);
            case detail::nvml_source::power_usage:
                return api_.read_power(m.device, value);
            case detail::nvml_source::energy_counter:
                break;
        }
        if (s.replaced) return integrate(s, value);
        value = had;
        const int status = had != no_value ? detail::nvml_ok : api_.read_energy(m.device, value);
        if (status == detail::nvml_ok && s.check.verdict() == detail::counter_verdict::undecided)
            check(s, value);
        return status;
    }

    void check(state& s, std::uint64_t millijoules) noexcept {
        const double now = seconds();
        std::uint64_t milliwatts = 0;
        if (!s.check.wants(now)) return;
        if (api_.read_power(s.meter.device, milliwatts) != detail::nvml_ok)
            return s.check.give_up();
        const double watts = static_cast<double>(milliwatts) * 1e-3;
        s.check.take(static_cast<double>(millijoules) * 1e-3, watts, now);
        if (s.check.verdict() != detail::counter_verdict::stuck) return;
        s.replaced = true;
        s.replaced_at = now;
        s.last_watts = watts;
        s.millijoules = static_cast<double>(millijoules);
    }

    int integrate(state& s, std::uint64_t& value) noexcept {
        std::uint64_t milliwatts = 0;
        const int status = api_.read_power(s.meter.device, milliwatts);
        if (status != detail::nvml_ok) return status;
        const double now = seconds();
        const double watts = static_cast<double>(milliwatts) * 1e-3;
        s.millijoules += (watts + s.last_watts) / 2 * (now - s.replaced_at) * 1e3;
        s.replaced_at = now;
        s.last_watts = watts;
        value = static_cast<std::uint64_t>(s.millijoules);
        return status;
    }

    // Once, when every counter is decided.
    void publish_checks() noexcept {
        for (const state& s : states_)
            if (s.meter.from == detail::nvml_source::energy_counter &&
                s.check.verdict() == detail::counter_verdict::undecided)
                return;
        for (std::size_t i = 0; i < states_.size(); ++i)
            note_.add(detail::reason_to_distrust(states_[i].check, channels_[i].id,
                                                 "power x time is counted instead"));
        note_.finish();
    }

    void find_again(detail::nvml_meter& m) noexcept {
        detail::nvml_device again = nullptr;
        if (api_.by_uuid != nullptr && api_.by_uuid(m.uuid.c_str(), &again) == detail::nvml_ok)
            m.device = again;
    }
    // After the driver was reloaded the library must be reloaded, too: our reference is released
    // first.
    void start_again() noexcept {
        if (api_.shutdown != nullptr) api_.shutdown();
        if (api_.init() != detail::nvml_ok) return;
        for (state& s : states_) find_again(s.meter);
    }

    detail::nvml_api api_;
    std::shared_ptr<const time_source> clock_;
    std::uint32_t pid_;  ///< this process's id for the driver; 0: unknown
    detail::list<state> states_;
    std::vector<channel> channels_;
    unsigned bad_reads_ = 0;
    detail::checked_note note_;
};

/// Where to find the library, and a clock for comparing counter and power.
struct nvml_options {
    library_search libraries;
    std::shared_ptr<const time_source> clock = std::make_shared<steady_time>();
};

namespace detail {

/// Starts the library, which wakes the GPUs.
[[nodiscard]] inline opened_backend start_nvml(const system_root& root,
                                               const nvml_options& options) {
    const result<detail::nvml_api> api = detail::nvml_api::load(options.libraries);
    if (!api) return api.error();
    const int status = api->init();
    if (status != detail::nvml_ok) return detail::nvml_start_failed(*api, status);
    detail::nvml_discovery found(*api, root, options.clock);
    if (found.meters().empty()) return found.failure_reason();
    return std::unique_ptr<backend>(std::make_unique<nvml>(*api, std::move(found.meters()),
                                                           std::move(found.note()), options.clock,
                                                           detail::machine_wide_pid(root)));
}

}  // namespace detail

[[nodiscard]] inline opened_backend open_nvml(const system_root& root,
                                              const nvml_options& options) {
    if (!detail::has_nvidia_driver(root)) return detail::nvidia_absent(root);
    std::vector<std::string> asleep = detail::sleeping_nvidia_gpus(root);
    if (!asleep.empty())
        return std::unique_ptr<backend>(std::make_unique<detail::nvml_asleep>(
            root, asleep, [root, options] { return detail::start_nvml(root, options); },
            options.clock));
    return detail::start_nvml(root, options);
}
/// Opens every GPU that NVIDIA's driver shows this process.
[[nodiscard]] inline opened_backend open_nvml(const system_root& root) {
    nvml_options options;
    options.libraries = library_search::of(root);
    return open_nvml(root, options);
}

}  // namespace v1
}  // namespace joulery
