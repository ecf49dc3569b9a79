#include "joulery/detail/metering/power_recorder.hpp"

#include "approx.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

using joulery::detail::power_recorder;

namespace {

/// Energy of the whole series: each mean over its step.
double joules_in(const power_recorder& r, std::size_t channel) {
    double sum = 0;
    for (const double w : r.watts(channel, r.level(), r.step_count()))
        if (w == w) sum += w * power_recorder::step_of(r.level());
    return sum;
}

}  // namespace

TEST_CASE("power recorder: the energy between two records is spread over the steps between them") {
    power_recorder r(2, 0.01, 0.0);
    CHECK(joulery::is_nan(r.latest_watts(0)));
    r.record(0.02, {1.0, 0.2});   // 50 W and 10 W for two steps
    r.record(0.035, {2.5, 0.2});  // 100 W and zero for one and a half
    const std::vector<double> first = r.watts(0, 0, 5);
    CHECK(first[0] == approx(50));
    CHECK(first[1] == approx(50));
    CHECK(first[2] == approx(100));
    CHECK(first[3] == approx(100));  // of the measured part, not of the whole step
    CHECK(joulery::is_nan(first[4]));
    CHECK(r.watts(1, 0, 3)[0] == approx(10));
    CHECK(r.watts(1, 0, 3)[2] == 0);
    CHECK(r.latest_watts(0) == approx(100));
    CHECK(r.end() == 0.035);
}

TEST_CASE("power recorder: a step shared by two records has the mean of both") {
    power_recorder r(1, 0.01, 0.0);
    r.record(0.005, {0.5});  // 100 W
    r.record(0.010, {2.0});  // 300 W
    CHECK(r.watts(0, 0, 1)[0] == approx(200));
}

TEST_CASE("power recorder: a record right after another is deferred, and its energy is kept") {
    power_recorder r(1, 0.1, 0.0);
    r.record(0.1, {10.0});
    r.record(0.1001, {10.9});  // an update right after the record: 9 kW
    CHECK(r.latest_watts(0) == approx(100));
    r.record(0.2, {20.0});
    CHECK(r.latest_watts(0) == approx(100));
    r.record(0.15, {21.0});  // back in time
    CHECK(r.end() == 0.2);
    for (const double w : r.watts(0, 3, 3)) CHECK(w == approx(100));
    r.record(0.249, {24.9});
    CHECK(r.end() == 0.2);
    r.record(0.251, {25.1});  // half a period later
    CHECK(r.end() == 0.251);
}

TEST_CASE("power recorder: the first step is the longest that a sample fills") {
    CHECK(power_recorder(1, 0.1, 0).level() == 3);  // 80 ms
    CHECK(power_recorder(1, 0.001, 0).level() == 0);
    CHECK(power_recorder(1, 0.02, 0).level() == 1);
}

TEST_CASE("power recorder: the time before the first record is unmeasured") {
    power_recorder r(1, 0.01, 0.025);
    r.record(0.04, {3.0});
    const std::vector<double> w = r.watts(0, 0, 4);
    CHECK(joulery::is_nan(w[0]));
    CHECK(joulery::is_nan(w[1]));
    CHECK(w[2] == approx(200));
    CHECK(w[3] == approx(200));
}

TEST_CASE("power recorder: a full series halves its resolution and keeps every joule") {
    power_recorder r(1, 0.01, 0.0);
    double joules = 0;
    for (int i = 1; i <= 1'500; ++i) {  // 15 s of 10 ms: 10 W, then 30 W
        joules += i <= 1'000 ? 0.1 : 0.3;
        r.record(i * 0.01, {joules});
    }
    CHECK(r.level() == 1);
    CHECK(r.step_count() <= 751);
    const std::vector<double> w = r.watts(0, r.level(), r.step_count());
    CHECK(w[0] == approx(10));
    CHECK(w[499] == approx(10));
    CHECK(w[500] == approx(30));
    CHECK(w[749] == approx(30));
    CHECK(joules_in(r, 0) == approx(100 + 150).epsilon(1e-3));
}

TEST_CASE("power recorder: a month takes no more memory than ten minutes") {
    const unsigned seed = 20;
    MESSAGE("seed ", seed);
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> length(0.5, 90), watts(5, 400);
    power_recorder r(1, 0.1, 0.0);
    double at = 0, joules = 0, peak = 0;
    while (at < 30 * 86'400.0) {
        const double t = length(random), p = watts(random);
        at += t;
        joules += t * p;
        peak = std::max(peak, p);
        r.record(at, {joules});
        REQUIRE(r.step_count() <= power_recorder::capacity);
    }
    CHECK(r.step_count() > power_recorder::capacity / 2);
    CHECK(power_recorder::step_of(r.level()) == approx(2'621.44));  // 10 ms x 2^18
    const double step = power_recorder::step_of(r.level());
    const double missing = static_cast<double>(r.step_count()) * step - at;  // of the last step
    CHECK(joules_in(r, 0) == approx(joules).epsilon(400 * missing / joules + 1e-9));
}

TEST_CASE("power recorder: one series fits the grid of another") {
    power_recorder r(1, 0.02, 0.0);  // steps of 20 ms
    for (int i = 1; i <= 4; ++i) r.record(i * 0.02, {i <= 2 ? i * 1.0 : 2.0 + (i - 2) * 3.0});
    const std::vector<double> coarse = r.watts(0, 2, 3);
    CHECK(coarse[0] == approx(50));
    CHECK(coarse[1] == approx(150));
    CHECK(joulery::is_nan(coarse[2]));
    const std::vector<double> fine = r.watts(0, 0, 8);
    CHECK(fine[3] == approx(50));
    CHECK(fine[4] == approx(150));
    CHECK(fine[7] == approx(150));
}

TEST_CASE("power recorder: invalid times change nothing") {
    power_recorder r(1, 0.01, 0.0);
    r.record(std::nan(""), {1.0});
    r.record(INFINITY, {1.0});
    r.record(-5, {1.0});
    CHECK(r.step_count() == 0);
    CHECK(r.end() == 0);
}
