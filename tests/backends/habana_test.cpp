#include "joulery/detail/backends/accelerator/habana.hpp"

#include "backends/fake_library.hpp"
#include "backends/support.hpp"
#include "fakes/fake_habana.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace joulery;
using numbers = std::vector<std::uint64_t>;

namespace {

struct gaudi_machine {
    gaudi_machine()
        : control(control_of<fake_habana>("libhlml", "fake_habana_control")),
          folder("libhlml", "libhlml.so") {
        system.file("/sys/class/accel/accel0/device/vendor", "0x1da3\n");
        control = fake_habana{};
    }
    opened_backend open() { return open_habana(system.root(), folder.search()); }

    fake_habana& control;
    fake_system system;
    library_folder folder;
};

}  // namespace

TEST_CASE("habana: reads each device's energy counter and its PCI address") {
    gaudi_machine m;
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK((*b)->name() == "habana");
    CHECK(ids(**b) == strings{"npu/0000:b3:00.0/board"});
    const channel& c = (*b)->channels()[0];
    CHECK(c.device == "pci:0000:b3:00.0");
    CHECK(c.kind == reading_kind::energy_counter);
    CHECK(c.joules_per_count == 1e-3);
    CHECK(c.part == component::npu);
    CHECK(read_all(**b).values == numbers{5'000});
    CHECK(contract_violations(**b) == strings{});
}

TEST_CASE("habana: uses power without a counter, and a UUID without an address") {
    gaudi_machine m;
    m.control.count = 3;
    m.control.gaudis[0].energy_status = 3;
    m.control.gaudis[0].pci_status = 3;
    m.control.gaudis[1].energy_mj = 0;
    m.control.gaudis[1].bus_id = "0000:cc:00.0";
    m.control.gaudis[2].pci_status = m.control.gaudis[2].uuid_status = 3;
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK(ids(**b) == strings{"npu/01P0-HL2080A0-15-TNDP34-02-04-05/board",
                              "npu/0000:cc:00.0/board", "npu/2/board"});
    CHECK((*b)->channels()[0].kind == reading_kind::power_gauge);
    CHECK((*b)->channels()[0].device == "");
    CHECK((*b)->channels()[1].kind == reading_kind::power_gauge);
    CHECK(read_all(**b).values == numbers{90'000, 90'000, 5'000});
    CHECK(contract_violations(**b) == strings{});
}

TEST_CASE("habana: a lost device, a timeout, all devices lost") {
    gaudi_machine m;
    m.control.count = 64;
    static char addresses[64][20];
    for (unsigned i = 0; i < 64; ++i) {
        std::snprintf(addresses[i], sizeof addresses[i], "0000:%02x:00.0", i);
        m.control.gaudis[i].bus_id = addresses[i];
    }
    opened_backend b = m.open();
    REQUIRE(b);
    REQUIRE((*b)->channels().size() == 64);
    m.control.gaudis[3].energy_status = 15;
    m.control.gaudis[4].energy_status = 10;
    const read_result r = read_all(**b);
    CHECK(r.status == read_status::ok);
    CHECK(r.values[3] == no_value);
    CHECK(r.values[4] == no_value);
    CHECK(r.values[5] == 5'000);
    for (fake_gaudi& g : m.control.gaudis) g.energy_status = 15;
    CHECK(read_all(**b).status == read_status::gone);
    for (fake_gaudi& g : m.control.gaudis) g.energy_status = 10;
    CHECK(read_all(**b).status == read_status::retry);
}

TEST_CASE("habana: one of 64 devices is lost") {
    gaudi_machine m;
    m.control.count = 64;
    std::vector<std::string> addresses(64);
    for (unsigned i = 0; i < 64; ++i) {
        addresses[i] = "0000:" + std::to_string(10 + i) + ":00.0";
        m.control.gaudis[i].bus_id = addresses[i].c_str();
        m.control.gaudis[i].energy_mj = 100 + i;
    }
    opened_backend b = m.open();
    REQUIRE(b);
    REQUIRE((*b)->channels().size() == 64);
    CHECK((*b)->channels()[63].id == "npu/0000:73:00.0/board");
    m.control.gaudis[40].energy_status = 15;
    const read_result r = read_all(**b);
    CHECK(r.status == read_status::ok);
    CHECK(r.values[40] == no_value);
    CHECK(r.values[63] == 163);
}

TEST_CASE("habana: a failed open states the reason") {
    gaudi_machine m;
    const fake_system bare;
    CHECK(contains(open_habana(bare.root(), m.folder.search()).error().reason, "no Habana"));
    CHECK(m.control.inits == 0);
    CHECK(contains(open_habana(m.system.root(), {{}, false}).error().reason, "libhlml.so"));
    const library_folder other("libnothing", "libhlml.so");
    CHECK(contains(open_habana(m.system.root(), other.search()).error().reason, "not HLML"));
    m.control.init_status = 9;
    CHECK(m.open().error().remedy == "sudo modprobe habanalabs");
    m.control.init_status = 5;  // already started in this process
    CHECK(m.open());
    m.control.init_status = 0;
    m.control.gaudis[0].energy_status = m.control.gaudis[0].power_status = 4;
    CHECK(contains(m.open().error().reason, "device 0 reports neither energy nor power: error 4"));
    m.control.gaudis[0].handle_status = 6;
    CHECK(contains(m.open().error().reason, "device 0: error 6"));
    m.control.count = 0;
    CHECK(m.open().error().reason == "HLML sees no device");
}

TEST_CASE("habana: names each device and states its power limit") {
    gaudi_machine m;
    opened_backend b = m.open();
    REQUIRE(b);
    CHECK(full_contract_violations(**b) == strings{});
    CHECK((*b)->channels()[0].model == "Intel Gaudi HL-225B");
    CHECK((*b)->channels()[0].max_watts == 600);
    m.control.gaudis[0].limit_mw = 0xffff'ffff;
    CHECK((*m.open())->channels()[0].max_watts == 0);
}

TEST_CASE("habana: each device is a backend, and they are read one at a time") {
    gaudi_machine m;
    m.control.count = 3;
    const char* addresses[] = {"0000:10:00.0", "0000:11:00.0", "0000:12:00.0"};
    for (unsigned i = 0; i < 3; ++i) {
        m.control.gaudis[i].bus_id = addresses[i];
        m.control.gaudis[i].energy_mj = 100 + i;
    }
    std::vector<std::unique_ptr<backend>> parts = split_by_device(*m.open());
    REQUIRE(parts.size() == 3);
    for (unsigned i = 0; i < 3; ++i) {
        CHECK(ids(*parts[i]) == strings{"npu/" + std::string(addresses[i]) + "/board"});
        CHECK(read_all(*parts[i]).values == numbers{100 + i});
    }
    m.control.gaudis[1].energy_status = 15;  // a lost device takes no other with it
    CHECK(read_all(*parts[1]).status == read_status::gone);
    CHECK(read_all(*parts[2]).status == read_status::ok);
    m.control.count = 1;
    CHECK(split_by_device(*m.open()).size() == 1);

    static std::atomic<int> inside;
    static std::atomic<int> most;
    inside = most = 0;
    m.control.gaudis[1].energy_status = 0;
    m.control.on_read = [] {
        const int now = ++inside;
        if (now > most) most = now;
        std::this_thread::yield();
        --inside;
    };
    std::vector<std::thread> readers;
    for (const std::unique_ptr<backend>& part : parts)
        readers.emplace_back([&part] {
            for (int i = 0; i < 2'000; ++i) (void)read_all(*part);
        });
    for (std::thread& t : readers) t.join();
    CHECK(most == 1);
}
