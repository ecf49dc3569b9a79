// cray_pm.hpp - node energy on HPE Cray EX through /sys/cray/pm_counters.
// SPDX-License-Identifier: MIT
//
// Facts: documentation of HPE (Cray-HPE/docs-csm) and EPCC, and other tools' readers. Not verified
// on hardware.
#pragma once

#include "joulery/detail/backends/common/device_files.hpp"
#include "joulery/detail/backends/common/hardware_names.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/metering/registry.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

inline constexpr std::string_view cray_folder = "/sys/cray/pm_counters";

/// Parses the integer at the start of "1234567 J 1700000000123456 us"; false if there is none.
[[nodiscard]] inline bool parse_cray(std::string_view text, std::uint64_t& value) noexcept {
    return parse_unsigned(text.substr(0, text.find(' ')), value);
}

inline bool read_cray(watched_file& file, std::uint64_t& value) noexcept {
    char text[128];
    const std::ptrdiff_t n = file.read_text(text, sizeof text);
    return n > 0 && parse_cray({text, static_cast<std::size_t>(n)}, value);
}

/// Reads values of one moment: if `stamp()` shows an update in between, it reads again.
template <class Stamp, class Read>
read_status read_between_updates(Stamp stamp, Read read) noexcept {
    const std::uint64_t before = stamp();
    const read_status status = read();
    return stamp() == before ? status : read();
}

/// A number that changes only at rare events.
class cray_event_counter {
 public:
    cray_event_counter() = default;
    explicit cray_event_counter(std::string path) : file_(std::move(path)) { (void)moved(); }
    /// Whether it has changed since the last call. A file that can't be read counts as unchanged.
    bool moved() noexcept {
        std::uint64_t now = 0;
        if (!read(now)) return false;
        return std::exchange(last_, now) != now && std::exchange(known_, true);
    }
    bool read(std::uint64_t& value) noexcept { return read_cray(file_, value); }

 private:
    watched_file file_;
    std::uint64_t last_ = no_value;
    bool known_ = false;
};

}  // namespace detail

/// Reads the node's energy, and that of its processors, memory and accelerators, which it contains.
///
/// Units:  whole joules (or watts, if a part has no energy file): coarse below ten seconds.
/// Thread: reads must not overlap. Cost: one pread per file, and four for the event files.
/// Fails:  a file without a number gets `no_value`; if there is none at all: `retry`, or `gone` if
///         the files are gone. A restart of the counters, shown by `startup`, loses nothing: they
///         continue from their last value, whether they show less than before or not.
///
///     auto node = open_cray_pm(system_root{});
class cray_pm final : public backend {
 public:
    struct part {
        watched_file file;
        channel described;
        std::uint64_t last = 0;    ///< as read from the file
        std::uint64_t offset = 0;  ///< counted before the last restart
    };
    /// `freshness` counts the updates, ten a second; `startup` the restarts of the counters;
    /// `generation` the changes of the node's power cap.
    struct events {
        detail::cray_event_counter freshness, startup, generation;
    };

    cray_pm(detail::list<part> parts, events about)
        : parts_(std::move(parts)), about_(std::move(about)) {
        for (const part& p : parts_) channels_.push_back(p.described);
    }

    [[nodiscard]] std::string_view name() const noexcept override { return "cray-pm"; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return channels_;
    }
    [[nodiscard]] std::string_view note() const noexcept override {
        return cap_changed_.load(std::memory_order_relaxed)
                   ? "the node's power cap was changed while it was measured"
                   : "";
    }

    read_status read(counter_span out) noexcept override {
        const bool restarted = about_.startup.moved();
        if (about_.generation.moved()) cap_changed_.store(true, std::memory_order_relaxed);
        const auto fresh = [&] {
            std::uint64_t count = 0;
            return about_.freshness.read(count) ? count : 0;
        };
        const read_status status =
            detail::read_between_updates(fresh, [&] { return read_files(out); });
        for (std::size_t i = 0; i < std::min(out.size(), parts_.size()); ++i)
            if (channels_[i].kind == reading_kind::energy_counter)
                count_on(parts_[i], out[i], restarted);
        return status;
    }

