// habana.hpp - Intel Gaudi accelerators through Habana's management library.
// SPDX-License-Identifier: MIT
//
// hlml.h of gohlml; codes are the C header's. Tested on a fake library only. Not verified: that the
// energy is in millijoules, which only the Python wrapper's documentation says; compare it once
// with the power shown by `hl-smi`. Each read is a message to the firmware and takes milliseconds.
#pragma once

#include "joulery/detail/backends/gpu/drm_cards.hpp"
#include "joulery/detail/backends/gpu/library_backend.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/dynamic_library.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/metering/registry.hpp"

#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

struct hlml_api {
    int (*init)() = nullptr;
    int (*count)(unsigned*) = nullptr;
    int (*by_index)(unsigned, void**) = nullptr;
    int (*uuid)(void*, char*, unsigned) = nullptr;
    int (*pci)(void*, void*) = nullptr;
    int (*energy)(void*, unsigned long long*) = nullptr;
    int (*power)(void*, unsigned*) = nullptr;
    int (*name)(void*, char*, unsigned) = nullptr;
    int (*power_limit)(void*, unsigned*) = nullptr;  // the initial limit, mW

    static constexpr int already_started = 5;
    static constexpr int not_started = 1;
    static constexpr int driver_not_loaded = 9;
    static constexpr int device_lost = 15;
    static constexpr int not_supported = 3;

    [[nodiscard]] static result<hlml_api> load(const library_search& where) {
        const dynamic_library library({"libhlml.so", "/usr/lib/habanalabs/libhlml.so"}, where);
        if (!library.is_open())
            return failure{concat({"Habana's driver is loaded, but its library was not found: ",
                                   library.error()}),
                           "install the package habanalabs-firmware-tools"};
        hlml_api api;
        if (!library.bind(api.init, "hlml_init") ||
            !library.bind(api.count, "hlml_device_get_count") ||
            !library.bind(api.by_index, "hlml_device_get_handle_by_index"))
            return failure{concat({library.path(), " is not HLML"}), {}};
        library.bind(api.uuid, "hlml_device_get_uuid");
        library.bind(api.pci, "hlml_device_get_pci_info");
        library.bind(api.energy, "hlml_device_get_total_energy_consumption");
        library.bind(api.power, "hlml_device_get_power_usage");
        library.bind(api.name, "hlml_device_get_name");
        library.bind(api.power_limit, "hlml_device_get_power_management_default_limit");
        return api;
    }

    /// The text that `call` writes for a device; "" if it writes nothing.
    [[nodiscard]] static std::string text(int (*call)(void*, char*, unsigned), void* device) {
        char words[96] = "";
        if (call == nullptr || call(device, words, sizeof words) != 0) return {};
        words[sizeof words - 1] = '\0';
        return words;
    }
    /// "Intel Gaudi HL-225B", by the present vendor's name; "" if the library names no product.
    [[nodiscard]] std::string model(void* device) const {
        const std::string product = text(name, device);
        return product.empty() || product.find("Gaudi") != std::string::npos
                   ? product
                   : concat({"Intel Gaudi ", product});
    }
    /// Power limit of a device in watts; 0: not stated.
    [[nodiscard]] double stated_watts(void* device) const noexcept {
        constexpr unsigned most_credible = 100'000'000;  // mW; more is an error value
        unsigned milliwatts = 0;
        const bool is_known = power_limit != nullptr && power_limit(device, &milliwatts) == 0;
        return is_known && milliwatts <= most_credible ? milliwatts * 1e-3 : 0;
    }

    /// "0000:19:00.0". The structure has grown at its end, but its first fields never moved, and
    /// this buffer is several times what any version writes.
    [[nodiscard]] std::string pci_address(void* device) const {
        alignas(8) unsigned char info[512] = {};
        if (pci == nullptr || pci(device, info) != 0) return {};
        char text[20] = "";
        std::memcpy(text, info + 4, sizeof text - 1);
        for (char& c : text)
            if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
        return text;
    }
};

struct habana_devices {
    static constexpr std::string_view name = "habana";
    struct device {
        void* handle;
        bool has_counter;
    };
    hlml_api api;
    list<device> all;
    /// The library is not documented to be thread-safe.
    std::shared_ptr<std::mutex> one_at_a_time = std::make_shared<std::mutex>();

