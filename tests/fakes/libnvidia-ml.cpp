// A libnvidia-ml without GPUs: the driver's symbols, with answers from a fake_nvml.
//
// FAKE_NVML_GPUS=8 and FAKE_NVML_WATTS=250 set up a machine for a program that can't reach the
// control structure.
#include "fake_nvml.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace {

struct handle {
    unsigned gpu, generation;
};
handle handles[16][64];

struct field_value {
    unsigned field, scope;
    long long timestamp, latency;
    int type, status;
    union {
        double d;
        unsigned u;
        unsigned long long ull;
    } value;
};
static_assert(sizeof(field_value) == 40, "");

struct pci_info {
    char legacy[16];
    unsigned domain, bus, device, device_id, subsystem;
    char id[32];
};
static_assert(sizeof(pci_info) == 68, "");

struct process_sample {
    unsigned pid;
    unsigned long long timestamp;
    unsigned sm, memory, encoder, decoder;
};
static_assert(sizeof(process_sample) == 32, "");

fake_nvml& fake() {
    static fake_nvml* const one = [] {
        auto* f = new fake_nvml;
        for (unsigned i = 0; i < 64; ++i) {
            std::snprintf(f->gpus[i].uuid, sizeof f->gpus[i].uuid, "GPU-%08x", 0x4e810000 + i);
            f->gpus[i].bus = 0x10 + i;
        }
        if (const char* n = std::getenv("FAKE_NVML_GPUS")) f->count = unsigned(std::atoi(n));
        if (const char* w = std::getenv("FAKE_NVML_WATTS")) f->live_watts = std::atof(w);
        return f;
    }();
    return *one;
}

// The GPU behind a handle, or the error.
int gpu_of(void* device, fake_nvidia_gpu*& gpu) {
    if (fake().initialized_for != fake().generation) return 1;
    const auto* h = static_cast<handle*>(device);
    if (h == nullptr || h->generation != fake().generation) return 2;
    gpu = &fake().gpus[h->gpu];
    return gpu->lost_status;
}

int give_handle(unsigned index, void** device) {
    fake_nvml& f = fake();
    if (f.initialized_for != f.generation) return 1;
    if (index >= f.count) return 2;
    if (f.gpus[index].handle_status != 0) return f.gpus[index].handle_status;
    handle& h = handles[f.generation % 16][index];
    h = {index, f.generation};
    *device = &h;
    return 0;
}

double seconds() {
    std::timespec t{};
    std::timespec_get(&t, TIME_UTC);
    return double(t.tv_sec % 1'000'000) + double(t.tv_nsec) * 1e-9;
}

}  // namespace

