#include "joulery/detail/backends/gpu/nvml.hpp"

#include "approx.hpp"
#include "backends/fake_library.hpp"
#include "backends/support.hpp"
#include "fakes/fake_nvml.hpp"
#include "joulery/detail/metering/channel_account.hpp"
#include "joulery/meter.hpp"
#include "joulery/scope.hpp"
#include "joulery/testing/manual_clock.hpp"

#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <thread>

using namespace joulery;
using namespace std::chrono_literals;
using testing::manual_clock;
using numbers = std::vector<std::uint64_t>;

namespace {

/// A machine with the driver and the fake library; all GPUs have their defaults.
struct gpu_machine {
    explicit gpu_machine(unsigned gpus, const std::string& library = "libnvidia-ml")
        : control(control_of<fake_nvml>(library, "fake_nvml_control")),
          folder(library, "libnvidia-ml.so.1"),
          clock(std::make_shared<manual_clock>()) {
        system.file("/proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64\n");
        const fake_nvml fresh;
        const unsigned next = control.generation + 1;  // other tests' handles are stale
        control = fresh;
        control.generation = next;
        control.count = gpus;
        for (unsigned i = 0; i < 64; ++i) {
            const std::string uuid = "GPU-" + std::to_string(i);
            uuid.copy(control.gpus[i].uuid, uuid.size());
            control.gpus[i].bus = 0x65 + i;
        }
    }
    ~gpu_machine() { control.on_energy = nullptr; }

    opened_backend open() { return open_nvml(system.root(), {folder.search(), clock}); }
    /// Reads every 100 ms for a while; the GPUs' counters advance by `watts`.
    void run(backend& b, double seconds, double watts) {
        for (int i = 0; i < seconds * 10; ++i) {
            clock->advance(100ms);
            for (unsigned k = 0; k < control.count; ++k)
                control.gpus[k].energy_mj += static_cast<unsigned long long>(watts * 100);
            REQUIRE(read_all(b).status == read_status::ok);
        }
    }

    fake_nvml& control;
    fake_system system;
    library_folder folder;
    std::shared_ptr<manual_clock> clock;
};

}  // namespace

TEST_CASE("nvml: reads each GPU's energy counter, with UUID and PCI address") {
    gpu_machine m(2);
    m.control.gpus[0].domain = 0x10000;
    m.control.gpus[1].slot = 3;
    m.control.gpus[1].energy_mj = 77;
    for (auto& gpu : m.control.gpus) std::strcpy(gpu.name, "NVIDIA H100 80GB HBM3");
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK((*b)->name() == "nvml");
    CHECK(ids(**b) == strings{"gpu/GPU-0/board", "gpu/GPU-1/board"});
    const channel& c = (*b)->channels()[1];
    CHECK(c.part == component::gpu);
    CHECK(c.kind == reading_kind::energy_counter);
    CHECK(c.joules_per_count == 1e-3);
    CHECK(c.device == "pci:0000:66:03.0");
    CHECK((*b)->channels()[0].device == "pci:10000:65:00.0");
    CHECK(c.max_watts == 700);
    CHECK(c.model == "NVIDIA H100 80GB HBM3");
    CHECK(c.parent == "");
    CHECK(read_all(**b).values == numbers{1'000'000, 77});
    CHECK((*b)->note() == "");
    CHECK(full_contract_violations(**b) == strings{});
    CHECK(m.control.inits == 1);
}

TEST_CASE("nvml: without the driver's files the library is not loaded") {
    gpu_machine m(1);
    const fake_system bare;
    opened_backend b = open_nvml(bare.root(), {m.folder.search(), m.clock});
    REQUIRE_FALSE(b);
    CHECK(b.error().reason == "no NVIDIA driver: /proc/driver/nvidia/version not found");
    CHECK(m.control.inits == 0);
    fake_system idle;
    idle.file("/sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n");
    idle.file("/sys/bus/pci/devices/0000:01:00.0/class", "0x030200\n");
    b = open_nvml(idle.root(), {m.folder.search(), m.clock});
    CHECK(contains(b.error().reason, "GPU 0000:01:00.0 is there, but NVIDIA's driver is not"));
    CHECK(b.error().remedy == "sudo modprobe nvidia, after installing the driver");
}

