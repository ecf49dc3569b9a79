// Estimates the time of untimed calls from timed ones; the true sum is known.
#include "joulery/detail/timing/sampled_calls.hpp"
#include "joulery/detail/timing/lost_time.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace detail = joulery::detail;
using joulery::detail::sampled_calls;
using joulery::detail::timing_cost;

namespace {

// A path with back-to-back calls, as its owning thread times them.
class played_path {
 public:
    explicit played_path(std::uint32_t seed) { calls_.seed(seed); }

    /// A call, after a pause. Both may be made longer by interruptions.
    void call(std::uint64_t length, std::uint64_t pause = 0) {
        ++count_;
        truth_ += length;
        now_ += pause + length;
        const bool samples = sampling_ || (calls_.may_begin(count_) &&
                                           static_cast<double>(truth_) <
                                               cost.worth_timing * static_cast<double>(count_));
        if (!samples) {
            ticks_ += length;
            ++timed_;
            return;
        }
        if (!sampling_) until_ = 1;
        sampling_ = true;
        if (--until_ > 0) return;
        ++timed_;
        ticks_ += calls_.is_drawn() ? calls_.stand_for(length, cost) : length;
        calls_.note_end(now_, length, 0);
        until_ = calls_.draw(count_, ticks_, cost, false);
        sampling_ = until_ > 0;
    }
    [[nodiscard]] double error() const {
        return (static_cast<double>(ticks_) - static_cast<double>(truth_)) /
               static_cast<double>(truth_);
    }
    /// Relative to the truth, k = 2; covers the calls since the last timed one as well.
    [[nodiscard]] double bar() const {
        const double pending = static_cast<double>(sampling_ ? count_ - calls_.calls_before() : 0);
        const double missing = pending * static_cast<double>(truth_) / static_cast<double>(count_);
        return 2 * std::sqrt(calls_.variance() + missing * missing) / static_cast<double>(truth_);
    }
    [[nodiscard]] std::uint64_t timed() const { return timed_; }
    [[nodiscard]] bool times_next() const { return until_ == 1; }
    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] std::uint64_t untimed() const { return calls_.untimed(); }

    /// 40 ticks a scope and a budget of 1 %; reading the clock is free here.
    timing_cost cost{4000, 0};

 private:
    sampled_calls calls_;
    std::uint64_t count_ = 0, truth_ = 0, ticks_ = 0, timed_ = 0, now_ = 0;
    std::uint32_t until_ = 1;
    bool sampling_ = false;
};

struct kind_of_calls {
    std::string name;
    std::function<std::uint64_t(std::uint64_t, std::mt19937&)> length;
};

