#include "joulery/backends/amd_hsmp.hpp"

#include "backends/fake_device.hpp"
#include "backends/support.hpp"

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

TEST_CASE("amd-hsmp: 64-bit counters of each socket in the unit it states") {
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

TEST_CASE("amd-hsmp: firmware without a counter gives its power") {
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

TEST_CASE("amd-hsmp: failures in the middle") {
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

TEST_CASE("amd-hsmp: what keeps it from opening is told") {
    fake_device device;
    device.on_open = [](const std::string&) { return ENOENT; };
    fake_system epyc, xeon;
    epyc.file("/proc/cpuinfo", "vendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 17\n");
    xeon.file("/proc/cpuinfo", "vendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 143\n");
    opened_backend b = open_amd_hsmp(epyc.root(), device.calls());
    REQUIRE_FALSE(b);
    CHECK(contains(b.error().reason, "/dev/hsmp: No such file"));
    CHECK(contains(b.error().remedy, "modprobe amd_hsmp"));
    CHECK(open_amd_hsmp(xeon.root(), device.calls()).error().remedy.empty());
    fake_device silent;
    CHECK(contains(open_amd_hsmp(system_root{}, silent.calls()).error().reason, "no socket tells"));
    firmware zero;
    zero.has_counter = false, zero.milliwatts = 0, zero.sockets = 1;
    fake_device stuck;
    stuck.on_control = [&](unsigned long r, void* a) { return zero.answer(r, a); };
    CHECK_FALSE(open_amd_hsmp(system_root{}, stuck.calls()));
}
