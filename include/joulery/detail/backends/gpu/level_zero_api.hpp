// level_zero_api.hpp - the part of Level Zero's Sysman that is used, declared
// here. SPDX-License-Identifier: MIT
//
// zes_api.h, which only ever adds structures; the layouts are checked against the header of 1.8 by
// the tests. Loaders before 1.9 have no zesInit: there Sysman is a part of the application's own
// Level Zero, and only if ZES_ENABLE_SYSMAN=1 was in the environment when that was started.
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/dynamic_library.hpp"
#include "joulery/detail/core/environment_variable.hpp"
#include "joulery/result.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

namespace joulery {
inline namespace v1 {
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
// Vendors ship 64-bit libraries only; elsewhere pointers and alignment are others.
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

    /// "error 0x78000001", as the headers spell their codes.
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
            return failure{concat({"Level Zero's loader is not here: ", library.error()}),
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
        // Setting the variable here would change what the program's own Level Zero does.
        const char* enabled = environment_variable("ZES_ENABLE_SYSMAN");
        if (enabled == nullptr || std::string(enabled) != "1")
            return failure{concat({library.path(), " is older than 1.9 and has no zesInit"}),
                           "export ZES_ENABLE_SYSMAN=1, or install a newer loader"};
        if (library.bind(api.start, "zeInit") && library.bind(api.drivers, "zeDriverGet") &&
            library.bind(api.devices, "zeDeviceGet"))
            return api;
        return failure{concat({library.path(), " is no Level Zero loader"}), {}};
    }
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
