// amdgpu.hpp - AMD GPUs and APUs through the kernel driver's files, without a library.
// SPDX-License-Identifier: MIT
//
// Kernel: drivers/gpu/drm/amd, as of 7.2. Tested on fake trees, not on hardware. The energy counter
// is used only if its unit is known: MI200 and MI300 (2^-16 J). It is unknown for Navi
// (undocumented, mostly not filled) and MI100 (32 bits, reported to stick); their power is
// integrated.
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/backends/common/hardware_names.hpp"
#include "joulery/detail/backends/common/sleeping_device.hpp"
#include "joulery/detail/backends/gpu/drm_cards.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/metering/channel_account.hpp"
#include "joulery/detail/metering/registry.hpp"
#include "joulery/detail/timing/time_source.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

// Layouts: drivers/gpu/drm/amd/include/kgd_pp_interface.h, as of 7.2. Tested on tables built to
// these layouts, not on hardware.

/// The energy figures in a gpu_metrics table. A field that the firmware does not fill is absent.
struct gpu_metrics {
    unsigned format = 0;              ///< 1: cards, 2 and 3: processors with graphics
    unsigned content = 0;             ///< revision within the format
    bool known = false;               ///< the layout is in the table below and the size fits
    double watts = -1;                ///< of the card or socket; -1: absent
    std::uint64_t energy = no_value;  ///< counts of 2^-16 J, if the unit is known
};

namespace detail {

/// The positions of the fields in a version. `power_scale` 0: the header states no unit.
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

/// A little-endian number of 1, 2, 4 or 8 bytes; false if the text ends before it, or if all bits
/// are set, which is the driver's "not available".
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

// Version 1.9: a count, and for each attribute its encoding (unit << 24 | type << 20 | id << 10 |
// instances) in 64 bits followed by its values, packed.
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

/// Parses a table as read by one `pread` of the file.
/// Fails: never; fields that are unknown, truncated or not filled stay absent.
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

/// Reads each AMD GPU's board energy, or its power if there is no reliable counter.
///
/// Units:  energy in counts of 2^-16 J; power in microwatts.
/// Thread: reads must not overlap.
/// Cost:   one pread per card, tens of us; the driver asks its firmware at most once a millisecond.
/// Fails:  a sleeping card is not woken and draws 0 W; a card that is in reset or was removed gets
///         `no_value`; if all were removed: `gone`.
///
///     auto gpus = open_amdgpu(system_root{});
class amdgpu final : public backend {
 public:
    enum class origin : unsigned char { energy_counter, hwmon_power, metrics_power };
    struct card {
        std::string path;  ///< of the file that is read, including a fake machine's prefix
        system_file file;
        origin from = origin::hwmon_power;
        channel described;
        detail::sleeping_device sleep;
    };

    amdgpu(detail::list<card> cards, const std::string& note) : cards_(std::move(cards)) {
        for (const card& c : cards_) {
            channels_.push_back(c.described);
            if (c.sleep.may_sleep()) note_.add(c.described.id, c.sleep.was_asleep());
        }
        note_.finish(note);
    }

    [[nodiscard]] std::string_view name() const noexcept override { return "amdgpu"; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return channels_;
    }
    [[nodiscard]] std::string_view note() const noexcept override { return note_.text(); }

    read_status read(counter_span out) noexcept override {
        const std::size_t n = std::min(out.size(), cards_.size());
        std::size_t good = 0;
        std::size_t gone = 0;
        for (std::size_t i = 0; i < n; ++i) {
            bool vanished = false;
            card& c = cards_[i];
            const auto value = [&] { return value_of(c); };
            out[i] =
                c.from == origin::energy_counter ? c.sleep.counter(value) : c.sleep.gauge(value);
            if (c.sleep.was_asleep()) note_.see();
            if (out[i] == no_value) vanished = open_again(cards_[i]);
            if (out[i] != no_value) ++good;
            if (vanished) ++gone;
        }
        if (good > 0) return read_status::ok;
        return gone == n ? read_status::gone : read_status::retry;
    }

