// The state of the fake libnvidia-ml: tests set it, and the library returns it.
#pragma once

#include <cstdint>

struct fake_nvidia_gpu {
    char uuid[96] = "";
    unsigned domain = 0, bus = 0, slot = 0;
    unsigned architecture = 9;  // Hopper
    unsigned limit_mw = 700'000;
    unsigned most_limit_mw = 0;  // 0: not supported
    char name[96] = "";          // the same
    char serial[32] = "";        // the same
    unsigned board_id = 0;       // the same
    unsigned mig = 0;
    int handle_status = 0;  // of getting a handle, by index or UUID
    int lost_status = 0;    // of every call with a handle

    int energy_status = 0;
    unsigned long long energy_mj = 1'000'000;
    int energy_field_status = 3;
    int power_status = 0;
    unsigned power_mw = 100'000;
    int instant_status = 3;
    unsigned instant_mw = 0;
    int average_status = 3;
    unsigned average_mw = 0;
    int module_status = 3;
    unsigned module_mw = 0;
    int processes_status = 0;
    struct {
        unsigned pid, sm;
        unsigned long long timestamp;  // microseconds
    } processes[4] = {};               // those of pid 0 do not exist
};

struct fake_nvml {
    int init_status = 0;
    int count_status = 0;
    unsigned count = 0;
    fake_nvidia_gpu gpus[64];
    unsigned generation = 0;  // one more: the driver was reloaded, and earlier handles are stale
    unsigned initialized_for = ~0u;
    double live_watts = 0;  // energies grow by this in real time, for programs that run on the fake
    int inits = 0, shutdowns = 0, energy_calls = 0, power_calls = 0, field_calls = 0;
    int process_calls = 0;
    void (*on_energy)(void*) = nullptr;  // runs inside an energy read
    void* context = nullptr;
};

extern "C" fake_nvml* fake_nvml_control();
