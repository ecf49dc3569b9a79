#include "joulery/backend.hpp"

#include "approx.hpp"
#include "backends/support.hpp"
#include "joulery/detail/metering/channel_account.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>

using namespace joulery;
using namespace joulery::literals;

namespace {
channel plain(reading_kind kind) {
    channel c;
    c.id = "bench/supply";
    c.kind = kind;
    c.joules_per_count = 1e-3;
    return c;
}
}  // namespace

TEST_CASE("function: joules of a callable become counts") {
    double joules = 1.5;
    const auto b =
        make_backend("bench", plain(reading_kind::energy_counter), [&] { return joules; });
    CHECK(b->name() == "bench");
    CHECK(read_all(*b).values[0] == 1500);
    joules = 2.25;
    CHECK(read_all(*b).values[0] == 2250);
    CHECK(contract_violations(*b) == strings{});
}

TEST_CASE("function: an invalid value is read again") {
    const double inf = std::numeric_limits<double>::infinity();
    for (const double bad : {std::nan(""), inf, -inf, -0.5, 1e30}) {
        CAPTURE(bad);
        const auto b =
            make_backend("bench", plain(reading_kind::power_gauge), [bad] { return bad; });
        CHECK(read_all(*b).status == read_status::retry);
    }
}

TEST_CASE("function: an exception of the callable is a retry") {
    int calls = 0;
    const auto b = make_backend("bench", plain(reading_kind::power_gauge), [&]() -> double {
        if (calls++ == 0) throw std::runtime_error("meter unplugged");
        return 42;
    });
    CHECK(read_all(*b).status == read_status::retry);
    CHECK(read_all(*b).status == read_status::ok);
    CHECK(read_all(*b).values[0] == 42'000);
}

TEST_CASE("function: an empty callable is fatal, and missing fields get defaults") {
    channel c;
    c.joules_per_count = 0;
    c.update_period = std::chrono::nanoseconds(-1);
    const auto b = make_backend("", c, nullptr);
    CHECK(read_all(*b).status == read_status::fatal);
    CHECK(b->name() == "function");
    CHECK(b->channels()[0].id == "function");
    joulery::testing::contract_options options;
    options.must_read = false;
    CHECK(contract_violations(*b, options) == strings{});
}

TEST_CASE("function: a value above the channel's stated range is rejected") {
    channel c = plain(reading_kind::energy_counter);
    c.wrap_at = 1000;
    double joules = 0.999;
    const auto b = make_backend("bench", c, [&] { return joules; });
    CHECK(read_all(*b).values[0] == 999);
    joules = 1.0;
    CHECK(read_all(*b).status == read_status::retry);
}

TEST_CASE("constant: a stated power is integrated and marked as estimated") {
    const auto b = make_constant_backend(350_W);
    const channel& c = b->channels()[0];
    CHECK(c.provenance == quality::estimated);
    CHECK(b->note() == "a stated constant, not measured: 350 W");
    channel_account a(c);
    a.take(read_all(*b).values[0], 0);
    a.take(read_all(*b).values[0], 2);
    CHECK(a.joules() == approx(700));
    CHECK(contract_violations(*b) == strings{});
    CHECK(read_all(*make_constant_backend(-5_W)).status == read_status::retry);
}
