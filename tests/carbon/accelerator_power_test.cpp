#include "joulery/carbon/accelerator_power.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace joulery;

TEST_CASE("accelerators: found by name, or by a part of it that fits only one power") {
    CHECK(accelerator_power_for("H100 SXM")->watts.watts() == 700);
    CHECK(accelerator_power_for("a100 sxm4 80 gb")->watts.watts() == 400);
    CHECK(accelerator_power_for("T4")->watts.watts() == 70);  // "T4" and "NVIDIA Tesla T4"
    CHECK(accelerator_power_for("L40S")->watts.watts() == 350);
    CHECK(accelerator_power_for("L4")->watts.watts() == 72);  // not L40S
    CHECK(accelerator_power_for("L40S")->source == "TDP, mlco2/impact d0d3ee5");
    CHECK(accelerator_power_for("TPUv3 Chip")->source.find("mean, ") == 0);
}

TEST_CASE("accelerators: the highest power of several matches is taken, and the note says so") {
    const auto several = accelerator_power_for("A100");
    REQUIRE(several);
    CHECK(several->watts.watts() == 400);
    CHECK(several->name == "A100 SXM4 80 GB");
    CHECK(several->source.find("A100 PCIe 40/80GB (250 W)") != std::string::npos);
}

TEST_CASE("accelerators: a name without a match, or with very different ones, is refused") {
    CHECK_FALSE(accelerator_power_for("NVIDIA"));  // a factor of ten apart
    CHECK_FALSE(accelerator_power_for("Z9000"));
    CHECK_FALSE(accelerator_power_for(""));
    CHECK_FALSE(accelerator_power_for("--"));
}

TEST_CASE("accelerators: figures known to be wrong at their source are left out") {
    CHECK_FALSE(accelerator_power_for("GTX 750"));
    CHECK_FALSE(accelerator_power_for("V100-PCIE"));
    CHECK_FALSE(accelerator_power_for("Xeon"));
}