    /// The present raw value of a card, or `no_value`.
    static std::uint64_t value_of(card& c) noexcept {
        if (!c.file.is_open()) return no_value;
        if (c.from == origin::hwmon_power) {
            std::uint64_t microwatts = 0;
            return c.file.read_unsigned(microwatts) ? microwatts : no_value;
        }
        char table[4096];
        const std::ptrdiff_t n = c.file.read_at(table, sizeof table - 1);
        if (n <= 0) return no_value;
        const gpu_metrics m = parse_gpu_metrics({table, static_cast<std::size_t>(n)});
        if (c.from == origin::energy_counter) return m.energy;
        return m.watts >= 0 ? static_cast<std::uint64_t>(m.watts * 1e6 + 0.5) : no_value;
    }

 private:
    // True if the card is gone. A sleeping card (EPERM) or one in reset (EBUSY) keeps its file.
    static bool open_again(card& c) noexcept {
        if (c.file.is_open() && (c.file.error() == EPERM || c.file.error() == EBUSY)) return false;
        system_file again(c.path);
        const bool vanished =
            !again.is_open() && (again.error() == ENOENT || again.error() == ENODEV);
        c.file = std::move(again);
        return vanished;
    }

    detail::list<card> cards_;
    std::vector<channel> channels_;
    detail::sleep_note note_;
};

namespace detail {

/// MI200's boards by PCI device id: they have version 1.3 tables but a real 64-bit counter.
[[nodiscard]] inline bool is_mi200(std::string_view pci_device) noexcept {
    return pci_device == "0x7408" || pci_device == "0x740c" || pci_device == "0x740f" ||
           pci_device == "0x7410";
}

/// Examines one card after another.
class amdgpu_finder {
 public:
    amdgpu_finder(const system_root& root, std::shared_ptr<const time_source> clock)
        : root_(root), clock_(std::move(clock)) {}

    opened_backend open() {
        for (const std::string& entry : root_.list("/sys/class/drm"))
            if (is_card(entry)) look_at(concat({"/sys/class/drm/", entry, "/device"}));
        if (cards_.empty())
            return failure{seen_ == 0 ? "/sys/class/drm: no AMD GPU"
                                      : concat({"AMD GPU without power or energy: ", note_}),
                           {}};
        return std::unique_ptr<backend>(std::make_unique<amdgpu>(std::move(cards_), note_));
    }

 private:
    // "card0", not the connector "card0-DP-1".
    static bool is_card(std::string_view entry) noexcept {
        return entry.size() > 4 && entry.substr(0, 4) == "card" &&
               entry.find_first_not_of("0123456789", 4) == std::string_view::npos;
    }

    void look_at(const std::string& device) {
        if (root_.line(concat({device, "/vendor"})) != "0x1002") return;
        ++seen_;
        const std::string pci = pci_address(device);
        sleeping_device sleep(root_, device, clock_);
        // Reading its table would wake it.
        const gpu_metrics m =
            sleep.was_asleep()
                ? gpu_metrics{}
                : parse_gpu_metrics(root_.text(concat({device, "/gpu_metrics"}), 4095));
        const std::string chip = root_.line(concat({device, "/device"}));
        const bool mi200 = is_mi200(chip);
        if (mi200 && m.energy == 0 && m.watts == 0)
            return note(concat({pci, " is the second die of its board; the first reports both"}));
        if (choose_source(device, m, mi200)) {
            name_channel(pci, m.format);
            channel& c = cards_.back().described;
            if (c.part == component::soc) c.model = cpu_model(root_);
            if (c.model.empty()) c.model = amd_gpu_model(root_, device);
            cards_.back().described.max_watts = stated_watts_;
            cards_.back().sleep = std::move(sleep);
            if (chip == "0x74a0") describe_mi300a(cards_.back().described, root_, pci);
        } else {
            note(concat({pci, " shows neither"}));
        }
    }

