// backend.hpp - what a device family implements to be measured.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/channel.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace joulery {
inline namespace v1 {

/// How a read went. A failed read is never 0 J.
enum class read_status : unsigned char {
    ok,     ///< every value is written (a channel without one holds `no_value`)
    retry,  ///< nothing this time; the next read may work, and nothing is lost for a counter
    gone,   ///< the device left (unplugged, driver unloaded); ask again from time to time
    fatal,  ///< never ask again
};

/// Written by `backend::read` for a channel that had no value in an otherwise good read.
inline constexpr std::uint64_t no_value = ~std::uint64_t{0};

/// What a backend answers that can't tell who used a channel's energy.
inline constexpr double unknown_share = -1;

/// The room a read writes its raw values to; `values[i]` belongs to `channels()[i]`.
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

/// A source of readings: one device family, or anything of yours that counts joules or watts.
///
/// Thread: calls of `read` never overlap, but come from different threads.
/// Cost:   the meter measures what a read costs and takes none at the edges of scopes that are too
///         short to pay for it; its sampler asks as often as the channels are renewed.
/// Fails:  by `read_status`; a slow read delays no scope and no other backend.
///
///     class wall_meter final : public joulery::backend {          // the whole of a plug-in
///         std::string_view name() const noexcept override { return "wall-meter"; }
///         const std::vector<channel>& channels() const noexcept override { return channels_; }
///         read_status read(counter_span out) noexcept override { out[0] = ...; return
///         read_status::ok; }
class backend {
 public:
    backend() = default;
    backend(const backend&) = delete;
    backend& operator=(const backend&) = delete;
    virtual ~backend() = default;

    /// Stable, lower case, as `JOULERY_BACKENDS` spells it: "rapl-powercap".
    [[nodiscard]] virtual std::string_view name() const noexcept = 0;
    /// Fixed for the life of the backend.
    [[nodiscard]] virtual const std::vector<channel>& channels() const noexcept = 0;
    /// One raw value a channel.
    virtual read_status read(counter_span out) noexcept = 0;
    /// One line about this backend for the report: a model's inputs, a limit to know. May be empty.
    [[nodiscard]] virtual std::string_view remark() const noexcept { return {}; }
    /// For `attribution::process`: this process's part, 0 to 1, of what the device behind channel
    /// `i` did since the last call, or `unknown_share`. Never overlaps a read.
    [[nodiscard]] virtual double process_share(std::size_t i) noexcept {
        (void)i;
        return unknown_share;
    }
};

}  // namespace v1
}  // namespace joulery
