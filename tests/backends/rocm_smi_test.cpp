#include "joulery/detail/backends/gpu/rocm_smi.hpp"

#include "backends/fake_library.hpp"
#include "backends/support.hpp"
#include "fakes/fake_amd.hpp"
#include "joulery/testing/manual_clock.hpp"

#if __has_include(<rocm_smi/rocm_smi.h>)
#include <rocm_smi/rocm_smi.h>

#include <type_traits>
// The calls have the signatures of the vendor's header (its status is an enum of int).
static_assert(std::is_same_v<decltype(&rsmi_init), rsmi_status_t (*)(std::uint64_t)>);
static_assert(
    std::is_same_v<decltype(&rsmi_num_monitor_devices), rsmi_status_t (*)(std::uint32_t*)>);
static_assert(std::is_same_v<decltype(&rsmi_dev_pci_id_get),
                             rsmi_status_t (*)(std::uint32_t, std::uint64_t*)>);
static_assert(
    std::is_same_v<decltype(&rsmi_dev_id_get), rsmi_status_t (*)(std::uint32_t, std::uint16_t*)>);
static_assert(
    std::is_same_v<decltype(&rsmi_dev_energy_count_get),
                   rsmi_status_t (*)(std::uint32_t, std::uint64_t*, float*, std::uint64_t*)>);
static_assert(std::is_same_v<decltype(&rsmi_dev_power_ave_get),
                             rsmi_status_t (*)(std::uint32_t, std::uint32_t, std::uint64_t*)>);
static_assert(sizeof(rsmi_status_t) == sizeof(int));
#endif

using namespace joulery;
using namespace std::chrono_literals;
using testing::manual_clock;
using numbers = std::vector<std::uint64_t>;

namespace {

struct amd_machine {
    amd_machine()
        : control(control_of<fake_amd>("librocm_smi64", "fake_amd_control")),
          folder("librocm_smi64", "librocm_smi64.so.1"),
          clock(std::make_shared<manual_clock>()) {
        system.file("/sys/class/drm/card1/device/vendor", "0x1002\n");
        control = fake_amd{};
    }
    opened_backend open() { return open_rocm_smi(system.root(), folder.search(), clock); }

    fake_amd& control;
    fake_system system;
    library_folder folder;
    std::shared_ptr<manual_clock> clock;
};

}  // namespace

TEST_CASE("rocm-smi: an Instinct's energy counter is read in its real unit") {
    amd_machine m;
    m.control.gpus[0].domain = 0x10001;
    m.control.gpus[0].device = 2, m.control.gpus[0].function = 1;
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK((*b)->name() == "rocm-smi");
    CHECK(ids(**b) == strings{"gpu/10001:c1:02.1/board"});
    const channel& c = (*b)->channels()[0];
    CHECK(c.device == "pci:10001:c1:02.1");
    CHECK(c.kind == reading_kind::energy_counter);
    CHECK(c.joules_per_count == 0x1p-16);  // not the 15.3 uJ that the library states
    CHECK(read_all(**b).values == numbers{65'536'000});
    CHECK(m.control.init_flags == 0x400000000000000);
    CHECK(contract_violations(**b) == strings{});
}

TEST_CASE("rocm-smi: chips with an unreliable counter report power") {
    amd_machine m;
    m.control.count = 2;
    m.control.gpus[0].chip = 0x738c;  // MI100: 32 bits, sticks
    m.control.gpus[1].chip = 0x740c;  // MI250: trusted, but this driver has no counter
    m.control.gpus[1].bus = 0xc6;
    m.control.gpus[1].energy_status = 2;
    opened_backend b = m.open();
    REQUIRE(b);
    for (const channel& c : (*b)->channels()) {
        CHECK(c.kind == reading_kind::power_gauge);
        CHECK(c.joules_per_count == 1e-6);
    }
    CHECK(read_all(**b).values == numbers{300'000'000, 300'000'000});
    CHECK(contract_violations(**b) == strings{});
}

TEST_CASE("rocm-smi: power comes from the newer call if it answers, else from the older one") {
    amd_machine m;
    m.control.gpus[0].chip = 0x738c;
    m.control.gpus[0].newer_power_status = 0;
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK(read_all(**b).values == numbers{290'000'000});
    m.control.gpus[0].newer_power_status = 2;
    CHECK(read_all(**b).values == numbers{300'000'000});
}

TEST_CASE("rocm-smi: the second die of an MI250, without data, is left out") {
    amd_machine m;
    m.control.count = 2;
    m.control.gpus[1].bus = 0xc6;
    m.control.gpus[1].energy = 0;
    m.control.gpus[1].power_uw = 0;
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK(ids(**b) == strings{"gpu/0000:c1:00.0/board"});
    CHECK(contains((*b)->note(), "0000:c6:00.0 shows neither energy nor power"));
}

TEST_CASE("rocm-smi: an MI300A is its socket, which contains the processor") {
    amd_machine m;
    m.control.count = 2;
    m.control.gpus[0].chip = m.control.gpus[1].chip = 0x74a0;
    m.control.gpus[0].bus = 0x01, m.control.gpus[1].bus = 0x02;
    m.system.file("/sys/bus/pci/devices/0000:02:00.0/local_cpulist", "96-191\n");
    m.system.number("/sys/devices/system/cpu/cpu96/topology/physical_package_id", 3);
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK(ids(**b) == strings{"module0", "module3"});
    CHECK((*b)->channels()[1].part == component::soc);
    CHECK((*b)->channels()[1].device == "cpu-package:3");
}

TEST_CASE("rocm-smi: a partitioned GPU is one GPU") {
    amd_machine m;
    m.control.count = 8;
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK(ids(**b) == strings{"gpu/0000:c1:00.0/board"});
    CHECK(contract_violations(**b) == strings{});
}

