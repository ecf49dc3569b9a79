// hwmon_discovery.hpp - finds the sensors of known hwmon chips and what they contain.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/backends/board/hwmon_chip.hpp"
#include "joulery/detail/backends/common/device_files.hpp"
#include "joulery/detail/backends/common/hardware_names.hpp"
#include "joulery/detail/backends/common/sleeping_device.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/detail/metering/channel_account.hpp"
#include "joulery/detail/timing/time_source.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace detail {

/// One walk over /sys/class/hwmon.
class hwmon_finder {
 public:
    hwmon_finder(const system_root& root, std::shared_ptr<const time_source> clock)
        : root_(root),
          clock_(std::move(clock)),
          is_jetson_(root.text("/proc/device-tree/compatible", 4096).find("nvidia,tegra") !=
                         std::string::npos ||
                     board_model(root).find("Jetson") != std::string::npos) {}

    void look() {
        for (const std::string& entry : root_.list("/sys/class/hwmon")) {
            const std::string folder = concat({"/sys/class/hwmon/", entry});
            const std::string name = root_.line(concat({folder, "/name"}));
            const hwmon_chip* chip = find_hwmon_chip(name);
            if (chip != nullptr && (chip->kind != hwmon_kind::inlet || is_jetson_))
                look_at(*chip, folder);
            else if (!is_read_elsewhere(name))
                name_unknown(name, entry);
        }
        look_at_old_jetson();
        put_under_their_totals();
        if (!unknown_.empty())
            note(concat({"unknown and not read, although one may be the total: ", unknown_}));
    }
    [[nodiscard]] list<hwmon_sensor>& sensors() noexcept { return sensors_; }
    [[nodiscard]] const std::string& note() const noexcept { return note_; }

 private:
    static constexpr int max_sensors = 32;  // per kind and chip

    void look_at(const hwmon_chip& chip, const std::string& folder) {
        switch (chip.kind) {
            case hwmon_kind::intel_gpu:
                return look_at_intel_gpu(chip, folder);
            case hwmon_kind::accelerator:
                return look_at_accelerator(chip, folder);
            case hwmon_kind::grace:
                return look_at_power_meter(chip, folder);
            case hwmon_kind::sockets:
                return look_at_socket(chip, folder);
            case hwmon_kind::rails:
            case hwmon_kind::machine:
                return look_at_labels(chip, folder);
            case hwmon_kind::board_rails:
                return look_at_rails(chip, folder);
            case hwmon_kind::inlet:
                return look_at_inlet(chip, folder);
        }
    }

    // An unknown chip that reports power or energy.
    void name_unknown(const std::string& name, const std::string& entry) {
        const std::string folder = concat({"/sys/class/hwmon/", entry});
        for (int n = 1; n <= 4; ++n) {
            for (const char* file : {"/power", "/energy"}) {
                const std::string sensor = concat({folder, file, n});
                if (!root_.exists(concat({sensor, "_input"})) &&
                    !root_.exists(concat({sensor, "_average"})))
                    continue;
                const std::string label = root_.line(concat({sensor, "_label"}));
                append(unknown_, {(unknown_.empty() ? "" : ", "), name, " (", entry,
                                  (label.empty() ? "" : concat({", ", label})), ")"});
                return;
            }
        }
    }

    // Thor's carrier board measures the supply of the whole kit (rbonghi/jetson_stats pull 900).
    void look_at_inlet(const hwmon_chip& chip, const std::string& folder) {
        const std::string file = concat({folder, "/power1_input"});
        if (!root_.exists(file)) return;
        std::string label;
        for (const char* named : {"/power1_label", "/in1_label", "/label"})
            if (label.empty()) label = root_.line(folder + named);
        if (!label.empty() && !is_inlet_rail(label))
            return name_unknown(std::string(chip.name), folder.substr(folder.rfind('/') + 1));
        name_rail(chip, file, label.empty() ? "VIN" : label);
    }

