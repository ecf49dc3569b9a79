#include "joulery/detail/backends/gpu/level_zero.hpp"

#include "backends/fake_library.hpp"
#include "backends/support.hpp"
#include "fakes/fake_level_zero.hpp"

#if __has_include(<level_zero/zes_api.h>)
#include <level_zero/ze_api.h>
#include <level_zero/zes_api.h>
static_assert(sizeof(zes_power_properties_t) == sizeof(joulery::detail::zes_power));
static_assert(offsetof(zes_power_properties_t, onSubdevice) ==
              offsetof(joulery::detail::zes_power, on_subdevice));
static_assert(offsetof(zes_power_properties_t, subdeviceId) ==
              offsetof(joulery::detail::zes_power, subdevice));
static_assert(offsetof(zes_power_properties_t, maxLimit) ==
              offsetof(joulery::detail::zes_power, max_limit_mw));
static_assert(sizeof(zes_power_ext_properties_t) == sizeof(joulery::detail::zes_power_extension));
static_assert(offsetof(zes_power_ext_properties_t, domain) ==
              offsetof(joulery::detail::zes_power_extension, domain));
static_assert(sizeof(zes_pci_properties_t) == sizeof(joulery::detail::zes_pci));
static_assert(offsetof(zes_pci_properties_t, address) ==
              offsetof(joulery::detail::zes_pci, domain));
static_assert(sizeof(zes_power_energy_counter_t) == sizeof(joulery::detail::zes_energy));
static_assert(ZES_STRUCTURE_TYPE_POWER_PROPERTIES == 0xd && ZES_STRUCTURE_TYPE_PCI_PROPERTIES == 2);
static_assert(ZES_STRUCTURE_TYPE_POWER_EXT_PROPERTIES == 0x28);
static_assert(ZES_POWER_DOMAIN_CARD == 1 && ZES_POWER_DOMAIN_PACKAGE == 2);
static_assert(ZES_POWER_DOMAIN_STACK == 3);
static_assert(static_cast<int>(ZE_RESULT_ERROR_DEVICE_LOST) == joulery::detail::zes_device_lost);
static_assert(static_cast<int>(ZE_RESULT_ERROR_INSUFFICIENT_PERMISSIONS) ==
              joulery::detail::zes_no_permission);
static_assert(static_cast<int>(ZE_RESULT_ERROR_UNINITIALIZED) ==
              joulery::detail::zes_uninitialized);
#endif

using namespace joulery;
using numbers = std::vector<std::uint64_t>;

namespace {

struct intel_machine {
    explicit intel_machine(const std::string& library = "libze_loader")
        : control(control_of<fake_level_zero>(library, "fake_level_zero_control")),
          folder(library, "libze_loader.so.1") {
        system.file("/sys/class/drm/card0/device/vendor", "0x8086\n");
        control = fake_level_zero{};
    }
    opened_backend open() { return open_level_zero(system.root(), folder.search()); }

    fake_level_zero& control;
    fake_system system;
    library_folder folder;
};

}  // namespace

TEST_CASE("level-zero: a card contains its package, which contains its memory and stack") {
    intel_machine m;
    fake_intel_gpu& gpu = m.control.gpus[0];
    gpu.domain_count = 4;
    gpu.domains[0].domain = 4, gpu.domains[0].energy_uj = 4;
    gpu.domains[1].domain = 2, gpu.domains[1].energy_uj = 2;
    gpu.domains[2].domain = 1, gpu.domains[2].limit_mw = 300'000;
    gpu.domains[3].domain = 3, gpu.domains[3].energy_uj = 3;
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK((*b)->name() == "level-zero");
    CHECK(ids(**b) == strings{"gpu/0000:03:00.0/memory", "gpu/0000:03:00.0/package",
                              "gpu/0000:03:00.0/board", "gpu/0000:03:00.0/stack"});
    CHECK(nesting(**b) == strings{"gpu/0000:03:00.0/memory<gpu/0000:03:00.0/package",
                                  "gpu/0000:03:00.0/package<gpu/0000:03:00.0/board",
                                  "gpu/0000:03:00.0/stack<gpu/0000:03:00.0/package"});
    CHECK(read_all(**b).values == numbers{4, 2, 1'000'000, 3});
    const channel& card = (*b)->channels()[2];
    CHECK(card.device == "pci:0000:03:00.0");
    CHECK(card.max_watts == 300);
    CHECK(card.joules_per_count == 1e-6);
    CHECK((*b)->channels()[0].part == component::dram);
    CHECK(contract_violations(**b) == strings{});
}