std::vector<kind_of_calls> kinds() {
    const auto is = [](std::mt19937& r, unsigned in) { return r() % in == 0; };
    std::vector<kind_of_calls> all{
        {"all alike", [](auto, auto&) { return 100u; }},
        {"the shortest", [](auto, auto&) { return 20u; }},
        {"anything up to 400", [](auto, auto& r) { return r() % 400; }},
        {"short or long by chance", [=](auto, auto& r) { return is(r, 2) ? 20u : 2000u; }},
        {"one of ten is long", [=](auto, auto& r) { return is(r, 10) ? 1000u : 50u; }},
        {"one of a thousand is very long",
         [=](auto, auto& r) { return is(r, 1000) ? 30'000u : 60u; }},
        {"one of a thousand is so long that what it adds is little",
         [=](auto, auto& r) { return is(r, 1000) ? 2'600u : 60u; }},
        {"each second one is long", [](auto i, auto&) { return i % 2 == 0 ? 40u : 900u; }},
        {"each seventh one is long", [](auto i, auto&) { return i % 7 == 0 ? 2000u : 90u; }},
        {"each 64th one is long", [](auto i, auto&) { return i % 64 == 0 ? 9000u : 90u; }},
        {"each 1000th one is long", [](auto i, auto&) { return i % 1000 == 0 ? 20'000u : 90u; }},
        {"ten times as long from the middle",
         [](auto i, auto&) { return i < 500'000 ? 60u : 600u; }},
        {"a tenth as long from the middle", [](auto i, auto&) { return i < 500'000 ? 900u : 90u; }},
        {"longer and longer", [](auto i, auto&) { return 20 + i / 1000; }},
        {"too long from the middle", [](auto i, auto&) { return i < 500'000 ? 80u : 8000u; }},
    };
    return all;
}

}  // namespace

TEST_CASE("sampled calls: the sum of a million calls of any kind is within one percent") {
    for (const kind_of_calls& kind : kinds())
        for (std::uint32_t seed = 1; seed <= 5; ++seed) {
            CAPTURE(kind.name);
            CAPTURE(seed);
            std::mt19937 random(seed);
            played_path path(seed);
            for (std::uint64_t i = 0; i < 1'000'000; ++i) path.call(kind.length(i, random));
            CHECK(std::fabs(path.error()) <= 0.01);
        }
}

TEST_CASE("sampled calls: the error bar covers the error, however many calls there were") {
    int covered = 0, looked_at = 0;
    for (const kind_of_calls& kind : kinds())
        for (std::uint32_t seed = 11; seed <= 14; ++seed) {
            std::mt19937 random(seed);
            played_path path(seed);
            std::uint64_t next = 3000;
            for (std::uint64_t i = 0; i < 600'000; ++i) {
                path.call(kind.length(i, random));
                if (i < next) continue;
                next *= 3;
                ++looked_at;
                CAPTURE(kind.name);
                CAPTURE(i);
                covered += std::fabs(path.error()) <= path.bar() + 1e-9 ? 1 : 0;
                CHECK(std::fabs(path.error()) <= 2.5 * path.bar() + 1e-9);
            }
        }
    CHECK(covered >= 0.93 * looked_at);
}

TEST_CASE("sampled calls: timing stays within the budget once calls are known") {
    std::mt19937 random(3);
    for (const std::uint64_t length : {20u, 100u, 500u, 2000u}) {
        CAPTURE(length);
        played_path path(7);
        for (int i = 0; i < 1'000'000; ++i) path.call(length + random() % (length / 4));
        const std::uint64_t timed = path.timed();
        for (int i = 0; i < 1'000'000; ++i) path.call(length + random() % (length / 4));
        const double share = static_cast<double>(path.timed() - timed) / 1e6;
        const double wanted = static_cast<double>(length) / 4000;  // of calls, by the budget
        CHECK(share <= 1.15 * wanted + 1.0 / sampled_calls::longest_stride);
    }
}

TEST_CASE("sampled calls: a path whose calls become long is timed at every call again") {
    played_path path(5);
    for (int i = 0; i < 300'000; ++i) path.call(50);
    CHECK(path.timed() < 100'000);
    for (int i = 0; i < 30'000; ++i) path.call(500'000);  // ten thousand times as long
    const std::uint64_t timed = path.timed();
    for (int i = 0; i < 1000; ++i) path.call(500'000);
    CHECK(path.timed() == timed + 1000);
    CHECK(std::fabs(path.error()) <= path.bar());

    played_path slower(6);
    for (int i = 0; i < 100'000; ++i) slower.call(1000);
    CHECK(slower.timed() < 80'000);
    for (int i = 0; i < 5'000; ++i) slower.call(6000);  // a call as short as timing it is worth
    const std::uint64_t before = slower.timed();
    for (int i = 0; i < 1000; ++i) slower.call(6000);
    CHECK(slower.timed() == before + 1000);
}

TEST_CASE("sampled calls: a call that waits for a processor does not stand for others") {
    int with_few_timed = 0;
    for (std::uint32_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        played_path path(seed);
        for (int i = 0; i < 2'000'000; ++i)
            path.call(random() % 20'000 == 0 ? 50'000 : 100);  // another program has its core
        with_few_timed += path.timed() < path.count() / 4 ? 1 : 0;
        CHECK(std::fabs(path.error()) <= 0.03);  // the waits are a fortieth of the time
    }
    CHECK(with_few_timed >= 14);  // the other seeds met several waits early
}

TEST_CASE("sampled calls: an early wait is soon outweighed by the calls timed after it") {
    for (const std::uint64_t wait : {90'000u, 10'000'000u})  // of an interrupt, of a processor
        for (std::uint32_t seed = 1; seed <= 5; ++seed) {
            CAPTURE(wait);
            CAPTURE(seed);
            played_path path(seed);
            for (int i = 0; i < 100'000; ++i) path.call(i == 5'000 ? wait : 100);
            CHECK(path.timed() < 40'000);
            CHECK(std::fabs(path.error()) <= path.bar());
        }
}

TEST_CASE(
    "sampled calls: interruptions, which also fall between calls, don't keep every call timed") {
    int covered = 0;
    constexpr std::uint32_t seeds = 10;
    for (std::uint32_t seed = 1; seed <= seeds; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        // One in 150,000 ticks, of 3,000 to 20,000: a thirteenth of the time.
        const auto lasts = [&](std::uint64_t ticks) {
            return random() % 150'000 < ticks ? ticks + 3'000 + random() % 17'000 : ticks;
        };
        played_path path(seed);
        const auto run = [&](int calls) {
            for (int i = 0; i < calls; ++i) path.call(lasts(80), lasts(60));
        };
        run(900'000);
        const std::uint64_t before = path.timed();
        run(100'000);
        CHECK(path.timed() - before <= 100'000 / 24);
        covered += std::fabs(path.error()) <= path.bar() ? 1 : 0;
        CHECK(std::fabs(path.error()) <= 2 * path.bar());
    }
    CHECK(covered >= 9);
}

TEST_CASE("sampled calls: long calls of the program itself are timed despite interruptions") {
    for (std::uint32_t seed = 1; seed <= 5; ++seed) {
        CAPTURE(seed);
        std::mt19937 random(seed);
        const auto lasts = [&](std::uint64_t ticks) {
            return random() % 4'000'000 < ticks ? ticks + 5'000 + random() % 55'000 : ticks;
        };
        played_path path(seed);
        for (int i = 0; i < 1'000'000; ++i)
            path.call(random() % 1000 == 0 ? 30'000 : lasts(60), lasts(60));
        CHECK(std::fabs(path.error()) <= 0.01);
    }
}

TEST_CASE("sampled calls: one extreme call widens the error bar, as there may be more") {
    for (std::uint32_t seed = 1; seed <= 3; ++seed) {
        CAPTURE(seed);
        double bars[2];
        for (const bool meets_one : {false, true}) {
            std::mt19937 random(seed);
            played_path path(seed);
            for (bool met = !meets_one; path.count() < 400'000;) {
                const bool is_odd = !met && path.count() > 200'000 && path.times_next();
                path.call(is_odd ? 300'000 : 90 + random() % 20);
                met = met || is_odd;
            }
            bars[meets_one] = path.bar();
            CHECK(std::fabs(path.error()) <= 1.5 * path.bar());
        }
        CHECK(bars[1] > 3 * bars[0]);
    }
}

TEST_CASE("sampled calls: lost time is separated from waiting, and this call from earlier ones") {
    detail::lost_time lost;
    CHECK(lost.was_away(900, 500));
    lost.look(1'000, {1, 1, 0, 0});
    CHECK_FALSE(lost.was_away(1'300, 500));
    CHECK_FALSE(lost.was_away(1'700, 500));  // it was running in between
    CHECK(lost.was_away(2'300, 500));
    CHECK(lost.ticks() == 0);
    lost.look(2'000, {2, 1.25, 0, 1});  // it was preempted once
    CHECK(lost.ticks() == 750);
    lost.look(3'000, {3, 1.5, 4, 1});  // it waited four times
    CHECK(lost.ticks() == 750);
    lost.look(4'000, {4, 2, 7, 2});  // both: all pauses count as equally long
    CHECK(lost.ticks() == 750 + 500 / 4);
    lost.look(5'000, {});  // the system stops reporting it
    lost.look(6'000, {6, 2, 7, 4});
    CHECK(lost.ticks() == 875);

    sampled_calls calls;
    (void)calls.draw(2'000, 100'000, timing_cost{4'000, 0}, false);
    REQUIRE(calls.is_drawn());
    calls.note_end(1'000, 100, 50);
    CHECK(calls.unseen_at(1'000) == 0);
    CHECK(calls.unseen_at(2'000) == 1'000);
    const detail::lost_ticks in_the_call = calls.lost_at(2'000, 100, 150);
    CHECK(in_the_call.inside == 100);
    CHECK(in_the_call.before == 0);
    CHECK(in_the_call.ran_before == 900);
    const detail::lost_ticks before = calls.lost_at(2'000, 100, 350);
    CHECK(before.inside == 0);
    CHECK(before.before == 300);
    CHECK(before.ran_before == 600);
    const detail::lost_ticks too_much = calls.lost_at(2'000, 100, 5'000);  // of earlier pauses
    CHECK(too_much.before == 900);
    CHECK(too_much.ran_before == 0);
}

TEST_CASE("sampled calls: the cost of clock reads is not charged to untimed calls") {
    played_path path(2);
    path.cost = {4000, 20};
    for (int i = 0; i < 1'000'000; ++i) path.call(50);  // of which a clock read is 20, if timed
    const double timed = static_cast<double>(path.timed()), all = 1e6;
    const double expected = timed * 50 + (all - timed) * 30;
    CHECK(std::fabs(path.error() * all * 50 + all * 50 - expected) <= 0.002 * expected);
}
