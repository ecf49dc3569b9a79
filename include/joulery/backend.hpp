// backend.hpp - the interface to anything that counts joules or watts.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/quality.hpp"
#include "joulery/units.hpp"

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

/// The part of the machine whose energy a channel counts.
enum class component : unsigned char { cpu, dram, gpu, npu, soc, board, platform, other };

/// What a raw value is: an energy count that only grows (and may wrap), or the present power.
enum class reading_kind : unsigned char { energy_counter, power_gauge };

/// One measurable quantity of a backend. Plain data; fill in what is known.
///
///     channel c;
///     c.id = "meter/wall"; c.part = component::platform;
///     c.kind = reading_kind::power_gauge; c.joules_per_count = 1e-6;   // raw values in uW
struct channel {
    std::string id;     ///< stable and unique: "cpu0/package", "gpu/GPU-4e81.../board"
    std::string model;  ///< the maker's name of the part: "NVIDIA H100 80GB HBM3"; "": unknown
    component part = component::other;
    reading_kind kind = reading_kind::energy_counter;
    quality provenance = quality::measured;
    double joules_per_count = 1e-6;  ///< joules (counter) or watts (gauge) of one raw count
    std::uint64_t wrap_at = 0;       ///< raw value at which the counter wraps to 0; 0: never wraps
    std::chrono::nanoseconds update_period{std::chrono::milliseconds(1)};  ///< of the hardware
    double max_watts = 0;  ///< highest power that the device states: a limit, a critical or a rated
                           ///< power; 1.5 times that is not plausible. 0: a bound by `part`
    std::string parent;    ///< id of the channel that contains this one's energy; "": a root

    // The rest is optional.
    double quantum = 0;         ///< smallest step in joules (watts); 0: one raw count
    double relative_error = 0;  ///< stated error of the sensor, as a fraction; 0: not stated
    std::string device{};  ///< the device it belongs to, as a path: "pci:0000:65:00.0" (a card),
                           ///< "cpu-package:0/core"; channels of one device share it
};

[[nodiscard]] constexpr std::string_view to_text(component part) noexcept {
    switch (part) {
        case component::cpu:
            return "cpu";
        case component::dram:
            return "dram";
        case component::gpu:
            return "gpu";
        case component::npu:
            return "npu";
        case component::soc:
            return "soc";
        case component::board:
            return "board";
        case component::platform:
            return "platform";
        case component::other:
            return "other";
    }
    return "other";
}

[[nodiscard]] constexpr std::string_view to_text(reading_kind kind) noexcept {
    return kind == reading_kind::energy_counter ? "energy_counter" : "power_gauge";
}

/// The smallest step of a channel's joules: the counter's own step; for a gauge, its smallest step
/// in watts times one update period.
[[nodiscard]] constexpr double smallest_joules(const channel& c) noexcept {
    const double step = c.quantum > 0 ? c.quantum : c.joules_per_count;
    if (c.kind == reading_kind::energy_counter) return step;
    return step * std::chrono::duration<double>(c.update_period).count();
}

/// The highest plausible power of a part, in watts: a faster step of a counter is treated as a
/// reset, not as energy. Generous on purpose: twice the largest part known of each kind (350..500 W
/// sockets, 1.2 kW GPUs, 15 kW nodes). A channel can state a better limit in `max_watts`.
[[nodiscard]] constexpr double max_plausible_watts(const channel& c) noexcept {
    if (c.max_watts > 0) return c.max_watts;
    switch (c.part) {
        case component::cpu:
            return 2'000;
        case component::dram:
            return 1'000;
        case component::gpu:
        case component::npu:
            return 4'000;
        case component::soc:
            return 4'000;
        case component::board:
        case component::platform:
        case component::other:
            return 50'000;
    }
    return 50'000;
}

/// The result of a read. A failed read is never 0 J.
enum class read_status : unsigned char {
    ok,     ///< every value is written (a channel without one holds `no_value`)
    retry,  ///< failed this time; the next read may work, and a counter loses no energy
    gone,   ///< the device is gone (unplugged, driver unloaded); try again from time to time
    fatal,  ///< never try again
};

/// Written by `backend::read` for a channel that has no value in an otherwise successful read.
inline constexpr std::uint64_t no_value = ~std::uint64_t{0};

/// Returned by a backend that does not know who used a channel's energy.
inline constexpr double unknown_share = -1;

/// Where a read writes its raw values; `values[i]` belongs to `channels()[i]`.
class counter_span {
 public:
    constexpr counter_span(std::uint64_t* values, std::size_t count) noexcept
        : values_(values), count_(count) {}
    explicit counter_span(std::vector<std::uint64_t>& values) noexcept
        : values_(values.data()), count_(values.size()) {}

    [[nodiscard]] constexpr std::size_t size() const noexcept { return count_; }
    [[nodiscard]] constexpr std::uint64_t* begin() const noexcept { return values_; }
    [[nodiscard]] constexpr std::uint64_t* end() const noexcept { return values_ + count_; }
    constexpr std::uint64_t& operator[](std::size_t i) const noexcept { return values_[i]; }

 private:
    std::uint64_t* values_;
    std::size_t count_;
};

