// Time passes and scopes end while a report looks at them one by one.
#include "joulery/detail/session/engine.hpp"
#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/detail/timing/time_source.hpp"
#include "joulery/meter.hpp"
#include "joulery/scope.hpp"
#include "joulery/testing/access.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

using namespace joulery;

namespace {

// A second passes from look to look; due ends happen right after the next one.
class restless_clock final : public time_source {
 public:
    std::uint64_t now() const noexcept override {
        const std::uint64_t shown = ++seconds_;
        if (due) std::exchange(due, nullptr)();
        return shown;
    }
    double seconds_per_tick() const noexcept override { return 1; }
    std::string_view name() const noexcept override { return "restless"; }
    mutable std::function<void()> due;

 private:
    mutable std::uint64_t seconds_ = 0;
};

}  // namespace

TEST_CASE("tally: an open scope never has less time than the scopes that end inside it") {
    const auto clock = std::make_shared<restless_clock>();
    options o;
    o.backends = no_backends();
    testing::access::set_clock(o, clock);
    meter m{std::move(o)};
    {
        scope outer{m, "outer"};
        scope middle{m, "middle"};
        scope inner{m, "inner"};
    }
    detail::scope_node* outer = testing::access::cursor_in(m)->root.first_child.load();
    detail::scope_node* middle = outer->first_child.load();
    detail::scope_node* inner = middle->first_child.load();
    for (detail::scope_node* n : {outer, middle, inner}) n->open(clock->now());
    clock->due = [&] {  // when the first of them is read
        for (int i = 0; i < 100; ++i) (void)clock->now();
        inner->close(clock->now());
        middle->close(clock->now());
    };
    detail::list<detail::path_tally> paths;
    (void)testing::access::engine_of(m).tally(paths);
    REQUIRE(paths.size() == 3);
    CHECK(clock->due == nullptr);
    CHECK(paths[1].ticks > 100);  // the end was seen
    CHECK(paths[0].ticks >= paths[1].ticks);
    CHECK(paths[1].ticks >= paths[2].ticks);
}
