// neuron.hpp - AWS Trainium and Inferentia: percent of a maximum that only the user can state.
// SPDX-License-Identifier: MIT
//
// The driver publishes percent of the device's maximum power, once a minute for the last minute,
// and that maximum is not published. From the driver's documentation; tested on fake trees only.
#pragma once

#include "joulery/detail/backends/common/hardware_names.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/detail/metering/registry.hpp"
#include "joulery/units.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// The mean fraction of the last minute, 0 to 1, from "POWER_STATUS_VALID,1700000000,3.1,9.8,5.25":
/// status, time, and the minimum, maximum and mean percent. False for any other status.
[[nodiscard]] inline bool parse_neuron_power(std::string_view text, double& share) noexcept {
    constexpr std::string_view valid = "POWER_STATUS_VALID,";
    if (text.substr(0, valid.size()) != valid) return false;
    const std::size_t end = text.find_first_of("\r\n");
    if (end != std::string_view::npos) text = text.substr(0, end);
    if (std::count(text.begin(), text.end(), ',') != 4) return false;
    const std::string_view mean = text.substr(text.rfind(',') + 1);
    double percent = 0;
    if (mean.empty() || parse_leading_number(mean, percent) != mean.size() || percent > 100)
        return false;
    share = percent / 100;
    return true;
}

/// Each device's fraction of its maximum power, times the maximum stated by the user.
///
/// Units:  microwatts. Thread: reads must not overlap. Cost: one pread per device.
/// Fails:  a device without a valid figure gets `no_value`; if there is none at all: `retry`, or
///         `gone`.
///
///     auto chips = open_neuron(system_root{}, 500_W);     // per device; marked `estimated`
class neuron final : public backend {
 public:
    struct device {
        std::string id;     ///< "neuron0"
        std::string file;   ///< percent of the maximum
        std::string model;  ///< "AWS Trainium2"
    };

    neuron(const system_root& root, const detail::list<device>& found, power maximum)
        : maximum_(maximum) {
        for (const device& d : found) {
            paths_.push_back(root.path(d.file));
            files_.emplace_back(paths_.back());
            channel c;
            c.id = concat({"npu/", d.id, "/board"});
            c.model = d.model;
            c.part = component::npu;
            c.kind = reading_kind::power_gauge;
            c.provenance = quality::estimated;
            c.quantum = maximum.watts() * 1e-4;
            c.update_period = std::chrono::seconds(60);
            c.max_watts = maximum.watts();
            channels_.push_back(std::move(c));
        }
        note_ = concat({"percent of a stated maximum of ",
                        static_cast<long long>(maximum.watts() + 0.5),
                        " W a device, a mean of the last minute"});
    }

    [[nodiscard]] std::string_view name() const noexcept override { return "neuron"; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return channels_;
    }
    [[nodiscard]] std::string_view note() const noexcept override { return note_; }

    read_status read(counter_span out) noexcept override {
        const std::size_t n = std::min(out.size(), files_.size());
        std::size_t good = 0;
        std::size_t gone = 0;
        for (std::size_t i = 0; i < n; ++i) {
            char text[128];
            const std::ptrdiff_t length =
                files_[i].is_open() ? files_[i].read_at(text, sizeof text) : -1;
            double share = 0;
            const bool valid =
                length > 0 && parse_neuron_power({text, static_cast<std::size_t>(length)}, share);
            out[i] =
                valid ? static_cast<std::uint64_t>(share * maximum_.watts() * 1e6 + 0.5) : no_value;
            if (valid) ++good;
            if (length <= 0) {
                files_[i] = system_file(paths_[i]);
                if (!files_[i].is_open()) ++gone;
            }
        }
        if (good > 0) return read_status::ok;
        return gone == n ? read_status::gone : read_status::retry;
    }

 private:
    power maximum_;
    std::vector<std::string> paths_;
    detail::list<system_file> files_;
    std::vector<channel> channels_;
    std::string note_;
};

namespace detail {

// The tree was reorganized in driver 2.31, so the files are searched for.
[[nodiscard]] inline std::string find_neuron_file(const system_root& root,
                                                  const std::string& folder,
                                                  const std::string& file, int depth) {
    const std::string here = folder + file;
    if (root.exists(here)) return here;
    if (depth == 0) return {};
    for (const std::string& entry : root.list(folder)) {
        if (entry == "subsystem" || entry == "driver" || entry == "device") continue;  // links up
        std::string found = find_neuron_file(root, concat({folder, "/", entry}), file, depth - 1);
        if (!found.empty()) return found;
    }
    return {};
}

/// "AWS Trainium2" according to the driver, else from the instance type: Trn or Inf.
[[nodiscard]] inline std::string neuron_model(const system_root& root, const std::string& folder) {
    const std::string file = find_neuron_file(root, folder, "/architecture/device_name", 2);
    const std::string name = file.empty() ? std::string() : root.line(file);
    if (!name.empty()) return concat({"AWS ", name});
    const std::string type = find_cloud_instance(root).type;
    if (type.rfind("trn", 0) == 0) return concat({"AWS Trainium (", type, ")"});
    if (type.rfind("inf", 0) == 0) return concat({"AWS Inferentia (", type, ")"});
    return "AWS Neuron device";
}

}  // namespace detail

/// Opens every Neuron device; `maximum` is the power of one device at 100 %.
[[nodiscard]] inline opened_backend open_neuron(const system_root& root, power maximum) {
    constexpr const char* folder = "/sys/devices/virtual/neuron_device";
    if (!(maximum.watts() > 0))
        return failure{"neuron: the maximum power of a device must be more than 0 W", {}};
    detail::list<neuron::device> found;
    for (const std::string& entry : root.list(folder)) {
        if (entry.rfind("neuron", 0) != 0) continue;
        const std::string device = concat({folder, "/", entry});
        std::string file = detail::find_neuron_file(root, device, "/power/utilization", 3);
        if (!file.empty())
            found.push_back({entry, std::move(file), detail::neuron_model(root, device)});
    }
    if (found.empty())
        return failure{concat({folder, ": no device with power/utilization"}),
                       "on an EC2 Trn or Inf instance: install aws-neuronx-dkms 2.19 or later"};
    return std::unique_ptr<backend>(std::make_unique<neuron>(root, found, maximum));
}

/// Gives no joules without a maximum from the user; says how to state it.
[[nodiscard]] inline opened_backend open_neuron(const system_root& root) {
    if (!root.exists("/sys/devices/virtual/neuron_device"))
        return failure{"/sys/devices/virtual/neuron_device: not found", {}};
    return failure{
        "neuron devices report only a percentage of a maximum power that is not published",
        "options.backends.push_back(*joulery::open_neuron({}, maximum)) with the "
        "maximum power of one device; it will be marked as estimated"};
}

}  // namespace v1
}  // namespace joulery
