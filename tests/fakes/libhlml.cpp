// An HLML without accelerators, with answers from a fake_habana.
#include "fake_habana.hpp"

#include <cstdio>
#include <cstring>

namespace {

fake_habana& fake() {
    static fake_habana* const one = new fake_habana;
    return *one;
}

struct pci_info {  // before revision and subsystem were added at the end
    unsigned bus;
    char bus_id[19];
    unsigned device, domain, device_id;
    char caps[40];
};

}  // namespace

extern "C" {

fake_habana* fake_habana_control() { return &fake(); }

int hlml_init() {
    ++fake().inits;
    return fake().init_status;
}
int hlml_device_get_count(unsigned* n) {
    *n = fake().count;
    return 0;
}
int hlml_device_get_handle_by_index(unsigned index, void** device) {
    if (index >= fake().count) return 2;
    *device = &fake().gaudis[index];
    return fake().gaudis[index].handle_status;
}
int hlml_device_get_uuid(void* device, char* text, unsigned room) {
    const auto& g = *static_cast<fake_gaudi*>(device);
    std::snprintf(text, room, "%s", g.uuid);
    return g.uuid_status;
}
int hlml_device_get_pci_info(void* device, pci_info* info) {
    const auto& g = *static_cast<fake_gaudi*>(device);
    std::memset(info, 0, sizeof *info);
    std::snprintf(info->bus_id, sizeof info->bus_id, "%s", g.bus_id);
    return g.pci_status;
}
int hlml_device_get_name(void* device, char* text, unsigned room) {
    std::snprintf(text, room, "%s", static_cast<fake_gaudi*>(device)->name);
    return 0;
}
int hlml_device_get_power_management_default_limit(void* device, unsigned* mw) {
    *mw = static_cast<fake_gaudi*>(device)->limit_mw;
    return 0;
}
int hlml_device_get_power_usage(void* device, unsigned* mw) {
    const auto& g = *static_cast<fake_gaudi*>(device);
    *mw = g.power_mw;
    return g.power_status;
}
int hlml_device_get_total_energy_consumption(void* device, unsigned long long* mj) {
    if (fake().on_read != nullptr) fake().on_read();
    const auto& g = *static_cast<fake_gaudi*>(device);
    *mj = g.energy_mj;
    return g.energy_status;
}

}  // extern "C"