extern "C" {

fake_nvml* fake_nvml_control() { return &fake(); }

int nvmlInit_v2() {
    ++fake().inits;
    if (fake().init_status == 0) fake().initialized_for = fake().generation;
    return fake().init_status;
}
int nvmlShutdown() {
    ++fake().shutdowns;
    return 0;
}
const char* nvmlErrorString(int status) {
    switch (status) {
        case 3:
            return "Not Supported";
        case 4:
            return "Insufficient Permissions";
        case 9:
            return "Driver Not Loaded";
        case 15:
            return "GPU is lost";
        case 18:
            return "Driver/library version mismatch";
        default:
            return "Unknown Error";
    }
}
int nvmlDeviceGetCount_v2(unsigned* count) {
    *count = fake().count_status == 0 ? fake().count : 0;
    return fake().count_status;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
    return give_handle(index, device);
}
int nvmlDeviceGetUUID(void* device, char* text, unsigned room) {
    fake_nvidia_gpu* gpu = nullptr;
    if (const int status = gpu_of(device, gpu)) return status;
    if (std::strlen(gpu->uuid) >= room) return 7;
    std::strcpy(text, gpu->uuid);
    return 0;
}
int nvmlDeviceGetPowerUsage(void* device, unsigned* mw) {
    ++fake().power_calls;
    fake_nvidia_gpu* gpu = nullptr;
    if (const int status = gpu_of(device, gpu)) return status;
    *mw = fake().live_watts > 0 ? unsigned(fake().live_watts * 1000) : gpu->power_mw;
    return gpu->power_status;
}
#ifndef FAKE_NVML_OF_AN_OLD_DRIVER
int nvmlDeviceGetHandleByUUID(const char* uuid, void** device) {
    for (unsigned i = 0; i < fake().count; ++i)
        if (std::strcmp(uuid, fake().gpus[i].uuid) == 0) return give_handle(i, device);
    return 6;
}
int nvmlDeviceGetPciInfo_v3(void* device, pci_info* info) {
    fake_nvidia_gpu* gpu = nullptr;
    if (const int status = gpu_of(device, gpu)) return status;
    *info = {};
    info->domain = gpu->domain, info->bus = gpu->bus, info->device = gpu->slot;
    std::snprintf(info->id, sizeof info->id, "%08X:%02X:%02X.0", gpu->domain, gpu->bus, gpu->slot);
    return 0;
}
int nvmlDeviceGetArchitecture(void* device, unsigned* architecture) {
    fake_nvidia_gpu* gpu = nullptr;
    if (const int status = gpu_of(device, gpu)) return status;
    *architecture = gpu->architecture;
    return 0;
}
int nvmlDeviceGetTotalEnergyConsumption(void* device, unsigned long long* mj) {
    fake_nvml& f = fake();
    ++f.energy_calls;
    if (f.on_energy != nullptr) f.on_energy(f.context);
    fake_nvidia_gpu* gpu = nullptr;
    if (const int status = gpu_of(device, gpu)) return status;
    *mj = gpu->energy_mj;
    if (f.live_watts > 0) *mj += static_cast<unsigned long long>(seconds() * f.live_watts * 1000);
    return gpu->energy_status;
}
int nvmlDeviceGetEnforcedPowerLimit(void* device, unsigned* mw) {
    fake_nvidia_gpu* gpu = nullptr;
    if (const int status = gpu_of(device, gpu)) return status;
    *mw = gpu->limit_mw;
    return 0;
}
int nvmlDeviceGetPowerManagementLimitConstraints(void* device, unsigned* least, unsigned* most) {
    fake_nvidia_gpu* gpu = nullptr;
    if (const int status = gpu_of(device, gpu)) return status;
    *least = 1, *most = gpu->most_limit_mw;
    return gpu->most_limit_mw == 0 ? 3 : 0;
}
int nvmlDeviceGetName(void* device, char* text, unsigned room) {
    fake_nvidia_gpu* gpu = nullptr;
    if (const int status = gpu_of(device, gpu)) return status;
    std::snprintf(text, room, "%s", gpu->name);
    return gpu->name[0] == '\0' ? 3 : 0;
}
int nvmlDeviceGetSerial(void* device, char* text, unsigned room) {
    fake_nvidia_gpu* gpu = nullptr;
    if (const int status = gpu_of(device, gpu)) return status;
    std::snprintf(text, room, "%s", gpu->serial);
    return gpu->serial[0] == '\0' ? 3 : 0;
}
int nvmlDeviceGetBoardId(void* device, unsigned* id) {
    fake_nvidia_gpu* gpu = nullptr;
    if (const int status = gpu_of(device, gpu)) return status;
    *id = gpu->board_id;
    return gpu->board_id == 0 ? 3 : 0;
}
int nvmlDeviceGetMigMode(void* device, unsigned* now, unsigned* later) {
    fake_nvidia_gpu* gpu = nullptr;
    if (const int status = gpu_of(device, gpu)) return status;
    *now = *later = gpu->mig;
    return 0;
}
int nvmlDeviceGetProcessUtilization(void* device, process_sample* samples, unsigned* n,
                                    unsigned long long seen) {
    ++fake().process_calls;
    fake_nvidia_gpu* gpu = nullptr;
    if (const int status = gpu_of(device, gpu)) return status;
    if (gpu->processes_status != 0) return gpu->processes_status;
    unsigned found = 0;
    for (const auto& p : gpu->processes)
        if (p.pid != 0 && p.timestamp > seen && found < *n)
            samples[found++] = {p.pid, p.timestamp, p.sm, 0, 0, 0};
    *n = found;
    return found == 0 ? 6 : 0;
}
int nvmlDeviceGetFieldValues(void* device, int n, field_value* values) {
    ++fake().field_calls;
    fake_nvidia_gpu* gpu = nullptr;
    if (const int status = gpu_of(device, gpu)) return status;
    for (int i = 0; i < n; ++i) {
        field_value& v = values[i];
        v.type = 1;
        v.status = 3;
        if (v.scope == 0 && v.field == 83)
            v.status = gpu->energy_field_status, v.value.ull = gpu->energy_mj, v.type = 3;
        if (v.scope == 0 && v.field == 186)
            v.status = gpu->instant_status, v.value.u = gpu->instant_mw;
        if (v.scope == 0 && v.field == 185)
            v.status = gpu->average_status, v.value.u = gpu->average_mw;
        if (v.scope == 1 && v.field == 186)
            v.status = gpu->module_status, v.value.u = gpu->module_mw;
    }
    return 0;
}
#endif

}  // extern "C"
