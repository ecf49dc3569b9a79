#include "joulery/detail/attribution/power_regression.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "approx.hpp"

using joulery::detail::power_estimate;
using joulery::detail::power_regression;
using joulery::detail::regression_row;
using joulery::detail::regression_term;

namespace {
/// Scopes that take turns on one thread, and a counter with updates every 1 ms; rows of about 100
/// ms, each with three rows of 1 ms beside it.
struct program {
    std::vector<double> watts{40, 90, 170, 260};
    double call_seconds = 0.5e-3;
    double call_noise = 0, common_noise = 0, common_tau = 1, lag = 0;
    double run_seconds = 10;
    std::uint64_t seed = 1;
    double swap_at = 1e9;  ///< s; then the first two scopes swap their powers
};
struct row {
    double length, joules, variance;
    std::vector<regression_term> terms;
};
struct trace {
    std::vector<row> rows;
    std::vector<double> truth;  ///< J by scope
};

class simulation {
 public:
    explicit simulation(const program& p) : p_(p), random_(p.seed), open_(p.watts.size(), 0.0) {}

    trace run() {
        trace t;
        std::vector<double> drawn(p_.watts.size(), 0.0);
        const int updates = static_cast<int>(p_.run_seconds * 1000);
        double last = -p_.lag * shown_, begin = 0, target = 0.1;
        int burst = 0;
        for (int k = 1; k <= updates; ++k) {
            advance(1e-3, drawn);
            const double now = k * 1e-3;
            if (now >= p_.swap_at && now < p_.swap_at + 1e-3) std::swap(p_.watts[0], p_.watts[1]);
            const bool end = burst > 0 ? (--burst, true) : now > target && (burst = 3, true);
            if (!end) continue;
            const double value = std::floor((energy_ - p_.lag * shown_) / step) * step;
            row r{now - begin, value - last, step * step / 6, {}};
            for (std::size_t i = 0; i < open_.size(); ++i)
                if (open_[i] > 0) r.terms.push_back({static_cast<std::uint32_t>(i), open_[i]});
            t.rows.push_back(r);
            t.truth = drawn;
            open_.assign(open_.size(), 0.0);
            begin = now, last = value, target = now + 0.08 + 0.04 * even_(random_);
        }
        return t;
    }

 private:
    static constexpr double step = 61e-6;
    void advance(double todo, std::vector<double>& truth) {
        while (todo > 0) {
            if (left_ <= 1e-12) begin_call();
            const double dt = std::min(todo, left_), power = call_watts_ * (1 + common_);
            if (p_.lag > 0) shown_ = power + (shown_ - power) * std::exp(-dt / p_.lag);
            open_[scope_] += dt, truth[scope_] += dt * power, energy_ += dt * power;
            todo -= dt, left_ -= dt;
        }
        const double keep = std::exp(-1e-3 / p_.common_tau);
        common_ = keep * common_ + std::sqrt(1 - keep * keep) * p_.common_noise * normal_(random_);
    }
    void begin_call() {
        scope_ = (scope_ + 1) % p_.watts.size();
        left_ = p_.call_seconds * (0.8 + 0.4 * even_(random_));
        call_watts_ = p_.watts[scope_] * std::exp(p_.call_noise * normal_(random_));
    }

    program p_;
    std::mt19937_64 random_;
    std::normal_distribution<double> normal_;
    std::uniform_real_distribution<double> even_;
    std::vector<double> open_;
    std::size_t scope_ = 0;
    double left_ = 0, call_watts_ = 0, common_ = 0, energy_ = 0, shown_ = 100;
};

void feed(power_regression& r, const trace& t) {
    for (const row& x : t.rows)
        r.add({x.length, x.joules, x.variance, 0, x.terms.data(), x.terms.size()});
}
power_estimate estimate(const trace& t) {
    power_regression r;
    feed(r, t);
    return r.solve();
}

/// Energy attributed to each scope, and twice its standard deviation.
struct bill {
    std::vector<double> joules, bar, truth;
};
bill make_bill(const trace& t, const power_estimate& e) {
    const std::size_t n = t.truth.size();
    bill b{std::vector<double>(n, 0.0), {}, std::vector<double>(n, 0.0)};
    std::vector<double> contrast(n * n, 0.0), white(n, 0.0);
    for (const row& r : t.rows) {
        for (const regression_term& p : r.terms) {
            const double share = p.seconds / r.length;
            b.joules[p.column] += share * r.joules + e.watts[p.column] * p.seconds;
            contrast[p.column * n + p.column] += p.seconds;
            for (const regression_term& q : r.terms) {
                b.joules[p.column] -= share * q.seconds * e.watts[q.column];
                contrast[p.column * n + q.column] -= share * q.seconds;
                const double part = p.column == q.column ? 1 - share : share;
                white[p.column] += part * part * q.seconds * e.white_by_column[q.column];
            }
        }
    }
    for (std::size_t p = 0; p < n; ++p) {
        double variance = white[p];
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j < n; ++j)
                variance += contrast[p * n + i] * contrast[p * n + j] * e.covariance[i * n + j];
        b.bar.push_back(2 * std::sqrt(variance));
        b.truth[p] = t.truth[p];
    }
    return b;
}
/// Worst relative error of a scope's energy, and the number of scopes within their error bars.
struct verdict {
    double worst = 0;
    int within = 0, scopes = 0;
};
verdict judge(const program& p) {
    const trace t = simulation(p).run();
    const bill b = make_bill(t, estimate(t));
    verdict v;
    for (std::size_t i = 0; i < b.joules.size(); ++i) {
        const double error = std::fabs(b.joules[i] - b.truth[i]);
        v.worst = std::max(v.worst, error / b.truth[i]);
        v.within += error <= b.bar[i] + 1e-4;
        ++v.scopes;
    }
    return v;
}
}  // namespace

