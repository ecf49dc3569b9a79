// Days in simulated time: four channels that wrap, stall, fail and are unplugged, and threads that
// come and go. Nothing is lost or counted twice, and memory stays bounded.
// Six days, or JOULERY_SOAK_DAYS; a month takes some minutes.
#include "approx.hpp"
#include "joulery/meter.hpp"
#include "joulery/scope.hpp"
#include "joulery/testing/access.hpp"
#include "joulery/testing/simulated_machine.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace joulery;
using namespace std::chrono_literals;

// Memory of the whole program: each block stores its size in front of it.
namespace {
std::atomic<std::size_t> live_bytes{0};
constexpr std::size_t front = alignof(std::max_align_t);
}  // namespace

void* operator new(std::size_t size) {
    char* block = static_cast<char*>(std::malloc(size + front));
    if (block == nullptr) std::abort();
    new (block) std::size_t(size);
    live_bytes += size;
    return block + front;
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return operator new(size); }
void operator delete(void* p) noexcept {
    if (p == nullptr) return;
    char* block = static_cast<char*>(p) - front;
    live_bytes -= *std::launder(reinterpret_cast<std::size_t*>(block));
    std::free(block);
}
void operator delete(void* p, std::size_t) noexcept { operator delete(p); }

namespace {

using testing::manual_clock;
using testing::simulated_machine;

/// One counter whose power a test sets, and what its meter must have measured.
class soaked_backend final : public backend {
 public:
    soaked_backend(std::shared_ptr<manual_clock> clock, channel c)
        : clock_(std::move(clock)), channels_{std::move(c)}, name_(channels_[0].id) {}

    void draw(double watts) {
        pass();
        watts_ = watts;
    }
    void answer(read_status status) { status_ = status; }
    void stall(bool standing) { stalled_ = standing; }

    std::string_view name() const noexcept override { return name_; }
    const std::vector<channel>& channels() const noexcept override { return channels_; }
    read_status read(counter_span out) noexcept override {
        if (status_ != read_status::ok) return status_;
        pass();
        if (!stalled_) shown_ = static_cast<std::uint64_t>(joules_ / channels_[0].joules_per_count);
        if (!any_) first_ = shown_;
        any_ = true;
        const std::uint64_t wrap = channels_[0].wrap_at;
        out[0] = wrap == 0 ? shown_ : shown_ % wrap;
        return read_status::ok;
    }
    /// Between the first read and the last one that succeeded.
    [[nodiscard]] double joules_shown() const {
        return static_cast<double>(shown_ - first_) * channels_[0].joules_per_count;
    }

 private:
    void pass() noexcept {
        const double now = clock_->seconds();
        joules_ += watts_ * (now - at_);
        at_ = now;
    }

    std::shared_ptr<manual_clock> clock_;
    std::vector<channel> channels_;
    std::string name_;
    double watts_ = 50, joules_ = 0, at_ = 0;
    std::uint64_t shown_ = 0, first_ = 0;
    bool any_ = false, stalled_ = false;
    read_status status_ = read_status::ok;
};

channel counter(std::string id, component part, double joules_per_count, std::uint64_t wrap_at,
                double max_watts) {
    channel c;
    c.id = std::move(id);
    c.part = part;
    c.kind = reading_kind::energy_counter;
    c.joules_per_count = joules_per_count;
    c.wrap_at = wrap_at;
    c.max_watts = max_watts;
    c.update_period = 1s;
    return c;
}

/// The machine, its meter, and the events of an hour.
struct month {
    simulated_machine machine;
    std::vector<soaked_backend*> parts;
    std::unique_ptr<meter> m;
    std::mt19937_64 random{20261128};
    std::uint64_t steps = 0, workers = 0;

    month() {
        options o;
        testing::access::set_clock(o, machine.shared_clock());
        o.period = 30s;
        const auto add = [&](channel c) {
            auto made = std::make_unique<soaked_backend>(machine.shared_clock(), std::move(c));
            parts.push_back(made.get());
            o.backends.push_back(std::move(made));
        };
        // At 150 W and 3 W these two wrap every seven minutes; the others never do.
        add(counter("cpu0/package", component::cpu, 1.0 / 65536, std::uint64_t{1} << 32, 400));
        add(counter("memory", component::dram, 1e-6, std::uint64_t{1} << 30, 8));
        add(counter("gpu0", component::gpu, 1e-3, 0, 700));
        add(counter("nic", component::other, 1e-3, 0, 200));
        m = std::make_unique<meter>(std::move(o));
        machine.attach(*m);
    }