TEST_CASE("nvml: a container's driver without its library gives the missing capability") {
    gpu_machine m(1);
    opened_backend b = open_nvml(m.system.root(), {{{}, false}, m.clock});
    REQUIRE_FALSE(b);
    CHECK(contains(b.error().reason, "libnvidia-ml.so.1"));
    CHECK(contains(b.error().remedy, "NVIDIA_DRIVER_CAPABILITIES=compute,utility"));
    const library_folder empty("libnothing", "libnvidia-ml.so.1");
    b = open_nvml(m.system.root(), {empty.search(), m.clock});
    CHECK(contains(b.error().reason, "lacks calls"));
}

TEST_CASE("nvml: a failed start says why and what would help") {
    gpu_machine m(1);
    m.control.init_status = 18;
    CHECK(contains(m.open().error().reason, "version mismatch (NVML error 18)"));
    CHECK(contains(m.open().error().remedy, "reboot"));
    m.control.init_status = 9;
    CHECK(m.open().error().remedy == "sudo modprobe nvidia");
    m.control.init_status = 4;
    CHECK(contains(m.open().error().remedy, "--gpus all"));
    m.control.init_status = 0;
    m.control.count = 0;
    CHECK(m.open().error().reason == "NVML sees no GPU");
    m.control.count_status = 999;
    CHECK(contains(m.open().error().reason, "does not count its GPUs"));
}

