// hwmon_chip.hpp - the hwmon chips that are supported.
// SPDX-License-Identifier: MIT
//
// Kernel: Documentation/hwmon and the named drivers, as of 7.2. Not verified on hardware. Unlisted
// chips are named in a note and not read, because it is unknown what their sensors contain.
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/backends/common/device_files.hpp"
#include "joulery/detail/backends/common/sleeping_device.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {
namespace detail {

/// How the sensors of a chip become channels.
enum class hwmon_kind : unsigned char {
    intel_gpu,    ///< energy of the card and of its package
    accelerator,  ///< power of one PCI card
    grace,        ///< ACPI power meters: NVIDIA's modules, else the machine
    sockets,      ///< one chip per CPU socket: power of the whole socket
    rails,        ///< labeled rails that don't overlap; if some report energy, only those
    board_rails,  ///< labeled rails of a board, including the inlet
    inlet,        ///< on a Jetson's carrier board, everything it feeds; elsewhere anything
    machine,      ///< a total among its parts, by label
};

struct hwmon_chip {
    std::string_view name;
    hwmon_kind kind;
    component part;
    double quantum;  ///< in joules or watts; 0: the file's unit
    unsigned update_milliseconds;
};

inline constexpr hwmon_chip hwmon_chips[] = {
    {"i915", hwmon_kind::intel_gpu, component::gpu, 1.0 / 16384, 1},
    {"xe", hwmon_kind::intel_gpu, component::gpu, 1.0 / 16384, 1},
    {"wormhole", hwmon_kind::accelerator, component::npu, 1.0, 100},
    {"blackhole", hwmon_kind::accelerator, component::npu, 1.0, 100},
    {"power_meter", hwmon_kind::grace, component::platform, 1e-3, 50},
    {"amd_hsmp_hwmon", hwmon_kind::sockets, component::cpu, 1e-3, 10},
    {"smpro", hwmon_kind::rails, component::cpu, 0, 100},
    {"ina3221", hwmon_kind::board_rails, component::soc, 0, 10},
    {"ina238", hwmon_kind::inlet, component::board, 0, 10},
    {"occ", hwmon_kind::machine, component::cpu, 0, 100},
    {"ibmpowernv", hwmon_kind::machine, component::cpu, 0, 100},
    {"corsairpsu", hwmon_kind::machine, component::platform, 0, 1000},
    {"macsmc_hwmon", hwmon_kind::machine, component::other, 0, 1000},
    {"scmi_sensors", hwmon_kind::rails, component::soc, 0, 100},
};

[[nodiscard]] inline const hwmon_chip* find_hwmon_chip(std::string_view name) noexcept {
    for (const hwmon_chip& chip : hwmon_chips) {
        if (chip.name == name) return &chip;
        // "i915_gt0": the tiles of a card whose own total is "i915"; they are ignored.
    }
    return nullptr;
}

/// A label as part of a channel's id: lower case, with dashes for blanks and other signs.
[[nodiscard]] inline std::string id_from_label(std::string_view label) {
    std::string id;
    for (const char c : label) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
        if (plain)
            id += c;
        else if (c >= 'A' && c <= 'Z')
            id += static_cast<char>(c - 'A' + 'a');
        else if (!id.empty() && id.back() != '-')
            id += '-';
    }
    while (!id.empty() && id.back() == '-') id.pop_back();
    return id;
}

/// The rail that feeds all others of a Jetson, on boards that measure it.
[[nodiscard]] constexpr bool is_inlet_rail(std::string_view label) noexcept {
    return label == "VDD_IN" || label == "POM_5V_IN" || label == "VIN";
}

/// Chips whose sensors other backends read, or that do not measure a computer.
[[nodiscard]] inline bool is_read_elsewhere(std::string_view chip) noexcept {
    for (const std::string_view start : {"amdgpu", "BAT", "CMB", "AC", "ADP", "ucsi_", "hidpp_"})
        if (chip.substr(0, start.size()) == start) return true;
    return chip == "i915_gt0" || chip == "i915_gt1";
}

/// Jetson AGX Orin: the memory rail is fed from the 5 V rail, so it is contained in it.
[[nodiscard]] constexpr std::string_view feeding_rail(std::string_view label) noexcept {
    return label == "VDDQ_VDD2_1V8AO" ? std::string_view("VIN_SYS_5V0") : std::string_view{};
}

/// Labels that stand for the whole machine, by chip.
[[nodiscard]] constexpr bool is_machine_label(std::string_view label) noexcept {
    return label == "system" || label == "System" || label == "power total" ||
           label == "Total System Power";
}

/// One sensor: a file in micro-units, or a voltage (mV) and a current (mA) to multiply.
struct hwmon_sensor {
    watched_file amount;
    watched_file current;  ///< open if `amount` is a voltage
    bool is_product = false;
    std::uint64_t scale = 1;  ///< raw values per unit of the file
    sleeping_device sleep;
    channel described;

    [[nodiscard]] std::uint64_t value() noexcept {
        const auto read = [this] { return value_awake(); };
        return described.kind == reading_kind::energy_counter ? sleep.counter(read)
                                                              : sleep.gauge(read);
    }
    [[nodiscard]] std::uint64_t value_awake() noexcept {
        if (!is_product) {
            std::uint64_t micro = 0;
            if (!amount.read_unsigned(micro) || micro > (std::uint64_t{1} << 53)) return no_value;
            return micro * scale;
        }
        std::int64_t millivolts = 0;
        std::int64_t milliamperes = 0;
        if (!amount.read_signed(millivolts) || !current.read_signed(milliamperes)) return no_value;
        constexpr std::int64_t most = 1'000'000'000;  // a megavolt is not a valid reading
        if (millivolts > most || milliamperes > most) return no_value;
        // A rail at rest may show a small negative current: the sensor's offset.
        if (millivolts <= 0 || milliamperes <= 0) return 0;
        return static_cast<std::uint64_t>(millivolts * milliamperes);
    }
    [[nodiscard]] bool vanished() const noexcept {
        return amount.vanished() || (is_product && current.vanished());
    }
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
