// library_backend.hpp - the read loop shared by backends that use a vendor's library.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/backends/common/sleeping_device.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/detail/timing/time_source.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A backend that uses a vendor's library and may show several devices.
///
/// A call waits for the driver or the firmware, on some devices for tens of milliseconds. If one
/// thread read eight devices, the last would be dated by the time at which the other seven calls
/// returned.
class device_library : public backend {
 public:
    [[nodiscard]] bool reads_wait() const noexcept final { return true; }
    /// Splits it into one backend per device, which take the devices over; none if there is nothing
    /// to split.
    [[nodiscard]] virtual std::vector<std::unique_ptr<backend>> split() { return {}; }
};

/// The names of the backends that are a `device_library`.
inline constexpr std::string_view device_libraries[] = {"nvml", "rocm-smi", "level-zero", "habana"};

/// The device of a channel, without the place inside it: "pci:0000:65:00.0".
[[nodiscard]] inline std::string_view whole_device_of(const channel& c) noexcept {
    const std::string_view device = c.device;
    return device.substr(0, device.find('/'));
}

}  // namespace detail

/// Splits a backend opened by one of the `device_libraries` into one per device, if it shows
/// several: each has its own sampler, no call waits for another device's, and each reading has its
/// own time. Other backends stay whole.
[[nodiscard]] inline std::vector<std::unique_ptr<backend>> split_by_device(
    std::unique_ptr<backend> b) {
    std::vector<std::unique_ptr<backend>> parts;
    for (const std::string_view name : detail::device_libraries)
        if (b->name() == name) parts = static_cast<detail::device_library&>(*b).split();
    if (parts.empty()) parts.push_back(std::move(b));
    return parts;
}

namespace detail {

/// The result of querying a device.
enum class device_answer : unsigned char { value, none, lost };

}  // namespace detail

/// A backend that queries its devices one after another.
///
/// `Devices` has `name`; `read(i, value)`, which queries channel `i`; and `only(i, k)`, the devices
/// of the channels from `i` up to `k`.
/// Fails:  a device without an answer gets `no_value`; if none answers: `retry`, or `gone` if all
///         are lost.
template <class Devices>
class library_backend final : public detail::device_library {
 public:
    library_backend(Devices devices, std::vector<channel> channels, std::string note)
        : devices_(std::move(devices)), channels_(std::move(channels)), note_(std::move(note)) {}

    /// From now on, sleeping cards are neither woken nor kept awake: they draw 0 W.
    void let_sleep(const system_root& root, const std::shared_ptr<const time_source>& clock) {
        for (const channel& c : channels_) {
            const std::string_view device = detail::whole_device_of(c);
            const bool is_pci = device.substr(0, 4) == "pci:";
            sleeps_.push_back(
                is_pci ? detail::sleeping_device(
                             root, concat({"/sys/bus/pci/devices/", device.substr(4)}), clock)
                       : detail::sleeping_device());
        }
    }

    [[nodiscard]] std::string_view name() const noexcept override { return Devices::name; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return channels_;
    }
    [[nodiscard]] std::string_view note() const noexcept override { return note_; }

    [[nodiscard]] std::vector<std::unique_ptr<backend>> split() override {
        std::vector<std::unique_ptr<backend>> parts;
        for (const channel& c : channels_)  // which ones belong together is unknown
            if (c.device.empty()) return parts;
        for (std::size_t i = 0, end = 0; i < channels_.size(); i = end) {
            for (end = i + 1; end < channels_.size() && is_same_device(i, end);) ++end;
            if (end - i == channels_.size()) return {};
            auto part = std::make_unique<library_backend>(
                devices_.only(i, end),
                std::vector<channel>(channels_.begin() + static_cast<std::ptrdiff_t>(i),
                                     channels_.begin() + static_cast<std::ptrdiff_t>(end)),
                std::exchange(note_, {}));
            for (std::size_t k = i; k < end && k < sleeps_.size(); ++k)
                part->sleeps_.push_back(std::move(sleeps_[k]));
            parts.push_back(std::move(part));
        }
        return parts;
    }

    read_status read(counter_span out) noexcept override {
        const std::size_t n = std::min(out.size(), channels_.size());
        std::size_t good = 0;
        std::size_t lost = 0;
        for (std::size_t i = 0; i < n; ++i) {
            detail::device_answer answer = detail::device_answer::value;
            const auto ask = [&]() noexcept {
                std::uint64_t value = no_value;
                answer = devices_.read(i, value);
                return answer == detail::device_answer::value ? value : no_value;
            };
            out[i] = sleeps_.empty()                                     ? ask()
                     : channels_[i].kind == reading_kind::energy_counter ? sleeps_[i].counter(ask)
                                                                         : sleeps_[i].gauge(ask);
            if (out[i] != no_value) ++good;
            if (answer == detail::device_answer::lost) ++lost;
        }
        if (good > 0) return read_status::ok;
        return lost == n ? read_status::gone : read_status::retry;
    }

 private:
    [[nodiscard]] bool is_same_device(std::size_t i, std::size_t k) const noexcept {
        return detail::whole_device_of(channels_[i]) == detail::whole_device_of(channels_[k]);
    }

    Devices devices_;
    std::vector<channel> channels_;
    std::string note_;
    detail::list<detail::sleeping_device> sleeps_;  ///< one per channel; empty: none sleeps
};

}  // namespace v1
}  // namespace joulery