/// A provider of readings: one family of devices, or your own meter.
///
/// Thread: calls of `read` never overlap, but come from different threads.
/// Cost:   the meter measures what a read costs. It does not read at the edges of scopes that are
///         too short for that cost; its sampler reads as often as the channels are updated.
/// Fails:  by `read_status`; a slow read delays no scope and no other backend.
///
///     class wall_meter final : public joulery::backend {          // the whole of a plug-in
///         std::string_view name() const noexcept override { return "wall-meter"; }
///         const std::vector<channel>& channels() const noexcept override { return channels_; }
///         read_status read(counter_span out) noexcept override { out[0] = ...; return ok; }
class backend {
 public:
    backend() = default;
    backend(const backend&) = delete;
    backend& operator=(const backend&) = delete;
    virtual ~backend() = default;

    /// A stable lower-case name, as in `JOULERY_BACKENDS`: "rapl-powercap".
    [[nodiscard]] virtual std::string_view name() const noexcept = 0;
    /// Fixed for the lifetime of the backend.
    [[nodiscard]] virtual const std::vector<channel>& channels() const noexcept = 0;
    /// Writes one raw value per channel.
    virtual read_status read(counter_span out) noexcept = 0;
    /// One line about this backend for the report: a model's inputs, a known limit. May be empty.
    [[nodiscard]] virtual std::string_view note() const noexcept { return {}; }
    /// Whether a read may block for milliseconds (a driver, firmware, a bus). Then only samplers
    /// and reports read it, never the thread of a scope.
    [[nodiscard]] virtual bool reads_wait() const noexcept { return false; }
    /// For `attribution::process`: the share of this process, 0 to 1, in the work of the device
    /// behind channel `i` since the last call, or `unknown_share`. Never overlaps a read.
    [[nodiscard]] virtual double process_share(std::size_t i) noexcept {
        (void)i;
        return unknown_share;
    }
};

/// A backend with one channel, read by calling your function.
///
/// Units:  the callable returns joules so far (an energy counter) or present watts (a gauge).
/// Thread: calls never overlap, but come from the meter's thread, not yours.
/// Cost:   that of the callable.
/// Fails:  `retry` if the result is not an amount (negative, NaN, infinite) or on an exception.
///         `fatal` if the callable is empty.
class function_backend final : public backend {
 public:
    function_backend(std::string name, channel c, std::function<double()> read,
                     std::string note = {})
        : name_(std::move(name)), read_(std::move(read)), note_(std::move(note)) {
        if (name_.empty()) name_ = "function";
        if (c.id.empty()) c.id = name_;
        if (!is_positive(c.joules_per_count) || c.joules_per_count > 1e12)
            c.joules_per_count = 1e-6;
        if (c.update_period <= std::chrono::nanoseconds::zero())
            c.update_period = std::chrono::milliseconds(1);
        channels_.push_back(std::move(c));
    }

    [[nodiscard]] std::string_view name() const noexcept override { return name_; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return channels_;
    }
    [[nodiscard]] std::string_view note() const noexcept override { return note_; }

    read_status read(counter_span out) noexcept override {
        if (!read_) return read_status::fatal;
        const double counts = call() / channels_[0].joules_per_count;
        constexpr double most = 9.2e18;  // below 2^63, so that differences have room
        if (!is_amount(counts) || counts > most) return read_status::retry;
        const auto whole = static_cast<std::uint64_t>(counts + 0.5);
        const std::uint64_t wrap_at = channels_[0].wrap_at;
        if (wrap_at != 0 && whole >= wrap_at) return read_status::retry;
        if (out.size() > 0) out[0] = whole;
        return read_status::ok;
    }

 private:
    [[nodiscard]] double call() noexcept {
        JOULERY_TRY { return read_(); }
        JOULERY_CATCH_ALL { return not_a_number(); }
    }

    std::string name_;
    std::function<double()> read_;
    std::string note_;
    std::vector<channel> channels_;
};

/// Your own meter in three lines.
///
///     channel c;
///     c.id = "bench/supply"; c.part = component::platform; c.kind = reading_kind::power_gauge;
///     options.backends.push_back(make_backend("bench", c, [&] { return supply.read_watts(); }));
[[nodiscard]] inline std::unique_ptr<backend> make_backend(std::string name, channel c,
                                                           std::function<double()> read) {
    return std::make_unique<function_backend>(std::move(name), std::move(c), std::move(read));
}

/// A known, constant draw: from a wall meter, a data sheet. Labelled `estimated`.
///
///     options.backends.push_back(make_constant_backend(350_W));
[[nodiscard]] inline std::unique_ptr<backend> make_constant_backend(
    power draw, std::string id = "machine/constant", component part = component::platform) {
    channel c;
    c.id = std::move(id);
    c.part = part;
    c.kind = reading_kind::power_gauge;
    c.provenance = quality::estimated;
    c.update_period = std::chrono::milliseconds(100);
    c.max_watts = std::max(draw.watts(), 1.0);
    const double watts = draw.watts();
    return std::make_unique<function_backend>(
        "constant", std::move(c), [watts] { return watts; },
        "a stated constant, not measured: " + to_text(draw));
}

}  // namespace v1
}  // namespace joulery