TEST_CASE("power regression: constant powers are found to one part in ten thousand") {
    for (const std::uint64_t seed : {1u, 2u}) {
        CAPTURE(seed);
        program p;
        p.seed = seed;
        const verdict v = judge(p);
        CHECK(v.worst < 1e-4);
        CHECK(v.within == v.scopes);
    }
}

TEST_CASE("power regression: noise common to all scopes is learned and separated from powers") {
    for (const double tau : {0.1, 1.0}) {
        CAPTURE(tau);
        program p;
        p.common_noise = 0.1;
        p.common_tau = tau;
        const trace t = simulation(p).run();
        const power_estimate e = estimate(t);
        CHECK(e.common_stddev > 0.04 * e.mean_watts);
        CHECK(e.common_stddev < 0.25 * e.mean_watts);
        CHECK(judge(p).worst < 0.03);
    }
}

TEST_CASE("power regression: error bars cover the variation between calls of one scope") {
    int within = 0, scopes = 0;
    for (const std::uint64_t seed : {1u, 2u, 3u, 4u}) {
        CAPTURE(seed);
        program p;
        p.call_noise = 0.2;
        p.run_seconds = 5;
        p.seed = seed;
        const verdict v = judge(p);
        within += v.within, scopes += v.scopes;
    }
    CHECK(within >= 0.85 * scopes);
}

TEST_CASE("power regression: a sensor's memory is learned, whatever its length") {
    for (const double lag : {0.002, 0.0033, 0.0077, 0.01}) {
        CAPTURE(lag);
        program p;
        p.lag = lag;
        p.call_seconds = 5e-3;
        const power_estimate e = estimate(simulation(p).run());
        CHECK(e.lag == approx(lag).epsilon(0.1));
        for (std::size_t i = 0; i < p.watts.size(); ++i)
            CHECK(e.watts[i] - e.watts[0] + 1000 ==
                  approx(p.watts[i] - p.watts[0] + 1000).epsilon(5e-3));
    }
}

TEST_CASE("power regression: a sensor that shows the mean of 25 ms is recognized") {
    power_regression r;
    std::mt19937_64 random(11);
    std::vector<double> energy(26, 0.0);  // J, at each millisecond of the last 26
    double seconds[2] = {0, 0}, before = 0;
    int column = 0, left = 20;
    for (int k = 1; k <= 6000; ++k) {
        if (--left < 0) column = 1 - column, left = static_cast<int>(10 + random() % 40);
        energy.erase(energy.begin());
        energy.push_back(energy.back() + 1e-3 * (column == 0 ? 50 : 200));
        seconds[column] += 1e-3;
        if (k % 10 != 0) continue;
        double mean = -(energy.front() + energy.back()) / 50;
        for (const double e : energy) mean += e / 25;
        const regression_term open[] = {{0, seconds[0]}, {1, seconds[1]}};
        if (k > 30) r.add({0.01, mean - before, 1e-8, 0, open, 2});
        before = mean, seconds[0] = seconds[1] = 0;
    }
    const power_estimate& e = r.solve();
    CHECK(e.watts[1] - e.watts[0] == approx(150).epsilon(0.05));
}

