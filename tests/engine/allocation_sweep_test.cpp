// Fails each single allocation of a whole run in turn: nothing crashes, nothing is thrown into the
// program, and later measurements are right.
#include "approx.hpp"
#include "engine/support.hpp"
#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/joulery.hpp"
#include "joulery/testing/access.hpp"
#include "joulery/testing/virtual_thread.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;
using engine_test::calls_of;
using testing::simulated_machine;

namespace {

thread_local bool is_counting = false;
thread_local long until_failure = 0;  // 1: the next one fails
thread_local bool has_failed = false;

void* allocate(std::size_t size, std::size_t alignment) {
    if (is_counting && --until_failure == 0) {
        has_failed = true;
        throw std::bad_alloc();
    }
    void* p = nullptr;
    if (::posix_memalign(&p, alignment, size == 0 ? 1 : size) == 0) return p;
    throw std::bad_alloc();
}

/// Calls into the library. Allocations made there are counted, and an exception would reach the
/// program.
template <class Work>
void library(Work work) {
    struct counted {
        counted() { is_counting = true; }
        ~counted() { is_counting = false; }
    } now;
    work();
}

}  // namespace

__attribute__((noinline)) void* operator new(std::size_t size) { return allocate(size, 16); }
__attribute__((noinline)) void* operator new(std::size_t size, std::align_val_t alignment) {
    return allocate(size, static_cast<std::size_t>(alignment));
}
// As in the standard library; a sanitizer would use its own.
__attribute__((noinline)) void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    try {
        return operator new(size);
    } catch (...) {
        return nullptr;
    }
}
__attribute__((noinline)) void operator delete(void* p) noexcept { std::free(p); }
__attribute__((noinline)) void operator delete(void* p, std::size_t) noexcept { std::free(p); }
__attribute__((noinline)) void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
__attribute__((noinline)) void operator delete(void* p, std::size_t, std::align_val_t) noexcept {
    std::free(p);
}

namespace {

/// Lets time pass; samples are taken as the sampler thread takes them.
void pass(simulated_machine& machine, meter& m, int milliseconds) {
    for (int i = 0; i < milliseconds; ++i) {
        machine.run(1ms);
        (void)detail::catch_bad_alloc([&] { library([&] { testing::access::sample(m); }); });
    }
}

/// The scopes of a program: literals, strings, nesting, items, tasks, an end on another thread.
void run_scopes(simulated_machine& machine, meter& m, testing::virtual_thread& worker) {
    std::optional<scope> step, handed_over;
    for (int i = 0; i < 3; ++i) {
        library([&] { step.emplace(m, "train/step"); });
        pass(machine, m, 3);
        const std::string name = "layer with quite a long name " + std::to_string(i);
        library([&] {
            step->add_items(32, "sample");
            step->set_total(96);
            for (int k = 0; k < 3; ++k) scope layer{m, name};
        });
        library([&] {
            const auto place = step->handle();
            task_scope task{worker, place, "a task that joins from elsewhere"};
            scope inner{worker, "inner"};
        });
        library([&] { handed_over.emplace(m, "request"); });
        pass(machine, m, 5);
        std::thread([&] { handed_over.reset(); }).join();
        library([&] { step.reset(); });
        pass(machine, m, 20);
    }
}

void check_conserved_report(const report& r) {
    double own = r.unscoped.joules();
    for (const scope_row& row : r.scopes) {
        CHECK(std::isfinite(row.total.joules()));
        own += row.self.joules();
    }
    CHECK(own == approx(r.total.joules()).epsilon(1e-6));
}

}  // namespace

namespace {

void sweep(const std::vector<testing::simulated_counter>& counters) {
    long failures = 0;
    for (long n = 1;; ++n) {
        simulated_machine machine;
        options o = machine.options_with(counters);
        o.record_slices = 20;
        auto m = std::make_unique<meter>(std::move(o));
        machine.draw(100_W);
        testing::virtual_thread worker(*m);
        has_failed = false;
        until_failure = n;
        run_scopes(machine, *m, worker);
        library([&] { (void)m->snapshot(); });
        until_failure = 0;
        {
            scope after{*m, "after"};
            pass(machine, *m, 10);
        }
        const report r = m->snapshot();
        INFO("allocation " << n);
        CHECK(calls_of(r, "after") == 1);
        CHECK(calls_of(r, "train/step") <= 3);
        check_conserved_report(r);
        if (!has_failed) {
            CHECK(calls_of(r, "train/step") == 3);
            break;
        }
        ++failures;
    }
    MESSAGE(failures << " allocations failed, each in a separate run");
    CHECK(failures > 100);
}

}  // namespace

TEST_CASE("allocation sweep: any single allocation of a run without counters may fail") {
    sweep({});
}

TEST_CASE("allocation sweep: any single allocation of a run with a counter may fail") {
    testing::simulated_counter often = engine_test::exact_counter();
    often.period = 1ms;  // so that its updates are watched and rows separate the scopes
    sweep({often});
}

namespace {

class without_channels final : public backend {
 public:
    std::string_view name() const noexcept override { return "without channels"; }
    const std::vector<channel>& channels() const noexcept override { return channels_; }
    read_status read(counter_span) noexcept override { return read_status::ok; }

 private:
    std::vector<channel> channels_;
};

}  // namespace

TEST_CASE("allocation sweep: any single allocation of the process-wide meter may fail") {
    long failures = 0;
    for (has_failed = true; has_failed; ++failures) {
        options o;
        o.backends.push_back(std::make_unique<without_channels>());
        has_failed = false;
        until_failure = failures + 1;
        library([&] { start(std::move(o)); });
        library([&] {
            const scope s{"work"};
            const scope inner{std::string_view("inner")};
        });
        std::uint64_t calls = 0;
        library([&] {
            (void)snapshot();
            stop();
            calls = calls_of(snapshot(), "work");
        });
        until_failure = 0;
        INFO("allocation " << failures + 1);
        if (!has_failed) CHECK(calls == 1);
    }
    MESSAGE((failures - 1) << " allocations failed, each in a separate run");
    CHECK(failures > 50);
}
