// battery.hpp - what a laptop draws from its batteries, while it runs on them.
// SPDX-License-Identifier: MIT
//
// Kernel: Documentation/ABI/testing/sysfs-class-power, drivers/acpi/battery.c. Tested on fakes
// only.
#pragma once

#include "joulery/detail/backends/common/device_files.hpp"
#include "joulery/detail/backends/common/hardware_names.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/metering/registry.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// Power of the whole machine, display included: the sum over its batteries.
///
/// Units:  microwatts. The firmware updates its figures every 1 to 30 s; the kernel caches them for
///         1 s.
/// Thread: reads must not overlap. Cost: three preads per battery, sometimes a firmware call.
/// Fails:  `retry` while no battery discharges, or while one charges: the draw is unknown then.
///
///     auto laptop = open_battery(system_root{});
class battery final : public backend {
 public:
    struct cell {
        watched_file status;
        watched_file power;    ///< uW; otherwise current x voltage
        watched_file current;  ///< uA
        watched_file voltage;  ///< uV
        bool has_power = false;
    };

    explicit battery(detail::list<cell> cells, std::string model = {}) : cells_(std::move(cells)) {
        channel c;
        c.id = "machine/battery";
        c.part = component::platform;
        c.kind = reading_kind::power_gauge;
        c.joules_per_count = 1e-6;
        c.update_period = std::chrono::seconds(1);
        c.device = "platform";
        c.model = std::move(model);
        c.max_watts = 330;  // of the largest laptop power supplies
        channels_.push_back(std::move(c));
    }

    [[nodiscard]] std::string_view name() const noexcept override { return "battery"; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return channels_;
    }
    [[nodiscard]] std::string_view note() const noexcept override {
        return "whole machine with its display, only while it runs on battery";
    }

    read_status read(counter_span out) noexcept override {
        std::uint64_t sum = 0;
        std::size_t discharging = 0;
        std::size_t gone = 0;
        for (cell& b : cells_) {
            switch (state_of(b)) {
                case state::gone:
                    ++gone;
                    break;
                case state::charging:
                    return read_status::retry;
                case state::resting:
                    break;
                case state::discharging:
                    ++discharging;
                    std::uint64_t microwatts = 0;
                    if (!power_of(b, microwatts)) return read_status::retry;
                    sum += microwatts;
            }
        }
        if (gone == cells_.size()) return read_status::gone;
        if (discharging == 0) return read_status::retry;
        if (out.size() > 0) out[0] = sum;
        return read_status::ok;
    }

    /// Why a read returns nothing now: a file that can't be read, or the state of the batteries.
    [[nodiscard]] failure failure_reason() {
        std::string states;
        for (cell& b : cells_) {
            char text[32];
            const std::ptrdiff_t n = b.status.read_text(text, sizeof text);
            if (n <= 0) return {concat({b.status.path(), " can't be read: ", why(b.status)}), {}};
            std::string_view word(text, static_cast<std::size_t>(n));
            word = word.substr(0, word.find('\n'));
            std::uint64_t microwatts = 0;
            if (word != "Charging" && !power_of(b, microwatts)) {
                watched_file& file = b.has_power ? b.power : b.current;
                std::int64_t amount = 0;
                watched_file& bad = file.read_signed(amount) && !b.has_power ? b.voltage : file;
                return {concat({bad.path(), " can't be read: ", why(bad)}), {}};
            }
            states.append(states.empty() ? "" : ", ").append(word);
        }
        return {
            concat({"/sys/class/power_supply: the machine does not run on battery (", states, ")"}),
            "unplug the power supply to measure with the battery"};
    }

 private:
    // The errno of a failed read, or a text if the value was not usable.
    static std::string why(watched_file& file) {
        char text[32];
        if (file.read_text(text, sizeof text) > 0) return "it has no plausible power";
        const int error = file.read_error();
        return error != 0 ? error_text(error) : "it is empty";
    }

    enum class state : unsigned char { discharging, resting, charging, gone };

    static state state_of(cell& b) noexcept {
        char text[32];
        const std::ptrdiff_t n = b.status.read_text(text, sizeof text);
        if (n <= 0) return b.status.vanished() ? state::gone : state::charging;
        std::string_view word(text, static_cast<std::size_t>(n));
        word = word.substr(0, word.find('\n'));
        if (word == "Discharging") return state::discharging;
        if (word == "Full" || word == "Not charging") return state::resting;
        // "Unknown" may mean anything and counts as charging, unless no power flows.
        std::uint64_t microwatts = 0;
        const bool rests = word == "Unknown" && power_of(b, microwatts) && microwatts == 0;
        return rests ? state::resting : state::charging;
    }

    // While discharging, the sign of the current depends on the driver.
    static bool power_of(cell& b, std::uint64_t& microwatts) noexcept {
        constexpr std::int64_t most = 1'000'000'000;        // 1 kW, 1 kA, 1 kV
        constexpr std::int64_t firmware_none = 65'535'000;  // 16 bits set, in thousandths
        std::int64_t amount = 0;
        if (!(b.has_power ? b.power : b.current).read_signed(amount)) return false;
        if (amount < 0) amount = -amount;
        if (amount > most || amount == firmware_none) return false;
        microwatts = static_cast<std::uint64_t>(amount);
        if (b.has_power) return true;
        std::int64_t microvolts = 0;
        if (!b.voltage.read_signed(microvolts) || microvolts <= 0 || microvolts > most)
            return false;
        microwatts = microwatts * static_cast<std::uint64_t>(microvolts) / 1'000'000;
        return true;
    }

    detail::list<cell> cells_;
    std::vector<channel> channels_;
};

[[nodiscard]] inline opened_backend open_battery(const system_root& root) {
    const std::string supplies = "/sys/class/power_supply";
    detail::list<battery::cell> cells;
    for (const std::string& entry : root.list(supplies)) {
        const std::string folder = concat({supplies, "/", entry});
        // A battery of scope "Device" belongs to a mouse or the like.
        if (root.line(concat({folder, "/type"})) != "Battery" ||
            root.line(concat({folder, "/scope"})) == "Device")
            continue;
        battery::cell b;
        b.has_power = root.exists(concat({folder, "/power_now"}));
        if (!b.has_power && !root.exists(concat({folder, "/current_now"}))) continue;
        b.status = watched_file(root.path(concat({folder, "/status"})));
        b.power = watched_file(root.path(concat({folder, "/power_now"})));
        b.current = watched_file(root.path(concat({folder, "/current_now"})));
        b.voltage = watched_file(root.path(concat({folder, "/voltage_now"})));
        cells.push_back(std::move(b));
    }
    if (cells.empty()) return failure{concat({supplies, ": no battery reports its power"}), {}};
    auto opened = std::make_unique<battery>(std::move(cells), detail::machine_model(root));
    std::uint64_t value = 0;
    if (opened->read({&value, 1}) != read_status::ok) return opened->failure_reason();
    return std::unique_ptr<backend>(std::move(opened));
}

}  // namespace v1
}  // namespace joulery