TEST_CASE("power regression: where long rows contradict short ones, error bars cover both") {
    power_regression r;
    std::mt19937_64 random(13);
    std::uniform_real_distribution<double> even(0.02, 0.08);
    for (int k = 0; k < 150; ++k) {
        const double a = even(random), b = 0.1 - a;
        const regression_term open[] = {{0, a}, {1, b}};
        r.add({0.1, a * 60 + b * 140, 1e-6, 0, open, 2});
        for (std::uint32_t column : {0u, 1u, 0u}) {
            const regression_term alone[] = {{column, 1e-3}};
            r.add({1e-3, 1e-3 * (column == 0 ? 20 : 180) * (1 + 2 * (even(random) - 0.05)), 1e-9, 0,
                   alone, 1});
        }
    }
    const power_estimate& e = r.solve();
    const double contrast = e.watts[1] - e.watts[0];
    const double bar = 2 * std::sqrt(e.covariance[0] + e.covariance[3] - 2 * e.covariance[1]);
    CHECK(std::fabs(contrast - 80) < bar);
    CHECK(std::fabs(contrast - 160) < bar);
}

TEST_CASE("power regression: scopes that always run alike get equal powers and wide error bars") {
    power_regression r;
    std::mt19937_64 random(7);
    std::normal_distribution<double> normal;
    for (int k = 0; k < 100; ++k) {
        const double length = 0.1 * (1 + 0.1 * normal(random));
        const regression_term both[] = {{0, length}, {1, length}};
        r.add({length, length * 100, 1e-9, 0, both, 2});
    }
    const power_estimate& e = r.solve();
    CHECK(e.watts[0] == approx(e.watts[1]).epsilon(1e-9));
    const double split = e.covariance[0] + e.covariance[3] - 2 * e.covariance[1];
    CHECK(std::sqrt(split) > 0.5 * e.mean_watts);
}

TEST_CASE("power regression: few rows give wide error bars") {
    program p;
    p.call_noise = 0.05;
    p.common_noise = 0.05;
    p.run_seconds = 0.5;
    int within = 0, scopes = 0;
    for (p.seed = 1; p.seed <= 16; ++p.seed) {
        CAPTURE(p.seed);
        const verdict v = judge(p);
        within += v.within, scopes += v.scopes;
    }
    CHECK(within >= 0.8 * scopes);
}

TEST_CASE("power regression: constant base power is not charged to a thread") {
    power_regression r;
    std::mt19937_64 random(3);
    std::uniform_real_distribution<double> even(0, 0.1);
    for (int k = 0; k < 200; ++k) {
        const double a = even(random), b = even(random);
        const regression_term open[] = {{0, a}, {1, b}};
        r.add({0.1, 0.1 * 50 + a * 30 + b * 90, 1e-9, 0, open, 2});
    }
    const power_estimate& e = r.solve();
    CHECK(e.watts[0] == approx(30).epsilon(0.01));
    CHECK(e.watts[1] == approx(90).epsilon(0.01));
}

TEST_CASE("power regression: the same rows give the same bits") {
    program p;
    p.call_noise = 0.05;
    p.run_seconds = 3;
    const trace t = simulation(p).run();
    const power_estimate a = estimate(t), b = estimate(t);
    CHECK(a.watts == b.watts);
    CHECK(a.covariance == b.covariance);
}

TEST_CASE("power regression: impossible rows are ignored") {
    power_regression r(4);
    const regression_term open[] = {{0, 0.1}}, unknown[] = {{4, 0.1}}, negative[] = {{0, -0.1}};
    const double none = std::numeric_limits<double>::quiet_NaN();
    const double endless = std::numeric_limits<double>::infinity();
    r.add({0.1, 10, 1e-6, 0, open, 1});
    const std::vector<double> before = r.solve().watts;
    for (const double bad : {none, endless, -endless}) {
        r.add({bad, 10, 1e-6, 0, open, 1});
        r.add({0.1, bad, 1e-6, 0, open, 1});
        r.add({0.1, 10, bad, 0, open, 1});
        r.add({0.1, 10, 1e-6, bad, open, 1});
    }
    r.add({-0.1, 10, 1e-6, 0, open, 1});
    r.add({0, 10, 1e-6, 0, open, 1});
    r.add({0.1, 10, 1e-6, 0, unknown, 1});
    r.add({0.1, 10, 1e-6, 0, negative, 1});
    CHECK(r.solve().watts == before);
    CHECK(r.solve().rows == 1);
}

