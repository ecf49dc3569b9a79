// A ROCm SMI without GPUs, with answers from a fake_amd.
#include "fake_amd.hpp"

namespace {

fake_amd& fake() {
    static fake_amd* const one = new fake_amd;
    return *one;
}

fake_amd_gpu* gpu_of(std::uint32_t index) {
    if (!fake().started || index >= fake().count) {
        ++fake().calls_before_start;
        return nullptr;
    }
    return &fake().gpus[index];
}

}  // namespace

extern "C" {

fake_amd* fake_amd_control() { return &fake(); }

int rsmi_init(std::uint64_t flags) {
    fake().init_flags = flags;
    fake().started = fake().init_status == 0;
    return fake().init_status;
}
int rsmi_num_monitor_devices(std::uint32_t* n) {
    *n = fake().count;
    return 0;
}
int rsmi_dev_id_get(std::uint32_t index, std::uint16_t* id) {
    const fake_amd_gpu* gpu = gpu_of(index);
    if (gpu == nullptr) return 1;
    *id = gpu->chip;
    return 0;
}
int rsmi_dev_pci_id_get(std::uint32_t index, std::uint64_t* bdf) {
    const fake_amd_gpu* gpu = gpu_of(index);
    if (gpu == nullptr) return 1;
    *bdf = gpu->domain << 32 | gpu->bus << 8 | gpu->device << 3 | gpu->function;
    return gpu->address_status;
}
int rsmi_dev_energy_count_get(std::uint32_t index, std::uint64_t* count, float* resolution,
                              std::uint64_t* timestamp) {
    if (fake().on_read != nullptr) fake().on_read();
    const fake_amd_gpu* gpu = gpu_of(index);
    if (gpu == nullptr) return 1;
    *count = gpu->energy;
    *resolution = gpu->resolution_uj;
    *timestamp = fake().timestamp_ns += fake().timestamp_step_ns;
    return gpu->energy_status;
}
int rsmi_dev_power_get(std::uint32_t index, std::uint64_t* microwatts, int* kind) {
    const fake_amd_gpu* gpu = gpu_of(index);
    if (gpu == nullptr) return 1;
    *kind = 1;
    *microwatts = gpu->newer_power_uw;
    return gpu->newer_power_status;
}
int rsmi_dev_power_ave_get(std::uint32_t index, std::uint32_t, std::uint64_t* microwatts) {
    const fake_amd_gpu* gpu = gpu_of(index);
    if (gpu == nullptr) return 1;
    *microwatts = gpu->power_uw;
    return gpu->power_status;
}

}  // extern "C"
