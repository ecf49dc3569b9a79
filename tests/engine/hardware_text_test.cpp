#include "joulery/detail/session/machine_info.hpp"

#include <doctest/doctest.h>

using namespace joulery;

namespace {
channel named(const char* model, component part, const char* device) {
    channel c;
    c.id = device;
    c.model = model;
    c.part = part;
    c.device = device;
    return c;
}
}  // namespace

TEST_CASE("hardware: processors come before cards, each device once") {
    const std::vector<channel> all{
        named("NVIDIA H100 80GB HBM3", component::gpu, "pci:0000:65:00.0"),
        named("AMD EPYC 9554", component::cpu, "cpu-package:0"),
        named("AMD EPYC 9554", component::cpu, "cpu-package:0/core"),
        named("AMD EPYC 9554", component::cpu, "cpu-package:1"),
        named("NVIDIA H100 80GB HBM3", component::gpu, "pci:0000:66:00.0"),
        named("NVIDIA H100 80GB HBM3", component::gpu, "pci:0000:66:00.0/memory"),
        named("NVIDIA H100 80GB HBM3", component::gpu, "cpu-package:1/pci:0009:01:00.0"),
        named("", component::dram, "memory:0")};
    CHECK(detail::describe_hardware(all, "other") ==
          "2 x AMD EPYC 9554, 3 x NVIDIA H100 80GB HBM3");
}

TEST_CASE("hardware: a processor without a channel comes from the system, a board is listed once") {
    CHECK(detail::describe_hardware({named("RTX", component::gpu, "pci:0000:01:00.0")},
                                    "Some CPU") == "Some CPU, RTX");
    CHECK(detail::describe_hardware({named("Raspberry Pi 5", component::board, "board"),
                                     named("Raspberry Pi 5", component::soc, "board")},
                                    "Some CPU") == "Raspberry Pi 5");
    CHECK(detail::describe_hardware({}, "Some CPU") == "Some CPU");
    CHECK(detail::describe_hardware({}, "") == "");
}

TEST_CASE("hardware: the parts of a chip are listed as one") {
    CHECK(
        detail::describe_hardware({named("Apple M2 Max", component::cpu, "cpu-package:0"),
                                   named("Apple M2 Max", component::gpu, "cpu-package:0/gpu"),
                                   named("Apple M2 Max", component::dram, "cpu-package:0/dram"),
                                   named("Apple M2 Max", component::cpu, "cpu-package:0/process")},
                                  "") == "Apple M2 Max");
    CHECK(detail::describe_hardware(
              {named("NVIDIA Grace", component::soc, "cpu-package:0"),
               named("NVIDIA Grace", component::soc, "cpu-package:1"),
               named("NVIDIA GB200", component::gpu, "cpu-package:0/pci:0008:01:00.0")},
              "") == "2 x NVIDIA Grace, NVIDIA GB200");
}

TEST_CASE("hardware: the machine type of a cloud is named once") {
    CHECK(detail::in_instance("AMD EPYC 9R14", "Amazon EC2 m7a.metal-48xl") ==
          "AMD EPYC 9R14, Amazon EC2 m7a.metal-48xl");
    CHECK(detail::in_instance("Xeon, Amazon EC2 m5.xlarge, NVIDIA L4", "Amazon EC2 m5.xlarge") ==
          "Xeon, Amazon EC2 m5.xlarge, NVIDIA L4");
    CHECK(detail::in_instance("", "Hetzner Cloud") == "Hetzner Cloud");
    CHECK(detail::in_instance("Xeon", "") == "Xeon");
}