    double uniform(double low, double high) {
        return std::uniform_real_distribution<>(low, high)(random);
    }

    void hour(int of_day) {
        for (int tenth = 0; tenth < 6; ++tenth) {
            parts[0]->draw(uniform(20, 150));
            parts[1]->draw(uniform(1, 3));
            parts[2]->draw(uniform(60, 600));
            parts[3]->draw(uniform(5, 25));
            scope step{*m, "train/step"};
            ++steps;
            parts[3]->stall(tenth == 2);  // stands still, then catches up at once
            machine.run(10s);
            parts[3]->stall(false);
            machine.run(290s);
            scope forward{*m, tenth % 2 == 0 ? "forward" : "backward"};
            machine.run(4min);
        }
        parts[2]->answer(of_day == 7 ? read_status::retry : read_status::ok);
        std::thread([&] {
            scope s{*m, "worker"};
            ++workers;
            machine.run(5min);
            scope t{*m, std::string("request")};
            machine.run(55s);
        }).join();
        machine.run(5s);
    }
};

void check_sums(const report& r) {
    double total = 0;
    for (std::size_t c = 0; c < r.channels.size(); ++c) {
        double own = r.channels[c].unscoped.joules();
        for (const scope_row& row : r.scopes) own += row.by_channel[c].joules();
        // Minus the rows inside others: train/step contains forward and backward.
        for (const scope_row& row : r.scopes)
            if (row.path == "train/step/forward" || row.path == "train/step/backward" ||
                row.path == "worker/request")
                own -= row.by_channel[c].joules();
        CHECK(own == approx(r.channels[c].total.joules()).epsilon(1e-9));
        total += r.channels[c].total.joules();
    }
    CHECK(total == approx(r.total.joules()).epsilon(1e-12));
    double self = r.unscoped.joules();
    for (const scope_row& row : r.scopes) self += row.self.joules();
    CHECK(self == approx(r.total.joules()).epsilon(1e-9));
}

}  // namespace

TEST_CASE("soak: days of wraps, stalls, failures and threads lose no energy and leak no memory") {
    const char* asked = std::getenv("JOULERY_SOAK_DAYS");
    const int days = std::max(asked != nullptr ? std::atoi(asked) : 6, 6);
    month it;
    std::size_t most_before = 0, most_after = 0;
    double last_total = 0, unplugged_at = 0;
    for (int day = 1; day <= days; ++day) {
        INFO("day " << day);
        for (int hour = 0; hour < 24; ++hour) it.hour(hour);
        if (day == 2) {
            (void)it.m->snapshot();
            unplugged_at = it.parts[3]->joules_shown();
            it.parts[3]->answer(read_status::gone);
        }
        const report r = it.m->snapshot();
        check_sums(r);
        CHECK(r.total.joules() > last_total);
        last_total = r.total.joules();
        std::size_t& most = day <= days / 2 ? most_before : most_after;
        most = std::max(most, live_bytes.load());
    }
    const report r = it.m->snapshot();
    REQUIRE(r.channels.size() == 4);
    for (std::size_t c = 0; c < 3; ++c) {
        INFO(r.channels[c].id);
        // A total is up to date: it includes the energy since the last update.
        constexpr double most_watts[] = {400, 8, 700};
        const double since = 2 * most_watts[c];
        CHECK(std::fabs(r.channels[c].total.joules() - it.parts[c]->joules_shown()) <= since);
        CHECK(r.channels[c].tally.resets == 0);
    }
    CHECK(r.channels[0].tally.wraps > static_cast<unsigned>(100 * days));
    CHECK(r.channels[1].tally.wraps > static_cast<unsigned>(130 * days));
    CHECK(std::fabs(r.channels[3].total.joules() - unplugged_at) <= 2 * 200);
    CHECK(r.channels[3].state == "gone");
    CHECK(r.find("train/step")->calls == it.steps);
    CHECK(r.find("worker/request")->calls == it.workers);
    CHECK(r.find("train/step")->time.count() == approx(9.0 * 60 * 6 * 24 * days));
    CHECK(most_after <= most_before + 16'384);  // the fill of its windows varies by some kB
}
