// Looking only at scopes that may have changed gives channels and reports the same as looking at
// every scope.
#include "joulery/detail/attribution/scope_states.hpp"
#include "joulery/detail/attribution/open_times.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/detail/timing/node_watch.hpp"
#include "joulery/meter.hpp"
#include "joulery/scope.hpp"
#include "joulery/testing/access.hpp"
#include "joulery/testing/manual_clock.hpp"

#include "engine/support.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace joulery;
using detail::scope_node;

namespace {

// What one look finds on a thread.
struct seen_of_thread {
    std::vector<std::pair<const scope_node*, double>> own;
    std::vector<double> lanes;
    const scope_node* innermost = nullptr;
    double tail = 0;
    bool operator==(const seen_of_thread& o) const {
        return own == o.own && lanes == o.lanes && innermost == o.innermost && tail == o.tail;
    }
};

// Looks at every scope each time.
class every_scope {
 public:
    seen_of_thread look(const detail::thread_context& context, std::uint64_t at) {
        seen_of_thread found;
        const bool device = context.is_device();
        if (!device) found.lanes.push_back(0);
        std::map<const scope_node*, double> inside;
        std::uint64_t ends = 0;
        bool was_open = false;
        context.nodes().for_each_backwards([&](scope_node& n) {
            mark& m = marks_[&n];
            const std::uint64_t ticks = n.ticks_at(at);
            if (!n.is_open() && ticks == m.ticks && inside[&n] == 0) return;
            const mark before = m;
            m.calls = n.calls.load();
            m.open = n.is_open();
            if (m.open && found.innermost == nullptr) {
                found.innermost = &n;
                ends = m.calls - before.calls;
                was_open = before.open;
            }
            const double grown = ticks > m.ticks ? static_cast<double>(ticks - m.ticks) : 0;
            m.ticks = std::max(m.ticks, ticks);
            const double whole = std::max(grown, inside[&n]);
            found.own.emplace_back(&n, whole - inside[&n]);
            if (n.parent->parent != nullptr) {
                inside[n.parent] += whole;
            } else if (whole > 0) {
                device ? found.lanes.push_back(whole) : void(found.lanes[0] += whole);
            }
        });
        const double stretch =
            at_ != 0 && at > at_ ? static_cast<double>(at - std::exchange(at_, at)) : 0;
        at_ = at;
        if (!device && stretch > 0) leave_late_ends(stretch, found);
        if (found.innermost == nullptr && found.own.empty()) found.tail = stretch;
        for (const auto& [n, ticks] : found.own)
            if (n == found.innermost && ends == 0) found.tail = was_open ? stretch : ticks;
        for (const auto& [n, ticks] : found.own)
            if (n->parent == found.innermost) found.tail = 0;
        return found;
    }

 private:
    struct mark {
        std::uint64_t ticks = 0, calls = 0;
        bool open = false;
    };
    void leave_late_ends(double stretch, seen_of_thread& found) {
        const double late = found.lanes[0] - stretch;
        const auto most =
            std::max_element(found.own.begin(), found.own.end(),
                             [](const auto& a, const auto& b) { return a.second < b.second; });
        if (late < 1 || most == found.own.end() || most->second < late) return;
        most->second -= late;
        found.lanes[0] -= late;
        for (const scope_node* n = most->first; n->parent != nullptr; n = n->parent)
            if (!n->is_open())
                marks_[n].ticks -= std::min(static_cast<std::uint64_t>(late), marks_[n].ticks);
    }
    std::map<const scope_node*, mark> marks_;
    std::uint64_t at_ = 0;
};

// A simulated thread.
struct played_thread final : scope_owner {
    explicit played_thread(meter& m) : tree(testing::access::engine_of(m).add_tree()) {}
    detail::thread_cursor* cursor_of_this_thread() noexcept override { return tree.get(); }
    const std::shared_ptr<detail::thread_context> tree;
    std::vector<std::unique_ptr<std::optional<scope>>> open;

