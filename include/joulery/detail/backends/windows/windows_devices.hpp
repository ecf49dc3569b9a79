// windows_devices.hpp - the few calls of Windows that energy meters take.
// SPDX-License-Identifier: MIT
//
// Declared here as <windows.h> and <cfgmgr32.h> declare them, whose macros break programs. What is
// not in kernel32 is loaded at run time, so that nothing has to be linked.
#pragma once

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
namespace detail {

struct windows_devices {
    struct guid {
        unsigned long a;
        unsigned short b, c;
        unsigned char d[8];
    };
    static constexpr guid energy_meter = {
        0x45bd8344, 0x7ed6, 0x49cf, {0xa4, 0x40, 0xc2, 0x76, 0xc9, 0x33, 0xb0, 0x53}};

    /// Paths of the energy meters that are present, each ended by a NUL.
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

    /// As the registry has it: "13th Gen Intel(R) Core(TM) i7-1360P"; "" where it has none.
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
