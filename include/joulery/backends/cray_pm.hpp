// joulery/backends/cray_pm.hpp - node energy on HPE Cray EX through /sys/cray/pm_counters.
// Layer 5. SPDX-License-Identifier: MIT
//
// Facts: HPE's and EPCC's documentation and readers of other tools. Not verified on hardware.
#pragma once

#include "joulery/backends/watched_file.hpp"
#include "joulery/counters/registry.hpp"

#include <algorithm>
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

/// The whole number that starts "1234567 J 1700000000123456 us"; false where none does.
[[nodiscard]] inline bool parse_cray(std::string_view text, std::uint64_t& value) noexcept {
    return parse_unsigned(text.substr(0, text.find(' ')), value);
}

}  // namespace detail

/// Reads the node's energy and that of its processors, memory and accelerators, which lie in it.
///
/// Units:  whole joules (or watts, where a part has no energy file): coarse below ten seconds.
/// Thread: reads must not overlap. Cost: one pread a file and two of `freshness`.
/// Fails:  a file without a number holds `no_value`; none: `retry`, or `gone` with the files. A
///         restart of the counters shows as smaller values, which the meter takes for a reset.
///
///     auto node = open_cray_pm(system_root{});
class cray_pm final : public backend {
 public:
    struct part {
        watched_file file;
        channel described;
    };

    cray_pm(std::vector<part> parts, watched_file freshness)
        : parts_(std::move(parts)), freshness_(std::move(freshness)) {
        for (const part& p : parts_) channels_.push_back(p.described);
    }

    [[nodiscard]] std::string_view name() const noexcept override { return "cray-pm"; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return channels_;
    }

    read_status read(counter_span out) noexcept override {
        // The files are written ten times a second; `freshness` counts the writes. One that came
        // in between is answered by reading all again, once: the next is 100 ms away.
        std::uint64_t before = fresh();
        read_status status = read_files(out);
        if (fresh() != before) status = read_files(out);
        return status;
    }

 private:
    std::uint64_t fresh() noexcept {
        std::uint64_t count = 0;
        return number_in(freshness_, count) ? count : 0;
    }

    static bool number_in(watched_file& file, std::uint64_t& value) noexcept {
        char text[128];
        const std::ptrdiff_t n = file.read_text(text, sizeof text);
        return n > 0 && detail::parse_cray({text, static_cast<std::size_t>(n)}, value);
    }

    read_status read_files(counter_span out) noexcept {
        const std::size_t n = std::min(out.size(), parts_.size());
        std::size_t good = 0;
        std::size_t gone = 0;
        for (std::size_t i = 0; i < n; ++i) {
            out[i] = no_value;
            if (number_in(parts_[i].file, out[i]) && out[i] != no_value) {
                ++good;
            } else {
                out[i] = no_value;
                if (parts_[i].file.vanished()) ++gone;
            }
        }
        if (good > 0) return read_status::ok;
        return gone == n ? read_status::gone : read_status::retry;
    }

    std::vector<part> parts_;
    watched_file freshness_;
    std::vector<channel> channels_;
};

[[nodiscard]] inline opened_backend open_cray_pm(const system_root& root) {
    std::vector<cray_pm::part> parts;
    const auto add = [&](const std::string& prefix, const std::string& id, component what) {
        const std::string folder = std::string(detail::cray_folder) + "/";
        const bool counts = root.exists(folder + prefix + "energy");
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
        if (!parts.empty() && parts.front().described.id == "node") p.described.parent = "node";
        parts.push_back(std::move(p));
    };
    add("", "node", component::platform);
    add("cpu_", "node/cpu", component::cpu);
    add("memory_", "node/memory", component::dram);
    for (int i = 0; i < 16; ++i) {
        const std::string accelerator = "accel" + std::to_string(i);
        add(accelerator + "_", "node/" + accelerator, component::gpu);
    }
    if (parts.empty())
        return failure{
            std::string(detail::cray_folder) +
                (root.exists(detail::cray_folder) ? ": holds no counter" : ": not there"),
            root.exists("/sys/cray") || root.exists("/etc/opt/cray")
                ? "in a container: -v /sys/cray:/sys/cray:ro"
                : ""};
    return std::unique_ptr<backend>(std::make_unique<cray_pm>(
        std::move(parts),
        watched_file(root.path(std::string(detail::cray_folder) + "/freshness"))));
}

}  // namespace v1
}  // namespace joulery
