#include "joulery/detail/backends/board/rpi_pmic.hpp"

#include "approx.hpp"
#include "backends/fake_device.hpp"
#include "backends/support.hpp"

using namespace joulery;

namespace {

const char* const answer =
    " 3V7_WL_SW_A current(0)=0.10000000A\n"
    "   DDR_VDD2_A current(4)=0.20000000A\n"
    " VDD_CORE_A current(7)=2.00000000A\n"
    " 3V7_WL_SW_V volt(8)=3.70000000V\n"
    "   DDR_VDD2_V volt(12)=1.10000000V\n"
    " VDD_CORE_V volt(15)=0.75000000V\n"
    "    EXT5V_V volt(24)=5.15398000V\n";

struct firmware {
    std::string text = answer;
    std::uint32_t code = 0;
    int error = 0;
    int operator()(unsigned long request, void* argument) const {
        auto* words = static_cast<std::uint32_t*>(argument);
        if (request != 0xc0086400 || words[0] != 4124 || words[2] != 0x30080) return -ENOTTY;
        if (std::string(reinterpret_cast<char*>(&words[6])) != "pmic_read_adc") return -EINVAL;
        if (error != 0) return -error;
        words[5] = code;
        std::memcpy(&words[6], text.c_str(), std::min<std::size_t>(text.size() + 1, 4096));
        return 0;
    }
};

}  // namespace

TEST_CASE("rpi-pmic: power is current x voltage of the rails that have both") {
    const pmic_power p = parse_pmic(answer);
    CHECK(p.rails == 3);
    CHECK(p.all == approx(0.37 + 0.22 + 1.5));
    CHECK(p.core == approx(1.5));
    CHECK(p.memory == approx(0.22));
    for (const char* bad : {"", "\n\n", "A", "_A", "X_A current(0)=A\nX_V volt(1)=1V",
                            "X_A current(0)=1A", "X_A\nX_V", "X_A =-1A\nX_V =1V"})
        CHECK(parse_pmic(bad).rails == 0);
}

TEST_CASE("rpi-pmic: the board's rails contain core and memory") {
    fake_system m;
    m.file("/proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0");
    firmware f;
    fake_device device;
    device.on_open = [](const std::string& path) {
        return contains(path, "vcio_gencmd") ? ENOENT : 0;  // older kernels
    };
    device.on_control = [&](unsigned long r, void* a) { return f(r, a); };
    opened_backend b = open_rpi_pmic(m.root(), device.calls());
    REQUIRE(b);
    CHECK(device.opened == strings{m.path("/dev/vcio")});
    CHECK(nesting(**b) == strings{"board/pmic/core<board/pmic", "board/pmic/memory<board/pmic"});
    CHECK(read_all(**b).values == std::vector<std::uint64_t>{2'090'000, 1'500'000, 220'000});
    CHECK(contract_violations(**b) == strings{});
    f.text = "garbage";
    CHECK(read_all(**b).status == read_status::retry);
    f.text = std::string(4096, 'x');  // no newline
    CHECK(read_all(**b).status == read_status::retry);
    f.text = answer, f.code = 1;
    CHECK(read_all(**b).status == read_status::retry);
    f.error = ENODEV;
    CHECK(read_all(**b).status == read_status::gone);
}

TEST_CASE("rpi-pmic: a failed open states the reason") {
    fake_system m;
    fake_device device;
    m.file("/proc/device-tree/model", "Raspberry Pi 4 Model B");
    CHECK(contains(open_rpi_pmic(m.root(), device.calls()).error().reason, "Raspberry Pi 5"));
    m.file("/proc/device-tree/model", "Raspberry Pi 5");
    CHECK(contains(open_rpi_pmic(m.root(), device.calls()).error().reason, "does not answer"));
    device.on_open = [](const std::string&) { return EACCES; };
    CHECK(contains(open_rpi_pmic(m.root(), device.calls()).error().remedy, "video"));
}

TEST_CASE("rpi-pmic: names the board and states its power supply's limit") {
    fake_system m;
    m.file("/proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0");
    firmware f;
    fake_device device;
    device.on_control = f;
    opened_backend b = open_rpi_pmic(m.root(), device.calls());
    REQUIRE(b);
    CHECK(full_contract_violations(**b) == strings{});
    CHECK((*b)->channels()[0].model == "Raspberry Pi 5 Model B Rev 1.0");
}
