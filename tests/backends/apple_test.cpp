#include "joulery/detail/backends/apple/apple_ioreport.hpp"
#include "joulery/detail/backends/apple/apple_smc.hpp"
#include "joulery/detail/backends/apple/process_energy.hpp"

#include "backends/fake_library.hpp"
#include "backends/support.hpp"
#include "fakes/fake_apple.hpp"

#include <limits>

using namespace joulery;
using numbers = std::vector<std::uint64_t>;

namespace {

struct fake_mac {
    fake_mac() : control(control_of<fake_apple>("libapple", "fake_apple_control")) {
        for (const char* name : {"CoreFoundation.so", "libIOReport.so", "IOKit.so", "libSystem.so"})
            folder.add("libapple", name);
        control = fake_apple{};
    }
    void items(std::initializer_list<fake_energy_item> all) {
        control.items = 0;
        for (const fake_energy_item& i : all) control.item[control.items++] = i;
    }

    fake_apple& control;
    library_folder folder;
};

}  // namespace

TEST_CASE("apple-ioreport: each part of the chip is counted once, in whatever unit") {
    fake_mac mac;
    mac.items({{"CPU Energy", "mJ", 5},
               {"PCPU", "mJ", 3},
               {"PCPU0", "mJ", 2},
               {"GPU Energy", " nJ ", 7'000},
               {"GPU SRAM", "uJ", 8},
               {"DRAM", "mJ", 9},
               {"ANE", "mJ", 1},
               {"DISP", "mJ", 4}});
    {
        opened_backend b = open_apple_ioreport(mac.folder.search());
        REQUIRE(b);
        CHECK((*b)->name() == "apple-ioreport");
        CHECK(ids(**b) ==
              strings{"cpu0/package", "soc0/gpu", "soc0/gpu-sram", "soc0/dram", "soc0/ane"});
        CHECK(nesting(**b) == strings{});
        CHECK((*b)->channels()[0].provenance == quality::estimated);
        CHECK(read_all(**b).values == numbers{5'000'000, 7'000, 8'000, 9'000'000, 1'000'000});
        CHECK(contract_violations(**b) == strings{});
    }
    CHECK(mac.control.live_objects == 0);
}

TEST_CASE("apple-ioreport: the dies of an Ultra add up") {
    fake_mac mac;
    mac.items({{"DIE_0_CPU Energy", "mJ", 5}, {"DIE_1_CPU Energy", "mJ", 6}});
    opened_backend b = open_apple_ioreport(mac.folder.search());
    REQUIRE(b);
    CHECK(ids(**b) == strings{"cpu0/package"});
    CHECK(read_all(**b).values == numbers{11'000'000});
}

TEST_CASE("apple-ioreport: failed samples, missing channels, a virtual machine") {
    fake_mac mac;
    mac.items({{"CPU Energy", "mJ", 5}, {"GPU Energy", "nJ", 6}});
    opened_backend b = open_apple_ioreport(mac.folder.search());
    REQUIRE(b);
    mac.control.sample_fails = true;
    CHECK(read_all(**b).status == read_status::retry);
    mac.control.sample_fails = false;
    mac.control.items = 1;
    CHECK(read_all(**b).status == read_status::retry);
    mac.items({{"PCPU", "mJ", 5}, {"CPU Energy", "furlong", 5}});
    CHECK(
        contains(open_apple_ioreport(mac.folder.search()).error().reason, "has no known channel"));
    mac.items({});
    CHECK(contains(open_apple_ioreport(mac.folder.search()).error().reason, "virtual machine"));
    const library_folder none;
    CHECK(contains(open_apple_ioreport(none.search()).error().reason, "IOReport was not found"));
    library_folder changed("libnothing", "CoreFoundation.so");
    changed.add("libnothing", "libIOReport.so");
    CHECK(contains(open_apple_ioreport(changed.search()).error().reason, "a call is missing"));
}

TEST_CASE("apple-smc: reads the power of the whole machine through Apple silicon's endpoint") {
    fake_mac mac;
    {
        opened_backend b = open_apple_smc(mac.folder.search());
        REQUIRE(b);
        CHECK(ids(**b) == strings{"machine/power"});
        CHECK((*b)->channels()[0].part == component::platform);
        CHECK(read_all(**b).values == numbers{12'500'000});
        CHECK(mac.control.held_services == 0);
        CHECK(contract_violations(**b) == strings{});
        mac.control.watts = -1;
        CHECK(read_all(**b).status == read_status::retry);
        mac.control.watts = std::numeric_limits<float>::quiet_NaN();
        CHECK(read_all(**b).status == read_status::retry);
        mac.control.has_power_key = false;
        CHECK(read_all(**b).status == read_status::retry);
    }
    CHECK(mac.control.open_connections == 0);
    CHECK(contains(open_apple_smc(mac.folder.search()).error().reason, "PSTR"));
    CHECK(mac.control.open_connections == 0);
}

TEST_CASE("apple-smc: an Intel Mac's controller, a refusal, a key of another type") {
    fake_mac mac;
    mac.control.has_endpoint = false;
    CHECK(open_apple_smc(mac.folder.search()));
    mac.control.power_type = 0x75693332;  // "ui32"
    CHECK_FALSE(open_apple_smc(mac.folder.search()));
    mac.control.open_status = 1;
    CHECK(open_apple_smc(mac.folder.search()).error().reason == "AppleSMC can't be opened");
    const library_folder none;
    CHECK(contains(open_apple_smc(none.search()).error().reason, "IOKit was not found"));
}

TEST_CASE("process-energy: macOS's figure for this process is part of the processor's") {
    fake_mac mac;
    mac.control.process_nj = 123'456'789;
    opened_backend b = open_process_energy(mac.folder.search());
    REQUIRE(b);
    CHECK(nesting(**b) == strings{"process/cpu<cpu0/package"});
    CHECK((*b)->channels()[0].joules_per_count == 1e-9);
    CHECK(read_all(**b).values == numbers{123'456'789});
    CHECK(contract_violations(**b, {4, true, {"cpu0/package"}}) == strings{});
    mac.control.usage_status = -1;
    CHECK(read_all(**b).status == read_status::retry);
    CHECK(contains(open_process_energy(mac.folder.search()).error().reason, "counts no energy"));
    mac.control.usage_status = 0;
    mac.control.process_nj = 0;  // Intel
    CHECK_FALSE(open_process_energy(mac.folder.search()));
    const library_folder none;
    CHECK(contains(open_process_energy(none.search()).error().reason, "libSystem"));
}

#if !defined(__APPLE__)
TEST_CASE("apple: on other systems none of them opens") {
    const system_root root;
    CHECK(contains(open_apple_ioreport(root).error().reason, "macOS only"));
    CHECK(contains(open_apple_smc(root).error().reason, "macOS only"));
    CHECK(contains(open_process_energy(root).error().reason, "macOS only"));
}
#endif

TEST_CASE("apple: chip and machine have names, and a limit from the power supply") {
    fake_mac mac;
    mac.items({{"CPU Energy", "mJ", 5}, {"GPU Energy", "nJ", 6}, {"DRAM", "mJ", 1}});
    opened_backend chip = open_apple_ioreport(mac.folder.search());
    opened_backend machine = open_apple_smc(mac.folder.search());
    opened_backend process = open_process_energy(mac.folder.search());
    REQUIRE((chip && machine && process));
    CHECK(full_contract_violations(**chip) == strings{});
    CHECK(full_contract_violations(**machine) == strings{});
    CHECK(full_contract_violations(**process, true, {"cpu0/package"}) == strings{});
    CHECK((*chip)->channels()[1].model == "Apple M2 Max");
    CHECK((*machine)->channels()[0].model == "Apple Mac14,6 (Apple M2 Max)");
    mac.control.model = nullptr;
    machine = open_apple_smc(mac.folder.search());
    CHECK((*machine)->channels()[0].model == "Apple M2 Max");
    mac.control.chip = nullptr;
    machine = open_apple_smc(mac.folder.search());
    CHECK((*machine)->channels()[0].model == "");
}
