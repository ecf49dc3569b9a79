// The state of the fake libhlml.
#pragma once

struct fake_gaudi {
    const char* uuid = "01P0-HL2080A0-15-TNDP34-02-04-05";
    const char* bus_id = "0000:B3:00.0";
    int handle_status = 0;
    int energy_status = 0;
    unsigned long long energy_mj = 5'000;
    int power_status = 0;
    unsigned power_mw = 90'000;
    int pci_status = 0;
    int uuid_status = 0;
    const char* name = "HL-225B";
    unsigned limit_mw = 600'000;
};

struct fake_habana {
    int init_status = 0;
    unsigned count = 1;
    fake_gaudi gaudis[64];
    int inits = 0;
    void (*on_read)() = nullptr;  // runs inside each read of energy
};

extern "C" fake_habana* fake_habana_control();