TEST_CASE("power regression: columns may appear at any time, and none is required") {
    power_regression r;
    CHECK(r.solve().watts.empty());
    r.add({0.1, 5, 1e-6, 0, nullptr, 0});
    CHECK(r.solve().watts.empty());
    for (std::uint32_t k = 0; k < 40; ++k) {
        const regression_term open[] = {{k % 7, 0.05}, {k, 0.05}};
        r.add({0.1, 10, 1e-6, k % 5 == 0 ? 0.3 : 0.0, open, 2});
    }
    CHECK(r.columns() == 40);
    const power_estimate& e = r.solve();
    for (const double w : e.watts) CHECK(std::fabs(w) < 1000);
    for (std::size_t i = 0; i < 40; ++i) CHECK(e.covariance[i * 40 + i] > 0);
}

TEST_CASE("power regression: channels without updates stay finite") {
    power_regression r;
    for (int k = 0; k < 50; ++k) {
        const regression_term open[] = {{0, 0.06}, {1, 0.04}};
        r.add({0.1, 0, 0, 0, open, 2});
    }
    for (const double w : r.solve().watts) CHECK(std::fabs(w) < 1e-6);
}

TEST_CASE("power regression: changing powers are followed by forgetting old rows") {
    power_regression r;
    std::mt19937_64 random(5);
    std::uniform_real_distribution<double> even(0, 0.1);
    auto feed = [&](int rows, double a_watts, double b_watts) {
        for (int k = 0; k < rows; ++k) {
            const double a = even(random), b = 0.1 - a;
            const regression_term open[] = {{0, a}, {1, b}};
            r.add({0.1, a * a_watts + b * b_watts, 1e-9, 60, open, 2});
        }
    };
    feed(1100, 100, 50);
    CHECK(r.solve().watts[0] - r.solve().watts[1] == approx(50).epsilon(0.01));
    feed(2200, 50, 100);
    CHECK(r.solve().watts[1] - r.solve().watts[0] == approx(50).epsilon(0.05));
}

namespace {

std::vector<std::size_t> every_16th(std::size_t rows) {
    std::vector<std::size_t> numbers;
    for (std::size_t n = 16; n <= rows; n += 16) numbers.push_back(n);
    return numbers;
}
/// Number of the row after which a change of power is detected; 0: none.
std::size_t changed_after(const trace& t) {
    power_regression r;
    feed(r, t);
    const std::vector<std::size_t> after = every_16th(t.rows.size());
    (void)r.solve();
    const joulery::detail::power_change c = r.find_change({after.begin(), after.end()});
    if (!c.found) return 0;
    CHECK(c.first <= c.place);
    CHECK(c.place <= c.last);
    return after[c.place];
}

}  // namespace

TEST_CASE("power regression: a change of power is detected and dated") {
    for (const double noise : {0.0, 0.05}) {
        for (std::uint64_t seed = 1; seed <= 4; ++seed) {
            CAPTURE(noise);
            CAPTURE(seed);
            program p;
            p.common_noise = noise;
            p.seed = seed;
            p.run_seconds = 15;
            p.swap_at = 6 + static_cast<double>(seed);
            const trace t = simulation(p).run();
            std::size_t row = 0;
            for (double end = 0; end < p.swap_at; ++row) end += t.rows[row].length;
            const std::size_t found = changed_after(t);
            CHECK(found + 32 > row);
            CHECK(found < row + 32);
        }
    }
}

TEST_CASE("power regression: noise is not taken for a change") {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        CAPTURE(seed);
        for (const double call_noise : {0.0, 0.2}) {
            for (const double common_noise : {0.0, 0.1}) {
                program p;
                p.call_noise = call_noise, p.common_noise = common_noise, p.seed = seed;
                CHECK(changed_after(simulation(p).run()) == 0);
            }
        }
    }
}

TEST_CASE("power regression: rows before and after a change give the powers of their time") {
    program p;
    p.swap_at = 6;
    const trace t = simulation(p).run();
    power_regression before, since;
    for (power_regression* r : {&before, &since}) feed(*r, t);
    const std::size_t found = changed_after(t);
    REQUIRE(found > 0);
    before.keep_until(found);
    since.keep_since(found);
    CHECK(before.rows() == found);
    CHECK(since.rows() == t.rows.size());
    const std::vector<double> old = before.solve().watts, now = since.solve().watts;
    // The detected place may be a few rows early or late.
    CHECK(old[1] - old[0] == approx(p.watts[1] - p.watts[0]).epsilon(0.2));
    CHECK(now[0] - now[1] == approx(p.watts[1] - p.watts[0]).epsilon(0.2));
    CHECK(now[3] - now[2] == approx(p.watts[3] - p.watts[2]).epsilon(0.1));
}
