// amd_hsmp.hpp - socket energy and power of AMD EPYC through /dev/hsmp, which any user may read.
// SPDX-License-Identifier: MIT
//
// Kernel: arch/x86/include/uapi/asm/amd_hsmp.h and drivers/platform/x86/amd/hsmp, as of 7.2; the
// energy messages (0x30, 0x32) are not in 6.12. Tested on fakes only. Which processor answers which
// message, and how fast its values change, is not verified, so each counter is compared once with
// the power that the same firmware states.
#pragma once

#include "joulery/detail/backends/common/counter_check.hpp"
#include "joulery/detail/backends/common/device_files.hpp"
#include "joulery/detail/backends/common/hardware_names.hpp"
#include "joulery/detail/backends/cpu/cpu_identity.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/metering/registry.hpp"
#include "joulery/detail/timing/time_source.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
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

#pragma pack(push, 4)
struct hsmp_message {
    std::uint32_t id;
    std::uint16_t arguments;
    std::uint16_t answer_words;
    std::uint32_t words[8];
    std::uint16_t socket;
};
#pragma pack(pop)
static_assert(sizeof(hsmp_message) == 44, "the kernel's struct hsmp_message");
static_assert(offsetof(hsmp_message, words) == 8 && offsetof(hsmp_message, socket) == 40,
              "the kernel's struct hsmp_message");

inline constexpr unsigned long hsmp_ioctl = 0xc02cf800;       // _IOWR(0xF8, 0, struct hsmp_message)
inline constexpr std::uint32_t hsmp_get_socket_power = 0x04;  // mW, average
inline constexpr std::uint32_t hsmp_get_socket_power_limit_max = 0x07;  // mW
inline constexpr std::uint32_t hsmp_get_rapl_units = 0x30;              // energy unit in bits 12:8
inline constexpr std::uint32_t hsmp_get_package_counter = 0x32;         // 64 bits, low word first
inline constexpr std::uint16_t hsmp_max_sockets = 8;

/// Sends a query without argument to one socket. 0, or errno.
inline int ask_hsmp(device_handle& device, std::uint32_t id, std::uint16_t socket,
                    std::uint16_t answer_words, std::uint32_t (&words)[8]) noexcept {
    hsmp_message m{};
    m.id = id;
    m.answer_words = answer_words;
    m.socket = socket;
    const int answer = device.control(hsmp_ioctl, &m);
    std::copy_n(m.words, 8, words);
    return answer < 0 ? -answer : 0;
}

}  // namespace detail

/// Reads the package counter of each socket, or its mean power if the firmware has no counter.
///
/// Units:  energy counts of 2^-ESU joules in 64 bits; else milliwatts.
/// Thread: reads must not overlap.
/// Cost:   one ioctl per socket; 10 to 100 us is expected. In the first ten seconds sometimes a
///         second one, which compares the counter with power x time; `note()` says where they
///         disagree.
/// Fails:  a socket that does not answer gets `no_value`; if none answers: `retry`, or `gone` if
///         the driver is gone.
///
///     auto hsmp = open_amd_hsmp(system_root{});
class amd_hsmp final : public backend {
 public:
    struct socket {
        std::uint16_t index = 0;
        bool has_counter = false;
        channel described;
        detail::counter_check check;
    };

    amd_hsmp(device_handle device, detail::list<socket> sockets,
             std::shared_ptr<const time_source> clock)
        : device_(std::move(device)), sockets_(std::move(sockets)), clock_(std::move(clock)) {
        for (const socket& s : sockets_) channels_.push_back(s.described);
    }

    [[nodiscard]] std::string_view name() const noexcept override { return "amd-hsmp"; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return channels_;
    }
    [[nodiscard]] std::string_view note() const noexcept override { return note_.text(); }

    read_status read(counter_span out) noexcept override {
        const std::size_t n = std::min(out.size(), sockets_.size());
        std::size_t good = 0;
        std::size_t gone = 0;
        for (std::size_t i = 0; i < n; ++i) {
            std::uint32_t words[8];
            socket& s = sockets_[i];
            const int error =
                s.has_counter
                    ? detail::ask_hsmp(device_, detail::hsmp_get_package_counter, s.index, 2, words)
                    : detail::ask_hsmp(device_, detail::hsmp_get_socket_power, s.index, 1, words);
            const std::uint64_t high = s.has_counter ? words[1] : 0;
            out[i] = error == 0 ? words[0] | high << 32 : no_value;
            if (out[i] != no_value) ++good;
            if (error == ENODEV) ++gone;
            if (!note_.is_done() && s.has_counter) check(s, out[i]);
        }
        if (!note_.is_done()) publish_checks();
        if (good > 0) return read_status::ok;
        return gone == n ? read_status::gone : read_status::retry;
    }

