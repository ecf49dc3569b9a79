// nvml_asleep.hpp - NVIDIA GPUs that sleep at the start: NVML would wake them, so it is started
// later.
// SPDX-License-Identifier: MIT
//
// The driver's /proc/driver/nvidia/gpus/*/information and the PCI devices' runtime_status list the
// GPUs without waking them (NVIDIA's README, "PCI-Express Runtime D3"). Tested on fakes.
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/backends/common/sleeping_device.hpp"
#include "joulery/detail/backends/gpu/library_backend.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/detail/metering/registry.hpp"
#include "joulery/detail/timing/time_source.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The PCI addresses of NVIDIA's GPUs; empty if one of them is awake.
[[nodiscard]] inline std::vector<std::string> sleeping_nvidia_gpus(const system_root& root) {
    std::vector<std::string> asleep;
    const std::string devices = "/sys/bus/pci/devices/";
    for (const std::string& pci : root.list(devices)) {
        const std::string folder = devices + pci;
        if (root.line(concat({folder, "/vendor"})) != "0x10de" ||
            root.line(concat({folder, "/class"})).rfind("0x03", 0) != 0)
            continue;
        if (root.line(concat({folder, "/power/runtime_status"})) != "suspended") return {};
        asleep.push_back(pci);
    }
    return asleep;
}

/// Counts 0 J for sleeping GPUs; once one is awake NVML is started and counts from there.
///
/// Units:  millijoules. Thread: reads must not overlap. Cost: a pread per GPU while all sleep.
/// Fails:  a GPU that NVML does not show gets `no_value` while it is awake.
class nvml_asleep final : public device_library {
 public:
    using opener = std::function<opened_backend()>;

    nvml_asleep(const system_root& root, const std::vector<std::string>& gpus, opener open,
                std::shared_ptr<const time_source> clock)
        : open_(std::move(open)), clock_(std::move(clock)) {
        for (const std::string& pci : gpus) {
            const std::string about =
                root.text(concat({"/proc/driver/nvidia/gpus/", pci, "/information"}), 4096);
            const std::string uuid = field(about, "GPU UUID:");
            const bool known = !uuid.empty() && uuid.find('?') == std::string::npos;
            channel c;
            c.id = concat({"gpu/", (known ? uuid : pci), "/board"});
            c.model = field(about, "Model:");
            c.part = component::gpu;
            c.joules_per_count = 1e-3;
            c.update_period = std::chrono::milliseconds(100);
            c.device = concat({"pci:", pci});
            append(note_,
                   {(note_.empty() ? "" : "; "), c.id,
                    " slept at the start: it is not woken, and 0 W is counted while it sleeps"});
            channels_.push_back(std::move(c));
            gpus_.push_back(
                {sleeping_device(root, concat({"/sys/bus/pci/devices/", pci}), clock_), {}});
        }
    }

    [[nodiscard]] std::string_view name() const noexcept override { return "nvml"; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return channels_;
    }
    [[nodiscard]] std::string_view note() const noexcept override { return note_; }

    read_status read(counter_span out) noexcept override {
        bool any_awake = false;
        for (gpu& g : gpus_) any_awake = !g.sleep.is_asleep() || any_awake;
        if (any_awake && awake_ == nullptr) start();
        if (any_awake && awake_ != nullptr) take();
        for (std::size_t i = 0; i < std::min(out.size(), gpus_.size()); ++i)
            out[i] = gpus_[i].sleep.was_asleep() || gpus_[i].has_value
                         ? static_cast<std::uint64_t>(gpus_[i].millijoules)
                         : no_value;
        return read_status::ok;
    }

 private:
    static constexpr std::size_t none = ~std::size_t{0};
    struct gpu {
        sleeping_device sleep;
        std::size_t place = none;  ///< index among NVML's channels
        bool has_value = false;
        bool is_counter = false;
        std::uint64_t last = no_value;
        double last_at = 0;
        double scale = 0;  ///< to millijoules or milliwatts
        double millijoules = 0;
    };

    static std::string field(const std::string& text, std::string_view name) {
        std::size_t at = text.find(name);
        if (at == std::string::npos) return {};
        at = text.find_first_not_of(" \t", at + name.size());
        if (at == std::string::npos) return {};
        return text.substr(at, text.find('\n', at) - at);
    }

    void start() noexcept {
        if (tries_++ % 64 != 0) return;  // starting it takes 18 ms
        JOULERY_TRY {
            opened_backend opened = open_();
            if (!opened) return;
            awake_ = *std::move(opened);
            raw_.assign(awake_->channels().size(), no_value);
        }
        JOULERY_CATCH_ALL { return; }
        for (std::size_t i = 0; i < gpus_.size(); ++i)
            for (std::size_t k = 0; k < raw_.size(); ++k) {
                const channel& c = awake_->channels()[k];
                if (c.device != channels_[i].device) continue;
                gpus_[i].place = k;
                gpus_[i].is_counter = c.kind == reading_kind::energy_counter;
                gpus_[i].scale = c.joules_per_count * 1e3;
            }
    }

    void take() noexcept {
        std::fill(raw_.begin(), raw_.end(), no_value);
        const bool good = awake_->read(counter_span(raw_)) == read_status::ok;
        const double now = static_cast<double>(clock_->now()) * clock_->seconds_per_tick();
        for (gpu& g : gpus_) {
            const std::uint64_t raw = good && g.place != none ? raw_[g.place] : no_value;
            g.has_value = raw != no_value;
            if (!g.has_value) continue;
            const double value = static_cast<double>(raw) * g.scale;
            const double last = static_cast<double>(g.last) * g.scale;
            if (g.last != no_value)
                g.millijoules += !g.is_counter   ? (value + last) / 2 * (now - g.last_at)
                                 : raw >= g.last ? value - last
                                                 : 0;
            g.last = raw;
            g.last_at = now;
        }
    }

    opener open_;
    std::shared_ptr<const time_source> clock_;
    list<gpu> gpus_;
    std::vector<channel> channels_;
    std::string note_;
    std::unique_ptr<backend> awake_;
    std::vector<std::uint64_t> raw_;
    unsigned tries_ = 0;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
