// estimate.hpp - estimates energy from load and a power model if nothing can be measured.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/backends/common/hardware_names.hpp"
#include "joulery/detail/backends/cpu/cpu_identity.hpp"
#include "joulery/detail/backends/cpu/rapl_zone.hpp"
#include "joulery/detail/backends/estimate/cpu_power_table.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/detail/metering/process_share.hpp"
#include "joulery/detail/metering/registry.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#if JOULERY_POSIX()
#include <time.h>
#endif

namespace joulery {
inline namespace v1 {

/// A model of power over load, with the source of its figures.
///
///     cpu_power_model m = choose_cpu_power_model(system_root{});
///     m.watts(0.5, 64);      // half of 64 hardware threads busy
struct cpu_power_model {
    double tdp_watts = 0;  ///< > 0: use the Teads curve; else the entry's watts per thread
    cpu_power_entry entry = unknown_cpu_power;
    double error = 0;          ///< stated, as a fraction
    bool whole_server = true;  ///< the figures include memory, fans and power supply
    std::string sources;       ///< what the figures are and where they come from, for the report

    [[nodiscard]] double watts(double load, double threads) const noexcept {
        if (tdp_watts > 0) return tdp_watts * teads_share_of_tdp(load);
        return threads * (entry.idle_watts + load * (entry.full_watts - entry.idle_watts));
    }
};

/// The packages' power limits as powercap shows them to any user, even if the energy is hidden.
struct powercap_tdp {
    double watts = 0;         ///< of all packages; 0: not stated
    bool is_a_limit = false;  ///< for some only the limit is known, which vendors set as they like
};

namespace detail {

/// "28.00": the same in every locale, unlike printf.
[[nodiscard]] inline std::string two_digits(double number) {
    const auto hundredths = static_cast<unsigned long long>(number * 100 + 0.5);
    const std::string rest = std::to_string(hundredths % 100);
    return concat({hundredths / 100, (rest.size() < 2 ? ".0" : "."), rest});
}

}  // namespace detail

/// Adds up the packages' TDPs. If one is unknown its long-term limit is used, unless it is more
/// than a socket can draw, which means "none".
[[nodiscard]] inline powercap_tdp read_powercap_tdp(const system_root& root) {
    constexpr std::uint64_t most_tdp = 2'000'000'000, most_limit = 500'000'000;  // microwatts
    powercap_tdp tdp;
    for (const std::string& entry : root.list("/sys/class/powercap")) {
        rapl_zone zone;
        zone.folder = entry;
        const std::string folder = concat({"/sys/class/powercap/", entry});
        if (!is_rapl_zone_folder(entry) || zone.is_mmio()) continue;
        if (!name_rapl_zone(root.line(concat({folder, "/name"})), nullptr, zone) ||
            zone.domain != rapl_domain::package)
            continue;
        const auto watts_in = [&](const char* file, std::uint64_t most) {
            std::uint64_t microwatts = 0;
            const bool good = root.number(folder + file, microwatts) && microwatts <= most;
            return good ? static_cast<double>(microwatts) * 1e-6 : 0.0;
        };
        const double stated = watts_in("/constraint_0_max_power_uw", most_tdp);
        const double limit = watts_in("/constraint_0_power_limit_uw", most_limit);
        tdp.watts += stated > 0 ? stated : limit;
        tdp.is_a_limit |= stated <= 0 && limit > 0;
    }
    return tdp;
}

/// Chooses the best model for the machine: the figures of its server processor, else the TDP that
/// powercap states, else an average.
///
/// Stated errors: comparisons of such estimates with measurements found up to 40 % (Fischer 2025,
/// arXiv 2509.22092), and up to 100 % for models that don't know the machine (Fahad et al. 2019).
[[nodiscard]] inline cpu_power_model choose_cpu_power_model(const system_root& root) {
    const cpu_identity cpu = read_cpu_identity(root);
    cpu_power_model model;
    if (const cpu_power_entry* known = find_cpu_power(cpu)) {
        model.entry = *known;
        model.error = 0.4;
    } else if (const powercap_tdp tdp = read_powercap_tdp(root); tdp.watts > 0) {
        model.tdp_watts = tdp.watts;
        model.error = tdp.is_a_limit ? 1.0 : 0.4;
        model.whole_server = false;
        model.sources = concat({detail::two_digits(tdp.watts), " W ",
                                (tdp.is_a_limit ? "long-term limit" : "TDP"),
                                " stated by powercap x the Teads curve (12 % idle, 102 % full); "
                                "processors only, without memory"});
        return model;
    } else {
        model.error = 1.0;
    }
    model.sources =
        concat({model.entry.microarchitecture, ": ", detail::two_digits(model.entry.idle_watts),
                " W idle to ", detail::two_digits(model.entry.full_watts),
                " W full a hardware thread (Cloud Carbon Footprint 2026, from SPECpower; share "
                "of a whole server: memory, fans and power supply are included)"});
    return model;
}

/// The clocks of the estimate; tests supply their own.
struct estimate_clocks {
    std::function<double()> monotonic_seconds;
    std::function<double()> process_cpu_seconds;  ///< of all threads of this process

    [[nodiscard]] static estimate_clocks of_the_system() {
        estimate_clocks clocks;
        clocks.monotonic_seconds = [] {
            return std::chrono::duration<double>(
                       std::chrono::steady_clock::now().time_since_epoch())
                .count();
        };
        clocks.process_cpu_seconds = [] {
#if JOULERY_POSIX()
            ::timespec t{};
            if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) != 0) return 0.0;
            return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
#else
            return 0.0;
#endif
        };
        return clocks;
    }
};

