// What a forked child does with scopes and meters of its parent, whose other threads may have held
// any lock at the fork: here a thread holds it until the child has ended.
#include "engine/child_process.hpp"
#include "engine/support.hpp"
#include "joulery/engine/engine.hpp"
#include "joulery/joined_scope.hpp"
#include "joulery/scope.hpp"
#include "joulery/testing/manual_clock.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

using namespace joulery;
using engine_test::gate;
using engine_test::joule_a_read;

namespace {

options one_backend() {
    options o;
    o.clock = std::make_shared<testing::manual_clock>();
    o.backends.push_back(std::make_unique<joule_a_read>());
    return o;
}

// `body` in a child that is forked while another thread is within `hold`, which waits at the gate.
int status_of_child(const std::function<void(gate&)>& hold, const std::function<void()>& body) {
    gate door;
    std::thread holder([&] { hold(door); });
    door.await_arrivals(1);
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(10);  // a fork inherits none
        body();
        ::_exit(0);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    door.open();
    holder.join();
    return status;
}

}  // namespace

TEST_CASE("forked child: a scope of the parent's ends though a thread was looking at its tree") {
    meter m(one_backend());
    std::optional<scope> s;
    s.emplace(m, "work");
    s->set_total(10);
    const auto look = [&](gate& door) {
        m.machinery().for_item_plans([&](const detail::item_plan&) { door.wait(); });
    };
    CHECK(status_of_child(look, [&] {
              s->add_items(1, "sample");
              s->set_total(5);
              const scope_token token = s->token();
              if (token) ::_exit(98);
              { const joined_scope task{token, "task"}; }
              s.reset();
          }) == 0);
    s.reset();
    const report r = m.snapshot();
    REQUIRE(r.find("work") != nullptr);
    CHECK(r.find("work")->calls == 1);
    CHECK(r.find("work")->items == 0);
}

TEST_CASE("forked child: reading a meter of the parent's gives its state at the fork") {
    meter m(one_backend());
    (void)m.read();
    const reading before = m.read();
    const auto book = [&](gate& door) {
        const std::lock_guard<std::mutex> lock(m.machinery().sources()[0]->source.accounts);
        door.wait();
    };
    CHECK(status_of_child(book, [&] {
              if ((m.read() - before).total().joules() != 0) ::_exit(98);
          }) == 0);
    CHECK((m.read() - before).total().joules() == 1);
}
