// call_archive.hpp - recorded calls of many threads, living and ended ones.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/list.hpp"
#include "joulery/detail/timing/call_recorder.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Gathers what threads have recorded. Bounded: a program that starts a thread a request keeps the
/// calls of the first ones and a count of the rest.
///
/// Thread: not synchronised.
///
///     call_archive all(100'000);
///     all.take(recorder, "worker");
class call_archive {
 public:
    explicit call_archive(std::size_t limit) noexcept : limit_(limit) {}

    void take(const call_recorder& from, const std::string& name) {
        const std::size_t room = limit_ - std::min(limit_, calls_.size());
        const std::size_t taken = std::min(room, from.calls().size());
        calls_.append(from.calls().begin(),
                      from.calls().begin() + static_cast<std::ptrdiff_t>(taken));
        dropped_ += from.dropped() + (from.calls().size() - taken);
        for (const recorded_call& c : from.longest().calls()) longest_.add(c);
        if (taken > 0) names_[from.thread()] = name;
        name_longest(from.thread(), name);
    }
    /// The calls of a thread that are still open.
    void take_open(const call_recorder& from, const std::string& name, std::uint64_t now) {
        from.for_open(now, [&](const recorded_call& c) {
            longest_.add(c);
            if (!from.is_recording()) return;
            calls_.push_back(c);
            names_[from.thread()] = name;
        });
        name_longest(from.thread(), name);
    }

    /// For the copy that a report is made of: living threads bound their calls themselves.
    void lift_limit() noexcept { limit_ = static_cast<std::size_t>(-1); }

    [[nodiscard]] const list<recorded_call>& calls() const noexcept { return calls_; }
    [[nodiscard]] const longest_calls& longest() const noexcept { return longest_; }
    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }
    /// Names by thread number, of threads that have calls here.
    [[nodiscard]] const std::map<std::uint32_t, std::string>& names() const noexcept {
        return names_;
    }

 private:
    void name_longest(std::uint32_t thread, const std::string& name) {
        for (const recorded_call& c : longest_.calls())
            if (c.thread == thread) names_[thread] = name;
        if (names_.size() > calls_.size() + 4 * longest_calls::limit) forget_names();
    }
    // Threads whose calls were pushed out by longer ones.
    void forget_names() {
        std::map<std::uint32_t, std::string> kept;
        const auto keep = [&](const recorded_call& c) { kept[c.thread] = names_[c.thread]; };
        std::for_each(calls_.begin(), calls_.end(), keep);
        std::for_each(longest_.calls().begin(), longest_.calls().end(), keep);
        names_.swap(kept);
    }

    std::size_t limit_;
    list<recorded_call> calls_;
    longest_calls longest_;
    std::uint64_t dropped_ = 0;
    std::map<std::uint32_t, std::string> names_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
