#include "joulery/detail/backends/gpu/amd_smi.hpp"

#include "approx.hpp"
#include "backends/fake_library.hpp"
#include "backends/support.hpp"
#include "fakes/fake_amd.hpp"
#include "joulery/testing/manual_clock.hpp"

using namespace joulery;
using namespace std::chrono_literals;
using testing::manual_clock;
using numbers = std::vector<std::uint64_t>;

namespace {

struct amd_machine {
    amd_machine()
        : control(control_of<fake_amd>("libamd_smi", "fake_amd_control")),
          folder("libamd_smi", "libamd_smi.so.26"),
          clock(std::make_shared<manual_clock>()) {
        system.file("/dev/kfd", "");
        control = fake_amd{};
    }
    opened_backend open() { return open_amd_smi(system.root(), folder.search(), clock); }

    fake_amd& control;
    fake_system system;
    library_folder folder;
    std::shared_ptr<manual_clock> clock;
};

}  // namespace

TEST_CASE("amd-smi: the energy counter of each GPU, in the unit it really has") {
    amd_machine m;
    m.control.count = 2;
    m.control.gpus[0].domain = 0x10001;
    m.control.gpus[1].bus = 0x5, m.control.gpus[1].device = 3;
    m.control.gpus[1].resolution_uj = 30.5f;  // a unit of its own is believed
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK((*b)->name() == "amd-smi");
    CHECK(ids(**b) == strings{"gpu/10001:c1:00.0/board", "gpu/0000:05:03.0/board"});
    CHECK((*b)->channels()[0].joules_per_count == 0x1p-16);
    CHECK((*b)->channels()[1].joules_per_count == approx(30.5e-6));
    CHECK(read_all(**b).values == numbers{65'536'000, 65'536'000});
    CHECK(m.control.init_flags == 2);
    CHECK(contract_violations(**b) == strings{});
}

TEST_CASE("amd-smi: an MI300A is its socket, which holds the processor") {
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

TEST_CASE("amd-smi: 64 GPUs, of which one leaves") {
    amd_machine m;
    m.control.count = 64;
    for (unsigned i = 0; i < 64; ++i) m.control.gpus[i].bus = i, m.control.gpus[i].energy = 100 + i;
    opened_backend b = m.open();
    REQUIRE(b);
    REQUIRE((*b)->channels().size() == 64);
    CHECK((*b)->channels()[63].id == "gpu/0000:3f:00.0/board");
    m.control.gpus[40].energy_status = 31;
    const read_result r = read_all(**b);
    CHECK(r.status == read_status::ok);
    CHECK(r.values[40] == no_value);
    CHECK(r.values[63] == 163);
}

TEST_CASE("amd-smi: a GPU in partitions is one GPU") {
    amd_machine m;
    m.control.count = 8;
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK(ids(**b) == strings{"gpu/0000:c1:00.0/board"});
}

TEST_CASE("amd-smi: chips without a counter to trust are left to amdgpu") {
    amd_machine m;
    m.control.count = 3;
    m.control.gpus[0].chip = 0x744c;  // Navi 31
    m.control.gpus[1].energy = 0;
    m.control.gpus[2].energy_status = 45;
    opened_backend b = m.open();
    REQUIRE_FALSE(b);
    CHECK(contains(b.error().reason, "0000:c1:00.0 has no energy counter to trust"));
    CHECK(contains(b.error().reason, "second die"));
    CHECK(contains(b.error().reason, "error 45"));
    m.control.count = 0;
    CHECK(m.open().error().reason == "AMD SMI sees no GPU");
}

TEST_CASE("amd-smi: a driver that leaves, a value from a cache, a passing error") {
    amd_machine m;
    m.control.count = 2;
    m.control.gpus[1].bus = 1;
    opened_backend b = m.open();
    REQUIRE(b);
    m.control.gpus[1].energy_status = 31;
    read_result r = read_all(**b);
    CHECK(r.status == read_status::ok);
    CHECK(r.values == numbers{65'536'000, no_value});
    m.control.gpus[0].energy_status = 34;
    CHECK(read_all(**b).status == read_status::gone);
    m.control.gpus[0].energy_status = 30;
    CHECK(read_all(**b).status == read_status::retry);
    m.control.gpus[0].energy_status = 0;
    m.control.timestamp_step_ns = 0;
    CHECK(read_all(**b).status == read_status::ok);
    m.clock->advance(60ms);
    CHECK(read_all(**b).status == read_status::retry);
    CHECK(contract_violations(**b, {4, false, {}}) == strings{});
}

TEST_CASE("amd-smi: what keeps it from opening is told") {
    amd_machine m;
    const fake_system bare;
    CHECK(contains(open_amd_smi(bare.root(), m.folder.search()).error().reason, "no AMD GPU"));
    CHECK(contains(open_amd_smi(m.system.root(), {{}, false}).error().remedy, "amd-smi-lib"));
    const library_folder other("libnothing", "libamd_smi.so.24");
    CHECK(contains(open_amd_smi(m.system.root(), other.search()).error().reason,
                   "has no energy counters"));
    m.control.init_status = 34;
    CHECK(m.open().error().reason == "AMD SMI does not start: error 34");
    CHECK(m.open().error().remedy == "sudo modprobe amdgpu");
}
