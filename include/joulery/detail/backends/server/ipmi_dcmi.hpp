// ipmi_dcmi.hpp - a server's power as its management controller measures it.
// SPDX-License-Identifier: MIT
//
// Kernel: include/uapi/linux/ipmi.h; DCMI 1.5 "Get Power Reading". Tested on fakes only. Whole
// watts, updated by the controller about once a second, on the AC or the DC side depending on the
// vendor.
#pragma once

#include "joulery/detail/backends/common/device_files.hpp"
#include "joulery/detail/backends/common/hardware_names.hpp"
#include "joulery/detail/backends/cpu/cpu_identity.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/metering/registry.hpp"

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

// The kernel's structs under our own names, because <linux/ipmi.h> may be missing.
struct ipmi_message {
    unsigned char function;
    unsigned char command;
    unsigned short length;
    unsigned char* data;
};
struct ipmi_request {
    unsigned char* address;
    unsigned int address_length;
    long id;
    ipmi_message message;
};
struct ipmi_answer {
    int type;
    unsigned char* address;
    unsigned int address_length;
    long id;
    ipmi_message message;
};
struct ipmi_controller_address {
    int type = 0x0c;  // the system interface
    short channel = 0x0f;
    unsigned char unit = 0;
};
static_assert(sizeof(void*) != 8 || sizeof(long) != 8 ||
                  (sizeof(ipmi_request) == 40 && sizeof(ipmi_answer) == 48 &&
                   sizeof(ipmi_controller_address) == 8),
              "the kernel's layouts");

inline constexpr unsigned long ipmi_send = 0x8028690d;
inline constexpr unsigned long ipmi_receive = 0xc030690b;  // truncates answers that are too long
inline constexpr int ipmi_is_answer = 1;
inline constexpr int ipmi_patience_milliseconds = 2000;

/// Watts of a DCMI power reading, or a negative errno: -EOPNOTSUPP if the controller has none,
/// -EAGAIN if it is not measuring now.
[[nodiscard]] inline int parse_dcmi_power(const unsigned char* answer, std::size_t size) noexcept {
    if (size == 0) return -EBADMSG;
    if (answer[0] == 0xc1 || answer[0] == 0xd4) return answer[0] == 0xc1 ? -EOPNOTSUPP : -EACCES;
    if (answer[0] != 0) return -EAGAIN;
    if (size < 19 || answer[1] != 0xdc) return -EBADMSG;
    constexpr unsigned char measuring = 1 << 6;
    const int watts = answer[2] | answer[3] << 8;
    // Controllers without a value answer with all bits set, or with the ends of a signed number.
    for (const int none : {0xffff, 0xfffe, 0x7fff, 0x8000})
        if (watts == none) return -EAGAIN;
    return (answer[18] & measuring) != 0 && watts > 0 ? watts : -EAGAIN;
}

}  // namespace detail

/// Asks the controller for the node's power.
///
/// Units:  watts. Thread: reads must not overlap.
/// Cost:   tens of milliseconds to two seconds of waiting: at most once a second.
/// Fails:  `retry` if the controller is late, busy or not measuring; `gone` if the driver is gone.
///
///     auto node = open_ipmi_dcmi(system_root{});       // root: /dev/ipmi0 is full control
class ipmi_dcmi final : public backend {
 public:
    explicit ipmi_dcmi(device_handle device, std::string model = {}) : device_(std::move(device)) {
        channel c;
        c.id = "machine/dcmi";
        c.part = component::platform;
        c.kind = reading_kind::power_gauge;
        c.joules_per_count = 1;
        c.update_period = std::chrono::seconds(1);
        c.device = "node";
        c.model = std::move(model);
        channels_.push_back(std::move(c));
    }

    [[nodiscard]] std::string_view name() const noexcept override { return "ipmi-dcmi"; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return channels_;
    }

    [[nodiscard]] bool reads_wait() const noexcept override { return true; }

