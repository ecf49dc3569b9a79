// A Level Zero loader without GPUs, with answers from a fake_level_zero.
#include "fake_level_zero.hpp"

#include <cstring>

namespace {

struct power_properties {
    std::int32_t type;
    void* next;
    std::uint8_t on_subdevice;
    std::uint32_t subdevice;
    std::uint8_t can_control, has_threshold;
    std::int32_t default_mw, min_mw, max_mw;
};
struct power_extension {
    std::int32_t type;
    void* next;
    std::int32_t domain;
    void* limit;
};
struct pci_properties {
    std::int32_t type;
    void* next;
    std::uint32_t domain, bus, device, function;
    std::int32_t generation, width;
    std::int64_t bandwidth;
    std::uint8_t flags[3];
};
struct energy_counter {
    std::uint64_t energy, timestamp;
};

fake_level_zero& fake() {
    static fake_level_zero* const one = new fake_level_zero;
    return *one;
}

template <class Element>
int hand_out(std::uint32_t* n, void** into, Element* first, unsigned count) {
    if (into == nullptr) {
        *n = count;
        return 0;
    }
    if (*n > count) *n = count;
    for (unsigned i = 0; i < *n; ++i) into[i] = first + i;
    return 0;
}

int start(std::uint32_t flags) {
    ++fake().inits;
    return flags == 0 ? fake().init_status : 0x78000004;
}
int drivers(std::uint32_t* n, void** into) {
    static char driver[4];
    return hand_out(n, into, driver, fake().drivers);
}
int devices(std::uint32_t* n, void** into) { return hand_out(n, into, fake().gpus, fake().count); }

}  // namespace

extern "C" {

fake_level_zero* fake_level_zero_control() { return &fake(); }

#ifdef FAKE_LEVEL_ZERO_WITHOUT_ZESINIT
int zeInit(std::uint32_t flags) { return start(flags); }
int zeDriverGet(std::uint32_t* n, void** into) { return drivers(n, into); }
int zeDeviceGet(void*, std::uint32_t* n, void** into) { return devices(n, into); }
#else
int zesInit(std::uint32_t flags) { return start(flags); }
int zesDriverGet(std::uint32_t* n, void** into) { return drivers(n, into); }
int zesDeviceGet(void*, std::uint32_t* n, void** into) { return devices(n, into); }
#endif
int zesDevicePciGetProperties(void* device, pci_properties* p) {
    const auto& gpu = *static_cast<fake_intel_gpu*>(device);
    if (p->type != 2 || p->next != nullptr) return 0x78000004;
    p->domain = gpu.domain, p->bus = gpu.bus, p->device = gpu.device, p->function = 0;
    return gpu.pci_status;
}
int zesDeviceEnumPowerDomains(void* device, std::uint32_t* n, void** into) {
    auto& gpu = *static_cast<fake_intel_gpu*>(device);
    return hand_out(n, into, gpu.domains, gpu.domain_count);
}
int zesPowerGetProperties(void* domain, power_properties* p) {
    const auto& d = *static_cast<fake_power_domain*>(domain);
    if (p->type != 0xd) return 0x78000004;
    p->on_subdevice = d.tile >= 0;
    p->subdevice = d.tile >= 0 ? std::uint32_t(d.tile) : 0;
    p->max_mw = d.limit_mw;
    auto* extension = static_cast<power_extension*>(p->next);
    if (extension != nullptr && extension->type == 0x28 && d.domain != 0)
        extension->domain = d.domain;
    return d.properties_status;
}
int zesPowerGetEnergyCounter(void* domain, energy_counter* e) {
    if (fake().on_read != nullptr) fake().on_read();
    const auto& d = *static_cast<fake_power_domain*>(domain);
    if (d.energy_status == 0) *e = {d.energy_uj, 1};
    return d.energy_status;
}

}  // extern "C"
