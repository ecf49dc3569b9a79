// rpi_pmic.hpp - the power rails of a Raspberry Pi 5, through its firmware's mailbox.
// SPDX-License-Identifier: MIT
//
// Facts: raspberrypi/utils (vcgencmd). Tested on fakes only. No process is started: this uses
// vcgencmd's own ioctl. Conversion losses and everything on the 5 V input (USB, fan) are missing.
#pragma once

#include "joulery/detail/backends/common/device_files.hpp"
#include "joulery/detail/backends/common/hardware_names.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/detail/metering/registry.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// Watts of the rails that the power chip measures.
struct pmic_power {
    double all = 0;
    double core = 0;    ///< VDD_CORE: processor and graphics
    double memory = 0;  ///< the DDR rails
    unsigned rails = 0;
};

namespace detail {

/// The value in a line "NAME unit(15)=0.72018530V"; -1 if there is no such name.
[[nodiscard]] inline double pmic_value(std::string_view text, std::string_view name) noexcept {
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
        const std::size_t equals = line.find('=');
        double value = 0;
        if (equals != std::string_view::npos && line.substr(0, line.find(' ')) == name &&
            parse_leading_number(line.substr(equals + 1), value) > 0)
            return value;
    }
    return -1;
}

inline constexpr unsigned long mailbox_ioctl = sizeof(void*) == 8 ? 0xc0086400 : 0xc0046400;
inline constexpr std::uint32_t gencmd_tag = 0x00030080;
inline constexpr std::uint32_t gencmd_room = 4096;

/// A query to the firmware, with the buffer for its answer.
struct pmic_mailbox {
    static constexpr std::size_t head = 6, words = head + gencmd_room / 4 + 1;
    std::uint32_t message[words];

    /// The answer's text; empty if there is none.
    std::string_view ask(device_handle& device) noexcept {
        std::memset(message, 0, sizeof message);
        message[0] = sizeof message;
        message[2] = gencmd_tag;
        message[3] = gencmd_room;
        std::memcpy(&message[head], "pmic_read_adc", sizeof "pmic_read_adc");
        error = device.control(mailbox_ioctl, message);
        if (error < 0 || message[5] != 0) return {};
        const char* text = reinterpret_cast<const char*>(&message[head]);
        const void* end = std::memchr(text, 0, gencmd_room);
        const std::size_t length =
            end == nullptr ? gencmd_room
                           : static_cast<std::size_t>(static_cast<const char*>(end) - text);
        return {text, length};
    }
    int error = 0;
};

}  // namespace detail

/// Adds up current x voltage over the rails that have both.
///
///     pmic_power p = parse_pmic("VDD_CORE_A current(7)=1.5A\nVDD_CORE_V volt(15)=0.72V\n");
[[nodiscard]] inline pmic_power parse_pmic(std::string_view text) noexcept {
    pmic_power power;
    std::string_view rest = text;
    while (!rest.empty()) {
        std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
        while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
        const std::string_view name = line.substr(0, line.find(' '));
        constexpr std::size_t longest = 30;
        if (name.size() < 3 || name.size() > longest || name.substr(name.size() - 2) != "_A")
            continue;
        char voltage[longest];
        std::memcpy(voltage, name.data(), name.size());
        voltage[name.size() - 1] = 'V';
        const double amperes = detail::pmic_value(line, name);
        const double volts = detail::pmic_value(text, {voltage, name.size()});
        if (!(amperes >= 0 && amperes < 100 && volts >= 0 && volts < 100)) continue;
        const double watts = amperes * volts;
        power.all += watts;
        if (name.substr(0, 8) == "VDD_CORE") power.core += watts;
        if (name.substr(0, 3) == "DDR") power.memory += watts;
        ++power.rails;
    }
    return power;
}

/// Reads the board's rails: all together, the core's and the memory's.
///
/// Units:  microwatts. Thread: reads must not overlap.
/// Cost:   a query to the firmware, milliseconds: at most ten times a second.
/// Fails:  `retry` if the firmware does not answer, `gone` if the device is gone.
///
///     auto board = open_rpi_pmic(system_root{});
class rpi_pmic final : public backend {
 public:
    rpi_pmic(device_handle device, std::string model)
        : device_(std::move(device)), model_(std::move(model)) {
        add("board/pmic", component::board, "");
        add("board/pmic/core", component::soc, "board/pmic");
        add("board/pmic/memory", component::dram, "board/pmic");
    }

    [[nodiscard]] std::string_view name() const noexcept override { return "rpi-pmic"; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return channels_;
    }
    [[nodiscard]] std::string_view note() const noexcept override {
        return "sum of the power chip's rails: without conversion losses, USB and fan";
    }

    [[nodiscard]] bool reads_wait() const noexcept override { return true; }

    read_status read(counter_span out) noexcept override {
        const pmic_power power = parse_pmic(mailbox_.ask(device_));
        if (power.rails == 0)
            return mailbox_.error == -ENODEV ? read_status::gone : read_status::retry;
        const double watts[] = {power.all, power.core, power.memory};
        for (std::size_t i = 0; i < std::min<std::size_t>(out.size(), 3); ++i)
            out[i] = static_cast<std::uint64_t>(watts[i] * 1e6 + 0.5);
        return read_status::ok;
    }

 private:
    void add(const char* id, component part, const char* parent) {
        channel c;
        c.id = id;
        c.part = part;
        c.kind = reading_kind::power_gauge;
        c.update_period = std::chrono::milliseconds(100);
        c.parent = parent;
        c.model = model_;
        c.max_watts = 50;  // 5 V x 5 A, the limit of its supply
        c.device = "board";
        channels_.push_back(std::move(c));
    }

    device_handle device_;
    std::string model_;
    detail::pmic_mailbox mailbox_{};
    std::vector<channel> channels_;
};

[[nodiscard]] inline opened_backend open_rpi_pmic(const system_root& root,
                                                  const device_calls& calls) {
    const std::string model = root.text("/proc/device-tree/model", 256);
    if (model.rfind("Raspberry Pi 5", 0) != 0 &&
        model.rfind("Raspberry Pi Compute Module 5", 0) != 0 &&
        model.rfind("Compute Module 5", 0) != 0)
        return failure{"/proc/device-tree/model does not name a Raspberry Pi 5", {}};
    device_handle device(calls, root.path("/dev/vcio_gencmd"));
    if (device.error() == ENOENT) device = device_handle(calls, root.path("/dev/vcio"));
    if (!device.is_open())
        return failure{concat({"/dev/vcio: ", error_text(device.error())}),
                       device.error() == EACCES
                           ? "sudo usermod -aG video $USER, then log in again"
                           : "in a container: --device /dev/vcio_gencmd --device /dev/vcio"};
    auto opened = std::make_unique<rpi_pmic>(std::move(device), detail::board_model(root));
    std::uint64_t values[3];
    if (opened->read({values, 3}) != read_status::ok)
        return failure{"/dev/vcio: the firmware does not answer pmic_read_adc", {}};
    return std::unique_ptr<backend>(std::move(opened));
}
[[nodiscard]] inline opened_backend open_rpi_pmic(const system_root& root) {
    return open_rpi_pmic(root, device_calls::of_the_system());
}

}  // namespace v1
}  // namespace joulery