 private:
    void check(socket& s, std::uint64_t count) noexcept {
        const double now = static_cast<double>(clock_->now()) * clock_->seconds_per_tick();
        if (!s.check.wants(now)) return;
        std::uint32_t words[8];
        if (count == no_value ||
            detail::ask_hsmp(device_, detail::hsmp_get_socket_power, s.index, 1, words) != 0)
            return s.check.give_up();
        s.check.take(static_cast<double>(count) * s.described.joules_per_count, words[0] * 1e-3,
                     now);
    }

    // Once, when every counter is decided.
    void publish_checks() noexcept {
        for (const socket& s : sockets_)
            if (s.has_counter && s.check.verdict() == detail::counter_verdict::undecided) return;
        for (const socket& s : sockets_)
            note_.add(detail::reason_to_distrust(s.check, s.described.id, "it stands still"));
        note_.finish();
    }

    device_handle device_;
    detail::list<socket> sockets_;
    std::shared_ptr<const time_source> clock_;
    detail::checked_note note_{""};
    std::vector<channel> channels_;
};

namespace detail {

[[nodiscard]] inline failure hsmp_absent(const cpu_identity& cpu, int error) {
    const char* remedy = "";
    if (cpu.is_amd() && !cpu.has_hypervisor)
        remedy = error == ENOENT ? "on an EPYC server: sudo modprobe amd_hsmp # or hsmp_acpi; HSMP "
                                   "must be enabled in the BIOS"
                                 : "sudo chmod 0644 /dev/hsmp";
    return {concat({"/dev/hsmp: ", error_text(error)}), remedy};
}

// Finds out what one socket answers; `error` is the errno if it answers nothing.
[[nodiscard]] inline amd_hsmp::socket look_at_socket(device_handle& device, std::uint16_t index,
                                                     int& error) {
    amd_hsmp::socket s;
    s.index = index;
    channel& c = s.described;
    c.id = concat({"cpu", index, "/package"});
    c.part = component::cpu;
    c.device = concat({"cpu-package:", index});
    c.relative_error = 0.15;  // AMD's figures are a model: Schoene et al. 2021, arXiv 2108.00808
    std::uint32_t words[8] = {};
    std::uint32_t count[8] = {};
    if (ask_hsmp(device, hsmp_get_rapl_units, index, 1, words) == 0 &&
        ask_hsmp(device, hsmp_get_package_counter, index, 2, count) == 0) {
        const unsigned shift = (words[0] >> 8) & 0x1f;
        s.has_counter = shift != 0 && (count[0] | count[1]) != 0;
        c.joules_per_count = std::ldexp(1.0, -static_cast<int>(shift));
    }
    error = 0;
    if (s.has_counter) return s;
    c.kind = reading_kind::power_gauge;
    c.joules_per_count = 1e-3;
    c.update_period = std::chrono::milliseconds(10);
    error = ask_hsmp(device, hsmp_get_socket_power, index, 1, words);
    if (error == 0 && words[0] == 0) error = ENODATA;
    return s;
}

}  // namespace detail

[[nodiscard]] inline opened_backend open_amd_hsmp(
    const system_root& root, const device_calls& calls,
    std::shared_ptr<const time_source> clock = std::make_shared<steady_time>()) {
    // Read-only: on a write-only descriptor the driver refuses messages that only read.
    device_handle device(calls, root.path("/dev/hsmp"));
    if (!device.is_open()) return detail::hsmp_absent(read_cpu_identity(root), device.error());
    detail::list<amd_hsmp::socket> sockets;
    int first_error = 0;
    for (std::uint16_t index = 0; index < detail::hsmp_max_sockets; ++index) {
        int error = 0;
        amd_hsmp::socket s = detail::look_at_socket(device, index, error);
        if (error == 0) sockets.push_back(std::move(s));
        if (error != 0 && first_error == 0) first_error = error;
        if (error == ENODEV) break;
    }
    const cpu_identity cpu = read_cpu_identity(root);
    for (amd_hsmp::socket& s : sockets) {
        std::uint32_t words[8] = {};
        s.described.model = detail::plain_cpu_name(cpu.model_name);
        // The highest possible limit, from the firmware's table for this processor.
        if (detail::ask_hsmp(device, detail::hsmp_get_socket_power_limit_max, s.index, 1, words) ==
            0)
            s.described.max_watts = words[0] <= 2'000'000 ? words[0] * 1e-3 : 0;
    }
    if (sockets.empty())
        return failure{
            concat({"/dev/hsmp: no socket reports its energy or power: ", error_text(first_error)}),
            {}};
    return std::unique_ptr<backend>(
        std::make_unique<amd_hsmp>(std::move(device), std::move(sockets), std::move(clock)));
}
[[nodiscard]] inline opened_backend open_amd_hsmp(const system_root& root) {
    return open_amd_hsmp(root, device_calls::of_the_system());
}

}  // namespace v1
}  // namespace joulery
