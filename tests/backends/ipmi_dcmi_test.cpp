#include "joulery/detail/backends/server/ipmi_dcmi.hpp"

#include "backends/fake_device.hpp"
#include "backends/support.hpp"

#include <cstring>
#include <vector>

using namespace joulery;

namespace {

/// A simulated management controller.
struct controller {
    unsigned watts = 412;
    unsigned char completion = 0;
    bool measuring = true;
    int late_answers = 0;  ///< to earlier, abandoned requests
    int error = 0;
    std::size_t length = 19;
    long asked = 0;

    int operator()(unsigned long request, void* argument) {
        if (error != 0) return -error;
        if (request == 0x8028690d) {
            const auto& r = *static_cast<detail::ipmi_request*>(argument);
            const unsigned char wanted[] = {0xdc, 0x01, 0x00, 0x00};
            if (r.message.function != 0x2c || r.message.command != 2 || r.message.length != 4 ||
                std::memcmp(r.message.data, wanted, 4) != 0 || r.address[0] != 0x0c)
                return -EINVAL;
            asked = r.id;
            return 0;
        }
        if (request != 0xc030690b) return -ENOTTY;
        auto& a = *static_cast<detail::ipmi_answer*>(argument);
        a.type = 1;
        const bool late = late_answers > 0 && late_answers-- > 0;
        a.id = late ? asked - 1 : asked;
        const unsigned reported = late ? 9 : watts;
        unsigned char data[19] = {completion, 0xdc, static_cast<unsigned char>(reported),
                                  static_cast<unsigned char>(reported >> 8)};
        data[18] = measuring ? 0x40 : 0;
        std::memcpy(a.message.data, data, length);
        a.message.length = static_cast<unsigned short>(length);
        return 0;
    }
};

}  // namespace

TEST_CASE("ipmi-dcmi: reads the node's power in watts") {
    controller bmc;
    fake_device device;
    device.on_control = [&](unsigned long r, void* a) { return bmc(r, a); };
    opened_backend b = open_ipmi_dcmi(system_root("/fake"), device.calls());
    REQUIRE(b);
    CHECK(device.opened == strings{"/fake/dev/ipmi0"});
    CHECK(ids(**b) == strings{"machine/dcmi"});
    CHECK((*b)->channels()[0].part == component::platform);
    const long asked = bmc.asked;
    bmc.watts = 500;
    CHECK(read_all(**b).values[0] == 412);  // as reported when the device was opened
    CHECK(bmc.asked == asked);
    CHECK(read_all(**b).values[0] == 500);
    CHECK(contract_violations(**b) == strings{});
}

TEST_CASE("ipmi-dcmi: late, idle, short and refused answers") {
    controller bmc;
    fake_device device;
    device.on_control = [&](unsigned long r, void* a) { return bmc(r, a); };
    opened_backend b = open_ipmi_dcmi(system_root{}, device.calls());
    REQUIRE(b);
    (void)read_all(**b);
    bmc.late_answers = 2;
    CHECK(read_all(**b).values[0] == 412);
    bmc.measuring = false;
    CHECK(read_all(**b).status == read_status::retry);
    bmc.measuring = true, bmc.watts = 0;  // what broken controllers say
    CHECK(read_all(**b).status == read_status::retry);
    bmc.watts = 70'000 % 65'536, bmc.length = 4;
    CHECK(read_all(**b).status == read_status::retry);
    bmc.length = 0;
    CHECK(read_all(**b).status == read_status::retry);
    bmc.length = 19, bmc.completion = 0xc3;
    CHECK(read_all(**b).status == read_status::retry);
    bmc.completion = 0xc1;
    CHECK(read_all(**b).status == read_status::fatal);
    bmc.completion = 0;
    device.on_wait = [] { return 0; };
    CHECK(read_all(**b).status == read_status::retry);
    bmc.error = ENODEV;
    CHECK(read_all(**b).status == read_status::gone);
}

TEST_CASE("ipmi-dcmi: a failed open states the reason") {
    fake_system m;
    fake_device device;
    device.on_open = [](const std::string&) { return ENOENT; };
    CHECK(contains(open_ipmi_dcmi(m.root(), device.calls()).error().remedy, "ipmi_devintf"));
    m.cpuinfo("GenuineIntel", "Xeon", 6, 85, 1, "fpu hypervisor");
    CHECK(open_ipmi_dcmi(m.root(), device.calls()).error().remedy == "");  // not present
    device.on_open = [](const std::string&) { return EACCES; };
    CHECK(contains(open_ipmi_dcmi(m.root(), device.calls()).error().remedy, "full control"));
    controller bmc;
    bmc.completion = 0xc1;
    device.on_open = [](const std::string& path) { return contains(path, "ipmidev") ? 0 : ENOENT; };
    device.on_control = [&](unsigned long r, void* a) { return bmc(r, a); };
    CHECK(
        contains(open_ipmi_dcmi(m.root(), device.calls()).error().reason, "does not report power"));
}

TEST_CASE("ipmi-dcmi: a truncated answer is rejected") {
    std::vector<unsigned char> answer(19);
    answer[1] = 0xdc, answer[2] = 250, answer[18] = 0x40;
    CHECK(detail::parse_dcmi_power(answer.data(), 19) == 250);
    CHECK(detail::parse_dcmi_power(answer.data(), 18) == -EBADMSG);
    CHECK(detail::parse_dcmi_power(nullptr, 0) == -EBADMSG);
}

TEST_CASE("ipmi-dcmi: names the server; the controller states no limit") {
    fake_system m;
    m.file("/sys/class/dmi/id/sys_vendor", "Dell Inc.\n");
    m.file("/sys/class/dmi/id/product_name", "PowerEdge R750\n");
    controller c;
    fake_device device;
    device.on_control = [&](unsigned long r, void* a) { return c(r, a); };
    opened_backend b = open_ipmi_dcmi(m.root(), device.calls());
    REQUIRE(b);
    CHECK(full_contract_violations(**b, false) == strings{});
    CHECK((*b)->channels()[0].model == "Dell Inc. PowerEdge R750");
}

TEST_CASE("ipmi-dcmi: the placeholders of controllers without a value are rejected") {
    controller c;
    fake_device device;
    device.on_control = [&](unsigned long r, void* a) { return c(r, a); };
    opened_backend b = open_ipmi_dcmi(system_root("/fake"), device.calls());
    REQUIRE(b);
    (void)read_all(**b);  // the answer from the start
    for (const unsigned watts : {0xffffu, 0xfffeu, 0x7fffu, 0x8000u, 0u}) {
        CAPTURE(watts);
        c.watts = watts;
        CHECK(read_all(**b).status == read_status::retry);
    }
    c.watts = 412;
    CHECK(read_all(**b).values[0] == 412);
}
