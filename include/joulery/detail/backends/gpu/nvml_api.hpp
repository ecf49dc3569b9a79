// nvml_api.hpp - declarations of the part of NVIDIA's management library that is used.
// SPDX-License-Identifier: MIT
//
// nvml.h of CUDA 12.4 and of API 13: only calls that have no structures, or the same ones in both.
// NVML states that it is thread-safe.
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/dynamic_library.hpp"
#include "joulery/result.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace joulery {
inline namespace v1 {
namespace detail {

using nvml_device = struct nvml_device_of_the_library*;

struct nvml_field_value {
    std::uint32_t field;
    std::uint32_t scope;
    std::int64_t timestamp_us;  ///< since 1970
    std::int64_t latency_us;
    std::int32_t type;
    std::int32_t status;
    unsigned char value[8];
};
static_assert(sizeof(nvml_field_value) == 40 && offsetof(nvml_field_value, value) == 32,
              "nvmlFieldValue_t");

struct nvml_pci_info {
    char bus_id_legacy[16];
    std::uint32_t domain;
    std::uint32_t bus;
    std::uint32_t device;
    std::uint32_t device_id;
    std::uint32_t subsystem_id;
    char bus_id[32];
};
static_assert(sizeof(nvml_pci_info) == 68 && offsetof(nvml_pci_info, bus_id) == 36,
              "nvmlPciInfo_t of nvmlDeviceGetPciInfo_v3");

struct nvml_process_utilization {
    std::uint32_t pid;  ///< the machine's number, even in a container
    std::uint64_t timestamp_us;
    std::uint32_t sm;  ///< percent of the sample period that its kernels ran, likewise:
    std::uint32_t memory;
    std::uint32_t encoder;
    std::uint32_t decoder;
};
static_assert(sizeof(void*) != 8 || (sizeof(nvml_process_utilization) == 32 &&
                                     offsetof(nvml_process_utilization, timestamp_us) == 8 &&
                                     offsetof(nvml_process_utilization, sm) == 16),
              "nvmlProcessUtilizationSample_t");

enum nvml_status : int {
    nvml_ok = 0,
    nvml_uninitialized = 1,
    nvml_not_supported = 3,
    nvml_no_permission = 4,
    nvml_not_found = 6,
    nvml_driver_not_loaded = 9,
    nvml_gpu_is_lost = 15,
    nvml_operating_system = 17,
    nvml_version_mismatch = 18,
    nvml_gpu_not_found = 28,
};

inline constexpr std::uint32_t nvml_energy = 83;  // field ids
inline constexpr std::uint32_t nvml_power_average = 185;
inline constexpr std::uint32_t nvml_power_instant = 186;
inline constexpr std::uint32_t nvml_scope_gpu = 0;
inline constexpr std::uint32_t nvml_scope_module = 1;  // a Grace superchip: processor and GPU

/// The library's calls; null if an old driver's library lacks them.
struct nvml_api {
    int (*init)() = nullptr;
    int (*shutdown)() = nullptr;
    const char* (*error_string)(int) = nullptr;
    int (*count)(unsigned*) = nullptr;
    int (*by_index)(unsigned, nvml_device*) = nullptr;
    int (*by_uuid)(const char*, nvml_device*) = nullptr;
    int (*uuid)(nvml_device, char*, unsigned) = nullptr;
    int (*pci_info)(nvml_device, nvml_pci_info*) = nullptr;
    int (*architecture)(nvml_device, unsigned*) = nullptr;
    int (*energy)(nvml_device, unsigned long long*) = nullptr;
    int (*power)(nvml_device, unsigned*) = nullptr;
    int (*fields)(nvml_device, int, nvml_field_value*) = nullptr;
    int (*name)(nvml_device, char*, unsigned) = nullptr;
    int (*serial)(nvml_device, char*, unsigned) = nullptr;
    int (*board_id)(nvml_device, unsigned*) = nullptr;
    int (*module_id)(nvml_device, unsigned*) = nullptr;
    int (*power_limit)(nvml_device, unsigned*) = nullptr;
    int (*power_limits)(nvml_device, unsigned*, unsigned*) = nullptr;  // of the limit: min, max
    int (*mig_mode)(nvml_device, unsigned*, unsigned*) = nullptr;
    int (*process_utilization)(nvml_device, nvml_process_utilization*, unsigned*,
                               unsigned long long) = nullptr;

    /// "Not Supported (NVML error 3)".
    [[nodiscard]] std::string text_of(int status) const {
        const char* words = error_string != nullptr ? error_string(status) : nullptr;
        return concat({words != nullptr ? words : "failed", " (NVML error ", status, ")"});
    }

    /// Millijoules since the driver was loaded.
    int read_energy(nvml_device device, std::uint64_t& millijoules) const noexcept {
        unsigned long long value = 0;
        const int status = energy != nullptr ? energy(device, &value) : nvml_not_supported;
        if (status == nvml_ok) millijoules = value;
        return status;
    }
    /// Milliwatts: at the moment, or a one-second mean on Ampere (except A100) and later.
    int read_power(nvml_device device, std::uint64_t& milliwatts) const noexcept {
        unsigned value = 0;
        const int status = power != nullptr ? power(device, &value) : nvml_not_supported;
        if (status == nvml_ok) milliwatts = value;
        return status;
    }
    /// The power limit of the GPU in watts: the larger of the limit in force, which a laptop
    /// changes with its load, and the highest possible limit. 0: not stated.
    [[nodiscard]] double stated_watts(nvml_device device) const noexcept {
        constexpr unsigned most_credible = 100'000'000;  // mW; more is an error value
        unsigned in_force = 0, least = 0, most = 0;
        if (power_limit == nullptr || power_limit(device, &in_force) != nvml_ok) in_force = 0;
        if (power_limits == nullptr || power_limits(device, &least, &most) != nvml_ok) most = 0;
        if (in_force > most_credible) in_force = 0;
        if (most > most_credible) most = 0;
        return (in_force > most ? in_force : most) * 1e-3;
    }
    /// A text written by a call: a name, a serial number; "" if there is none.
    [[nodiscard]] static std::string text(int (*call)(nvml_device, char*, unsigned),
                                          nvml_device device) {
        char words[128] = "";
        if (call == nullptr || call(device, words, sizeof words) != nvml_ok) return {};
        words[sizeof words - 1] = '\0';
        return words;
    }
    /// Milliwatts of a power field in a scope.
    int read_field(nvml_device device, std::uint32_t field, std::uint32_t scope,
                   std::uint64_t& milliwatts) const noexcept {
        if (fields == nullptr) return nvml_not_supported;
        nvml_field_value v{};
        v.field = field;
        v.scope = scope;
        v.status = nvml_not_supported;
        const int status = fields(device, 1, &v);
        if (status != nvml_ok) return status;
        if (v.status != nvml_ok) return v.status;
        return value_of(v, milliwatts) ? nvml_ok : nvml_not_supported;
    }

    /// The integer in a field, whatever type the library chose for it.
    static bool value_of(const nvml_field_value& v, std::uint64_t& number) noexcept {
        std::uint32_t narrow = 0;
        std::memcpy(&narrow, v.value, sizeof narrow);
        std::uint64_t wide = 0;
        std::memcpy(&wide, v.value, sizeof wide);
        double real = 0;
        std::memcpy(&real, v.value, sizeof real);
        switch (v.type) {
            case 0:
                number = real >= 0 && real < 1e15 ? static_cast<std::uint64_t>(real + 0.5) : 0;
                return real >= 0 && real < 1e15;
            case 1:
                number = narrow;
                return true;
            case 2:
                number = sizeof(long) == 8 ? wide : narrow;
                return true;
            case 3:
                number = wide;
                return true;
            default:
                return false;
        }
    }

    /// Loads the library; fails if it or an essential call is missing.
    [[nodiscard]] static result<nvml_api> load(const library_search& where) {
#if defined(_WIN32)
        const dynamic_library library({"nvml.dll"}, where);
#else
        // Never the toolkit's stub libraries, which have no code.
        const dynamic_library library(
            {"libnvidia-ml.so.1", "libnvidia-ml.so", "/usr/lib/wsl/lib/libnvidia-ml.so.1"}, where);
#endif
        if (!library.is_open())
            return failure{concat({"NVIDIA's driver is loaded, but its library was not found: ",
                                   library.error()}),
                           "in a container: NVIDIA_DRIVER_CAPABILITIES=compute,utility; else "
                           "install the driver's libnvidia-ml.so.1"};
        nvml_api api;
        const bool complete = library.bind(api.init, "nvmlInit_v2") &&
                              library.bind(api.count, "nvmlDeviceGetCount_v2") &&
                              library.bind(api.by_index, "nvmlDeviceGetHandleByIndex_v2") &&
                              library.bind(api.uuid, "nvmlDeviceGetUUID");
        if (!complete)
            return failure{
                concat({library.path(), " lacks calls that every driver since 2012 has"}), {}};
        library.bind(api.shutdown, "nvmlShutdown");
        library.bind(api.error_string, "nvmlErrorString");
        library.bind(api.by_uuid, "nvmlDeviceGetHandleByUUID");
        library.bind(api.pci_info, "nvmlDeviceGetPciInfo_v3");
        library.bind(api.architecture, "nvmlDeviceGetArchitecture");
        library.bind(api.energy, "nvmlDeviceGetTotalEnergyConsumption");
        library.bind(api.power, "nvmlDeviceGetPowerUsage");
        library.bind(api.fields, "nvmlDeviceGetFieldValues");
        library.bind(api.name, "nvmlDeviceGetName");
        library.bind(api.serial, "nvmlDeviceGetSerial");
        library.bind(api.board_id, "nvmlDeviceGetBoardId");
        library.bind(api.module_id, "nvmlDeviceGetModuleId");
        library.bind(api.power_limit, "nvmlDeviceGetEnforcedPowerLimit");
        library.bind(api.power_limits, "nvmlDeviceGetPowerManagementLimitConstraints");
        library.bind(api.mig_mode, "nvmlDeviceGetMigMode");
        library.bind(api.process_utilization, "nvmlDeviceGetProcessUtilization");
        return api;
    }
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
