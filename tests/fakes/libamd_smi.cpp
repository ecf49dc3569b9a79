// An AMD SMI without GPUs, answered from a fake_amd: one socket a GPU.
#include "fake_amd.hpp"

namespace {

fake_amd& fake() {
    static fake_amd* const one = new fake_amd;
    return *one;
}

}  // namespace

extern "C" {

fake_amd* fake_amd_control() { return &fake(); }

int amdsmi_init(std::uint64_t flags) {
    fake().init_flags = flags;
    fake().started = fake().init_status == 0;
    return fake().init_status;
}
int amdsmi_get_socket_handles(std::uint32_t* n, void** sockets) {
    if (!fake().started) return 32;
    if (sockets != nullptr)
        for (unsigned i = 0; i < *n && i < fake().count; ++i) sockets[i] = &fake().gpus[i];
    *n = fake().count;
    return 0;
}
int amdsmi_get_processor_handles(void* socket, std::uint32_t* n, void** processors) {
    if (!fake().started) return 32;
    if (processors != nullptr && *n > 0) processors[0] = socket;
    *n = 1;
    return 0;
}
int amdsmi_get_gpu_device_bdf(void* processor, std::uint64_t* bdf) {
    const auto* gpu = static_cast<fake_amd_gpu*>(processor);
    *bdf = gpu->domain << 16 | gpu->bus << 8 | gpu->device << 3 | gpu->function;
    return gpu->address_status;
}
int amdsmi_get_gpu_id(void* processor, std::uint16_t* id) {
    *id = static_cast<fake_amd_gpu*>(processor)->chip;
    return 0;
}
int amdsmi_get_energy_count(void* processor, std::uint64_t* count, float* resolution,
                            std::uint64_t* timestamp) {
    if (fake().on_read != nullptr) fake().on_read();
    const auto* gpu = static_cast<fake_amd_gpu*>(processor);
    *count = gpu->energy;
    *resolution = gpu->resolution_uj;
    *timestamp = fake().timestamp_ns += fake().timestamp_step_ns;
    return gpu->energy_status;
}

}  // extern "C"