TEST_CASE("nvml: without a counter, uses instantaneous power, else the mean of a second") {
    gpu_machine m(3);
    for (fake_nvidia_gpu& gpu : m.control.gpus) gpu.energy_status = 3;
    m.control.gpus[0].instant_status = 0, m.control.gpus[0].instant_mw = 251'000;
    m.control.gpus[0].average_status = 0, m.control.gpus[0].average_mw = 1;
    m.control.gpus[1].average_status = 0, m.control.gpus[1].average_mw = 252'000;
    m.control.gpus[2].power_mw = 253'000;
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK(read_all(**b).values == numbers{251'000, 252'000, 253'000});
    const auto& c = (*b)->channels();
    CHECK(c[0].kind == reading_kind::power_gauge);
    CHECK(c[0].update_period == 100ms);
    CHECK(c[1].update_period == 1s);
    CHECK(c[2].update_period == 1s);
    CHECK(contract_violations(**b) == strings{});
    m.control.gpus[2].architecture = 5;  // Volta's power is instantaneous
    b = m.open();
    CHECK((*b)->channels()[2].update_period == 100ms);
}

TEST_CASE("nvml: a counter that reads 0 is missing") {
    gpu_machine m(1);
    m.control.gpus[0].energy_mj = 0;
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK((*b)->channels()[0].kind == reading_kind::power_gauge);
}

TEST_CASE("nvml: an old driver without counter, fields and UUID look-up still reports power") {
    gpu_machine m(1, "libnvidia-ml-old");
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK(read_all(**b).values == numbers{100'000});
    CHECK((*b)->channels()[0].device == "");
    m.control.gpus[0].lost_status = 15;
    CHECK(read_all(**b).status == read_status::gone);
    CHECK(contract_violations(**b, {8, false, {}}) == strings{});
}

TEST_CASE("nvml: a virtual GPU without data is noted, and the others are read") {
    gpu_machine m(3);
    m.control.gpus[0].energy_status = m.control.gpus[0].power_status = 3;
    m.control.gpus[2].handle_status = 17;
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK(ids(**b) == strings{"gpu/GPU-1/board"});
    CHECK((*b)->note() ==
          "GPU 0 (GPU-0): neither energy nor power: Not Supported (NVML error 3)"
          "; GPU 2: Unknown Error (NVML error 17)");
    m.control.gpus[1].energy_status = m.control.gpus[1].power_status = 4;
    b = m.open();
    REQUIRE_FALSE(b);
    CHECK(contains(b.error().reason, "GPU 1 (GPU-1): neither energy nor power: Insufficient"));
    CHECK(contains(b.error().remedy, "virtual"));
}

TEST_CASE("nvml: the energy of a MIG GPU is that of the whole GPU, with a note") {
    gpu_machine m(1);
    m.control.gpus[0].mig = 1;
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK((*b)->note() ==
          "GPU-0 is split (MIG): its energy is that of the whole GPU, all instances together");
}

TEST_CASE("nvml: the module of a Grace superchip contains its GPU") {
    gpu_machine m(2);
    for (int i = 0; i < 2; ++i) m.control.gpus[i].module_status = 0;
    m.control.gpus[0].module_mw = 600'000;
    m.control.gpus[1].module_mw = 610'000;
    m.control.gpus[0].domain = 0x9, m.control.gpus[1].domain = 0x19;
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK(ids(**b) == strings{"module0", "gpu/GPU-0/board", "module1", "gpu/GPU-1/board"});
    CHECK(nesting(**b) == strings{"gpu/GPU-0/board<module0", "gpu/GPU-1/board<module1"});
    CHECK((*b)->channels()[0].part == component::soc);
    CHECK(read_all(**b).values == numbers{600'000, 1'000'000, 610'000, 1'000'000});
    CHECK(contract_violations(**b) == strings{});

    m.control.gpus[1].domain = 0x8;  // one module, two GPUs
    b = m.open();
    CHECK(nesting(**b) == strings{"gpu/GPU-0/board<module0", "gpu/GPU-1/board<module0"});

    m.control.count = 1;  // firmware that reports only the module
    m.control.gpus[0].energy_status = m.control.gpus[0].power_status = 3;
    b = m.open();
    REQUIRE(b);
    CHECK(ids(**b) == strings{"module0"});
}

TEST_CASE("nvml: ids decide which GPUs share a module, never their power") {
    gpu_machine m(4);
    const unsigned watts[] = {467'680, 461'200, 447'320, 453'700};
    for (int i = 0; i < 4; ++i) m.control.gpus[i].module_status = 0;
    for (int i = 0; i < 4; ++i) m.control.gpus[i].module_mw = watts[i];
    const auto serials = [&](const strings& texts) {
        for (std::size_t i = 0; i < 4; ++i) std::strcpy(m.control.gpus[i].serial, texts[i].c_str());
    };
    strings expected{"gpu/GPU-0/board<module0", "gpu/GPU-1/board<module0",
                     "gpu/GPU-2/board<module1", "gpu/GPU-3/board<module1"};
    std::string said;
    SUBCASE("board serial numbers") { serials({"17", "17", "42", "42"}); }
    SUBCASE("board numbers") {
        for (unsigned i = 0; i < 4; ++i) m.control.gpus[i].board_id = 0x800 + i / 2;
        serials({"1", "2", "3", "4"});
    }
    SUBCASE("PCI segments") {
        for (unsigned i = 0; i < 4; ++i) m.control.gpus[i].domain = 0x8 + i % 2 + i / 2 * 0x10;
        serials({"1", "2", "3", "4"});
    }
    SUBCASE("the socket next to each") {
        for (unsigned i = 0; i < 4; ++i) {
            const std::string device =
                std::string("/sys/bus/pci/devices/0000:6") + char('5' + int(i)) + ":00.0";
            m.system.file(device + "/numa_node", i < 2 ? "0\n" : "1\n");
        }
    }
    SUBCASE("as many on each as the firmware's meters have modules") {
        for (const char* n : {"0", "1"}) {
            const std::string meter = std::string("/sys/class/hwmon/hwmon") + n;
            m.system.file(meter + "/name", "power_meter\n");
            m.system.file(meter + "/power1_oem_info",
                          std::string("Module Power Socket ") + n + "\n");
        }
    }
    SUBCASE("segments, if the serial number is a placeholder") {
        for (unsigned i = 0; i < 4; ++i) m.control.gpus[i].domain = 0x8 + i % 2 + i / 2 * 0x10;
        serials({"N/A", "0", "[N/A]", "00000"});
    }
    SUBCASE("the firmware's modules, if all GPUs are next to one processor") {
        for (unsigned i = 0; i < 4; ++i) {
            const std::string device =
                std::string("/sys/bus/pci/devices/0000:6") + char('5' + int(i)) + ":00.0";
            m.system.file(device + "/numa_node", "0\n");
        }
        serials({"0", "0", "0", "0"});
        for (const char* n : {"0", "1"}) {
            const std::string meter = std::string("/sys/class/hwmon/hwmon") + n;
            m.system.file(meter + "/name", "power_meter\n");
            m.system.file(meter + "/power1_oem_info",
                          std::string("Module Power Socket ") + n + "\n");
        }
    }
    SUBCASE("no id: their modules are left out") {
        expected = {};
        said = "the power of modules is left out: nothing says which GPUs share one";
    }
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK(nesting(**b) == expected);
    CHECK((*b)->note() == said);
}

TEST_CASE("nvml: one call reads a GPU's energy and its module's power") {
    gpu_machine m(1);
    m.control.gpus[0].module_status = m.control.gpus[0].energy_field_status = 0;
    m.control.gpus[0].module_mw = 600'000;
    opened_backend b = m.open();
    REQUIRE(b);
    m.run(**b, 12, 100);  // until the counter is verified against the power
    const int fields = m.control.field_calls, energies = m.control.energy_calls;
    CHECK(read_all(**b).values == numbers{600'000, m.control.gpus[0].energy_mj});
    CHECK(m.control.field_calls == fields + 1);
    CHECK(m.control.energy_calls == energies);
}

TEST_CASE("nvml: a Jetson's GPU, which reports nothing, is counted by its board without advice") {
    gpu_machine m(1);
    m.control.gpus[0].energy_status = m.control.gpus[0].power_status = 3;
    std::strcpy(m.control.gpus[0].name, "Orin (nvgpu)");
    m.system.file("/proc/device-tree/compatible",
                  std::string("nvidia,p3737-0000\0nvidia,tegra234\0", 34));
    const opened_backend b = m.open();
    REQUIRE_FALSE(b);
    CHECK(
        b.error().reason ==
        "GPU 0 (Orin (nvgpu)): neither energy nor power: Not Supported (NVML error 3); a Jetson's "
        "GPU is counted by the rails of its board (hwmon)");
    CHECK(b.error().remedy == "");
}

TEST_CASE("nvml: a board without a processor has no module") {
    gpu_machine m(1);
    m.control.gpus[0].module_status = 0;
    m.control.gpus[0].module_mw = m.control.gpus[0].power_mw;
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK(ids(**b) == strings{"gpu/GPU-0/board"});
    CHECK(nesting(**b) == strings{});
}

TEST_CASE("nvml: one of 64 GPUs is lost, and the others go on") {
    gpu_machine m(64);
    opened_backend b = m.open();
    REQUIRE(b);
    REQUIRE((*b)->channels().size() == 64);
    m.control.gpus[40].lost_status = 15;
    read_result r = read_all(**b);
    CHECK(r.status == read_status::ok);
    CHECK(r.values[40] == no_value);
    CHECK(r.values[41] == 1'000'000);
    for (int i = 0; i < 100; ++i) r = read_all(**b);
    m.control.gpus[40].lost_status = 0;
    for (int i = 0; i < 64; ++i) r = read_all(**b);
    CHECK(r.values[40] == 1'000'000);
    for (fake_nvidia_gpu& gpu : m.control.gpus) gpu.lost_status = 15;
    CHECK(read_all(**b).status == read_status::gone);
    CHECK(contract_violations(**b, {8, false, {}}) == strings{});
}

TEST_CASE("nvml: a reloaded driver is found again by UUID") {
    gpu_machine m(2);
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK(read_all(**b).status == read_status::ok);
    m.control.generation += 1;  // all handles are stale
    m.control.init_status = 9;  // and for a while there is no driver
    std::swap(m.control.gpus[0], m.control.gpus[1]);
    m.control.gpus[1].energy_mj = 5;  // GPU-0, now the second, starts again
    for (int i = 0; i < 9; ++i) CHECK(read_all(**b).status == read_status::gone);
    CHECK(m.control.inits == 1 + 4);  // after the 1st, 2nd, 4th and 8th failure
    m.control.init_status = 0;
    read_result r = read_all(**b);
    for (int i = 0; i < 8 && r.status != read_status::ok; ++i) r = read_all(**b);
    CHECK(r.status == read_status::ok);
    CHECK(r.values == numbers{5, 1'000'000});
    CHECK(m.control.shutdowns == m.control.inits - 1);
}

TEST_CASE("nvml: temporary errors are retried") {
    gpu_machine m(1);
    opened_backend b = m.open();
    REQUIRE(b);
    m.control.gpus[0].energy_status = 10;  // timeout
    CHECK(read_all(**b).status == read_status::retry);
    CHECK(read_all(**b).values[0] == no_value);
    m.control.gpus[0].energy_status = 0;
    CHECK(read_all(**b).status == read_status::ok);
}

TEST_CASE("nvml: a counter that agrees with power x time is kept, and the check ends") {
    gpu_machine m(2);
    opened_backend b = m.open();
    REQUIRE(b);
    m.run(**b, 11, 100);
    CHECK((*b)->note() == "");
    const int calls = m.control.power_calls;
    m.run(**b, 1, 100);
    CHECK(m.control.power_calls == calls);
}

TEST_CASE("nvml: a counter that stands still is replaced by power x time") {
    gpu_machine m(1);
    opened_backend b = m.open();
    REQUIRE(b);
    m.run(**b, 10.2, 0);
    CHECK(contains((*b)->note(),
                   "the energy counter of gpu/GPU-0/board counted 0 J in ten "
                   "seconds in which power x time was 1000 J: power x time"));
    const std::uint64_t before = read_all(**b).values[0];
    CHECK(before >= 1'000'000);
    m.run(**b, 5, 0);
    CHECK(read_all(**b).values[0] - before == approx(500'000).epsilon(1e-4));
}

TEST_CASE("nvml: a counter that counts half is kept and noted") {
    gpu_machine m(1);
    opened_backend b = m.open();
    REQUIRE(b);
    m.run(**b, 11, 57);
    CHECK(contains((*b)->note(), "counted 570 J"));
    CHECK(contains((*b)->note(), "take it with care"));
    CHECK(read_all(**b).values[0] == m.control.gpus[0].energy_mj);
}

TEST_CASE("nvml: a counter that goes backward is passed on, and the account resets") {
    gpu_machine m(1);
    opened_backend b = m.open();
    REQUIRE(b);
    channel_account account((*b)->channels()[0]);
    account.take(read_all(**b).values[0], 0);
    m.control.gpus[0].energy_mj = 400;
    account.take(read_all(**b).values[0], 1);
    m.control.gpus[0].energy_mj = 100'400;
    account.take(read_all(**b).values[0], 2);
    CHECK(account.joules() == approx(100));
    CHECK(account.tally().resets == 1);
}

TEST_CASE("nvml: a read that hangs delays neither scopes nor a snapshot") {
    gpu_machine m(1);
    struct {
        std::mutex mutex;
        std::condition_variable changed;
        bool hang = false, inside = false;
    } gate;
    m.control.context = &gate;
    m.control.on_energy = [](void* context) {
        auto& g = *static_cast<decltype(gate)*>(context);
        std::unique_lock<std::mutex> lock(g.mutex);
        g.inside = g.hang;
        g.changed.notify_all();
        g.changed.wait(lock, [&] { return !g.hang; });
    };
    opened_backend b = m.open();
    REQUIRE(b);
    options o;
    o.backends.push_back(*std::move(b));
    o.period = 1ms;
    meter meter_{std::move(o)};
    {
        std::unique_lock<std::mutex> lock(gate.mutex);
        gate.hang = true;
        gate.changed.wait(lock, [&] { return gate.inside; });
    }
    { scope s{meter_, "step"}; }
    const report r = meter_.snapshot();
    REQUIRE(r.find("step") != nullptr);
    CHECK(r.find("step")->calls == 1);
    const std::lock_guard<std::mutex> lock(gate.mutex);
    gate.hang = false;
    gate.changed.notify_all();
}

TEST_CASE("nvml: the standard way of opening uses a fake machine's own library") {
    gpu_machine m(1);
    m.system.folder("/usr/lib");
    std::filesystem::create_symlink(fake_library_path("libnvidia-ml"),
                                    m.system.path("/usr/lib/libnvidia-ml.so.1"));
    opened_backend b = open_nvml(m.system.root());
    REQUIRE(b);
    CHECK(ids(**b) == strings{"gpu/GPU-0/board"});
}

TEST_CASE("nvml: accepts field values of every width") {
    detail::nvml_field_value v{};
    std::uint64_t number = 0;
    const auto put = [&](auto x, int type) {
        std::memcpy(v.value, &x, sizeof x);
        v.type = type;
        return detail::nvml_api::value_of(v, number);
    };
    CHECK((put(250'000.4, 0) && number == 250'000));
    CHECK((put(std::uint32_t{250'001}, 1) && number == 250'001));
    CHECK((put(static_cast<unsigned long>(250'002), 2) && number == 250'002));
    CHECK((put(std::uint64_t{1} << 40, 3) && number == std::uint64_t{1} << 40));
    CHECK_FALSE(put(-1.0, 0));
    CHECK_FALSE(put(std::uint64_t{1}, 4));
}

namespace {

void set_process(fake_nvidia_gpu& gpu, int place, unsigned pid, unsigned sm,
                 unsigned long long at) {
    gpu.processes[place].pid = pid;
    gpu.processes[place].sm = sm;
    gpu.processes[place].timestamp = at;
}
unsigned this_process() { return static_cast<unsigned>(::getpid()); }

}  // namespace

TEST_CASE("nvml: this process's part is the time in which its kernels ran") {
    gpu_machine m(2);
    m.system.symlink("pid:[4026531836]", "/proc/self/ns/pid");
    opened_backend b = m.open();
    REQUIRE(b);
    fake_nvidia_gpu& gpu = m.control.gpus[1];
    CHECK((*b)->process_share(1) == unknown_share);  // no process did any work yet
    set_process(gpu, 1, 7, 60, 1000);
    CHECK((*b)->process_share(1) == unknown_share);  // not seen yet: it may have another number
    set_process(gpu, 0, this_process(), 30, 2000);
    set_process(gpu, 1, 7, 60, 2000);
    CHECK((*b)->process_share(1) == approx(30.0 / 90));
    CHECK((*b)->process_share(1) == approx(30.0 / 90));  // no new sample
    set_process(gpu, 1, 7, 10, 3000);                    // only the other one
    CHECK((*b)->process_share(1) == 0);
    set_process(gpu, 0, this_process(), 50, 4000);
    CHECK((*b)->process_share(1) == 1);
    CHECK((*b)->process_share(0) == unknown_share);
}

TEST_CASE("nvml: without per-process data from the driver or container, nothing is guessed") {
    gpu_machine m(1);
    m.system.symlink("pid:[4026532201]", "/proc/self/ns/pid");  // a container's
    set_process(m.control.gpus[0], 0, this_process(), 30, 1000);
    opened_backend contained = m.open();
    REQUIRE(contained);
    CHECK((*contained)->process_share(0) == unknown_share);

    gpu_machine split(1);
    set_process(split.control.gpus[0], 0, this_process(), 30, 1000);
    split.control.gpus[0].processes_status = 3;
    opened_backend b = split.open();
    REQUIRE(b);
    CHECK((*b)->process_share(0) == unknown_share);
    split.control.gpus[0].processes_status = 0;  // asking once is enough
    CHECK((*b)->process_share(0) == unknown_share);
    CHECK(split.control.process_calls == 1);

    gpu_machine old(1, "libnvidia-ml-old");
    opened_backend gauge = old.open();
    REQUIRE(gauge);
    CHECK((*gauge)->process_share(0) == unknown_share);
}

TEST_CASE("nvml: a GPU asleep at the start is not woken, and counts once it is awake") {
    gpu_machine m(1);
    const std::string device = "/sys/bus/pci/devices/0000:65:00.0";
    m.system.file(device + "/vendor", "0x10de\n").file(device + "/class", "0x030200\n");
    m.system.file(device + "/power/control", "auto\n");
    m.system.file(device + "/power/runtime_status", "suspended\n");
    m.system.file("/proc/driver/nvidia/gpus/0000:65:00.0/information",
                  "Model: \t\t NVIDIA GeForce RTX 4070 Laptop GPU\nIRQ:   \t 160\nGPU UUID: \t "
                  "GPU-0\n");
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK(ids(**b) == strings{"gpu/GPU-0/board"});
    CHECK((*b)->channels()[0].model == "NVIDIA GeForce RTX 4070 Laptop GPU");
    CHECK(contains((*b)->note(), "slept at the start"));
    CHECK(contract_violations(**b) == strings{});
    for (int i = 0; i < 20; ++i) {
        m.clock->advance(100ms);
        CHECK(read_all(**b).values[0] == 0);
    }
    CHECK(m.control.inits == 0);
    CHECK(m.control.energy_calls + m.control.power_calls == 0);

    m.system.file(device + "/power/runtime_status", "active\n");
    CHECK(read_all(**b).values[0] == 0);
    CHECK(m.control.inits == 1);
    m.control.gpus[0].energy_mj += 5'000;
    m.clock->advance(7s);  // longer than its delay: it may have fallen asleep
    CHECK(read_all(**b).values[0] == 5'000);

    m.system.file(device + "/power/runtime_status", "suspended\n");
    const int calls = m.control.energy_calls;
    for (int i = 0; i < 20; ++i) {
        m.clock->advance(1s);
        CHECK(read_all(**b).values[0] == 5'000);
    }
    CHECK(m.control.energy_calls == calls);
}

TEST_CASE("nvml: each GPU is a backend, with the module it reports") {
    gpu_machine m(3);
    for (unsigned i = 0; i < 3; ++i) m.control.gpus[i].domain = 0x9 + i * 0x10;
    m.control.gpus[1].module_status = 0, m.control.gpus[1].module_mw = 600'000;
    opened_backend b = m.open();
    REQUIRE(b);
    std::vector<std::unique_ptr<backend>> parts = split_by_device(*std::move(b));
    REQUIRE(parts.size() == 3);
    for (const std::unique_ptr<backend>& part : parts) CHECK(part->reads_wait());
    CHECK(ids(*parts[0]) == strings{"gpu/GPU-0/board"});
    CHECK(ids(*parts[1]) == strings{"module1", "gpu/GPU-1/board"});
    CHECK(ids(*parts[2]) == strings{"gpu/GPU-2/board"});
    for (unsigned i = 0; i < 3; ++i) m.control.gpus[i].energy_mj = 100 + i;
    CHECK(read_all(*parts[1]).values == numbers{600'000, 101});
    CHECK(read_all(*parts[2]).values == numbers{102});
    m.control.gpus[0].lost_status = 15;  // a lost GPU takes no other with it
    CHECK(read_all(*parts[0]).status == read_status::gone);
    CHECK(read_all(*parts[2]).values == numbers{102});
}

TEST_CASE("nvml: an invalid power does not discredit a working counter") {
    gpu_machine m(1);
    opened_backend b = m.open();
    REQUIRE(b);
    m.run(**b, 1, 100);
    m.control.gpus[0].power_mw = 0xffff'ffff;
    m.run(**b, 15, 100);
    CHECK((*b)->note() == "");
}
