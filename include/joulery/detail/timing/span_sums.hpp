// span_sums.hpp - how many spans of a path a thread has begun and ended, and when.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/histogram.hpp"

#include <atomic>
#include <cstdint>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Counts and summed ticks of the begins and ends of spans. A span may begin on one thread and end
/// on another: the time of all of them is the sum of the ends, less the sum of the begins, plus
/// `now` for each open one. Sums wrap; their differences do not.
struct span_counts {
    std::uint64_t begun = 0, begun_at = 0;
    std::uint64_t ended = 0, ended_at = 0;

    void add_growth(const span_counts& now, const span_counts& before) noexcept {
        begun += now.begun - before.begun;
        begun_at += now.begun_at - before.begun_at;
        ended += now.ended - before.ended;
        ended_at += now.ended_at - before.ended_at;
    }
    /// Ticks from begin to end; open spans count up to `now`. An end whose begin was not seen yet
    /// subtracts as much as has passed since.
    [[nodiscard]] std::int64_t ticks_at(std::uint64_t now) const noexcept {
        return static_cast<std::int64_t>(ended_at - begun_at + (begun - ended) * now);
    }
};

struct path_record;

/// The spans of a path that one thread has begun and ended.
///
/// Thread: its own writes, any reads; a reader tries again if a write interferes.
///
///     sums.begin(now);                     // on one thread
///     sums_of_another.end(later);          // on another
///     span_counts c = sums.load();
struct span_sums {
    void begin(std::uint64_t now) noexcept { add(begun_, begun_at_, now); }
    void end(std::uint64_t now) noexcept { add(ended_, ended_at_, now); }

    [[nodiscard]] span_counts load() const noexcept {
        for (;;) {
            const std::uint32_t before = version_.load(std::memory_order_acquire);
            span_counts c;
            c.begun = begun_.load(std::memory_order_acquire);
            c.begun_at = begun_at_.load(std::memory_order_acquire);
            c.ended = ended_.load(std::memory_order_acquire);
            c.ended_at = ended_at_.load(std::memory_order_acquire);
            if ((before & 1) == 0 && version_.load(std::memory_order_relaxed) == before) return c;
        }
    }

    path_record* path = nullptr;
    span_sums* next = nullptr;        ///< of the same thread
    std::atomic<double> items{0};     ///< added by this thread
    const char* item_name = nullptr;  ///< the literal that it passed last
    span_counts tallied;              ///< as of the last tally; owned by the tallying thread
    double tallied_items = 0;
    histogram seconds, joules;  ///< of spans that this thread ended; change them in `while_still`

 private:
    // Each store releases the odd version: a reader that sees the store also sees that version.
    void add(std::atomic<std::uint64_t>& count, std::atomic<std::uint64_t>& at,
             std::uint64_t now) noexcept {
        const std::uint32_t version = version_.load(std::memory_order_relaxed);
        version_.store(version + 1, std::memory_order_relaxed);
        count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_release);
        at.store(at.load(std::memory_order_relaxed) + now, std::memory_order_release);
        version_.store(version + 2, std::memory_order_release);
    }

    std::atomic<std::uint32_t> version_{0};
    std::atomic<std::uint64_t> begun_{0}, begun_at_{0}, ended_{0}, ended_at_{0};
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