 private:
    static void count_on(part& p, std::uint64_t& value, bool restarted) noexcept {
        if (restarted) p.offset += p.last;
        p.last = restarted ? 0 : p.last;
        if (value == no_value) return;
        p.last = value;
        value += p.offset;
    }

    read_status read_files(counter_span out) noexcept {
        const std::size_t n = std::min(out.size(), parts_.size());
        std::size_t good = 0;
        std::size_t gone = 0;
        for (std::size_t i = 0; i < n; ++i) {
            std::uint64_t value = no_value;
            const bool read = detail::read_cray(parts_[i].file, value);
            out[i] = read ? value : no_value;
            if (out[i] != no_value) ++good;
            if (!read && parts_[i].file.vanished()) ++gone;
        }
        if (good > 0) return read_status::ok;
        return gone == n ? read_status::gone : read_status::retry;
    }

    detail::list<part> parts_;
    events about_;
    std::atomic<bool> cap_changed_{false};
    std::vector<channel> channels_;
};

[[nodiscard]] inline opened_backend open_cray_pm(const system_root& root) {
    detail::list<cray_pm::part> parts;
    const std::string cards = detail::only_gpu_model(root);
    const auto add = [&](const std::string& prefix, const std::string& id, component what) {
        const std::string folder = concat({detail::cray_folder, "/"});
        const bool counts = root.exists(concat({folder, prefix, "energy"}));
        const std::string file = folder + prefix + (counts ? "energy" : "power");
        std::uint64_t value = 0;
        if (!detail::parse_cray(root.line(file), value)) return;
        cray_pm::part p;
        p.file = watched_file(root.path(file));
        p.described.id = id;
        p.described.part = what;
        p.described.kind = counts ? reading_kind::energy_counter : reading_kind::power_gauge;
        p.described.joules_per_count = 1;
        p.described.update_period = std::chrono::milliseconds(100);
        p.described.device = "node";
        if (what == component::platform) p.described.model = detail::machine_model(root);
        if (what == component::cpu) p.described.model = detail::cpu_model(root);
        if (what == component::gpu) {
            p.described.model = cards;
            p.described.device = id.substr(id.find('/') + 1);  // each is a device of its own
        }
        std::uint64_t cap = 0;  // "2200 W"; 0: none is set
        if (detail::parse_cray(root.line(concat({folder, prefix, "power_cap"})), cap) &&
            cap < 100'000)
            p.described.max_watts = static_cast<double>(cap);
        if (!parts.empty() && parts.front().described.id == "node") p.described.parent = "node";
        parts.push_back(std::move(p));
    };
    add("", "node", component::platform);
    add("cpu_", "node/cpu", component::cpu);
    add("memory_", "node/memory", component::dram);
    for (int i = 0; i < 16; ++i) {
        const std::string accelerator = concat({"accel", i});
        add(concat({accelerator, "_"}), concat({"node/", accelerator}), component::gpu);
    }
    if (parts.empty())
        return failure{
            concat({detail::cray_folder,
                    (root.exists(detail::cray_folder) ? ": has no counter" : ": not found")}),
            root.exists("/sys/cray") || root.exists("/etc/opt/cray")
                ? "in a container: -v /sys/cray:/sys/cray:ro"
                : ""};
    const auto event = [&](const char* file) {
        return detail::cray_event_counter(root.path(concat({detail::cray_folder, file})));
    };
    return std::unique_ptr<backend>(std::make_unique<cray_pm>(
        std::move(parts),
        cray_pm::events{event("/freshness"), event("/startup"), event("/generation")}));
}

}  // namespace v1
}  // namespace joulery