    // xe labels its counters "card" and "pkg"; i915 has one, for the card.
    void look_at_intel_gpu(const hwmon_chip& chip, const std::string& folder) {
        const std::string pci = pci_address(concat({folder, "/device"}), folder);
        for (int n = 1; n <= 2; ++n) {
            const std::string file = concat({folder, "/energy", n});
            if (!root_.exists(concat({file, "_input"}))) continue;
            const bool package = root_.line(concat({file, "_label"})) == "pkg";
            channel& c = add(chip, concat({file, "_input"}),
                             concat({"gpu/", pci, (package ? "/package" : "/board")}));
            c.kind = reading_kind::energy_counter;
            if (package) inside_.emplace_back(c.id, concat({"gpu/", pci, "/board"}));
            c.device = concat({"pci:", pci, (package ? "/package" : "")});
            c.model = pci_model(root_, concat({folder, "/device"}));
            // If the package states no limit of its own, the card's applies.
            c.max_watts = stated_watts(folder, n);
            if (package && c.max_watts <= 0) c.max_watts = stated_watts(folder, 1);
            sensors_.back().sleep = sleeping_device(root_, concat({folder, "/device"}), clock_);
        }
    }

    void look_at_accelerator(const hwmon_chip& chip, const std::string& folder) {
        if (!root_.exists(concat({folder, "/power1_input"}))) return;
        const std::string pci = pci_address(concat({folder, "/device"}), folder);
        channel& c = add(chip, concat({folder, "/power1_input"}), concat({"npu/", pci, "/board"}));
        c.device = concat({"pci:", pci});
        c.model = concat({"Tenstorrent ", chip.name});
        c.max_watts = stated_watts(folder, 1);
        sensors_.back().sleep = sleeping_device(root_, concat({folder, "/device"}), clock_);
    }

    // "Module Power Socket 0" contains "Grace Power Socket 0" (and the GPU), which contains "CPU
    // Power Socket 0" and "SysIO Power Socket 0". On other machines it is the machine's inlet.
    void look_at_power_meter(const hwmon_chip& chip, const std::string& folder) {
        for (const std::string& where : {folder, concat({folder, "/device"})}) {
            if (!root_.exists(concat({where, "/power1_average"}))) continue;
            std::string what = root_.line(concat({folder, "/power1_oem_info"}));
            if (what.empty()) what = root_.line(concat({folder, "/device/power1_oem_info"}));
            constexpr std::string_view middle = " Power Socket ";
            const std::size_t cut = what.find(middle);
            if (cut == std::string::npos) {
                channel& inlet =
                    add(chip, concat({where, "/power1_average"}), "machine/power-meter");
                std::uint64_t mean_of_ms = 0;
                if (!root_.number(concat({where, "/power1_average_interval"}), mean_of_ms))
                    mean_of_ms = 0;
                inlet.model = machine_model(root_);
                inlet.max_watts = stated_watts(where, 1);
                inlet.update_period = std::chrono::milliseconds(
                    mean_of_ms > 0 && mean_of_ms < 3'600'000 ? mean_of_ms : 1000);
                return;
            }
            const std::string socket = id_from_label(what.substr(cut + middle.size()));
            const std::string kind = id_from_label(what.substr(0, cut));
            channel& c = add(
                chip, concat({where, "/power1_average"}),
                kind == "module" ? concat({"module", socket}) : concat({"cpu", socket, "/", kind}));
            c.part = kind == "module" ? component::soc : component::cpu;
            c.max_watts = stated_watts(where, 1);
            c.model = "NVIDIA Grace";
            // Grace is the processor with its memory, "CPU" its cores, "SysIO" its I/O.
            c.device = concat({"cpu-package:", socket,
                               (kind == "module" || kind == "grace" ? "" : concat({"/", kind}))});
            inside_.emplace_back(c.id, kind == "module"  ? ""
                                       : kind == "grace" ? concat({"module", socket})
                                                         : concat({"cpu", socket, "/grace"}));
            return;
        }
    }

    // The same counter that RAPL shows for the socket, so it has the same id.
    void look_at_socket(const hwmon_chip& chip, const std::string& folder) {
        if (!root_.exists(concat({folder, "/power1_input"}))) return;
        const std::string socket = std::to_string(count_[std::string(chip.name)]++);
        channel& c =
            add(chip, concat({folder, "/power1_input"}), concat({"cpu", socket, "/package"}));
        c.device = concat({"cpu-package:", socket});
        c.model = cpu_model(root_);
        c.max_watts = stated_watts(folder, 1);
    }

