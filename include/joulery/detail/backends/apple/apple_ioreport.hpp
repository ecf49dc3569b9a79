// apple_ioreport.hpp - Apple silicon's energy model: processor, GPU, memory, neural engine.
// SPDX-License-Identifier: MIT
//
// UNVERIFIED: never run on a Mac; tested on a fake library. Apple calls these figures estimates,
// and so does this backend. No privileges are needed; in virtual machines the group is empty.
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/backends/apple/apple_names.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/dynamic_library.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/metering/registry.hpp"
#include "joulery/result.hpp"

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

// Names as macmon and zeus-apple-silicon found them on M1 to M5; not verified on a Mac.
namespace detail {

/// A part of a chip, or none of the known ones. Parts of the processor that "CPU Energy" already
/// contains are `other`, and so are fabric, display and media.
enum class apple_part : unsigned char { cpu, gpu, gpu_sram, dram, ane, other };

/// The part that a channel belongs to; the dies of an Ultra ("DIE_1_CPU Energy") are added up.
[[nodiscard]] inline apple_part apple_part_of(std::string_view name) noexcept {
    if (name.substr(0, 4) == "DIE_") {
        const std::size_t end = name.find('_', 4);
        if (end != std::string_view::npos) name.remove_prefix(end + 1);
    }
    if (name == "CPU Energy") return apple_part::cpu;
    if (name.substr(0, 8) == "GPU SRAM") return apple_part::gpu_sram;
    if (name == "GPU Energy" || name == "GPU") return apple_part::gpu;
    if (name.substr(0, 4) == "DRAM") return apple_part::dram;
    if (name.substr(0, 3) == "ANE") return apple_part::ane;
    return apple_part::other;
}

/// Nanojoules per count for an IOReport unit label; 0 if it is not a unit of energy.
[[nodiscard]] inline std::uint64_t nanojoules_of(std::string_view unit) noexcept {
    while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
    while (!unit.empty() && unit.back() == ' ') unit.remove_suffix(1);
    return unit == "mJ" ? 1'000'000 : unit == "uJ" ? 1'000 : unit == "nJ" ? 1 : 0;
}

[[nodiscard]] inline channel describe_apple_part(apple_part part) {
    channel c;
    c.joules_per_count = 1e-9;
    c.quantum = 1e-3;
    c.update_period = std::chrono::milliseconds(10);
    switch (part) {
        case apple_part::cpu:
            c.id = "cpu0/package";
            c.part = component::cpu;
            c.device = "cpu-package:0";
            break;
        case apple_part::gpu:
            c.id = "soc0/gpu";
            c.device = "cpu-package:0/gpu";
            c.part = component::gpu;
            break;
        case apple_part::gpu_sram:
            c.id = "soc0/gpu-sram";
            c.device = "cpu-package:0/gpu-sram";
            c.part = component::gpu;
            break;
        case apple_part::dram:
            c.id = "soc0/dram";
            c.device = "cpu-package:0/dram";
            c.part = component::dram;
            break;
        case apple_part::ane:
            c.id = "soc0/ane";
            c.device = "cpu-package:0/ane";
            c.part = component::npu;
            break;
        case apple_part::other:
            break;
    }
    return c;
}

}  // namespace detail

