#include "joulery/detail/backends/board/battery.hpp"

#include "backends/support.hpp"

using namespace joulery;

namespace {
std::string supply(fake_system& m, const char* name, const char* type, const char* status) {
    const std::string folder = std::string("/sys/class/power_supply/") + name;
    m.file(folder + "/type", std::string(type) + "\n");
    m.file(folder + "/status", std::string(status) + "\n");
    return folder;
}
}  // namespace

TEST_CASE("battery: sums all batteries, by power or by current x voltage") {
    fake_system m;
    const std::string first = supply(m, "BAT0", "Battery", "Discharging");
    m.number(first + "/power_now", 9'300'000);
    const std::string second = supply(m, "BAT1", "Battery", "Discharging");
    m.file(second + "/current_now", "-500000\n").number(second + "/voltage_now", 12'000'000);
    const std::string mouse = supply(m, "hid-1", "Battery", "Discharging");
    m.file(mouse + "/scope", "Device\n").number(mouse + "/power_now", 1);
    supply(m, "AC", "Mains", "Unknown");
    opened_backend b = open_battery(m.root());
    REQUIRE(b);
    CHECK(ids(**b) == strings{"machine/battery"});
    CHECK((*b)->channels()[0].kind == reading_kind::power_gauge);
    CHECK(read_all(**b).values[0] == 15'300'000);
    CHECK(contract_violations(**b) == strings{});
    m.file(second + "/status", "Not charging\n");
    CHECK(read_all(**b).values[0] == 9'300'000);
}

TEST_CASE("battery: gives no value while it charges or its state is unknown") {
    fake_system m;
    const std::string folder = supply(m, "BAT0", "Battery", "Discharging");
    m.number(folder + "/power_now", 5'000'000);
    opened_backend b = open_battery(m.root());
    REQUIRE(b);
    for (const char* status : {"Charging\n", "Full\n", "Unknown\n", "", "nonsense"}) {
        m.file(folder + "/status", status);
        CHECK(read_all(**b).status == read_status::retry);
    }
    m.file(folder + "/status", "Discharging\n");
    for (const char* bad : {"", "x\n", "5000000000000\n"}) {
        m.file(folder + "/power_now", bad);
        CHECK(read_all(**b).status == read_status::retry);
    }
    m.vanish(folder + "/status");
    CHECK(read_all(**b).status == read_status::gone);
}

TEST_CASE("battery: a second one that charges silences both, one at rest does not") {
    fake_system m;
    m.number(supply(m, "BAT0", "Battery", "Discharging") + "/power_now", 5'000'000);
    const std::string other = supply(m, "BAT1", "Battery", "Charging");
    m.number(other + "/power_now", 20'000'000);
    CHECK_FALSE(open_battery(m.root()));
    m.file(other + "/status", "Full\n");
    opened_backend b = open_battery(m.root());
    REQUIRE(b);
    CHECK(read_all(**b).values[0] == 5'000'000);
    m.file(other + "/status", "Charging\n");
    CHECK(read_all(**b).status == read_status::retry);
    m.file(other + "/status", "Unknown\n");
    CHECK(read_all(**b).status == read_status::retry);
    m.number(other + "/power_now", 0);  // as drivers report a second battery that waits
    CHECK(read_all(**b).values[0] == 5'000'000);
}

TEST_CASE("battery: a plugged-in machine and one without a battery are refused with the reason") {
    fake_system m;
    CHECK(contains(open_battery(m.root()).error().reason, "no battery"));
    m.number(supply(m, "BAT0", "Battery", "Charging") + "/power_now", 5'000'000);
    CHECK(contains(open_battery(m.root()).error().reason, "does not run on battery"));
    CHECK(contains(open_battery(m.root()).error().remedy, "unplug"));
}

TEST_CASE("battery: an unreadable power is reported as that, not as a plugged-in machine") {
    fake_system m;
    const std::string folder = supply(m, "BAT0", "Battery", "Discharging");
    SUBCASE("the driver fails") {
        m.folder(folder + "/power_now");  // reading a folder fails, as the driver does
        const opened_backend b = open_battery(m.root());
        REQUIRE_FALSE(b);
        CHECK(contains(b.error().reason, "/BAT0/power_now can't be read: "));
        CHECK_FALSE(contains(b.error().reason, "does not run on battery"));
        CHECK(b.error().remedy == "");
    }
    SUBCASE("the voltage is missing beside the current") {
        m.file(folder + "/current_now", "500000\n").file(folder + "/voltage_now", "");
        const opened_backend b = open_battery(m.root());
        REQUIRE_FALSE(b);
        CHECK(contains(b.error().reason, "/BAT0/voltage_now can't be read: it is empty"));
    }
}

TEST_CASE("battery: names the laptop and states the limit of the largest power supplies") {
    fake_system m;
    m.number(supply(m, "BAT0", "Battery", "Discharging") + "/power_now", 5'000'000);
    m.file("/sys/class/dmi/id/sys_vendor", "LENOVO\n");
    m.file("/sys/class/dmi/id/product_name", "21HMCTO1WW\n");
    opened_backend b = open_battery(m.root());
    REQUIRE(b);
    CHECK(full_contract_violations(**b) == strings{});
    CHECK((*b)->channels()[0].model == "LENOVO 21HMCTO1WW");
}

TEST_CASE("battery: 16 set bits, which mean an unknown rate, are no power") {
    fake_system m;
    const std::string folder = supply(m, "BAT0", "Battery", "Discharging");
    m.number(folder + "/power_now", 5'000'000);
    opened_backend b = open_battery(m.root());
    REQUIRE(b);
    m.number(folder + "/power_now", 65'535'000);
    CHECK(read_all(**b).status == read_status::retry);
    m.number(folder + "/power_now", 65'000'000);
    CHECK(read_all(**b).values[0] == 65'000'000);
}