/// An energy counter computed as load x watts x time. Its channel is marked `estimated` and states
/// its error, and `note()` names the model and its inputs.
///
/// Units:  raw values are microjoules since it was opened.
/// Thread: reads must not overlap.
/// Cost:   two preads; that of /proc/stat grows with the number of processors.
/// Fails:  `retry` while /proc/stat can't be read for less than a second. After that, or if it does
///         not change, or never gave anything (some containers and sandboxes), the load is this
///         process's own: a lower bound. Nothing is lost: the next good read covers all the time
///         since the last one.
///
///     auto estimate = open_estimate(system_root{});
class estimate_backend final : public backend {
 public:
    estimate_backend(const system_root& root, cpu_power_model model, estimate_clocks clocks)
        : model_(std::move(model)),
          clocks_(std::move(clocks)),
          stat_(root.open("/proc/stat")),
          online_(root.open("/sys/devices/system/cpu/online")),
          threads_(count_threads(root)) {
        channel c;
        c.id = model_.whole_server ? "machine/estimate" : "cpu/estimate";
        c.part = model_.whole_server ? component::platform : component::cpu;
        c.provenance = quality::estimated;
        c.device = "estimate";
        const std::string cloud = detail::find_cloud_instance(root).text();
        c.model = detail::cpu_model(root);
        const std::string board = detail::board_model(root);
        if (!board.empty() && (c.model.empty() || c.model.rfind("Arm ", 0) == 0)) c.model = board;
        if (!cloud.empty()) c.model += (c.model.empty() ? "" : ", ") + cloud;
        c.relative_error = model_.error;
        // /proc/stat counts in 1/100 s. The Teads curve is nonlinear, so the load must be a mean
        // over many ticks before it is applied.
        c.update_period = std::chrono::milliseconds(model_.tdp_watts > 0 ? 100 : 10);
        period_seconds_ = std::chrono::duration<double>(c.update_period).count();
        channels_.push_back(std::move(c));
        last_time_ = clocks_.monotonic_seconds();
        last_process_ = clocks_.process_cpu_seconds();
        has_times_ = read_times(last_times_);
        has_ticks_ = has_times_ && last_times_.busy + last_times_.rest > 0;
        describe(cloud);
    }

    [[nodiscard]] std::string_view name() const noexcept override { return "estimate"; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return channels_;
    }
    [[nodiscard]] std::string_view note() const noexcept override { return note_; }

    read_status read(counter_span out) noexcept override {
        if (out.size() == 0) return read_status::ok;
        const double now = clocks_.monotonic_seconds();
        const double elapsed = now - last_time_;
        out[0] = static_cast<std::uint64_t>(microjoules_);
        if (elapsed < period_seconds_) return read_status::ok;  // nothing new yet
        const bool patient = has_ticks_ && elapsed < patience_seconds;
        cpu_times times;
        const bool readable = read_times(times);
        if (!readable && patient) return read_status::retry;
        double load = -1;
        if (readable && has_times_) load = load_between(last_times_, times);
        has_ticks_ |= load >= 0;
        if (load < 0 && !patient) load = load_of_this_process(elapsed);
        if (load >= 0) {
            add(load, elapsed);
            last_time_ = now;
            last_process_ = clocks_.process_cpu_seconds();
        }
        if (load >= 0 || !has_times_) {
            has_times_ = readable;
            last_times_ = times;
        }
        out[0] = static_cast<std::uint64_t>(microjoules_);
        return read_status::ok;
    }