    void look_at_labels(const hwmon_chip& chip, const std::string& folder) {
        const std::string number = std::to_string(count_[std::string(chip.name)]++);
        const std::string prefix = concat({chip.name, number, "/"});
        const bool has_total = chip.kind == hwmon_kind::machine;
        const std::string total = concat({prefix, "machine"});
        // Parts of a machine may overlap, which is harmless only if their total is known.
        if (has_total && !find_total(folder)) return note(concat({chip.name, " has no total"}));
        // Energy and power of the same rail must not both count, and labels don't show which belong
        // together (Arm SCMI).
        const bool only_energy = !has_total && has_energy(folder);
        for (int n = 1; n <= max_sensors; ++n) {
            for (const char* kind : {"energy", "power"}) {
                const std::string name = concat({kind, n});
                if (only_energy && name[0] == 'p') continue;
                const std::string file = concat({folder, "/", name});
                if (!root_.exists(concat({file, "_input"}))) continue;
                const std::string label = root_.line(concat({file, "_label"}));
                const bool is_total = has_total && is_machine_label(label);
                channel& c =
                    add(chip, concat({file, "_input"}),
                        is_total ? total : prefix + (label.empty() ? name : id_from_label(label)));
                if (name[0] == 'e') c.kind = reading_kind::energy_counter;
                if (is_total) c.part = component::platform;
                const std::string processor = is_total ? std::string() : cpu_model(root_);
                c.model = processor.empty() ? machine_model(root_) : processor;
                c.device = "board";
                if (name[0] == 'p') c.max_watts = stated_watts(folder, n);
                if (label.find("DIMM") != std::string::npos) c.part = component::dram;
                if (has_total && !is_total) inside_.emplace_back(c.id, total);
            }
        }
    }

    [[nodiscard]] bool has_energy(const std::string& folder) const {
        for (int n = 1; n <= max_sensors; ++n)
            if (root_.exists(concat({folder, "/energy", n, "_input"}))) return true;
        return false;
    }

    [[nodiscard]] bool find_total(const std::string& folder) const {
        for (int n = 1; n <= max_sensors; ++n)
            if (is_machine_label(root_.line(concat({folder, "/power", n, "_label"})))) return true;
        return false;
    }

    void look_at_rails(const hwmon_chip& chip, const std::string& folder) {
        for (int n = 1; n <= 3; ++n) {  // higher numbers are sums of these
            const std::string number = std::to_string(n);
            const std::string label = root_.line(concat({folder, "/in", number, "_label"}));
            if (label.empty() || label == "NC") continue;
            const std::string power = concat({folder, "/power", number, "_input"});
            if (root_.exists(power)) {
                name_rail(chip, power, label);
                continue;
            }
            const std::string current = concat({folder, "/curr", number, "_input"});
            if (!root_.exists(current)) continue;
            name_rail(chip, concat({folder, "/in", number, "_input"}), label);
            sensors_.back().current = watched_file(root_.path(current));
            sensors_.back().is_product = true;
            sensors_.back().described.quantum = rail_step(folder, number);
            sensors_.back().described.max_watts = rail_limit(folder, number);
        }
    }

    // The chip resolves 40 uV over its shunt; this is that in watts at the rail's voltage. 0:
    // unknown.
    [[nodiscard]] double rail_step(const std::string& folder, const std::string& number) const {
        std::uint64_t microohms = 0;
        std::uint64_t millivolts = 0;
        if (!root_.number(concat({folder, "/shunt", number, "_resistor"}), microohms) ||
            microohms == 0 || !root_.number(concat({folder, "/in", number, "_input"}), millivolts))
            return 0;
        return 40.0 / static_cast<double>(microohms) * static_cast<double>(millivolts) * 1e-3;
    }

    // The power at which the chip warns, from its current limits (mA) and the rail's voltage (mV).
    [[nodiscard]] double rail_limit(const std::string& folder, const std::string& number) const {
        constexpr std::uint64_t most_credible = 1'000'000;
        std::uint64_t most = 0, millivolts = 0;
        for (const char* kind : {"_crit", "_max"}) {
            std::uint64_t milliamperes = 0;
            if (root_.number(concat({folder, "/curr", number, kind}), milliamperes) &&
                milliamperes <= most_credible)
                most = std::max(most, milliamperes);
        }
        if (!root_.number(concat({folder, "/in", number, "_input"}), millivolts)) return 0;
        return static_cast<double>(most) * static_cast<double>(millivolts) * 1e-6;
    }

    // JetPack 4's own driver, which numbers rails from 0 and uses milliwatts.
    void look_at_old_jetson() {
        const std::string driver = "/sys/bus/i2c/drivers/ina3221x";
        const hwmon_chip* chip = find_hwmon_chip("ina3221");
        for (const std::string& address : root_.list(driver)) {
            for (const std::string& entry : root_.list(concat({driver, "/", address}))) {
                if (entry.rfind("iio:device", 0) != 0) continue;
                const std::string folder = concat({driver, "/", address, "/", entry});
                for (int n = 0; n <= 2; ++n) {
                    const std::string number = std::to_string(n);
                    const std::string label = root_.line(concat({folder, "/rail_name_", number}));
                    const std::string power = concat({folder, "/in_power", number, "_input"});
                    if (label.empty() || label == "NC" || !root_.exists(power)) continue;
                    name_rail(*chip, power, label);
                    sensors_.back().scale = 1000;
                }
            }
        }
    }

