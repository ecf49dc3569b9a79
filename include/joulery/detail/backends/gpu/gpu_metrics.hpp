// gpu_metrics.hpp - power and energy in the binary table that amdgpu shows.
// SPDX-License-Identifier: MIT
//
// Layouts: drivers/gpu/drm/amd/include/kgd_pp_interface.h, read in 7.2. Tested on tables built to
// these layouts, not on hardware.
#pragma once

#include "joulery/backend.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// What a gpu_metrics table says about energy. A field that the firmware does not fill is absent.
struct gpu_metrics {
    unsigned format = 0;              ///< 1: cards, 2 and 3: processors with graphics
    unsigned content = 0;             ///< revision within the format
    bool known = false;               ///< the layout is one of the table below and the size fits
    double watts = -1;                ///< of the card or socket; -1: absent
    std::uint64_t energy = no_value;  ///< counts of 2^-16 J where the unit is known
};

namespace detail {

/// Where a version keeps its fields. `power_scale` 0: the header states no unit.
struct gpu_metrics_layout {
    unsigned char format, content;
    std::uint16_t size;
    std::uint16_t power_at;
    unsigned char power_bytes;
    double power_scale;
    std::uint16_t energy_at;  // 0: none
    unsigned char energy_bytes;
};

inline constexpr gpu_metrics_layout gpu_metrics_layouts[] = {
    {1, 0, 80, 34, 2, 1, 36, 4},   {1, 1, 96, 22, 2, 1, 24, 8},    {1, 2, 104, 22, 2, 1, 24, 8},
    {1, 3, 120, 22, 2, 1, 24, 8},  {1, 4, 288, 10, 2, 1, 24, 8},   {1, 5, 360, 10, 2, 1, 88, 8},
    {1, 6, 1664, 10, 2, 1, 16, 8}, {1, 7, 2208, 10, 2, 1, 24, 8},  {1, 8, 3872, 10, 2, 1, 24, 8},
    {2, 0, 120, 44, 2, 0, 0, 0},   {2, 1, 120, 40, 2, 0, 0, 0},    {2, 2, 128, 40, 2, 0, 0, 0},
    {2, 3, 152, 40, 2, 0, 0, 0},   {2, 4, 168, 40, 2, 1e-3, 0, 0}, {3, 0, 264, 112, 4, 1e-3, 0, 0},
};

/// A little-endian number of 1, 2, 4 or 8 bytes; false where the text ends before, or where every
/// bit is set, which is how the driver says "not available".
[[nodiscard]] inline bool number_at(std::string_view bytes, std::size_t at, std::size_t width,
                                    std::uint64_t& value) noexcept {
    if (at > bytes.size() || width > bytes.size() - at) return false;
    std::uint64_t sum = 0;
    bool all_ones = true;
    for (std::size_t i = width; i-- > 0;) {
        const auto byte = static_cast<unsigned char>(bytes[at + i]);
        sum = sum << 8 | byte;
        all_ones = all_ones && byte == 0xff;
    }
    if (all_ones) return false;
    value = sum;
    return true;
}

// Version 1.9: a count, then for each attribute its encoding (unit << 24 | type << 20 | id << 10 |
// instances) in 64 bits and its values, packed.
inline void parse_gpu_attributes(std::string_view bytes, gpu_metrics& metrics) noexcept {
    constexpr std::size_t widths[] = {1, 1, 2, 2, 4, 4, 8, 8};
    constexpr std::uint64_t socket_power = 3, energy_accumulator = 7;
    std::uint64_t count = 0;
    if (!number_at(bytes, 4, 4, count)) return;
    metrics.known = true;
    std::size_t at = 8;
    for (; count > 0 && at < bytes.size(); --count) {
        std::uint64_t encoding = 0;
        if (!number_at(bytes, at, 8, encoding)) return;
        at += 8;
        const std::uint64_t type = (encoding >> 20) & 0xf;
        const std::uint64_t id = (encoding >> 10) & 0x3ff;
        if (type >= 8) return;
        std::uint64_t value = 0;
        if (number_at(bytes, at, widths[type], value)) {
            if (id == socket_power) metrics.watts = static_cast<double>(value);
            if (id == energy_accumulator) metrics.energy = value;
        }
        at += widths[type] * static_cast<std::size_t>(encoding & 0x3ff);
    }
}

}  // namespace detail

/// Reads a table as one `pread` of the file gives it.
/// Fails: never; what is unknown, too short or not filled stays absent.
///
///     gpu_metrics m = parse_gpu_metrics(bytes);
///     if (m.watts >= 0) ...
[[nodiscard]] inline gpu_metrics parse_gpu_metrics(std::string_view bytes) noexcept {
    gpu_metrics metrics;
    std::uint64_t size = 0;
    if (bytes.size() < 4 || !detail::number_at(bytes, 0, 2, size)) return metrics;
    metrics.format = static_cast<unsigned char>(bytes[2]);
    metrics.content = static_cast<unsigned char>(bytes[3]);
    if (size < bytes.size()) bytes = bytes.substr(0, static_cast<std::size_t>(size));
    if (metrics.format == 1 && metrics.content == 9) {
        if (size == bytes.size()) detail::parse_gpu_attributes(bytes, metrics);
        return metrics;
    }
    for (const detail::gpu_metrics_layout& layout : detail::gpu_metrics_layouts) {
        if (layout.format != metrics.format || layout.content != metrics.content) continue;
        if (size != layout.size || bytes.size() != layout.size) return metrics;
        metrics.known = true;
        std::uint64_t value = 0;
        if (layout.power_scale > 0 &&
            detail::number_at(bytes, layout.power_at, layout.power_bytes, value))
            metrics.watts = static_cast<double>(value) * layout.power_scale;
        if (layout.energy_at != 0 &&
            detail::number_at(bytes, layout.energy_at, layout.energy_bytes, value))
            metrics.energy = value;
    }
    return metrics;
}

}  // namespace v1
}  // namespace joulery