TEST_CASE("level-zero: tiles lie inside the device, and their parts inside the tile") {
    intel_machine m;
    fake_intel_gpu& gpu = m.control.gpus[0];
    gpu.domain_count = 4;
    gpu.domains[0].domain = 1;
    gpu.domains[1].domain = 2, gpu.domains[1].tile = 0;
    gpu.domains[2].domain = 2, gpu.domains[2].tile = 1;
    gpu.domains[3].domain = 4, gpu.domains[3].tile = 1;
    opened_backend b = m.open();
    REQUIRE(b);
    const std::string at = "gpu/0000:03:00.0/";
    CHECK(nesting(**b) == strings{at + "tile0/package<" + at + "board",
                                  at + "tile1/package<" + at + "board",
                                  at + "tile1/memory<" + at + "tile1/package"});
    gpu.domains[0].energy_status = 0x70010001;  // without the card, tiles are roots
    b = m.open();
    REQUIRE(b);
    CHECK(nesting(**b) == strings{at + "tile1/memory<" + at + "tile1/package"});
}

TEST_CASE("level-zero: an older driver without domain names counts the card") {
    intel_machine m;
    m.control.gpus[0].domains[0].domain = 0;
    m.control.gpus[0].domain_count = 2;  // a second domain of the same name is the same
    m.control.gpus[0].domains[1].domain = 0;
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK(ids(**b) == strings{"gpu/0000:03:00.0/board"});
}

TEST_CASE("level-zero: 64 GPUs are lost one by one") {
    intel_machine m;
    m.control.count = 64;
    for (unsigned i = 0; i < 64; ++i) m.control.gpus[i].bus = i;
    opened_backend b = m.open();
    REQUIRE(b);
    REQUIRE((*b)->channels().size() == 64);
    m.control.gpus[7].domains[0].energy_status = 0x70000001;
    const read_result r = read_all(**b);
    CHECK(r.status == read_status::ok);
    CHECK(r.values[7] == no_value);
    CHECK(r.values[8] == 1'000'000);
    for (fake_intel_gpu& gpu : m.control.gpus) gpu.domains[0].energy_status = 0x70000001;
    CHECK(read_all(**b).status == read_status::gone);
    for (fake_intel_gpu& gpu : m.control.gpus) gpu.domains[0].energy_status = 1;  // not ready
    CHECK(read_all(**b).status == read_status::retry);
    CHECK(contract_violations(**b, {4, false, {}}) == strings{});
}

TEST_CASE("level-zero: a failed open states the reason") {
    intel_machine m;
    const fake_system bare;
    CHECK(open_level_zero(bare.root(), m.folder.search()).error().reason ==
          "no Intel GPU in /sys/class/drm");
    CHECK(m.control.inits == 0);
    CHECK(contains(open_level_zero(m.system.root(), {{}, false}).error().remedy, "libze1"));
    const library_folder empty("libnothing", "libze_loader.so.1");
    CHECK(contains(open_level_zero(m.system.root(), empty.search()).error().reason, "Sysman"));
    m.control.init_status = 0x78000001;
    CHECK(contains(m.open().error().reason, "error 0x78000001 (no driver or no device)"));
    m.control.init_status = 0;
    m.control.gpus[0].domains[0].energy_status = 0x70010000;
    CHECK(contains(m.open().error().reason, "energy is for root only"));
    m.control.gpus[0].domains[0].energy_status = 0;
    m.control.gpus[0].domains[0].properties_status = 0x78000003;
    CHECK(contains(m.open().error().reason, "GPU 0000:03:00.0 shows no energy"));
    m.control.count = 0;
    CHECK(m.open().error().reason == "Level Zero sees no GPU");
    m.control.drivers = 0;
    CHECK(m.open().error().reason == "Level Zero sees no GPU");
}