    /// How long /proc/stat may fail or stand still before this process's own time is used instead.
    static constexpr double patience_seconds = 1.0;

 private:
    // If /proc/stat has no "cpuN" lines (some containers), sysfs is used, and then /proc/cpuinfo.
    static double count_threads(const system_root& root) {
        std::uint64_t n = count_cpus(root.line("/sys/devices/system/cpu/online"));
        if (n == 0) n = count_lines_with(root.text("/proc/stat", 1 << 20), "\ncpu");
        if (n == 0) {
            const std::string info = concat({"\n", root.text("/proc/cpuinfo", 1 << 22)});
            n = count_lines_with(info, "\nprocessor\t");
        }
        if (n == 0 && root.is_real()) n = std::thread::hardware_concurrency();  // opens no file
        return static_cast<double>(std::max<std::uint64_t>(n, 1));
    }

    static std::uint64_t count_lines_with(std::string_view text, std::string_view start) noexcept {
        std::uint64_t n = 0;
        for (std::size_t at = text.find(start); at != std::string_view::npos;
             at = text.find(start, at + 1))
            ++n;
        return n;
    }

    bool read_times(cpu_times& times) noexcept {
        char text[512];
        if (!stat_.is_open()) return false;
        const std::ptrdiff_t n = stat_.read_at(text, sizeof text);
        return n > 0 && parse_cpu_times({text, static_cast<std::size_t>(n)}, times);
    }

    // The busy fraction, or -1 if nothing was counted so far. If ticks went down (processors were
    // removed, a container moved), this interval is unknown.
    static double load_between(cpu_times a, cpu_times b) noexcept {
        const double busy = b.busy >= a.busy ? static_cast<double>(b.busy - a.busy) : 0;
        const double rest = b.rest >= a.rest ? static_cast<double>(b.rest - a.rest) : 0;
        return busy + rest > 0 ? busy / (busy + rest) : -1;
    }

    [[nodiscard]] double load_of_this_process(double elapsed) const noexcept {
        const double used = clocks_.process_cpu_seconds() - last_process_;
        return std::clamp(used / (elapsed * threads_), 0.0, 1.0);
    }

    void add(double load, double elapsed) noexcept {
        char text[1024];
        if (online_.is_open()) {
            const std::ptrdiff_t n = online_.read_at(text, sizeof text);
            const std::uint64_t online =
                n > 0 ? count_cpus({text, static_cast<std::size_t>(n)}) : 0;
            if (online > 0) threads_ = static_cast<double>(online);
        }
        microjoules_ += model_.watts(load, threads_) * elapsed * 1e6;
    }

    void describe(const std::string& cloud) {
        if (!cloud.empty()) note_ = concat({cloud, ": "});
        note_ += "estimated, not measured: ";
        note_ += has_ticks_
                     ? "load of all processors from /proc/stat"
                     : "CPU time of this process alone, because /proc/stat is not usable (a lower "
                       "bound)";
        append(note_,
               {" x ", model_.sources, "; ", static_cast<long long>(threads_), " hardware threads",
                (cloud.empty() ? "" : ", the instance's share of its host"), "; off by up to ",
                static_cast<int>(model_.error * 100 + 0.5), " %"});
    }

    cpu_power_model model_;
    estimate_clocks clocks_;
    system_file stat_;
    system_file online_;
    double threads_;
    double period_seconds_ = 0;
    double last_time_ = 0;
    double last_process_ = 0;
    cpu_times last_times_;
    bool has_times_ = false;
    bool has_ticks_ = false;  ///< some were counted; without any there is nothing to wait for
    double microjoules_ = 0;
    std::vector<channel> channels_;
    std::string note_;
};

/// Opens the estimate with the caller's clocks.
[[nodiscard]] inline opened_backend open_estimate(const system_root& root, estimate_clocks clocks) {
#if JOULERY_LINUX()
    return std::unique_ptr<backend>(
        std::make_unique<estimate_backend>(root, choose_cpu_power_model(root), std::move(clocks)));
#else
    (void)root, (void)clocks;
    return failure{
        "estimate: the load of the processors is read from Linux's /proc/stat, which "
        "this system does not have",
        "give the known power of the machine with make_constant_backend()"};
#endif
}

[[nodiscard]] inline opened_backend open_estimate(const system_root& root) {
    return open_estimate(root, estimate_clocks::of_the_system());
}

}  // namespace v1
}  // namespace joulery
