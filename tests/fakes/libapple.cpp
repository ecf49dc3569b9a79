// Stands in for CoreFoundation, IOReport, IOKit and libSystem, with answers from a fake_apple.
#include "fake_apple.hpp"

#include <cstdio>
#include <cstring>

namespace {

fake_apple& fake() {
    static fake_apple* const one = new fake_apple;
    return *one;
}

// Every object is one of these; constants are never released.
struct object {
    char text[64];
};
object group, sample, copy, subscription, subscribed, items;
object keys[4];
int next_key = 0;

void* made(object& o) {
    ++fake().live_objects;
    return &o;
}

struct smc_message {
    std::uint32_t key;
    char version[8], limits[16];
    std::uint32_t size, type;
    char attributes[4];
    unsigned char result, status, command, gap;
    std::uint32_t index;
    unsigned char bytes[32];
};
static_assert(sizeof(smc_message) == 80, "");
constexpr std::uint32_t power_key = 0x50535452;  // "PSTR"

}  // namespace

extern "C" {

fake_apple* fake_apple_control() { return &fake(); }

const void* CFStringCreateWithCString(const void*, const char* text, std::uint32_t encoding) {
    if (encoding != 0x08000100) return nullptr;
    object& o = keys[next_key++ % 4];
    std::snprintf(o.text, sizeof o.text, "%s", text);
    return made(o);
}
unsigned char CFStringGetCString(const void* string, char* into, long room, std::uint32_t) {
    return std::snprintf(into, std::size_t(room), "%s", static_cast<const char*>(string)) < room;
}
const void* CFDictionaryCreateMutableCopy(const void*, long, const void*) { return made(copy); }
const void* CFDictionaryGetValue(const void* dictionary, const void* key) {
    const bool asks_items =
        std::strcmp(static_cast<const object*>(key)->text, "IOReportChannels") == 0;
    return dictionary == &sample && asks_items ? &items : nullptr;
}
long CFArrayGetCount(const void*) { return fake().items; }
const void* CFArrayGetValueAtIndex(const void*, long i) { return &fake().item[i]; }
void CFRelease(const void*) { --fake().live_objects; }

const void* IOReportCopyChannelsInGroup(const void* name, const void*, std::uint64_t, std::uint64_t,
                                        std::uint64_t) {
    if (std::strcmp(static_cast<const object*>(name)->text, "Energy Model") != 0) return nullptr;
    return fake().items > 0 ? made(group) : nullptr;
}
void* IOReportCreateSubscription(void*, const void*, const void** out, std::uint64_t, const void*) {
    *out = made(subscribed);
    return made(subscription);
}
const void* IOReportCreateSamples(void*, const void*, const void*) {
    return fake().sample_fails ? nullptr : made(sample);
}
std::int64_t IOReportSimpleGetIntegerValue(const void* item, std::int32_t) {
    return static_cast<const fake_energy_item*>(item)->value;
}
const void* IOReportChannelGetChannelName(const void* item) {
    return static_cast<const fake_energy_item*>(item)->name;
}
const void* IOReportChannelGetUnitLabel(const void* item) {
    return static_cast<const fake_energy_item*>(item)->unit;
}

void* IOServiceMatching(const char* name) {
    static char found;
    return std::strcmp(name, "AppleSMC") == 0 ? &found : nullptr;
}
int IOServiceGetMatchingServices(unsigned, void* matching, unsigned* iterator) {
    *iterator = 100;
    fake().held_services = 1;
    return matching != nullptr ? 0 : 1;
}
unsigned IOIteratorNext(unsigned) {
    static unsigned at = 0;
    at = at >= (fake().has_endpoint ? 3u : 2u) ? 0 : at + 1;
    if (at != 0) ++fake().held_services;
    return at;
}
int IORegistryEntryGetName(unsigned entry, char* name) {
    std::strcpy(name, entry == 3 ? "AppleSMCKeysEndpoint" : "AppleSMC");
    return 0;
}
int IOServiceOpen(unsigned service, unsigned task, unsigned, unsigned* connection) {
    const unsigned expected = fake().has_endpoint ? 3 : 1;
    if (service != expected || task != 42) return 1;
    if (fake().open_status == 0) ++fake().open_connections;
    *connection = 7;
    return fake().open_status;
}
int IOServiceClose(unsigned) {
    --fake().open_connections;
    return 0;
}
int IOObjectRelease(unsigned) {
    --fake().held_services;
    return 0;
}
int IOConnectCallStructMethod(unsigned connection, unsigned selector, const void* in,
                              std::size_t in_size, void* out, std::size_t* out_size) {
    if (connection != 7 || selector != 2 || in_size != 80 || *out_size != 80) return 1;
    const auto& asked = *static_cast<const smc_message*>(in);
    auto& answer = *static_cast<smc_message*>(out);
    answer = asked;
    if (asked.key != power_key || !fake().has_power_key) {
        answer.result = 132;
        return 0;
    }
    if (asked.command == 9) answer.size = 4, answer.type = fake().power_type;
    if (asked.command == 5) std::memcpy(answer.bytes, &fake().watts, 4);
    return 0;
}
unsigned mach_task_self_ = 42;

int sysctlbyname(const char* key, void* into, std::size_t* room, const void*, std::size_t) {
    const char* value = std::strcmp(key, "machdep.cpu.brand_string") == 0 ? fake().chip
                        : std::strcmp(key, "hw.model") == 0               ? fake().model
                                                                          : nullptr;
    if (value == nullptr || std::strlen(value) + 1 > *room) return -1;
    std::strcpy(static_cast<char*>(into), value);
    *room = std::strlen(value) + 1;
    return 0;
}

int proc_pid_rusage(int pid, int flavor, void* into) {
    if (pid <= 0 || flavor != 6) return -1;
    std::memset(into, 0, 464);
    std::memcpy(static_cast<char*>(into) + 336, &fake().process_nj, 8);
    return fake().usage_status;
}

}  // extern "C"
