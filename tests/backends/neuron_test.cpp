#include "joulery/detail/backends/accelerator/neuron.hpp"

#include "approx.hpp"
#include "backends/support.hpp"

using namespace joulery;
using namespace joulery::literals;
using numbers = std::vector<std::uint64_t>;

namespace {

const std::string devices = "/sys/devices/virtual/neuron_device/";

}  // namespace

TEST_CASE("neuron: power is the last minute's mean utilization times the stated maximum") {
    fake_system m;
    m.file(devices + "neuron0/stats/power/utilization",
           "POWER_STATUS_VALID,1700000000,3.10,9.80,5.25\n");
    m.file(devices + "neuron1/info/stats/power/utilization",  // where newer drivers place it
           "POWER_STATUS_VALID,1700000000,0,100,100\n");
    m.file(devices + "neuron2/core_count", "2\n");
    opened_backend b = open_neuron(m.root(), 400_W);
    REQUIRE(b);
    CHECK(ids(**b) == strings{"npu/neuron0/board", "npu/neuron1/board"});
    CHECK((*b)->channels()[0].provenance == quality::estimated);
    CHECK((*b)->channels()[0].update_period == std::chrono::seconds(60));
    CHECK((*b)->channels()[0].quantum == approx(0.04));  // a hundredth of a percent
    CHECK((*b)->note() ==
          "percent of a stated maximum of 400 W a device, a mean of the last minute");
    CHECK(read_all(**b).values == numbers{21'000'000, 400'000'000});
    CHECK(contract_violations(**b) == strings{});
}

TEST_CASE("neuron: without a stated maximum there is no energy") {
    fake_system m;
    CHECK(contains(open_neuron(m.root()).error().reason, "not found"));
    m.file(devices + "neuron0/stats/power/utilization", "POWER_STATUS_VALID,1,1,1,1\n");
    opened_backend b = open_neuron(m.root());
    REQUIRE_FALSE(b);
    CHECK(contains(b.error().reason, "only a percentage"));
    CHECK(contains(b.error().remedy, "open_neuron({}, maximum)"));
    CHECK_FALSE(open_neuron(m.root(), 0_W));
    CHECK_FALSE(open_neuron(m.root(), power::from_watts(-1)));
    const fake_system bare;
    CHECK(contains(open_neuron(bare.root(), 400_W).error().reason, "no device with"));
}

TEST_CASE("neuron: minutes without data have no value, and an unloaded driver is gone") {
    fake_system m;
    const std::string file = devices + "neuron0/stats/power/utilization";
    m.file(file, "POWER_STATUS_VALID,1,1,1,50\n");
    opened_backend b = open_neuron(m.root(), 100_W);
    REQUIRE(b);
    CHECK(read_all(**b).values == numbers{50'000'000});
    m.file(file, "POWER_STATUS_NO_DATA,0,0,0,0\n");
    CHECK(read_all(**b).status == read_status::retry);
    m.vanish(file);
    CHECK(read_all(**b).status == read_status::gone);
    m.file(file, "POWER_STATUS_VALID,1,1,1,25\n");
    CHECK(read_all(**b).status == read_status::retry);
    CHECK(read_all(**b).values == numbers{25'000'000});
}

TEST_CASE("neuron: text that is not a number is refused") {
    double share = -1;
    for (const char* text :
         {"", "POWER_STATUS_VALID", "POWER_STATUS_VALID,1,2,3", "POWER_STATUS_VALID,1,2,3,4,5",
          "POWER_STATUS_VALID,1,2,3,", "POWER_STATUS_VALID,1,2,3,x", "POWER_STATUS_VALID,1,2,3,4x",
          "POWER_STATUS_VALID,1,2,3,101", "POWER_STATUS_INVALID,1,2,3,4",
          "POWER_STATUS_VALID,1,2,3,-4"})
        CHECK_FALSE(parse_neuron_power(text, share));
    CHECK(share == -1);
}

TEST_CASE("neuron: names the chip by the driver, else by the instance type") {
    fake_system m;
    m.file(devices + "neuron0/stats/power/utilization", "POWER_STATUS_VALID,1,1,1,1\n");
    m.file(devices + "neuron0/info/architecture/device_name", "Trainium2\n");
    opened_backend b = open_neuron(m.root(), 500_W);
    REQUIRE(b);
    CHECK(full_contract_violations(**b) == strings{});
    CHECK((*b)->channels()[0].model == "AWS Trainium2");
    m.remove(devices + "neuron0/info");
    m.file("/sys/class/dmi/id/sys_vendor", "Amazon EC2\n");
    m.file("/sys/class/dmi/id/product_name", "inf2.xlarge\n");
    CHECK((*open_neuron(m.root(), 500_W))->channels()[0].model == "AWS Inferentia (inf2.xlarge)");
}