    read_status read(counter_span out) noexcept override {
        const int known = std::exchange(known_watts_, 0);
        const int watts = known > 0 ? known : ask();
        if (watts == -ENODEV || watts == -ENXIO) return read_status::gone;
        if (watts == -EOPNOTSUPP) return read_status::fatal;
        if (watts < 0) return read_status::retry;
        if (out.size() > 0) out[0] = static_cast<std::uint64_t>(watts);
        return read_status::ok;
    }

    /// Stores an answer obtained earlier for the next read, so that starting a meter does not wait
    /// for the controller twice.
    void remember(int watts) noexcept { known_watts_ = watts; }

    /// Returns watts, or a negative errno.
    int ask() noexcept {
        detail::ipmi_controller_address controller;
        unsigned char question[] = {0xdc, 0x01, 0x00, 0x00};
        detail::ipmi_request request{};
        request.address = reinterpret_cast<unsigned char*>(&controller);
        request.address_length = sizeof controller;
        request.id = ++last_id_;
        request.message = {0x2c, 0x02, sizeof question, question};
        const int sent = device_.control(detail::ipmi_send, &request);
        return sent < 0 ? sent : wait_for_answer();
    }

 private:
    // Skips a late answer to an earlier query.
    int wait_for_answer() noexcept {
        for (int passed_over = 0; passed_over < 4; ++passed_over) {
            const int ready = device_.wait_readable(detail::ipmi_patience_milliseconds);
            if (ready <= 0) return ready < 0 ? ready : -ETIMEDOUT;
            detail::ipmi_controller_address from;
            unsigned char data[64] = {};
            detail::ipmi_answer answer{};
            answer.address = reinterpret_cast<unsigned char*>(&from);
            answer.address_length = sizeof from;
            answer.message.data = data;
            answer.message.length = sizeof data;
            const int got = device_.control(detail::ipmi_receive, &answer);
            if (got < 0 && got != -EMSGSIZE) return got;
            if (answer.type != detail::ipmi_is_answer || answer.id != last_id_) continue;
            const std::size_t size = answer.message.length;
            return detail::parse_dcmi_power(data, size < sizeof data ? size : sizeof data);
        }
        return -ETIMEDOUT;
    }

    device_handle device_;
    long last_id_ = 0;
    int known_watts_ = 0;
    std::vector<channel> channels_;
};

namespace detail {

[[nodiscard]] inline failure ipmi_absent(const system_root& root, int error) {
    std::string remedy =
        "run as root; access to /dev/ipmi0 is full control of the machine, so prefer a privileged "
        "exporter";
    if (error == ENOENT)
        remedy = read_cpu_identity(root).has_hypervisor
                     ? ""  // virtual machines have no management controller
                     : "on a server with a management controller: sudo modprobe -a ipmi_si "
                       "ipmi_devintf";
    return {concat({"/dev/ipmi0: ", error_text(error)}), std::move(remedy)};
}

}  // namespace detail

[[nodiscard]] inline opened_backend open_ipmi_dcmi(const system_root& root,
                                                   const device_calls& calls) {
    device_handle device;
    int error = ENOENT;
    for (const char* path : {"/dev/ipmi0", "/dev/ipmi/0", "/dev/ipmidev/0"}) {
        device = device_handle(calls, root.path(path), true);
        if (device.is_open()) break;
        if (device.error() != ENOENT) error = device.error();
    }
    if (!device.is_open()) return detail::ipmi_absent(root, error);
    auto opened = std::make_unique<ipmi_dcmi>(std::move(device), detail::machine_model(root));
    const int watts = opened->ask();
    if (watts < 0 && watts != -EAGAIN)
        return failure{
            concat({"/dev/ipmi0: the management controller does not report power (DCMI): ",
                    error_text(-watts)}),
            {}};
    opened->remember(watts);
    return std::unique_ptr<backend>(std::move(opened));
}
[[nodiscard]] inline opened_backend open_ipmi_dcmi(const system_root& root) {
    return open_ipmi_dcmi(root, device_calls::of_the_system());
}

}  // namespace v1
}  // namespace joulery
