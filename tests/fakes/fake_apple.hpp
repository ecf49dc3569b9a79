// The state of the fake CoreFoundation + IOReport and of the fake IOKit + libSystem.
#pragma once

#include <cstdint>

struct fake_energy_item {
    const char* name = "";
    const char* unit = "mJ";
    std::int64_t value = 0;
};

struct fake_apple {
    unsigned items = 0;  // 0: no such group
    fake_energy_item item[32];
    bool sample_fails = false;
    int live_objects = 0;  // created or copied, and not released yet

    bool has_endpoint = true;
    int open_status = 0;
    bool has_power_key = true;
    float watts = 12.5f;
    std::uint32_t power_type = 0x666c7420;  // "flt "
    int open_connections = 0;
    int held_services = 0;

    int usage_status = 0;
    std::uint64_t process_nj = 1'000;

    const char* chip = "Apple M2 Max";
    const char* model = "Mac14,6";
};

extern "C" fake_apple* fake_apple_control();
