// ioreport_api.hpp - the calls of Apple's IOReport and CoreFoundation that are
// used, declared here. SPDX-License-Identifier: MIT
//
// IOReport is private and not documented; the calls are those that zeus-apple-silicon and macmon
// make. Not verified on a Mac.
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/dynamic_library.hpp"
#include "joulery/result.hpp"

#include <cstdint>
#include <string>

namespace joulery {
inline namespace v1 {
namespace detail {

using cf_ref = const void*;  ///< any CoreFoundation object

struct ioreport_api {
    cf_ref (*make_string)(cf_ref allocator, const char*, std::uint32_t encoding) = nullptr;
    unsigned char (*string_to)(cf_ref, char*, long room, std::uint32_t encoding) = nullptr;
    cf_ref (*mutable_copy)(cf_ref allocator, long capacity, cf_ref dictionary) = nullptr;
    cf_ref (*value_of)(cf_ref dictionary, cf_ref key) = nullptr;
    long (*array_count)(cf_ref) = nullptr;
    cf_ref (*array_item)(cf_ref, long) = nullptr;
    void (*release)(cf_ref) = nullptr;

    cf_ref (*channels_in_group)(cf_ref group, cf_ref subgroup, std::uint64_t, std::uint64_t,
                                std::uint64_t) = nullptr;
    void* (*subscribe)(void*, cf_ref channels, cf_ref* out, std::uint64_t, cf_ref) = nullptr;
    cf_ref (*sample)(void* subscription, cf_ref channels, cf_ref) = nullptr;
    std::int64_t (*integer)(cf_ref item, std::int32_t) = nullptr;
    cf_ref (*channel_name)(cf_ref item) = nullptr;  // borrowed, as all that is not made or copied
    cf_ref (*unit_label)(cf_ref item) = nullptr;

    static constexpr std::uint32_t utf8 = 0x08000100;

    [[nodiscard]] static result<ioreport_api> load(const library_search& where) {
        // Both are in the loader's shared cache, not on disk; opening them works all the same.
        const dynamic_library foundation(
            {"/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation",
             "CoreFoundation.so"},
            where);
        const dynamic_library report({"/usr/lib/libIOReport.dylib", "libIOReport.so"}, where);
        if (!foundation.is_open() || !report.is_open())
            return failure{concat({"IOReport is not here: ",
                                   (foundation.is_open() ? report : foundation).error()}),
                           {}};
        ioreport_api api;
        const bool has_foundation =
            foundation.bind(api.make_string, "CFStringCreateWithCString") &&
            foundation.bind(api.string_to, "CFStringGetCString") &&
            foundation.bind(api.mutable_copy, "CFDictionaryCreateMutableCopy") &&
            foundation.bind(api.value_of, "CFDictionaryGetValue") &&
            foundation.bind(api.array_count, "CFArrayGetCount") &&
            foundation.bind(api.array_item, "CFArrayGetValueAtIndex") &&
            foundation.bind(api.release, "CFRelease");
        const bool has_report = report.bind(api.channels_in_group, "IOReportCopyChannelsInGroup") &&
                                report.bind(api.subscribe, "IOReportCreateSubscription") &&
                                report.bind(api.sample, "IOReportCreateSamples") &&
                                report.bind(api.integer, "IOReportSimpleGetIntegerValue") &&
                                report.bind(api.channel_name, "IOReportChannelGetChannelName") &&
                                report.bind(api.unit_label, "IOReportChannelGetUnitLabel");
        if (!has_foundation || !has_report)
            return failure{"IOReport has changed: a call is missing", {}};
        return api;
    }

    [[nodiscard]] std::string text_of(cf_ref string) const {
        char room[128] = "";
        if (string == nullptr || string_to(string, room, sizeof room, utf8) == 0) return {};
        return room;
    }
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
