// level_zero.hpp - Intel GPUs through Level Zero's Sysman.
// SPDX-License-Identifier: MIT
//
// For Windows, and for GPUs whose energy is not in hwmon (Battlemage); where there is hwmon, Sysman
// itself reads it. Tested on a fake loader, and on the real one (1.8) without a GPU; not on
// hardware.
#pragma once

#include "joulery/detail/backends/common/hardware_names.hpp"
#include "joulery/detail/backends/gpu/drm_cards.hpp"
#include "joulery/detail/backends/gpu/library_backend.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/dynamic_library.hpp"
#include "joulery/detail/core/environment_variable.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/metering/registry.hpp"
#include "joulery/result.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

// zes_api.h, which only ever adds structures; the tests check the layouts against the header of
// 1.8. Loaders before 1.9 have no zesInit: there Sysman is part of the application's own Level
// Zero, and only if ZES_ENABLE_SYSMAN=1 was in the environment when that was started.
namespace detail {

struct zes_energy {
    std::uint64_t microjoules;
    std::uint64_t timestamp_us;
};

struct zes_power {
    std::int32_t type = 0xd;
    void* next = nullptr;
    std::uint8_t on_subdevice = 0;
    std::uint32_t subdevice = 0;
    std::uint8_t can_control = 0;
    std::uint8_t has_threshold = 0;
    std::int32_t default_limit_mw = -1;
    std::int32_t min_limit_mw = -1;
    std::int32_t max_limit_mw = -1;
};
// Vendors ship 64-bit libraries only; elsewhere pointers and alignment differ.
static_assert(sizeof(void*) != 8 ||
                  (sizeof(zes_power) == 40 && offsetof(zes_power, default_limit_mw) == 28),
              "zes_power_properties_t");

struct zes_power_extension {
    std::int32_t type = 0x28;
    void* next = nullptr;
    std::int32_t domain = 0;  ///< 1 card, 2 package, 3 stack, 4 memory, 5 GPU
    void* default_limit = nullptr;
};
static_assert(sizeof(void*) != 8 || sizeof(zes_power_extension) == 32,
              "zes_power_ext_properties_t");

struct zes_pci {
    std::int32_t type = 2;
    void* next = nullptr;
    std::uint32_t domain = 0;
    std::uint32_t bus = 0;
    std::uint32_t device = 0;
    std::uint32_t function = 0;
    std::int32_t generation = 0;
    std::int32_t width = 0;
    std::int64_t bandwidth = 0;
    std::uint8_t flags[3] = {};
};
static_assert(sizeof(void*) != 8 || (sizeof(zes_pci) == 56 && offsetof(zes_pci, domain) == 16),
              "zes_pci_properties_t");

inline constexpr int zes_ok = 0;
inline constexpr int zes_device_lost = 0x70000001;
inline constexpr int zes_no_permission = 0x70010000;
inline constexpr int zes_uninitialized = 0x78000001;

struct level_zero_api {
    int (*start)(std::uint32_t) = nullptr;
    int (*drivers)(std::uint32_t*, void**) = nullptr;
    int (*devices)(void*, std::uint32_t*, void**) = nullptr;
    int (*pci)(void*, zes_pci*) = nullptr;
    int (*domains)(void*, std::uint32_t*, void**) = nullptr;
    int (*properties)(void*, zes_power*) = nullptr;
    int (*energy)(void*, zes_energy*) = nullptr;

    /// "error 0x78000001", as the headers write their codes.
    [[nodiscard]] static std::string text_of(int status) {
        char text[32];
        std::snprintf(text, sizeof text, "error 0x%08x", static_cast<unsigned>(status));
        return text;
    }

