#include "joulery/detail/backends/cpu/amd_hsmp.hpp"

#include "backends/fake_device.hpp"
#include "backends/support.hpp"
#include "joulery/testing/manual_clock.hpp"

using namespace joulery;

namespace {

struct firmware {
    unsigned sockets = 2;
    bool has_counter = true;
    std::uint64_t energy = 0x1'0000'0005;
    std::uint32_t milliwatts = 180'000;
    int error = 0;

    int answer(unsigned long request, void* argument) const {
        auto& m = *static_cast<detail::hsmp_message*>(argument);
        if (request != 0xc02cf800) return -ENOTTY;
        if (error != 0) return -error;
        if (m.socket >= sockets) return -ENODEV;
        switch (m.id) {
            case 0x04:
                if (m.arguments != 0 || m.answer_words != 1) return -EINVAL;
                m.words[0] = milliwatts + m.socket;
                return 0;
            case 0x30:
                if (!has_counter) return -ENOMSG;
                m.words[0] = 16u << 8 | 10u << 16;
                return m.answer_words == 1 ? 0 : -EINVAL;
            case 0x32:
                m.words[0] = static_cast<std::uint32_t>(energy) + m.socket;
                m.words[1] = static_cast<std::uint32_t>(energy >> 32);
                return m.answer_words == 2 ? 0 : -EINVAL;
            default:
                return -ENOMSG;
        }
    }
};

}  // namespace

TEST_CASE("amd-hsmp: reads each socket's 64-bit counter in the unit it states") {
    firmware f;
    fake_device device;
    device.on_control = [&](unsigned long r, void* a) { return f.answer(r, a); };
    opened_backend b = open_amd_hsmp(system_root("/fake"), device.calls());
    REQUIRE(b);
    CHECK(device.opened == strings{"/fake/dev/hsmp"});
    CHECK(ids(**b) == strings{"cpu0/package", "cpu1/package"});
    const channel& c = (*b)->channels()[0];
    CHECK(c.kind == reading_kind::energy_counter);
    CHECK(c.joules_per_count == 0x1p-16);
    CHECK(c.device == "cpu-package:0");
    CHECK(read_all(**b).values == std::vector<std::uint64_t>{0x1'0000'0005, 0x1'0000'0006});
    CHECK(contract_violations(**b) == strings{});
}

TEST_CASE("amd-hsmp: firmware without a counter reports power") {
    firmware f;
    f.has_counter = false;
    fake_device device;
    device.on_control = [&](unsigned long r, void* a) { return f.answer(r, a); };
    opened_backend b = open_amd_hsmp(system_root{}, device.calls());
    REQUIRE(b);
    CHECK((*b)->channels()[1].kind == reading_kind::power_gauge);
    CHECK((*b)->channels()[1].joules_per_count == 1e-3);
    CHECK(read_all(**b).values == std::vector<std::uint64_t>{180'000, 180'001});
    CHECK(contract_violations(**b) == strings{});
}

TEST_CASE("amd-hsmp: failed reads in the middle of a run") {
    firmware f;
    fake_device device;
    device.on_control = [&](unsigned long r, void* a) { return f.answer(r, a); };
    opened_backend b = open_amd_hsmp(system_root{}, device.calls());
    REQUIRE(b);
    f.error = ETIMEDOUT;
    CHECK(read_all(**b).status == read_status::retry);
    f.error = ENODEV;
    CHECK(read_all(**b).status == read_status::gone);
    f.error = 0;
    f.sockets = 1;
    const read_result r = read_all(**b);
    CHECK(r.status == read_status::ok);
    CHECK(r.values[1] == no_value);
    b = failure{};
    CHECK(device.closed == 1);
}

