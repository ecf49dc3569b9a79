// Shared by the tests of the engine: simple counters, gates, meters on a simulated clock.
#pragma once

#include "joulery/backend.hpp"
#include "joulery/meter.hpp"
#include "joulery/testing/simulated_machine.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace engine_test {

/// A counter that always shows the truth.
inline joulery::testing::simulated_counter exact_counter(std::string id = "cpu0/package") {
    joulery::testing::simulated_counter c;
    c.id = std::move(id);
    c.period = std::chrono::microseconds(1);
    c.jitter = 0;
    c.quantum = 1e-9;
    c.wrap_at = 0;
    return c;
}

/// A channel in microjoules without a power limit.
inline joulery::channel joule_channel(std::string id = "fake/counter") {
    joulery::channel c;
    c.id = std::move(id);
    c.max_watts = 1e12;
    return c;
}

/// Calls of a path; 0 if it is not in the report.
inline std::uint64_t calls_of(const joulery::report& r, std::string_view path) {
    const joulery::scope_row* row = r.find(path);
    return row != nullptr ? row->calls : 0;
}

/// A machine whose counter shows the truth, with a meter on it; time passes when a test says so.
struct metered_machine : joulery::testing::simulated_machine {
    metered_machine() : m(options_with({exact_counter()})) { attach(m); }
    explicit metered_machine(joulery::power drawn) : metered_machine() { draw(drawn); }
    /// With options, made by `options_of(machine)`.
    template <class OptionsOf>
    explicit metered_machine(OptionsOf options_of, std::uint64_t seed = 1)
        : simulated_machine(seed), m(options_of(static_cast<simulated_machine&>(*this))) {
        attach(m);
    }
    joulery::meter m;
};

/// The address sanitizer may move local objects; then abandoned scopes can't be recognized by their
/// address.
[[gnu::noinline]] inline bool objects_lie_on_the_stack() {
    const char object = 0;
    const auto here = reinterpret_cast<std::uintptr_t>(&object);
    const auto frame = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    return here < frame + 4096 && frame < here + 4096;
}

/// A gate that is closed until somebody opens it; arrivals are counted.
class gate {
 public:
    void wait() {
        std::unique_lock<std::mutex> lock(mutex_);
        ++waiting_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return open_; });
    }
    void open() {
        const std::lock_guard<std::mutex> lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    /// Returns when `n` threads have arrived.
    void await_arrivals(int n) {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [&] { return waiting_ >= n; });
    }

 private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = false;
    int waiting_ = 0;
};

/// A counter on the real clock: 1 J more at every read.
class joule_a_read final : public joulery::backend {
 public:
    explicit joule_a_read(std::string id = "fake/counter")
        : channels_{joule_channel(std::move(id))} {}
    std::string_view name() const noexcept override { return "joule-a-read"; }
    const std::vector<joulery::channel>& channels() const noexcept override { return channels_; }
    joulery::read_status read(joulery::counter_span out) noexcept override {
        out[0] = ++reads_ * 1'000'000;
        return joulery::read_status::ok;
    }

 private:
    std::vector<joulery::channel> channels_;
    std::uint64_t reads_ = 0;
};

inline bool contains(const std::vector<std::string>& texts, std::string_view part) {
    for (const std::string& t : texts)
        if (t.find(part) != std::string::npos) return true;
    return false;
}

}  // namespace engine_test