    [[nodiscard]] static result<level_zero_api> load(const library_search& where) {
#if defined(_WIN32)
        const dynamic_library library({"ze_loader.dll"}, where);
#else
        const dynamic_library library({"libze_loader.so.1", "libze_loader.so"}, where);
#endif
        if (!library.is_open())
            return failure{concat({"Level Zero's loader was not found: ", library.error()}),
                           "install the package libze1 (level-zero) and intel-level-zero-gpu"};
        level_zero_api api;
        const bool has_energy = library.bind(api.domains, "zesDeviceEnumPowerDomains") &&
                                library.bind(api.properties, "zesPowerGetProperties") &&
                                library.bind(api.energy, "zesPowerGetEnergyCounter");
        if (!has_energy)
            return failure{concat({library.path(), " has no power domains (Sysman)"}), {}};
        library.bind(api.pci, "zesDevicePciGetProperties");
        if (library.bind(api.start, "zesInit") && library.bind(api.drivers, "zesDriverGet") &&
            library.bind(api.devices, "zesDeviceGet"))
            return api;
        // Setting the variable here would affect the program's own Level Zero.
        const char* enabled = environment_variable("ZES_ENABLE_SYSMAN");
        if (enabled == nullptr || std::string(enabled) != "1")
            return failure{concat({library.path(), " is older than 1.9 and has no zesInit"}),
                           "export ZES_ENABLE_SYSMAN=1, or install a newer loader"};
        if (library.bind(api.start, "zeInit") && library.bind(api.drivers, "zeDriverGet") &&
            library.bind(api.devices, "zeDeviceGet"))
            return api;
        return failure{concat({library.path(), " is not a Level Zero loader"}), {}};
    }
};

struct level_zero_devices {
    static constexpr std::string_view name = "level-zero";
    level_zero_api api;
    detail::list<void*> domains;  ///< one per channel

    [[nodiscard]] level_zero_devices only(std::size_t from, std::size_t end) const {
        return {api,
                {domains.begin() + static_cast<std::ptrdiff_t>(from),
                 domains.begin() + static_cast<std::ptrdiff_t>(end)}};
    }
    device_answer read(std::size_t i, std::uint64_t& microjoules) const noexcept {
        zes_energy e{};
        const int status = api.energy(domains[i], &e);
        microjoules = e.microjoules;
        if (status == zes_ok) return device_answer::value;
        return status == zes_device_lost || status == zes_uninitialized ? device_answer::lost
                                                                        : device_answer::none;
    }
};

/// Examines the power domains of one device after another.
class level_zero_discovery {
 public:
    level_zero_discovery(const level_zero_api& api, const system_root& root) : root_(root) {
        found_.api = api;
    }

    void look_at_all() {
        for (void* driver : list([&](auto*n, auto**into) { return api().drivers(n, into); }))
            for (void* device :
                 list([&](auto*n, auto**into) { return api().devices(driver, n, into); }))
                look_at(device);
    }
    [[nodiscard]] level_zero_devices& found() noexcept { return found_; }
    [[nodiscard]] std::vector<channel>& channels() noexcept { return channels_; }
    [[nodiscard]] std::string& note() noexcept { return note_; }
    [[nodiscard]] unsigned devices() const noexcept { return devices_; }

 private:
    // What a domain measures, outermost first.
    enum kind : int { unknown = 0, card = 1, package = 2, stack = 3, memory = 4, gpu = 5 };
    struct place {
        std::size_t channel;
        int domain;
        int tile;  ///< -1: the whole device
    };

    [[nodiscard]] const level_zero_api& api() const noexcept { return found_.api; }

    template <class Call>
    static detail::list<void*> list(Call call) {
        std::uint32_t n = 0;
        if (call(&n, static_cast<void**>(nullptr)) != zes_ok || n > 4096) return {};
        detail::list<void*> all(n, nullptr);
        if (n == 0 || call(&n, all.data()) != zes_ok) return {};
        all.resize(n < all.size() ? n : all.size());
        return all;
    }

    void look_at(void* device) {
        const std::string number = std::to_string(devices_++);
        zes_pci address;
        std::string pci = number;
        const bool has_pci = api().pci != nullptr && api().pci(device, &address) == zes_ok;
        if (has_pci) pci = pci_text(address.domain, address.bus, address.device, address.function);
        detail::list<place> places;
        for (void* domain :
             list([&](auto*n, auto**into) { return api().domains(device, n, into); }))
            look_at_domain(domain, pci, places);
        if (places.empty()) note(concat({"GPU ", pci, " shows no energy"}));
        for (const place& p : places) {
            channels_[p.channel].parent = parent_of(p, places);
            if (has_pci)
                channels_[p.channel].model =
                    pci_model(root_, concat({"/sys/bus/pci/devices/", pci}));
            // A part without a limit of its own uses the card's.
            double& most = channels_[p.channel].max_watts;
            for (const place& whole : places)
                if (most <= 0 && depth(whole) < depth(p)) most = channels_[whole.channel].max_watts;
            if (has_pci) channels_[p.channel].device = concat({"pci:", pci, within_card(p)});
        }
    }

