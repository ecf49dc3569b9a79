#include "joulery/detail/metering/backend_reader.hpp"

#include "approx.hpp"
#include "joulery/testing/scripted_backend.hpp"

#include <doctest/doctest.h>

using namespace joulery;
using namespace std::chrono_literals;

namespace {

channel updated_every(std::chrono::nanoseconds update,
                      reading_kind kind = reading_kind::power_gauge) {
    channel c;
    c.id = "fake/" + std::to_string(update.count()) + std::string(to_text(kind));
    c.kind = kind;
    c.update_period = update;
    return c;
}

/// Seconds between two samples of a backend with these channels.
double period_of(std::vector<channel> channels, std::chrono::nanoseconds wanted = 0ns) {
    detail::backend_reader s(
        std::make_unique<testing::scripted_backend>("fake", std::move(channels)), 0, 0, 1e-9);
    s.choose_period(wanted);
    return s.period();
}

constexpr reading_kind counter = reading_kind::energy_counter;

}  // namespace

TEST_CASE("period: a slow gauge is not read more often than it updates") {
    CHECK(period_of({updated_every(1s)}) == 1);   // a management controller, a battery
    CHECK(period_of({updated_every(60s)}) == 1);  // at least once a second
    CHECK(period_of({updated_every(100ms)}) == 0.1);
    CHECK(period_of({updated_every(50ms)}) == 0.05);
    CHECK(period_of({updated_every(1ms)}) == 0.02);  // and at most fifty times
    CHECK(period_of({updated_every(1s), updated_every(50ms)}) == 0.05);
}

TEST_CASE("period: a tenth of a second is enough for a counter, which accumulates between reads") {
    CHECK(period_of({updated_every(1ms, counter)}) == 0.1);
    CHECK(period_of({updated_every(1s, counter)}) == 0.1);
    CHECK(period_of({updated_every(1s), updated_every(1ms, counter)}) == 0.1);
}

TEST_CASE("period: the requested period is used unless a counter could wrap unseen") {
    CHECK(period_of({updated_every(1ms, counter)}, 5ms) == 0.005);
    CHECK(period_of({updated_every(1s)}, 3s) == 3);
    CHECK(period_of({updated_every(1ms)}, 10min) == 600);
    // Drivers of counters that never wrap themselves lose wraps at 32 bits unseen.
    CHECK(period_of({updated_every(1ms, counter)}, 10min) == 30);
    channel fast = updated_every(1ms, counter);
    fast.wrap_at = 65'536'000'000;  // microjoules: half of it at 1.5 x 4,000 W
    fast.max_watts = 4000;
    CHECK(period_of({fast}, 10min) == approx(5.4613));
}
