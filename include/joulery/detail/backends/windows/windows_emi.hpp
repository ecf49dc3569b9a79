// windows_emi.hpp - Windows's energy metering interface: RAPL without a driver of our own, and the
// meters of some laptops.
// SPDX-License-Identifier: MIT
//
// Not verified on Windows: compiled with mingw-w64 and tested on fake devices. RAPL is available
// there on Windows 11 on bare metal, to any user, but not in virtual machines.
#pragma once

#include "joulery/detail/backends/common/hardware_names.hpp"
#include "joulery/detail/backends/windows/emi_metadata.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/metering/registry.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if defined(_WIN32)
#endif

#if defined(_WIN32)

#include "joulery/detail/core/dynamic_library.hpp"

#include <string>

struct _OVERLAPPED;           // NOLINT: Windows' own names
struct _SECURITY_ATTRIBUTES;  // NOLINT
extern "C" {
__declspec(dllimport) void* __stdcall CreateFileW(const wchar_t*, unsigned long, unsigned long,
                                                  _SECURITY_ATTRIBUTES*, unsigned long,
                                                  unsigned long, void*);
__declspec(dllimport) int __stdcall DeviceIoControl(void*, unsigned long, void*, unsigned long,
                                                    void*, unsigned long, unsigned long*,
                                                    _OVERLAPPED*);
__declspec(dllimport) int __stdcall CloseHandle(void*);
}