    // The highest limit that the card states next to its power.
    void look_at_limits(const std::string& folder) {
        stated_watts_ = 0;
        for (const char* file : {"/power1_cap", "/power1_cap_max"}) {
            std::uint64_t microwatts = 0;
            if (root_.number(folder + file, microwatts) && microwatts <= 100'000'000'000 &&
                !is_error_value(microwatts))
                stated_watts_ = std::max(stated_watts_, static_cast<double>(microwatts) * 1e-6);
        }
    }

    bool choose_source(const std::string& device, const gpu_metrics& m, bool mi200) {
        const bool mi300 = m.format == 1 && m.content >= 4;
        for (const std::string& entry : root_.list(concat({device, "/hwmon"})))
            look_at_limits(concat({device, "/hwmon/", entry}));
        if (m.energy != no_value && (mi300 || mi200))
            return take(concat({device, "/gpu_metrics"}), amdgpu::origin::energy_counter);
        for (const std::string& entry : root_.list(concat({device, "/hwmon"}))) {
            const std::string folder = concat({device, "/hwmon/", entry});
            if (root_.line(concat({folder, "/name"})) != "amdgpu") continue;
            // Which of the two exists depends on the chip and the kernel.
            for (const char* file : {"/power1_average", "/power1_input"})
                if (root_.exists(folder + file))
                    return take(folder + file, amdgpu::origin::hwmon_power);
        }
        return m.watts >= 0 &&
               take(concat({device, "/gpu_metrics"}), amdgpu::origin::metrics_power);
    }

    bool take(const std::string& file, amdgpu::origin from) {
        amdgpu::card c;
        c.path = root_.path(file);
        c.file = system_file(c.path);
        c.from = from;
        if (!c.file.is_open()) return false;
        cards_.push_back(std::move(c));
        return true;
    }

    // A processor with graphics reports its whole socket, including the cores: the energy that RAPL
    // calls the package. So it gets the same id and is counted once.
    void name_channel(const std::string& pci, unsigned format) {
        const bool whole_socket = format == 2 || format == 3;
        amdgpu::card& card = cards_.back();
        channel& c = card.described;
        c.id = whole_socket ? "cpu0/package" : concat({"gpu/", pci, "/board"});
        c.part = whole_socket ? component::soc : component::gpu;
        c.device = whole_socket ? "cpu-package:0" : concat({"pci:", pci});
        const bool counter = card.from == amdgpu::origin::energy_counter;
        c.kind = counter ? reading_kind::energy_counter : reading_kind::power_gauge;
        c.joules_per_count = counter ? 1.0 / 65536 : 1e-6;
        c.quantum = card.from == amdgpu::origin::metrics_power ? 1.0 : 0.0;
        c.update_period = std::chrono::milliseconds(counter ? 1 : 10);
    }

    [[nodiscard]] std::string pci_address(const std::string& device) const {
        const std::string text = root_.text(concat({device, "/uevent"}), 4096);
        constexpr std::string_view key = "PCI_SLOT_NAME=";
        const std::size_t at = text.find(key);
        if (at == std::string::npos) return device.substr(sizeof "/sys/class/drm/" - 1, 5);
        const std::size_t begin = at + key.size();
        return text.substr(begin, text.find_first_of("\r\n", begin) - begin);
    }

    void note(const std::string& text) { note_ += (note_.empty() ? "" : "; ") + text; }

    const system_root& root_;
    std::shared_ptr<const time_source> clock_;
    double stated_watts_ = 0;
    list<amdgpu::card> cards_;
    std::string note_;
    std::size_t seen_ = 0;
};

}  // namespace detail

[[nodiscard]] inline opened_backend open_amdgpu(const system_root& root,
                                                std::shared_ptr<const time_source> clock) {
    return detail::amdgpu_finder(root, std::move(clock)).open();
}
[[nodiscard]] inline opened_backend open_amdgpu(const system_root& root) {
    return open_amdgpu(root, std::make_shared<steady_time>());
}

}  // namespace v1
}  // namespace joulery
