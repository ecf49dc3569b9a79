#include "joulery/detail/session/progress_line.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

using namespace joulery;
using namespace joulery::literals;

namespace {

const double unknown = std::numeric_limits<double>::quiet_NaN();

progress_figures running() {
    progress_figures f;
    f.time = seconds(42.1);
    f.now = 142_W;
    f.total = energy::from_joules(1843);
    f.co2e = emissions::from_grams(0.242);
    return f;
}

progress_figures training() {
    progress_figures f = running();
    f.progress.path = "train/epoch";
    f.progress.item_name = "sample";
    f.progress.done = 20'000;
    f.progress.total = 50'000;
    f.progress.time = seconds(16);
    f.progress.per_item = energy::from_joules(0.0123);
    f.progress.co2e_per_item = emissions::from_grams(1.6e-6);
    return f;
}

}  // namespace

TEST_CASE("live line: shows power now, joules and CO2e so far, and the run time") {
    CHECK(to_live_line(running(), 100) == "142 W  1.84 kJ  242 mg CO2e  42.1 s");
}

TEST_CASE("live line: progress and the expected total come first") {
    CHECK(
        to_live_line(training(), 200) ==
        "40 % of 615 J, 80 mg CO2e, 24 s left (train/epoch)  142 W  1.84 kJ  242 mg CO2e  42.1 s");
    CHECK(to_live_line(training(), 75) ==
          "40 % of 615 J, 80 mg CO2e, 24 s left (train/epoch)  142 W  1.84 kJ  42.1 s");
}

TEST_CASE("live line: unknown values are left out or n/a") {
    progress_figures f = training();
    f.now = power::from_watts(unknown);
    f.progress.done = 0;
    f.progress.per_item = energy::from_joules(unknown);
    CHECK(to_live_line(f, 200) == "0 % (train/epoch)  n/a  1.84 kJ  242 mg CO2e  42.1 s");
    f.progress.done = 10'000;
    CHECK(to_live_line(f, 200) ==
          "20 %, 64 s left (train/epoch)  n/a  1.84 kJ  242 mg CO2e  42.1 s");
}

TEST_CASE("live line: a scope that exceeds its plan is at 100 %") {
    progress_figures f = training();
    f.progress.done = 60'000;
    const std::string line = to_live_line(f, 200);
    CHECK(line.find("100 % of 615 J") == 0);
    CHECK(line.find("left") == std::string::npos);
    f.progress.total = 0;  // no plan
    CHECK(to_live_line(f, 200) == "142 W  1.84 kJ  242 mg CO2e  42.1 s");
}

TEST_CASE("live line: estimates have their mark") {
    progress_figures f = training();
    f.provenance = quality::estimated;
    CHECK(to_live_line(f, 200).find("~142 W  ~1.84 kJ  ~242 mg CO2e") != std::string::npos);
    CHECK(to_live_line(f, 200).find("40 % of ~615 J, ~80 mg CO2e") == 0);
}

TEST_CASE("live line: stays on its line, whatever a scope is called") {
    CHECK(to_live_line(training(), 20) == "40 % of 615 J, 80 m\xE2\x80\xA6");
    progress_figures f = training();
    f.progress.path = "a\nb\x1b[2Jc";
    const std::string line = to_live_line(f, 200);
    CHECK(line.find_first_of("\n\r\x1b") == std::string::npos);
    CHECK(line.find("(a\\x0ab\\x1b[2Jc)") != std::string::npos);
    f.progress.total = std::numeric_limits<double>::infinity();
    f.progress.time = seconds(0);
    CHECK(to_live_line(f, 200).find("0 % of inf J") == 0);
    f.progress.done = unknown;
    CHECK(to_live_line(f, 200).find("0 % of inf J") == 0);
}
