#include "joulery/detail/metering/channel_account.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace joulery;

namespace {
constexpr std::uint64_t any = ~std::uint64_t{0};
constexpr std::uint64_t two32 = std::uint64_t{1} << 32;
}  // namespace

TEST_CASE("counter step: an increment is the difference") {
    const counter_step s = step_between(100, 350, 0, any);
    CHECK(s.counts == 250);
    CHECK(s.event == counter_event::none);
}

TEST_CASE("counter step: two equal reads are zero, not a full range") {
    for (const std::uint64_t at : {std::uint64_t{0}, std::uint64_t{5}, two32 - 1}) {
        const counter_step s = step_between(at, at, two32, any);
        CHECK(s.counts == 0);
        CHECK(s.event == counter_event::none);
    }
}

TEST_CASE("counter step: a wrap is corrected to the exact count") {
    const counter_step s = step_between(4294967290u, 4, two32, 1'000'000);
    CHECK(s.counts == 10);
    CHECK(s.event == counter_event::wrap);
    CHECK(step_between(two32 - 1, 0, two32, any).counts == 1);
}

TEST_CASE("counter step: a wrap at the top of 64 bits does not overflow") {
    const counter_step s = step_between(any - 1, 7, any, any);
    CHECK(s.counts == 8);
    CHECK(s.event == counter_event::wrap);
}

TEST_CASE("counter step: a drop that can't be a plausible wrap is a reset and adds nothing") {
    const counter_step s = step_between(1'000'000, 3, two32, 1'000'000);
    CHECK(s.counts == 0);
    CHECK(s.event == counter_event::reset);
    CHECK(step_between(1'000'000, 3, 0, any).event == counter_event::reset);
}

TEST_CASE("counter step: a value above the stated range can't have wrapped") {
    CHECK(step_between(two32 + 5, 3, two32, any).event == counter_event::reset);
    CHECK(step_between(two32, 3, two32, any).event == counter_event::reset);
}

TEST_CASE("counter step: an increment that no part can draw is a reset") {
    const counter_step s = step_between(5, 2'000'000'000, two32, 1'000'000);
    CHECK(s.counts == 0);
    CHECK(s.event == counter_event::reset);
    CHECK(step_between(0, 1'000'000, two32, 1'000'000).counts == 1'000'000);
}

TEST_CASE("counter step: the plausible steps of any counter add up to the true total") {
    const unsigned seed = 20261123;
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    for (int round = 0; round < 2000; ++round) {
        const std::uint64_t wrap_at = 2 + random() % (std::uint64_t{1} << (1 + random() % 62));
        std::uint64_t at = random() % wrap_at, truth = 0, sum = 0;
        for (int i = 0; i < 20; ++i) {
            const std::uint64_t add = random() % wrap_at;  // less than the full range
            const std::uint64_t next = add < wrap_at - at ? at + add : add - (wrap_at - at);
            sum += step_between(at, next, wrap_at, any).counts;
            truth += add;
            at = next;
        }
        REQUIRE(sum == truth);
    }
}