namespace joulery {
inline namespace v1 {

// Declared here as in <windows.h> and <cfgmgr32.h>, whose macros break programs. Everything outside
// kernel32 is loaded at run time, so that nothing has to be linked.
namespace detail {

struct windows_devices {
    struct guid {
        unsigned long a;
        unsigned short b, c;
        unsigned char d[8];
    };
    static constexpr guid energy_meter = {
        0x45bd8344, 0x7ed6, 0x49cf, {0xa4, 0x40, 0xc2, 0x76, 0xc9, 0x33, 0xb0, 0x53}};

    /// Paths of the energy meters present, each terminated by a NUL.
    static std::wstring list_energy_meters() {
        static_assert(sizeof(void*) == 8, "64-bit Windows has one calling convention");
        using size_call = unsigned long(unsigned long*, const guid*, const wchar_t*, unsigned long);
        using list_call =
            unsigned long(const guid*, const wchar_t*, wchar_t*, unsigned long, unsigned long);
        const dynamic_library library({"cfgmgr32.dll"}, library_search{});
        size_call* size = nullptr;
        list_call* list = nullptr;
        if (!library.bind(size, "CM_Get_Device_Interface_List_SizeW") ||
            !library.bind(list, "CM_Get_Device_Interface_ListW"))
            return {};
        constexpr unsigned long only_present = 0;
        unsigned long length = 0;
        if (size(&length, &energy_meter, nullptr, only_present) != 0 || length == 0) return {};
        std::wstring paths(length, L'\0');
        if (list(&energy_meter, nullptr, &paths[0], length, only_present) != 0) return {};
        return paths;
    }

    static void* open(const wchar_t* path) noexcept {
        constexpr unsigned long generic_read = 0x80000000;
        constexpr unsigned long share_read_and_write = 3;
        constexpr unsigned long open_existing = 3;
        void* const handle = ::CreateFileW(path, generic_read, share_read_and_write, nullptr,
                                           open_existing, 0x80, nullptr);
        return handle == reinterpret_cast<void*>(static_cast<long long>(-1)) ? nullptr : handle;
    }

    static long control(void* handle, unsigned long code, void* into, unsigned long room) noexcept {
        unsigned long got = 0;
        const int good = ::DeviceIoControl(handle, code, nullptr, 0, into, room, &got, nullptr);
        return good != 0 ? static_cast<long>(got) : -1;
    }

    static void close(void* handle) noexcept { ::CloseHandle(handle); }

    /// The name in the registry: "13th Gen Intel(R) Core(TM) i7-1360P"; "" if there is none.
    static std::string processor_name() {
        const dynamic_library library({"advapi32.dll"}, library_search{});
        long (*read)(void*, const wchar_t*, const wchar_t*, unsigned long, unsigned long*, void*,
                     unsigned long*) = nullptr;
        if (!library.bind(read, "RegGetValueW")) return {};
        void* const local_machine = reinterpret_cast<void*>(
            static_cast<long long>(static_cast<int>(0x80000002u)));  // a handle, sign-extended
        constexpr unsigned long is_text = 2;
        wchar_t text[128] = L"";
        unsigned long size = sizeof text;
        if (read(local_machine, L"HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\0",
                 L"ProcessorNameString", is_text, nullptr, text, &size) != 0)
            return {};
        std::string name;
        for (const wchar_t* c = text; *c != 0; ++c)
            name += *c >= 0x20 && *c < 0x7f ? static_cast<char>(*c) : '?';
        return name;
    }
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery

#endif

namespace joulery {
inline namespace v1 {

/// The system calls that the interface needs, as pointers so that a test can play the meters.
struct emi_calls {
    void* context = nullptr;
    /// Paths of the meters present, each terminated by a NUL; empty if there are none.
    std::wstring (*list)(void* context) = nullptr;
    /// A handle, or null.
    void* (*open)(void* context, const wchar_t* path) = nullptr;
    /// The number of bytes in the device's answer, or -1.
    long (*control)(void* context, void* handle, unsigned long code, void* into,
                    unsigned long room) = nullptr;
    void (*close)(void* context, void* handle) = nullptr;
    /// The processor's name, "" if unknown; may be null.
    std::string (*processor)(void* context) = nullptr;

    [[nodiscard]] static emi_calls of_the_system() noexcept {
        emi_calls calls;
#if defined(_WIN32)
        calls.list = [](void*) { return detail::windows_devices::list_energy_meters(); };
        calls.open = [](void*, const wchar_t* path) { return detail::windows_devices::open(path); };
        calls.control = [](void*, void* handle, unsigned long code, void* into,
                           unsigned long room) {
            return detail::windows_devices::control(handle, code, into, room);
        };
        calls.close = [](void*, void* handle) { detail::windows_devices::close(handle); };
        calls.processor = [](void*) { return detail::windows_devices::processor_name(); };
#else
        calls.list = [](void*) { return std::wstring(); };
        calls.open = [](void*, const wchar_t*) -> void* { return nullptr; };
        calls.control = [](void*, void*, unsigned long, void*, unsigned long) { return -1L; };
        calls.close = [](void*, void*) {};
#endif
        return calls;
    }
};

namespace detail {

inline constexpr unsigned long emi_get_version = 0x224000;
inline constexpr unsigned long emi_get_metadata_size = 0x224004;
inline constexpr unsigned long emi_get_metadata = 0x224008;
inline constexpr unsigned long emi_get_measurement = 0x22400c;

/// An open meter; closes itself.
class emi_meter {
 public:
    emi_meter(const emi_calls& calls, const wchar_t* path)
        : calls_(calls), handle_(calls.open(calls.context, path)) {
        if (handle_ != nullptr) look();
    }
    emi_meter(emi_meter&& other) noexcept
        : calls_(other.calls_),
          handle_(std::exchange(other.handle_, nullptr)),
          channels_(std::move(other.channels_)),
          answer_(std::move(other.answer_)) {}
    emi_meter& operator=(emi_meter&&) = delete;
    ~emi_meter() {
        if (handle_ != nullptr) calls_.close(calls_.context, handle_);
    }

    [[nodiscard]] const list<emi_channel>& channels() const noexcept { return channels_; }

    /// Queries the meter; each channel is a record of 16 bytes, with the energy first.
    bool measure() noexcept {
        const auto room = static_cast<unsigned long>(answer_.size());
        return calls_.control(calls_.context, handle_, emi_get_measurement, answer_.data(), room) >=
               static_cast<long>(room);
    }
    [[nodiscard]] std::uint64_t energy(std::size_t i) const noexcept {
        std::uint64_t picowatt_hours = no_value;
        (void)emi_bytes({answer_.data(), answer_.size()}).read(i * 16, picowatt_hours);
        return picowatt_hours;
    }

 private:
    void look() {
        std::uint16_t version = 0;
        std::uint32_t size = 0;
        constexpr std::uint32_t most = 1 << 20;
        if (!ask(emi_get_version, version) || !ask(emi_get_metadata_size, size) || size > most)
            return;
        std::string metadata(size, '\0');
        const long got =
            calls_.control(calls_.context, handle_, emi_get_metadata, metadata.data(), size);
        if (got < 0) return;
        metadata.resize(std::min(static_cast<std::size_t>(got), metadata.size()));
        channels_ = parse_emi_metadata(version, metadata);
        answer_.resize(channels_.size() * 16);
    }
    template <class Number>
    bool ask(unsigned long code, Number& value) noexcept {
        return calls_.control(calls_.context, handle_, code, &value, sizeof value) >=
               static_cast<long>(sizeof value);
    }

    emi_calls calls_;
    void* handle_;
    list<emi_channel> channels_;
    std::string answer_;
};

}  // namespace detail

/// Reads the energy counters of every meter that Windows lists.
///
/// Units:  picowatt-hours (3.6 nJ) in 64 bits. Thread: reads must not overlap.
/// Cost:   one DeviceIoControl per meter.
/// Fails:  the channels of a meter that does not answer get `no_value`; if none answers: `retry`.
///
///     auto meters = open_windows_emi(system_root{});
class windows_emi final : public backend {
 public:
    struct energy_field {
        std::size_t meter;
        std::size_t record;
    };

    windows_emi(detail::list<detail::emi_meter> meters, detail::list<energy_field> fields,
                std::vector<channel> channels)
        : meters_(std::move(meters)),
          fields_(std::move(fields)),
          channels_(std::move(channels)),
          answered_(meters_.size(), false) {}

    [[nodiscard]] std::string_view name() const noexcept override { return "windows-emi"; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return channels_;
    }

    read_status read(counter_span out) noexcept override {
        for (std::size_t m = 0; m < meters_.size(); ++m) answered_[m] = meters_[m].measure();
        bool any = false;
        for (std::size_t i = 0; i < std::min(out.size(), fields_.size()); ++i) {
            const energy_field& s = fields_[i];
            out[i] = answered_[s.meter] ? meters_[s.meter].energy(s.record) : no_value;
            any = any || out[i] != no_value;
        }
        return any ? read_status::ok : read_status::retry;
    }

 private:
    detail::list<detail::emi_meter> meters_;
    detail::list<energy_field> fields_;
    std::vector<channel> channels_;
    detail::list<bool> answered_;
};

[[nodiscard]] inline opened_backend open_windows_emi(const emi_calls& calls) {
    const std::wstring paths = calls.list(calls.context);
    detail::list<detail::emi_meter> meters;
    detail::list<detail::emi_channel> all;
    for (std::size_t at = 0; at < paths.size() && paths[at] != L'\0';) {
        detail::emi_meter m(calls, paths.c_str() + at);
        at = paths.find(L'\0', at);
        at = at == std::wstring::npos ? paths.size() : at + 1;
        if (m.channels().empty()) continue;
        all.append(m.channels().begin(), m.channels().end());
        meters.push_back(std::move(m));
    }
    const detail::emi_naming naming(all);
    const std::string processor = detail::plain_cpu_name(
        calls.processor != nullptr ? calls.processor(calls.context) : std::string());
    detail::list<windows_emi::energy_field> fields;
    std::vector<channel> channels;
    for (std::size_t m = 0; m < meters.size(); ++m) {
        for (std::size_t i = 0; i < meters[m].channels().size(); ++i) {
            const detail::emi_channel& named = meters[m].channels()[i];
            channel c = naming.describe(named.name);
            const bool known = std::any_of(channels.begin(), channels.end(),
                                           [&](const channel& other) { return other.id == c.id; });
            if (known || named.unit != 0) continue;  // 0: picowatt-hours, the only unit
            const bool is_processor = c.part == component::cpu || c.part == component::soc ||
                                      c.device.rfind("cpu-package", 0) == 0;
            c.model = is_processor && !processor.empty() ? processor : named.maker;
            channels.push_back(std::move(c));
            fields.push_back({m, i});
        }
    }
    for (channel& c : channels)  // a part whose whole is not shown becomes a root
        if (std::none_of(channels.begin(), channels.end(),
                         [&](const channel& other) { return other.id == c.parent; }))
            c.parent.clear();
    if (channels.empty())
        return failure{"Windows lists no energy meter",
                       "Windows 11 on bare metal shows the processor's; virtual machines none"};
    return std::unique_ptr<backend>(
        std::make_unique<windows_emi>(std::move(meters), std::move(fields), std::move(channels)));
}
[[nodiscard]] inline opened_backend open_windows_emi(const system_root&) {
    return open_windows_emi(emi_calls::of_the_system());
}

}  // namespace v1
}  // namespace joulery