TEST_CASE("amd-hsmp: a counter is compared with the power that the firmware reports") {
    firmware f;
    f.sockets = 1;
    fake_device device;
    unsigned powers = 0;
    device.on_control = [&](unsigned long r, void* a) {
        powers += static_cast<detail::hsmp_message*>(a)->id == 0x04 ? 1 : 0;
        return f.answer(r, a);
    };
    const auto clock = std::make_shared<testing::manual_clock>();
    opened_backend b = open_amd_hsmp(system_root{}, device.calls(), clock);
    REQUIRE(b);
    std::uint64_t joules_in_100_ms = 18;  // 180 W
    std::string expected;
    SUBCASE("agrees") {}
    SUBCASE("counts a quarter, as with a wrong unit") {
        joules_in_100_ms = 4;
        expected =
            "the energy counter of cpu0/package counted 400 J in ten seconds in which power x "
            "time was 1800 J: take it with care";
    }
    SUBCASE("stands still") {
        joules_in_100_ms = 0;
        expected =
            "the energy counter of cpu0/package counted 0 J in ten seconds in which power x time "
            "was 1800 J: it stands still";
    }
    for (int i = 0; i <= 101; ++i) {
        CHECK(read_all(**b).values[0] == f.energy);
        CHECK((i >= 100 || (*b)->note() == ""));
        clock->advance(std::chrono::milliseconds(100));
        f.energy += joules_in_100_ms << 16;
    }
    CHECK((*b)->note() == expected);
    const unsigned asked = powers;
    (void)read_all(**b);
    CHECK(powers == asked);  // the check has ended
}

TEST_CASE("amd-hsmp: without a readable power the comparison ends") {
    firmware f;
    fake_device device;
    bool powerless = false;
    unsigned calls = 0;
    device.on_control = [&](unsigned long r, void* a) {
        ++calls;
        const bool power = static_cast<detail::hsmp_message*>(a)->id == 0x04;
        return power && powerless ? -EPERM : f.answer(r, a);
    };
    opened_backend b = open_amd_hsmp(system_root{}, device.calls());
    powerless = true;
    CHECK(read_all(**b).status == read_status::ok);
    calls = 0;
    (void)read_all(**b);
    CHECK(calls == 2);  // the counters of two sockets
    CHECK((*b)->note() == "");
}

TEST_CASE("amd-hsmp: a failed open states the reason") {
    fake_system m;
    fake_device device;
    device.on_open = [](const std::string&) { return ENOENT; };
    const auto remedy = [&] { return open_amd_hsmp(m.root(), device.calls()).error().remedy; };
    CHECK(contains(open_amd_hsmp(m.root(), device.calls()).error().reason,
                   "/dev/hsmp: No such file"));
    CHECK(remedy() == "");  // no vendor is stated
    m.cpuinfo("AuthenticAMD", "AMD EPYC 9654", 25, 17);
    CHECK(contains(remedy(), "sudo modprobe amd_hsmp"));
    device.on_open = [](const std::string&) { return EACCES; };
    CHECK(remedy() == "sudo chmod 0644 /dev/hsmp");
    m.cpuinfo("AuthenticAMD", "AMD EPYC 9654", 25, 17, 1, "fpu hypervisor");
    CHECK(remedy() == "");
    fake_device silent;
    CHECK(
        contains(open_amd_hsmp(system_root{}, silent.calls()).error().reason, "no socket reports"));
    firmware zero;
    zero.has_counter = false, zero.milliwatts = 0, zero.sockets = 1;
    fake_device stuck;
    stuck.on_control = [&](unsigned long r, void* a) { return zero.answer(r, a); };
    CHECK_FALSE(open_amd_hsmp(system_root{}, stuck.calls()));
}

TEST_CASE("amd-hsmp: names the processor and states its highest power limit") {
    fake_system m;
    m.cpuinfo("AuthenticAMD", "AMD EPYC 9554 64-Core Processor", 25, 17);
    firmware f;
    fake_device device;
    device.on_control = [&](unsigned long r, void* a) {
        auto& asked = *static_cast<detail::hsmp_message*>(a);
        if (asked.id != 0x07) return f.answer(r, a);
        asked.words[0] = 400'000;
        return 0;
    };
    opened_backend b = open_amd_hsmp(m.root(), device.calls());
    REQUIRE(b);
    CHECK(full_contract_violations(**b) == strings{});
    CHECK((*b)->channels()[0].model == "AMD EPYC 9554");
    CHECK((*b)->channels()[0].max_watts == 400);
}
