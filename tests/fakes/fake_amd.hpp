// The state of the fake librocm_smi64.
#pragma once

#include <cstdint>

struct fake_amd_gpu {
    std::uint64_t domain = 0;
    unsigned bus = 0xc1, device = 0, function = 0;
    std::uint16_t chip = 0x74a1;  // MI300X
    int energy_status = 0;
    std::uint64_t energy = 65'536'000;
    float resolution_uj = 15.3f;
    int power_status = 0;  // of the average; newer libraries add:
    int newer_power_status = 2;
    std::uint64_t newer_power_uw = 290'000'000;
    std::uint64_t power_uw = 300'000'000;
    int address_status = 0;
};

struct fake_amd {
    int init_status = 0;
    unsigned count = 1;
    fake_amd_gpu gpus[64];
    std::uint64_t timestamp_ns = 1;
    std::uint64_t timestamp_step_ns = 1'000'000;  // 0: values are served from a cache
    std::uint64_t init_flags = 0;
    int calls_before_start = 0;  // the real library crashes with these
    bool started = false;
    void (*on_read)() = nullptr;  // runs inside each read of energy
};

extern "C" fake_amd* fake_amd_control();