// IOReport is private and undocumented; these are the calls that zeus-apple-silicon and macmon
// make. Not verified on a Mac.
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
    cf_ref (*channel_name)(cf_ref item) = nullptr;  // borrowed: not created or copied
    cf_ref (*unit_label)(cf_ref item) = nullptr;

    static constexpr std::uint32_t utf8 = 0x08000100;

    [[nodiscard]] static result<ioreport_api> load(const library_search& where) {
        // Both are in the loader's shared cache and not on disk; opening them works anyway.
        const dynamic_library foundation(
            {"/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation",
             "CoreFoundation.so"},
            where);
        const dynamic_library report({"/usr/lib/libIOReport.dylib", "libIOReport.so"}, where);
        if (!foundation.is_open() || !report.is_open())
            return failure{concat({"IOReport was not found: ",
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

/// A subscription to the group "Energy Model"; releases what it holds.
class ioreport_subscription {
 public:
    explicit ioreport_subscription(const ioreport_api& api) : api_(api) {
        const cf_ref group = api_.make_string(nullptr, "Energy Model", ioreport_api::utf8);
        items_key_ = api_.make_string(nullptr, "IOReportChannels", ioreport_api::utf8);
        const cf_ref all = api_.channels_in_group(group, nullptr, 0, 0, 0);
        if (group != nullptr) api_.release(group);
        if (all == nullptr) return;
        channels_ = api_.mutable_copy(nullptr, 0, all);
        api_.release(all);
        if (channels_ == nullptr) return;
        handle_ = api_.subscribe(nullptr, channels_, &subscribed_, 0, nullptr);
    }
    ioreport_subscription(ioreport_subscription&& other) noexcept
        : api_(other.api_),
          items_key_(std::exchange(other.items_key_, nullptr)),
          channels_(std::exchange(other.channels_, nullptr)),
          subscribed_(std::exchange(other.subscribed_, nullptr)),
          handle_(std::exchange(other.handle_, nullptr)) {}
    ioreport_subscription& operator=(ioreport_subscription&&) = delete;
    ~ioreport_subscription() {
        for (const cf_ref held : {items_key_, channels_, subscribed_, cf_ref{handle_}})
            if (held != nullptr) api_.release(held);
    }

    [[nodiscard]] bool is_open() const noexcept { return handle_ != nullptr; }
    [[nodiscard]] const ioreport_api& api() const noexcept { return api_; }

    /// Calls `use(item)` for each channel of a sample taken now; false if there is no sample.
    template <class Use>
    bool for_each(Use use) const {
        const cf_ref sample = api_.sample(handle_, channels_, nullptr);
        if (sample == nullptr) return false;
        const cf_ref items = api_.value_of(sample, items_key_);
        const long n = items != nullptr ? api_.array_count(items) : 0;
        for (long i = 0; i < n; ++i) use(api_.array_item(items, i));
        api_.release(sample);
        return n > 0;
    }

 private:
    ioreport_api api_;
    cf_ref items_key_ = nullptr;
    cf_ref channels_ = nullptr;
    cf_ref subscribed_ = nullptr;
    void* handle_ = nullptr;
};

}  // namespace detail

/// Reads the energy of each part of the chip since boot, according to Apple's energy model.
///
/// Units:  nanojoules; the parts count in mJ, uJ or nJ. Thread: reads must not overlap.
/// Cost:   one sample of the whole group, about a millisecond. Fails: `retry` without a sample.
///
///     auto chip = open_apple_ioreport(system_root{});
class apple_ioreport final : public backend {
 public:
    /// The channel that each item of a sample adds to, and the value of a count.
    struct item {
        std::size_t channel;
        std::uint64_t nanojoules;  ///< 0: not counted
    };

    apple_ioreport(detail::ioreport_subscription from, detail::list<item> items,
                   std::vector<channel> channels)
        : from_(std::move(from)), items_(std::move(items)), channels_(std::move(channels)) {}

    [[nodiscard]] std::string_view name() const noexcept override { return "apple-ioreport"; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return channels_;
    }
    [[nodiscard]] std::string_view note() const noexcept override {
        return "Apple's own energy model; Apple calls its figures estimates";
    }

    read_status read(counter_span out) noexcept override {
        std::fill(out.begin(), out.end(), std::uint64_t{0});
        std::size_t i = 0;
        const bool sampled = from_.for_each([&](detail::cf_ref sampled_item) {
            if (i >= items_.size()) return;
            const item& what = items_[i++];
            if (what.nanojoules == 0 || what.channel >= out.size()) return;
            const std::int64_t counts = from_.api().integer(sampled_item, 0);
            if (counts > 0)
                out[what.channel] += static_cast<std::uint64_t>(counts) * what.nanojoules;
        });
        return sampled && i == items_.size() ? read_status::ok : read_status::retry;
    }

 private:
    detail::ioreport_subscription from_;
    detail::list<item> items_;
    std::vector<channel> channels_;
};

[[nodiscard]] inline opened_backend open_apple_ioreport(const library_search& where) {
    const result<detail::ioreport_api> api = detail::ioreport_api::load(where);
    if (!api) return api.error();
    detail::ioreport_subscription from(*api);
    if (!from.is_open())
        return failure{
            "IOReport has no group \"Energy Model\" (a virtual machine, or an Intel Mac)", {}};
    detail::list<apple_ioreport::item> items;
    std::vector<channel> channels;
    const std::string chip = detail::apple_chip(where);
    const auto look = [&](detail::cf_ref sampled) {
        const detail::apple_part part =
            detail::apple_part_of(api->text_of(api->channel_name(sampled)));
        const std::uint64_t unit = detail::nanojoules_of(api->text_of(api->unit_label(sampled)));
        items.push_back({0, part == detail::apple_part::other ? 0 : unit});
        if (items.back().nanojoules == 0) return;
        channel c = detail::describe_apple_part(part);
        c.provenance = quality::estimated;
        c.model = chip;
        c.max_watts = detail::largest_apple_silicon_supply;
        const auto known = std::find_if(channels.begin(), channels.end(),
                                        [&](const channel& other) { return other.id == c.id; });
        items.back().channel = static_cast<std::size_t>(known - channels.begin());
        if (known == channels.end()) channels.push_back(std::move(c));
    };
    if (!from.for_each(look) || channels.empty())
        return failure{"IOReport's energy model has no known channel", {}};
    return std::unique_ptr<backend>(
        std::make_unique<apple_ioreport>(std::move(from), std::move(items), std::move(channels)));
}
[[nodiscard]] inline opened_backend open_apple_ioreport(const system_root& root) {
#if defined(__APPLE__)
    return open_apple_ioreport(library_search::of(root));
#else
    (void)root;
    return failure{"IOReport is macOS only", {}};
#endif
}

}  // namespace v1
}  // namespace joulery