TEST_CASE("rocm-smi: values from a cache that never updates are rejected") {
    amd_machine m;
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK(read_all(**b).status == read_status::ok);
    m.control.timestamp_step_ns = 0;
    CHECK(read_all(**b).status == read_status::ok);  // twice within a refresh
    m.clock->advance(49ms);
    CHECK(read_all(**b).status == read_status::ok);
    m.clock->advance(1ms);
    CHECK(read_all(**b).status == read_status::retry);
    CHECK(read_all(**b).values == numbers{no_value});
    m.control.timestamp_step_ns = 1;
    CHECK(read_all(**b).status == read_status::ok);
}

TEST_CASE("rocm-smi: after a failed start no other function is called") {
    amd_machine m;
    m.control.init_status = 8;
    opened_backend b = m.open();
    REQUIRE_FALSE(b);
    CHECK(b.error().reason == "ROCm SMI does not start: error 8");
    CHECK(m.control.calls_before_start == 0);
    m.control.init_status = 0;
    m.control.count = 0;
    CHECK(m.open().error().reason == "ROCm SMI sees no GPU");
    CHECK(m.control.calls_before_start == 0);
}

TEST_CASE("rocm-smi: without a GPU or a library nothing is started") {
    amd_machine m;
    const fake_system bare;
    m.control.init_flags = 77;
    CHECK(contains(open_rocm_smi(bare.root(), m.folder.search()).error().reason, "no AMD GPU"));
    CHECK(m.control.init_flags == 77);
    CHECK(contains(open_rocm_smi(m.system.root(), {{}, false}).error().remedy, "librocm-smi64-1"));
    const library_folder other("libnothing", "librocm_smi64.so.1");
    CHECK(contains(open_rocm_smi(m.system.root(), other.search()).error().reason, "not ROCm SMI"));
}

TEST_CASE("rocm-smi: some of 64 GPUs fail") {
    amd_machine m;
    m.control.count = 64;
    for (unsigned i = 0; i < 64; ++i) m.control.gpus[i].bus = i;
    opened_backend b = m.open();
    REQUIRE(b);
    REQUIRE((*b)->channels().size() == 64);
    m.control.gpus[9].energy_status = 4;
    const read_result r = read_all(**b);
    CHECK(r.status == read_status::ok);
    CHECK(r.values[9] == no_value);
    CHECK(r.values[63] == 65'536'000);
    for (fake_amd_gpu& gpu : m.control.gpus) gpu.energy_status = 16;
    CHECK(read_all(**b).status == read_status::retry);
}

TEST_CASE("rocm-smi: the real library says so on a machine without a GPU and does not crash") {
    if (!dynamic_library({"librocm_smi64.so.1"}, library_search{}).is_open()) {
        MESSAGE("skipped: librocm_smi64.so.1 is not installed");
        return;
    }
    if (detail::may_have_amd_gpu(system_root{})) {
        MESSAGE("skipped: this machine has an AMD GPU");
        return;
    }
    const amd_machine m;
    opened_backend b = open_rocm_smi(m.system.root(), library_search{});
    REQUIRE_FALSE(b);
    MESSAGE(b.error().reason);
    const bool says_so = b.error().reason == "ROCm SMI does not start: error 8" ||
                         b.error().reason == "ROCm SMI sees no GPU";
    CHECK(says_so);
}

TEST_CASE("rocm-smi: names the card and states its power limit") {
    amd_machine m;
    const std::string device = "/sys/bus/pci/devices/0000:c1:00.0";
    m.system.file(device + "/vendor", "0x1002\n").file(device + "/device", "0x74a1\n");
    m.system.file(device + "/product_name", "AMD Instinct MI300X\n");
    m.system.number(device + "/hwmon/hwmon3/power1_cap_max", 750'000'000);
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK(full_contract_violations(**b) == strings{});
    CHECK((*b)->channels()[0].model == "AMD Instinct MI300X");
    CHECK((*b)->channels()[0].max_watts == 750);
}

TEST_CASE("rocm-smi: each card is a backend with its own dates") {
    amd_machine m;
    m.control.count = 3;
    for (unsigned i = 0; i < 3; ++i) {
        m.control.gpus[i].bus = 0x10 + i;
        m.control.gpus[i].energy = 1'000 + i;
    }
    std::vector<std::unique_ptr<backend>> parts = split_by_device(*m.open());
    REQUIRE(parts.size() == 3);
    CHECK(ids(*parts[2]) == strings{"gpu/0000:12:00.0/board"});
    CHECK(read_all(*parts[2]).values == numbers{1'002});
    CHECK(contract_violations(*parts[1]) == strings{});
}

TEST_CASE("rocm-smi: a sleeping card is not woken, at the start or later") {
    amd_machine m;
    const std::string device = "/sys/class/drm/card1/device";
    m.system.file(device + "/power/runtime_status", "suspended\n");
    CHECK(contains(m.open().error().reason, "card1 sleeps, and ROCm SMI would wake it"));
    CHECK(m.control.calls_before_start == 0);
    CHECK_FALSE(m.control.started);
    m.system.remove(device + "/power");
    const std::string power = "/sys/bus/pci/devices/0000:c1:00.0/power";
    m.system.file(power + "/control", "auto\n").file(power + "/runtime_status", "active\n");
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK(read_all(**b).values == numbers{65'536'000});
    m.control.gpus[0].energy = 99'000'000;  // what an awake card would show
    m.system.file(power + "/runtime_status", "suspended\n");
    CHECK(read_all(**b).values == numbers{65'536'000});
}
