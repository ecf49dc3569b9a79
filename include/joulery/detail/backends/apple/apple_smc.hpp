// apple_smc.hpp - the power of a whole Mac, from its system management controller.
// SPDX-License-Identifier: MIT
//
// UNVERIFIED: never run on a Mac; tested on a fake library. The key PSTR and the structure are
// those used by macmon and exelban/stats; it reportedly changes about once a second.
#pragma once

#include "joulery/detail/backends/apple/apple_names.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/dynamic_library.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/metering/registry.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

struct smc_message {
    std::uint32_t key;
    std::uint8_t version[8];
    std::uint8_t limits[16];
    std::uint32_t data_size;
    std::uint32_t data_type;
    std::uint8_t attributes[4];
    std::uint8_t result;
    std::uint8_t status;
    std::uint8_t command;
    std::uint32_t index;
    std::uint8_t bytes[32];
};
static_assert(sizeof(smc_message) == 80 && offsetof(smc_message, data_size) == 28 &&
                  offsetof(smc_message, result) == 40 && offsetof(smc_message, index) == 44,
              "the 80 bytes that AppleSMC's call takes");

[[nodiscard]] constexpr std::uint32_t smc_code(const char (&text)[5]) noexcept {
    std::uint32_t code = 0;
    for (int i = 0; i < 4; ++i) code = code << 8 | static_cast<unsigned char>(text[i]);
    return code;
}

struct smc_api {
    void* (*matching)(const char*) = nullptr;
    int (*services)(unsigned master, void* matching, unsigned* iterator) = nullptr;
    unsigned (*next)(unsigned iterator) = nullptr;
    int (*name_of)(unsigned entry, char*) = nullptr;
    int (*open)(unsigned service, unsigned task, unsigned type, unsigned* connection) = nullptr;
    int (*close)(unsigned connection) = nullptr;
    int (*release)(unsigned object) = nullptr;
    int (*call)(unsigned connection, unsigned selector, const void*, std::size_t, void*,
                std::size_t*) = nullptr;
    unsigned* task = nullptr;

    [[nodiscard]] static result<smc_api> load(const library_search& where) {
        const dynamic_library kit({"/System/Library/Frameworks/IOKit.framework/IOKit", "IOKit.so"},
                                  where);
        const dynamic_library system({"/usr/lib/libSystem.B.dylib", "libSystem.so"}, where);
        if (!kit.is_open() || !system.is_open())
            return failure{
                concat({"IOKit was not found: ", (kit.is_open() ? system : kit).error()}), {}};
        smc_api api;
        if (!kit.bind(api.matching, "IOServiceMatching") ||
            !kit.bind(api.services, "IOServiceGetMatchingServices") ||
            !kit.bind(api.next, "IOIteratorNext") ||
            !kit.bind(api.name_of, "IORegistryEntryGetName") ||
            !kit.bind(api.open, "IOServiceOpen") || !kit.bind(api.close, "IOServiceClose") ||
            !kit.bind(api.release, "IOObjectRelease") ||
            !kit.bind(api.call, "IOConnectCallStructMethod") ||
            !system.bind(api.task, "mach_task_self_"))
            return failure{"IOKit has changed: a call is missing", {}};
        return api;
    }

    /// Returns a connection to the controller's keys, or 0: AppleSMCKeysEndpoint on Apple silicon,
    /// otherwise anything called AppleSMC.
    [[nodiscard]] unsigned connect() const {
        unsigned iterator = 0;
        unsigned connection = 0;
        if (services(0, matching("AppleSMC"), &iterator) != 0) return 0;
        unsigned chosen = 0;
        for (unsigned service = next(iterator); service != 0; service = next(iterator)) {
            char name[128] = "";
            const bool is_endpoint =
                name_of(service, name) == 0 && std::string_view(name) == "AppleSMCKeysEndpoint";
            if (chosen == 0 || is_endpoint) std::swap(chosen, service);
            if (service != 0) release(service);
        }
        release(iterator);
        if (chosen != 0 && open(chosen, *task, 0, &connection) != 0) connection = 0;
        if (chosen != 0) release(chosen);
        return connection;
    }

    /// Sends a command for a key; false if the controller refuses (132: there is no such key).
    bool ask(unsigned connection, std::uint8_t command, smc_message& m) const noexcept {
        constexpr unsigned selector = 2;
        m.command = command;
        const smc_message in = m;
        std::size_t size = sizeof m;
        return call(connection, selector, &in, sizeof in, &m, &size) == 0 && m.result == 0;
    }
};

}  // namespace detail

/// Reads the power drawn by the whole machine.
///
/// Units:  microwatts. Thread: reads must not overlap. Cost: one kernel call. Fails: `retry`.
///
///     auto mac = open_apple_smc(system_root{});
class apple_smc final : public backend {
 public:
    apple_smc(const detail::smc_api& api, unsigned connection, std::uint32_t size,
              std::string model = {})
        : api_(api), connection_(connection), size_(size) {
        channel c;
        c.id = "machine/power";
        c.part = component::platform;
        c.kind = reading_kind::power_gauge;
        c.update_period = std::chrono::seconds(1);
        c.model = std::move(model);
        c.max_watts = detail::largest_mac_supply;
        channels_.push_back(std::move(c));
    }
    ~apple_smc() override { api_.close(connection_); }

    [[nodiscard]] std::string_view name() const noexcept override { return "apple-smc"; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return channels_;
    }

    read_status read(counter_span out) noexcept override {
        detail::smc_message m{};
        m.key = detail::smc_code("PSTR");
        m.data_size = size_;
        if (out.size() == 0 || !api_.ask(connection_, read_key, m)) return read_status::retry;
        float watts = 0;
        std::memcpy(&watts, m.bytes, sizeof watts);
        if (!is_amount(watts) || watts >= 1e5f) return read_status::retry;
        out[0] = static_cast<std::uint64_t>(static_cast<double>(watts) * 1e6 + 0.5);
        return read_status::ok;
    }

    static constexpr std::uint8_t read_key = 5;  // commands
    static constexpr std::uint8_t describe_key = 9;

 private:
    detail::smc_api api_;
    unsigned connection_;
    std::uint32_t size_;
    std::vector<channel> channels_;
};

[[nodiscard]] inline opened_backend open_apple_smc(const library_search& where) {
    const result<detail::smc_api> api = detail::smc_api::load(where);
    if (!api) return api.error();
    const unsigned connection = api->connect();
    if (connection == 0) return failure{"AppleSMC can't be opened", {}};
    detail::smc_message m{};
    m.key = detail::smc_code("PSTR");
    if (!api->ask(connection, apple_smc::describe_key, m) || m.data_size != sizeof(float) ||
        m.data_type != detail::smc_code("flt ")) {
        api->close(connection);
        return failure{"this Mac's controller has no power of the whole system (PSTR)", {}};
    }
    return std::unique_ptr<backend>(
        std::make_unique<apple_smc>(*api, connection, m.data_size, detail::apple_machine(where)));
}
[[nodiscard]] inline opened_backend open_apple_smc(const system_root& root) {
#if defined(__APPLE__)
    return open_apple_smc(library_search::of(root));
#else
    (void)root;
    return failure{"AppleSMC is macOS only", {}};
#endif
}

}  // namespace v1
}  // namespace joulery
