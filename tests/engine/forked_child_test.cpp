// Scopes and meters of the parent in a forked child. Other threads of the parent may have held any
// lock at the fork: here a thread holds it until the child has ended.
#include "engine/child_process.hpp"
#include "engine/support.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/scope.hpp"
#include "joulery/span.hpp"
#include "joulery/stream_scope.hpp"
#include "joulery/testing/access.hpp"
#include "joulery/testing/manual_clock.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

using namespace joulery;
using engine_test::gate;
using engine_test::joule_a_read;

namespace {

options one_backend() {
    options o;
    testing::access::set_clock(o, std::make_shared<testing::manual_clock>());
    o.backends.push_back(std::make_unique<joule_a_read>());
    return o;
}

// A device's counter; on a thread that asks for it, listing its channels takes until the gate
// opens.
thread_local gate* waits_at = nullptr;
class device_counter final : public backend {
 public:
    std::string_view name() const noexcept override { return "device"; }
    const std::vector<channel>& channels() const noexcept override {
        if (waits_at != nullptr) std::exchange(waits_at, nullptr)->wait();
        return channels_;
    }
    read_status read(counter_span out) noexcept override {
        out[0] = 0;
        return read_status::ok;
    }

 private:
    const std::vector<channel> channels_ = [] {
        channel c = engine_test::joule_channel("gpu/0");
        c.part = component::gpu;
        return std::vector<channel>{c};
    }();
};
options one_device() {
    options o;
    testing::access::set_clock(o, std::make_shared<testing::manual_clock>());
    o.backends.push_back(std::make_unique<device_counter>());
    return o;
}
void run_on(device_timeline& gpu, meter& m) {
    device_stream stream{gpu};
    const auto at_once = [](stream_mark mark) { mark(); };
    const stream_scope s{m, stream, "kernel", at_once, at_once};
}

// Runs `body` in a child that is forked while another thread is inside `hold`, which waits at the
// gate.
int status_of_child(const std::function<void(gate&)>& hold, const std::function<void()>& body) {
    gate door;
    std::thread holder([&] { hold(door); });
    door.await_arrivals(1);
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(10);  // threads are not inherited
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

TEST_CASE(
    "forked child: a parent's scope ends although a thread was walking its tree at the fork") {
    meter m(one_backend());
    std::optional<scope> s;
    s.emplace(m, "work");
    s->set_total(10);
    const auto look = [&](gate& door) {
        testing::access::engine_of(m).for_item_plans(
            [&](const detail::item_plan&) { door.wait(); });
    };
    CHECK(status_of_child(look, [&] {
              s->add_items(1, "sample");
              s->set_total(5);
              const scope_handle token = s->handle();
              if (token) ::_exit(98);
              { const task_scope task{token, "task"}; }
              s.reset();
          }) == 0);
    s.reset();
    const report r = m.snapshot();
    REQUIRE(r.find("work") != nullptr);
    CHECK(r.find("work")->calls == 1);
    CHECK(r.find("work")->items == 0);
}

TEST_CASE("forked child: a report of the parent's meter gives its state at the fork") {
    meter m(one_backend());
    (void)m.read();
    const reading before = m.read();
    const auto read_meter = [&](gate& door) {
        const std::lock_guard<std::mutex> lock(
            testing::access::engine_of(m).backends()[0]->reader.state_mutex);
        door.wait();
    };
    CHECK(status_of_child(read_meter, [&] {
              if ((m.read() - before).total().joules() != 0) ::_exit(98);
          }) == 0);
    CHECK((m.read() - before).total().joules() == 1);
}

TEST_CASE("forked child: a device that a parent's thread was listing is listed anew") {
    device_timeline gpu;
    meter m(one_device());
    const auto look = [&](gate& door) {
        const scope s{m, "host"};
        waits_at = &door;
        run_on(gpu, m);
    };
    CHECK(status_of_child(look, [&] {
              meter own(one_device());
              run_on(gpu, own);
              if (own.snapshot().find("kernel/device") == nullptr) ::_exit(98);
          }) == 0);
    run_on(gpu, m);
    CHECK(m.snapshot().find("kernel/device") != nullptr);
}