    void enter(const std::string& name) {
        if (open.size() >= 5) return;
        open.push_back(std::make_unique<std::optional<scope>>());
        open.back()->emplace(*this, std::string_view(name));
    }
    void leave(std::size_t which) { open.erase(open.begin() + static_cast<std::ptrdiff_t>(which)); }
};

// Threads whose scopes begin and end in any order; other threads end some of them.
class random_scopes {
 public:
    random_scopes(std::uint64_t seed, bool any_order) : random_(seed), any_order_(any_order) {
        options o;
        o.backends = no_backends();
        testing::access::set_clock(o, clock_);
        meter_ = std::make_unique<meter>(std::move(o));
        clock_->advance(std::chrono::milliseconds(1));
    }
    ~random_scopes() {
        for (const auto& t : threads_) t->open.clear();
    }
    void step() {
        if (threads_.size() < 3 || (threads_.size() < 6 && pick(50) == 0)) {
            threads_.push_back(std::make_unique<played_thread>(*meter_));
            all.push_back(threads_.back()->tree);
        }
        played_thread& t = *threads_[pick(threads_.size())];
        const std::size_t open = t.open.size(), what = pick(11);
        if (what < 4) t.enter(std::string(1, static_cast<char>('a' + pick(7))));
        if (what >= 4 && what < 7 && open > 0) t.leave(open - 1);
        if (what >= 7 && what < 10) clock_->advance(std::chrono::nanoseconds(pick(40'000)));
        if (what == 10 && open > 0 && pick(3) == 0) {
            const std::size_t which = pick(open);
            if (any_order_ && pick(2) == 0) std::thread([&] { t.open[which]->reset(); }).join();
            t.leave(which);
        }
    }
    std::size_t pick(std::size_t n) { return static_cast<std::size_t>(random_() % n); }
    [[nodiscard]] std::uint64_t now() const { return clock_->now(); }
    [[nodiscard]] detail::engine& engine() { return testing::access::engine_of(*meter_); }

    detail::scope_states::contexts all;

 private:
    std::shared_ptr<testing::manual_clock> clock_ = std::make_shared<testing::manual_clock>();
    std::mt19937_64 random_;
    const bool any_order_;
    std::unique_ptr<meter> meter_;
    std::vector<std::unique_ptr<played_thread>> threads_;
};

// A channel that looks now and then, at a moment that has just passed.
struct channel_under_test {
    detail::open_times times;
    std::map<const detail::thread_context*, every_scope> reference;
    std::uint64_t at = 0;

    void look(detail::scope_states& states, std::uint64_t moment) {
        at = std::max(at, moment);
        times.look(states, at, 0, [](const detail::thread_context&) { return true; });
        REQUIRE(times.count() == states.all().size());
        for (std::size_t i = 0; i < times.count(); ++i) {
            const detail::context_stretch& c = times[i];
            REQUIRE(c.context.get() == states.all()[i].get());
            seen_of_thread found{{}, c.lanes, c.innermost, c.tail};
            for (const detail::own_time& t : c.own) found.own.emplace_back(t.node, t.ticks);
            REQUIRE(found == reference[c.context.get()].look(*c.context, at));
        }
    }
};

void check_tally(random_scopes& scopes) {
    detail::list<detail::path_tally> found;
    (void)scopes.engine().tally(found);
    std::vector<std::pair<std::uint64_t, std::uint64_t>> expected(found.size());
    for (const auto& c : scopes.all)
        c->nodes().for_each_backwards([&](const scope_node& n) {
            if (n.path == nullptr) return;
            auto& [calls, ticks] = expected[n.path->index];
            calls += n.calls.load() + (n.is_open() ? 1 : 0);
            ticks += n.ticks_at(scopes.now());
        });
    for (std::size_t p = 0; p < found.size(); ++p) {
        CHECK(found[p].calls == expected[p].first);
        CHECK(found[p].ticks == expected[p].second);
    }
}

}  // namespace

TEST_CASE("scope states: channels see the same as by looking at every scope, in any order") {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        CAPTURE(seed);
        random_scopes scopes(seed, seed % 2 == 0);
        detail::scope_states states;
        std::array<channel_under_test, 3> channels;
        for (int i = 0; i < 1'500; ++i) {
            scopes.step();
            if (scopes.pick(4) != 0) continue;
            states.become(scopes.all, 1);
            states.look_again();
            for (channel_under_test& c : channels)
                if (scopes.pick(3) == 0)
                    c.look(states,
                           scopes.now() + 500 - scopes.pick(30'000));  // clocks differ slightly

            if (scopes.pick(20) == 0) check_tally(scopes);
        }
        check_tally(scopes);
    }
}

TEST_CASE("scope states: one look serves all channels, and without channels there is none") {
    random_scopes scopes(7, false);
    for (int i = 0; i < 100; ++i) scopes.step();
    detail::scope_states states;
    CHECK(states.number() == 0);
    states.become(scopes.all, 1);
    states.look_again();
    states.look_again();
    CHECK(states.number() == 0);
    for (int channel = 0; channel < 4; ++channel) CHECK(states.now().size() == scopes.all.size());
    CHECK(states.number() == 1);
    states.look_again();
    (void)states.now();
    CHECK(states.number() == 2);
}

TEST_CASE("scope states: only open scopes are read on a thread that has not run") {
    meter m;
    engine_test::gate first, last;
    detail::thread_cursor* tree = nullptr;
    std::thread worker([&] {
        for (int i = 0; i < 500; ++i) scope s{m, "path " + std::to_string(i)};
        {
            const scope open{m, "open"};
            tree = testing::access::cursor_in(m);
            first.wait();
        }
        { const scope s{m, "path 7"}; }
        last.wait();
    });
    first.await_arrivals(1);
    auto& context = *static_cast<detail::thread_context*>(tree);
    detail::node_watch watch;
    std::uint64_t calls = 0;
    const auto look = [&] {
        const double ran = context.ran();
        watch.meet(context.nodes());
        return watch.look(false, ran, [&](const scope_node& n, std::size_t) {
            if (std::string_view(n.name, n.name_size) == "path 7") calls = n.calls.load();
            return n.is_open();
        });
    };
    CHECK(look() == 501);
    CHECK(calls == 1);
    // It may still be falling asleep.
    std::size_t touched = look();
    for (int i = 0; i < 100'000 && touched > 1; ++i) touched = look();
    CHECK(touched == (context.ran() >= 0 ? 1u : 501u));
    first.open();
    last.await_arrivals(1);
    (void)look();
    CHECK(calls == 2);
    last.open();
    worker.join();
}

TEST_CASE("scope states: the children of scopes that were not open are skipped") {
    options o;
    o.backends = no_backends();
    const auto clock = std::make_shared<testing::manual_clock>();
    testing::access::set_clock(o, clock);
    meter m{std::move(o)};
    played_thread t(m);
    const auto visit_all = [&](const std::string& phase) {
        t.enter(phase);
        for (int i = 0; i < 500; ++i) {
            clock->advance(std::chrono::nanoseconds(10));
            t.enter(std::to_string(i));
            clock->advance(std::chrono::nanoseconds(10));
            t.leave(1);
        }
        t.leave(0);
    };
    detail::node_watch watch;
    const auto touched = [&] {
        watch.meet(t.tree->nodes());
        return watch.look(false, -1, [](const scope_node& n, std::size_t) { return n.is_open(); });
    };
    visit_all("load");
    visit_all("train");
    CHECK(touched() == 1'002);
    CHECK(touched() <= 1'002);  // newly found scopes may have changed since
    CHECK(touched() == 2);
    t.enter("train");
    CHECK(touched() == 502);
    CHECK(touched() == 502);  // it is open
    t.leave(0);
    CHECK(touched() == 502);
    CHECK(touched() == 2);
    visit_all("load");
    CHECK(touched() == 502);
    CHECK(touched() == 2);
}