    void look_at_domain(void* domain, const std::string& pci, detail::list<place>& places) {
        zes_energy energy{};
        const int status = api().energy(domain, &energy);
        if (status != zes_ok) {
            if (status == zes_no_permission)
                note(concat({"GPU ", pci, ": energy is for root only"}));
            return;
        }
        zes_power properties;
        zes_power_extension extension;
        properties.next = &extension;
        if (api().properties(domain, &properties) != zes_ok) return;
        place p{channels_.size(), extension.domain,
                properties.on_subdevice != 0 ? static_cast<int>(properties.subdevice) : -1};
        channel c;
        c.id = concat(
            {"gpu/", pci, (p.tile >= 0 ? concat({"/tile", p.tile}) : ""), "/", name_of(p.domain)});
        for (const place& other : places)
            if (channels_[other.channel].id == c.id) return;  // a second view of the same domain
        c.part = p.domain == memory ? component::dram : component::gpu;
        c.update_period = std::chrono::milliseconds(1);
        c.max_watts = std::max({properties.max_limit_mw, properties.default_limit_mw, 0}) * 1e-3;
        channels_.push_back(std::move(c));
        found_.domains.push_back(domain);
        places.push_back(p);
    }

    static const char* name_of(int domain) noexcept {
        switch (domain) {
            case package:
                return "package";
            case stack:
                return "stack";
            case memory:
                return "memory";
            case gpu:
                return "gpu";
            default:
                return "board";  // older drivers don't say, but count the card
        }
    }
    // The place of a channel inside its card; "" for the card itself.
    static std::string within_card(const place& p) {
        const std::string tile = p.tile >= 0 ? concat({"/tile:", p.tile}) : "";
        return depth(p) == 0 ? "" : concat({tile, "/", name_of(p.domain)});
    }
    // Depth of a domain: card, package, parts; those of a tile are deeper than the device's.
    static int depth(const place& p) noexcept {
        const int inside = p.domain == package ? 1 : p.domain >= stack ? 2 : 0;
        return inside + (p.tile >= 0 ? 3 : 0);
    }
    // The innermost domain that contains this one.
    [[nodiscard]] std::string parent_of(const place& p, const detail::list<place>& places) const {
        const place* best = nullptr;
        for (const place& other : places) {
            if (other.tile >= 0 && other.tile != p.tile) continue;
            const bool holds_parts =
                other.domain != stack && other.domain != memory && other.domain != gpu;
            if (!holds_parts || depth(other) >= depth(p)) continue;
            if (best == nullptr || depth(other) > depth(*best)) best = &other;
        }
        return best == nullptr ? std::string() : channels_[best->channel].id;
    }

    void note(const std::string& text) { note_ += (note_.empty() ? "" : "; ") + text; }

    const system_root& root_;
    level_zero_devices found_;
    std::vector<channel> channels_;
    std::string note_;
    unsigned devices_ = 0;
};

}  // namespace detail

/// The energy counters of Intel GPUs: the card, the package in it, and tiles and memory in that.
///
/// Units:  microjoules in 64 bits. Thread: reads must not overlap. Cost: one call per domain.
/// Fails:  as `library_backend`; a device that was reset is found again only by a new process.
///
///     auto gpus = open_level_zero(system_root{});
using level_zero = library_backend<detail::level_zero_devices>;

[[nodiscard]] inline opened_backend open_level_zero(
    const system_root& root, const library_search& where,
    const std::shared_ptr<const time_source>& clock = std::make_shared<steady_time>()) {
    if (!detail::has_card_of(root, "0x8086")) return failure{"no Intel GPU in /sys/class/drm", {}};
    const std::string asleep = detail::sleeping_card_of(root, "0x8086");
    if (!asleep.empty()) return detail::would_wake(asleep, "Level Zero");
    result<detail::level_zero_api> api = detail::level_zero_api::load(where);
    if (!api) return api.error();
    const int status = api->start(0);
    if (status != detail::zes_ok)
        return failure{
            concat({"Level Zero does not start: ", detail::level_zero_api::text_of(status),
                    (status == detail::zes_uninitialized ? " (no driver or no device)" : "")}),
            "install intel-level-zero-gpu; this user must be in the group render"};
    detail::level_zero_discovery found(*api, root);
    found.look_at_all();
    if (found.channels().empty())
        return failure{found.devices() == 0 ? "Level Zero sees no GPU" : found.note(), {}};
    auto opened = std::make_unique<level_zero>(
        std::move(found.found()), std::move(found.channels()), std::move(found.note()));
    opened->let_sleep(root, clock);
    return std::unique_ptr<backend>(std::move(opened));
}
[[nodiscard]] inline opened_backend open_level_zero(const system_root& root) {
    return open_level_zero(root, library_search::of(root));
}

}  // namespace v1
}  // namespace joulery
