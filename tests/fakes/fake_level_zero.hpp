// The state of the fake libze_loader.
#pragma once

#include <cstdint>

struct fake_power_domain {
    int domain = 1;  // 1 card, 2 package, 3 stack, 4 memory, 5 gpu; 0: unknown to the driver
    int tile = -1;
    std::uint64_t energy_uj = 1'000'000;
    int energy_status = 0;
    int properties_status = 0;
    int limit_mw = -1;
};

struct fake_intel_gpu {
    unsigned domain = 0, bus = 3, device = 0;
    int pci_status = 0;
    unsigned domain_count = 1;
    fake_power_domain domains[8];
};

struct fake_level_zero {
    int init_status = 0;
    unsigned drivers = 1;
    unsigned count = 1;
    fake_intel_gpu gpus[64];
    int inits = 0;
    void (*on_read)() = nullptr;  // runs inside each read of energy
};

extern "C" fake_level_zero* fake_level_zero_control();
