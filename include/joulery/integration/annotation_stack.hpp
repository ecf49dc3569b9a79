// annotation_stack.hpp - scopes for a program's existing annotations, begun and ended by calls.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/detail/timing/tick_clock.hpp"
#include "joulery/detail/timing/time_source.hpp"
#include "joulery/scope.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// How annotations of other tools become scopes.
struct annotation_options {
    /// An annotation whose first `looks` calls on a thread are shorter than this on average gets no
    /// scope on that thread from then on. Its energy belongs to the enclosing scope, and a call of
    /// it costs some 20 ns. 0: every annotation gets a scope.
    std::chrono::nanoseconds shortest = std::chrono::microseconds(10);
    std::uint32_t looks = 64;
};

/// The annotations that one thread has begun and not yet ended. Ends without a begin are ignored.
///
/// Thread: one; `of_this_thread` returns the calling thread's.
/// Cost:   that of a scope whose name is not a literal, plus a look-up.
/// Fails:  without memory an annotation has no scope.
///
///     annotation_stack::of_this_thread().push(domain, "forward");
///     annotation_stack::of_this_thread().pop(domain);
class annotation_stack {
 public:
    [[nodiscard]] static annotation_stack& of_this_thread() {
        static thread_local annotation_stack mine;
        return mine;
    }
    /// For all threads; call it before the first annotation.
    [[nodiscard]] static annotation_options& settings() {
        static annotation_options chosen;
        return chosen;
    }
    /// The kinds of annotations that a thread has stopped making scopes for.
    [[nodiscard]] static std::uint64_t folded() noexcept { return folded_count(); }

    annotation_stack() = default;
    annotation_stack(const annotation_stack&) = delete;
    annotation_stack& operator=(const annotation_stack&) = delete;
    ~annotation_stack() {
        while (!open_.empty()) open_.pop_back();
    }

    /// Begins `name` inside this thread's innermost annotation. Returns the number of open
    /// annotations of that domain around it, or -1.
    int push(const void* domain, std::string_view name) noexcept {
        int depth = -1;
        (void)detail::catch_bad_alloc([&] {
            entry e;
            e.domain = domain;
            e.of = kind_of(name);
            if (!e.of->is_folded) {
                if (spare_.empty()) spare_.push_back(std::make_unique<std::optional<scope>>());
                e.holder = std::move(spare_.back());
                spare_.pop_back();
                e.holder->emplace(name);
            }
            e.begin = ticks_now();
            depth = 0;
            for (const entry& around : open_) depth += around.domain == domain ? 1 : 0;
            open_.push_back(std::move(e));
        });
        return depth;
    }

    /// Ends the innermost annotation of that domain, together with annotations of other domains
    /// inside it that are still open. Returns what `push` returned for it.
    int pop(const void* domain) noexcept {
        std::size_t at = open_.size();
        while (at > 0 && open_[at - 1].domain != domain) --at;
        if (at == 0) return -1;
        look_at(open_[at - 1]);
        if (std::unique_ptr<std::optional<scope>> holder = std::move(open_[at - 1].holder)) {
            holder->reset();
            (void)detail::catch_bad_alloc([&] { spare_.push_back(std::move(holder)); });
        }
        open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(at - 1));
        int depth = 0;
        for (const entry& around : open_) depth += around.domain == domain ? 1 : 0;
        return depth;
    }

 private:
    struct kind {
        std::uint64_t ticks = 0;
        std::uint32_t calls = 0;
        bool is_folded = false;
    };
    struct entry {
        const void* domain = nullptr;
        kind* of = nullptr;
        std::uint64_t begin = 0;
        std::unique_ptr<std::optional<scope>> holder;  ///< empty: folded
    };

    static std::atomic<std::uint64_t>& folded_count() noexcept {
        static std::atomic<std::uint64_t> count{0};
        return count;
    }

    kind* kind_of(std::string_view name) {
        key_.assign(name.data(), name.size());
        return &kinds_[key_];
    }

    // Ticks count as nanoseconds here; the comparison of short and long needs no more.
    static void look_at(const entry& e) noexcept {
        kind& k = *e.of;
        const annotation_options& o = settings();
        if (k.is_folded || o.shortest.count() <= 0 || k.calls >= o.looks) return;
        k.ticks += ticks_now() - e.begin;
        if (++k.calls < o.looks) return;
        static const double seconds_per_tick = tick_time().seconds_per_tick();
        const double mean = static_cast<double>(k.ticks) / k.calls * seconds_per_tick;
        k.is_folded = mean < std::chrono::duration<double>(o.shortest).count();
        if (k.is_folded) folded_count().fetch_add(1, std::memory_order_relaxed);
    }

    std::vector<entry> open_;
    std::vector<std::unique_ptr<std::optional<scope>>> spare_;
    std::unordered_map<std::string, kind> kinds_;
    std::string key_;
};

}  // namespace v1
}  // namespace joulery