    void name_rail(const hwmon_chip& chip, const std::string& file, const std::string& label) {
        channel& c = add(chip, file, concat({"rail/", label}));
        c.device = "board";
        c.model = board_model(root_);
        if (is_inlet_rail(label)) c.part = component::board;
    }

    // The highest power that the chip states for sensor `n`: critical, limit in force, highest
    // possible limit, rated. 0: none, or not a plausible power.
    [[nodiscard]] double stated_watts(const std::string& folder, int n) const {
        constexpr std::uint64_t most_credible = 100'000'000'000;  // microwatts
        const std::string sensor = concat({folder, "/power", n});
        std::uint64_t most = 0;
        for (const char* kind : {"_crit", "_max", "_cap", "_cap_max", "_rated_max"}) {
            std::uint64_t microwatts = 0;
            if (!root_.number(sensor + kind, microwatts) || microwatts > most_credible ||
                is_error_value(microwatts))
                continue;
            most = std::max(most, microwatts);
        }
        return static_cast<double>(most) * 1e-6;
    }

    channel& add(const hwmon_chip& chip, const std::string& file, const std::string& id) {
        sensors_.emplace_back();
        hwmon_sensor& s = sensors_.back();
        s.amount = watched_file(root_.path(file));
        channel& c = s.described;
        c.id = id;
        c.part = chip.part;
        c.kind = reading_kind::power_gauge;
        c.joules_per_count = 1e-6;
        c.quantum = chip.quantum;
        c.update_period = std::chrono::milliseconds(chip.update_milliseconds);
        for (std::size_t i = 0; i + 1 < sensors_.size(); ++i) {
            if (sensors_[i].described.id != id) continue;
            c.id += suffix_of(file);
            note(concat({id, " appears twice"}));
        }
        return c;
    }

    // Containment can only be determined once everything is found.
    void put_under_their_totals() {
        std::string inlet;
        for (const hwmon_sensor& s : sensors_)
            if (s.described.part == component::board && s.described.id.rfind("rail/", 0) == 0)
                inlet = s.described.id;
        for (hwmon_sensor& s : sensors_) {
            channel& c = s.described;
            for (const auto& [child, parent] : inside_)
                if (child == c.id && has(parent)) c.parent = parent;
            if (c.id.rfind("rail/", 0) != 0 || c.id == inlet) continue;
            const std::string_view feed = feeding_rail(std::string_view(c.id).substr(5));
            const std::string feeder = concat({"rail/", feed});
            if (!feed.empty() && has(feeder)) {
                c.parent = feeder;
            } else {
                c.parent = inlet;
            }
        }
    }

    [[nodiscard]] bool has(const std::string& id) const noexcept {
        return any_in(sensors_, [&](const hwmon_sensor& s) { return s.described.id == id; });
    }

    [[nodiscard]] std::string pci_address(const std::string& device,
                                          const std::string& otherwise) const {
        const std::string text = root_.text(concat({device, "/uevent"}), 4096);
        constexpr std::string_view key = "PCI_SLOT_NAME=";
        const std::size_t at = text.find(key);
        if (at == std::string::npos) return suffix_of(otherwise).substr(1);
        const std::size_t begin = at + key.size();
        return text.substr(begin, text.find_first_of("\r\n", begin) - begin);
    }

    // "/sys/class/hwmon/hwmon3/..." -> "-hwmon3": the last resort to distinguish two equal ids.
    static std::string suffix_of(const std::string& path) {
        const std::size_t at = path.find("hwmon/");
        if (at == std::string::npos) return "-2";
        const std::size_t begin = at + 6;
        return concat({"-", path.substr(begin, path.find('/', begin) - begin)});
    }

    void note(const std::string& text) { note_ += (note_.empty() ? "" : "; ") + text; }

    const system_root& root_;
    std::shared_ptr<const time_source> clock_;
    bool is_jetson_;
    std::string unknown_;
    list<hwmon_sensor> sensors_;
    list<std::pair<std::string, std::string>> inside_;  ///< ids of child and parent
    std::map<std::string, int> count_;
    std::string note_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