    [[nodiscard]] habana_devices only(std::size_t from, std::size_t end) const {
        return {api,
                {all.begin() + static_cast<std::ptrdiff_t>(from),
                 all.begin() + static_cast<std::ptrdiff_t>(end)},
                one_at_a_time};
    }
    device_answer read(std::size_t i, std::uint64_t& value) const noexcept {
        const std::lock_guard<std::mutex> alone(*one_at_a_time);
        const int status = read_raw(all[i], value);
        if (status == 0) return device_answer::value;
        const bool lost = status == hlml_api::device_lost || status == hlml_api::not_started ||
                          status == hlml_api::driver_not_loaded;
        return lost ? device_answer::lost : device_answer::none;
    }

    /// Reads millijoules, or milliwatts.
    int read_raw(const device& d, std::uint64_t& value) const noexcept {
        if (d.has_counter) {
            unsigned long long energy = 0;
            const int status =
                api.energy != nullptr ? api.energy(d.handle, &energy) : hlml_api::not_supported;
            value = energy;
            return status;
        }
        unsigned power = 0;
        const int status =
            api.power != nullptr ? api.power(d.handle, &power) : hlml_api::not_supported;
        value = power;
        return status;
    }
};

/// Examines one accelerator after another.
class habana_discovery {
 public:
    explicit habana_discovery(const hlml_api& api) { found_.api = api; }

    opened_backend open() {
        unsigned count = 0;
        if (found_.api.count(&count) != 0) count = 0;
        for (unsigned index = 0; index < count; ++index) look_at(index);
        if (channels_.empty()) return failure{count == 0 ? "HLML sees no device" : note_, {}};
        return std::unique_ptr<backend>(std::make_unique<library_backend<habana_devices>>(
            std::move(found_), std::move(channels_), std::move(note_)));
    }

 private:
    void look_at(unsigned index) {
        const std::string who = concat({"device ", index});
        habana_devices::device d{nullptr, true};
        int status = found_.api.by_index(index, &d.handle);
        if (status != 0) return note(concat({who, ": error ", status}));
        std::uint64_t value = 0;
        status = found_.read_raw(d, value);
        if (status != 0 || value == 0) {
            d.has_counter = false;
            status = found_.read_raw(d, value);
        }
        if (status != 0)
            return note(concat({who, " reports neither energy nor power: error ", status}));
        channels_.push_back(describe(d, index));
        found_.all.push_back(d);
    }

    [[nodiscard]] channel describe(const habana_devices::device& d, unsigned index) const {
        channel c;
        const std::string pci = found_.api.pci_address(d.handle);
        const std::string uuid = hlml_api::text(found_.api.uuid, d.handle);
        const std::string known_as = !pci.empty()    ? pci
                                     : !uuid.empty() ? uuid
                                                     : std::to_string(index);
        c.id = concat({"npu/", known_as, "/board"});
        c.part = component::npu;
        c.model = found_.api.model(d.handle);
        c.max_watts = found_.api.stated_watts(d.handle);
        c.kind = d.has_counter ? reading_kind::energy_counter : reading_kind::power_gauge;
        c.joules_per_count = 1e-3;
        c.update_period = std::chrono::milliseconds(100);
        if (!pci.empty()) c.device = concat({"pci:", pci});
        return c;
    }

    void note(const std::string& text) { note_ += (note_.empty() ? "" : "; ") + text; }

    habana_devices found_;
    std::vector<channel> channels_;
    std::string note_;
};

}  // namespace detail

/// Each Gaudi's energy counter, or its power if it has none.
///
/// Units:  millijoules since the driver was loaded; milliwatts. Thread: reads must not overlap.
/// Cost:   one message to the firmware per device. Fails: as `library_backend`.
///
///     auto gaudis = open_habana(system_root{});
using habana = library_backend<detail::habana_devices>;

[[nodiscard]] inline opened_backend open_habana(const system_root& root,
                                                const library_search& where) {
    const bool has_driver = root.exists("/sys/class/habanalabs") ||
                            root.exists("/sys/module/habanalabs") ||
                            detail::has_card_of(root, "0x1da3");
    if (!has_driver) return failure{"no Habana accelerator: /sys/class/accel has none", {}};
    const result<detail::hlml_api> api = detail::hlml_api::load(where);
    if (!api) return api.error();
    const int status = api->init();
    if (status != 0 && status != detail::hlml_api::already_started)
        return failure{
            concat({"HLML does not start: error ", status}),
            status == detail::hlml_api::driver_not_loaded ? "sudo modprobe habanalabs" : ""};
    return detail::habana_discovery(*api).open();
}
[[nodiscard]] inline opened_backend open_habana(const system_root& root) {
    return open_habana(root, library_search::of(root));
}

}  // namespace v1
}  // namespace joulery