TEST_CASE("level-zero: a loader without zesInit is used if the user enabled its Sysman") {
    intel_machine m("libze_loader-old");
    ::unsetenv("ZES_ENABLE_SYSMAN");
    opened_backend b = m.open();
    REQUIRE_FALSE(b);
    CHECK(contains(b.error().reason, "older than 1.9"));
    CHECK(contains(b.error().remedy, "export ZES_ENABLE_SYSMAN=1"));
    CHECK(m.control.inits == 0);
    ::setenv("ZES_ENABLE_SYSMAN", "1", 1);
    b = m.open();
    ::unsetenv("ZES_ENABLE_SYSMAN");
    REQUIRE(b);
    CHECK(read_all(**b).values == numbers{1'000'000});
}

TEST_CASE("level-zero: the real loader says so on a machine without a GPU") {
    fake_system seems_intel;
    seems_intel.file("/sys/class/drm/card0/device/vendor", "0x8086\n");
    if (!dynamic_library({"libze_loader.so.1"}, library_search{}).is_open()) {
        MESSAGE("skipped: libze_loader.so.1 is not installed");
        return;
    }
    if (detail::has_card_of(system_root{}, "0x8086")) {
        MESSAGE("skipped: this machine has an Intel GPU");
        return;
    }
    ::setenv("ZES_ENABLE_SYSMAN", "1", 1);
    opened_backend b = open_level_zero(seems_intel.root(), library_search{});
    ::unsetenv("ZES_ENABLE_SYSMAN");
    REQUIRE_FALSE(b);
    MESSAGE(b.error().reason);
    const bool says_so = contains(b.error().reason, "Level Zero does not start: error 0x78") ||
                         contains(b.error().reason, "Level Zero sees no GPU");
    CHECK(says_so);
}

TEST_CASE("level-zero: names the card and states its power limit, also for its parts") {
    intel_machine m;
    m.control.gpus[0].domain_count = 2;
    m.control.gpus[0].domains[0].domain = 1, m.control.gpus[0].domains[0].limit_mw = 190'000;
    m.control.gpus[0].domains[1].domain = 2;
    m.system.file("/sys/bus/pci/devices/0000:03:00.0/vendor", "0x8086\n");
    m.system.file("/sys/bus/pci/devices/0000:03:00.0/device", "0xe20b\n");
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK(full_contract_violations(**b) == strings{});
    CHECK((*b)->channels()[1].model == "Intel 8086:e20b");
    CHECK((*b)->channels()[1].max_watts == 190);
}

TEST_CASE("level-zero: each card is a backend with all its parts") {
    intel_machine m;
    m.control.count = 2;
    for (unsigned i = 0; i < 2; ++i) {
        m.control.gpus[i].bus = 3 + i;
        m.control.gpus[i].domain_count = 2;
        m.control.gpus[i].domains[0].domain = 1;
        m.control.gpus[i].domains[0].energy_uj = 10 + i;
        m.control.gpus[i].domains[1].domain = 2;
        m.control.gpus[i].domains[1].energy_uj = 5 + i;
    }
    std::vector<std::unique_ptr<backend>> parts = split_by_device(*m.open());
    REQUIRE(parts.size() == 2);
    CHECK(nesting(*parts[1]) == strings{"gpu/0000:04:00.0/package<gpu/0000:04:00.0/board"});
    CHECK(read_all(*parts[0]).values == numbers{10, 5});
    CHECK(read_all(*parts[1]).values == numbers{11, 6});
    CHECK(contract_violations(*parts[1]) == strings{});
    m.control.gpus[1].pci_status = 1;  // the channels of a card are unknown
    CHECK(split_by_device(*m.open()).size() == 1);
}

TEST_CASE("level-zero: a sleeping card is not woken, at the start or later") {
    intel_machine m;
    const std::string device = "/sys/class/drm/card0/device";
    m.system.file(device + "/power/runtime_status", "suspended\n");
    CHECK(contains(m.open().error().reason, "card0 sleeps, and Level Zero would wake it"));
    CHECK(m.control.inits == 0);
    m.system.file(device + "/power/runtime_status", "active\n");
    const std::string power = "/sys/bus/pci/devices/0000:03:00.0/power";
    m.system.file(power + "/control", "auto\n").file(power + "/runtime_status", "active\n");
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK(read_all(**b).values == numbers{1'000'000});
    static int reads;
    reads = 0;
    m.control.on_read = [] { ++reads; };
    m.system.file(power + "/runtime_status", "suspended\n");
    for (int i = 0; i < 5; ++i) CHECK(read_all(**b).values == numbers{1'000'000});
    CHECK(reads == 0);
    m.control.on_read = nullptr;
}
