// emi_metadata.hpp - what a Windows energy meter measures, from its metadata.
// SPDX-License-Identifier: MIT
//
// emi.h of the Windows driver kit, versions 1 and 2 of the interface. Works on bytes, so it is the
// same on every system.
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"

#include <cctype>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {
namespace detail {

/// One channel as named by the meter, "RAPL_Package0_PKG". `unit` 0 is picowatt-hours.
struct emi_channel {
    std::int32_t unit = -1;
    std::string name;
    std::string maker;  ///< of the meter's hardware, with its model: "Maker Model"
};

/// Little-endian fields of a block of bytes; there are none past its end.
class emi_bytes {
 public:
    explicit emi_bytes(std::string_view bytes) noexcept : bytes_(bytes) {}

    template <class Number>
    bool read(std::size_t at, Number& value) const noexcept {
        if (at > bytes_.size() || bytes_.size() - at < sizeof value) return false;
        std::uint64_t sum = 0;
        for (std::size_t i = sizeof value; i-- > 0;)
            sum = sum << 8 | static_cast<unsigned char>(bytes_[at + i]);
        value = static_cast<Number>(sum);
        return true;
    }
    /// UTF-16 text of `size` bytes up to its NUL; non-ASCII characters become '?'.
    bool read_text(std::size_t at, std::size_t size, std::string& text) const {
        if (at > bytes_.size() || bytes_.size() - at < size) return false;
        text.clear();
        for (std::size_t i = 0; i + 1 < size; i += 2) {
            std::uint16_t unit = 0;
            read(at + i, unit);
            if (unit == 0) break;
            text += unit >= 0x20 && unit < 0x7f ? static_cast<char>(unit) : '?';
        }
        return true;
    }

 private:
    std::string_view bytes_;
};

/// The channels in metadata of a version; empty if it is truncated or of an unknown version.
[[nodiscard]] inline list<emi_channel> parse_emi_metadata(unsigned version,
                                                          std::string_view metadata) {
    const emi_bytes bytes(metadata);
    list<emi_channel> all;
    std::uint16_t name_size = 0;
    std::string maker, model;  // 16 characters each; in version 1 after the unit
    const std::size_t begin = version == 1 ? 4 : 0;
    if (bytes.read_text(begin, 32, maker) && bytes.read_text(begin + 32, 32, model))
        maker += (maker.empty() || model.empty() ? "" : " ") + model;
    if (version == 1) {
        emi_channel c;
        if (bytes.read(0, c.unit) && bytes.read(70, name_size) &&
            bytes.read_text(72, name_size, c.name))
            all.push_back(c);
        if (!all.empty()) all.back().maker = maker;
        return all;
    }
    std::uint16_t count = 0;
    if (version != 2 || !bytes.read(66, count)) return all;
    std::size_t at = 68;
    for (unsigned i = 0; i < count; ++i) {
        emi_channel c;
        if (!bytes.read(at, c.unit) || !bytes.read(at + 4, name_size) ||
            !bytes.read_text(at + 6, name_size, c.name))
            return {};
        c.maker = maker;
        all.push_back(c);
        at += 6u + name_size;
    }
    return all;
}

/// Maps names to parts: "RAPL_Package0_PKG" is package 0, "RAPL_Package0_PP0" its cores, and so on;
/// Arm machines name clusters and SYS, AMD's APUs "Current Socket Power". Unknown names are kept,
/// inside whatever contains everything.
class emi_naming {
 public:
    explicit emi_naming(const list<emi_channel>& all) {
        for (const emi_channel& c : all) {
            if (c.name == "SYS") whole_ = "machine/system";
            if (is_socket(c.name)) whole_ = "cpu0/package";
        }
    }

    [[nodiscard]] channel describe(const std::string& name) const {
        channel c;
        c.joules_per_count = 3.6e-9;  // a picowatt-hour
        c.update_period = std::chrono::milliseconds(1);
        if (name == "SYS") {
            c.id = "machine/system";
            c.part = component::platform;
        } else if (is_socket(name)) {
            c.id = whole_;
            c.part = component::soc;
        } else if (!describe_rapl(name, c)) {
            c.id = concat({"emi/", plain(name)});
            c.part = name == "GPU"               ? component::gpu
                     : name.rfind("CPU", 0) == 0 ? component::cpu
                                                 : component::other;
            c.parent = whole_;
        }
        return c;
    }

 private:
    static bool is_socket(std::string_view name) noexcept {
        return name.rfind("Current Socket", 0) == 0;
    }

    // RAPL_Package<p>_{PKG, PP0, PP1, DRAM, PSYS, Core<n>_CORE}
    static bool describe_rapl(std::string_view name, channel& c) {
        constexpr std::string_view head = "RAPL_Package";
        if (name.substr(0, head.size()) != head) return false;
        std::size_t end = head.size();
        while (end < name.size() && name[end] >= '0' && name[end] <= '9') ++end;
        if (end == head.size() || end >= name.size() || name[end] != '_') return false;
        const std::string number(name.substr(head.size(), end - head.size()));
        const std::string cpu = concat({"cpu", number});
        const std::string_view domain = name.substr(end + 1);
        c.part = component::cpu;
        c.parent = concat({cpu, "/package"});
        c.device = concat({"cpu-package:", number});
        if (domain == "PKG") {
            c.id = concat({cpu, "/package"});
            c.parent.clear();
        } else if (domain == "PP0") {
            c.id = concat({cpu, "/core"});
            c.device += "/core";
        } else if (domain == "PP1") {
            c.id = concat({cpu, "/uncore"});
            c.device += "/uncore";
            c.part = component::gpu;
        } else if (domain == "DRAM") {
            c.id = concat({cpu, "/dram"});
            c.device = concat({"memory:", number});
            c.part = component::dram;
            c.parent.clear();
        } else {
            c.id = concat({cpu, "/", plain(domain)});
            append(c.device, {"/", plain(domain)});
        }
        return true;
    }

    static std::string plain(std::string_view name) {
        std::string text;
        for (const char c : name)
            text += std::isalnum(static_cast<unsigned char>(c)) != 0
                        ? static_cast<char>(std::tolower(static_cast<unsigned char>(c)))
                        : '-';
        return text;
    }

    std::string whole_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
