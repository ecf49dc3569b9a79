// path_table.hpp - every distinct path of nested scopes, and what it has cost so far.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/list.hpp"
#include "joulery/detail/timing/sampled_calls.hpp"
#include "joulery/detail/timing/span_sums.hpp"
#include "joulery/histogram.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace detail {

/// How often and how long a path was open, over all threads.
struct path_tally {
    std::uint64_t ticks = 0;  ///< of scopes
    std::uint64_t calls = 0;  ///< of scopes
    double items = 0;
    std::uint64_t task_ticks = 0;  ///< of tasks that worked for it, on any thread
    std::uint64_t untimed = 0;     ///< calls that are in the ticks without having been timed
    double variance = 0;           ///< of the ticks, in square ticks
    span_counts spans;
    std::uint64_t span_ticks = 0;  ///< of spans, from begin to end

    // In seconds, each tick at the length that was known when it was tallied: that becomes more
    // accurate during a run, but published time must not shrink.
    double seconds = 0;       ///< of scopes and spans
    double busy_seconds = 0;  ///< of scopes and tasks
    void add_seconds(double seconds_per_tick) noexcept {
        const std::uint64_t open = ticks + span_ticks, busy = ticks + task_ticks;
        seconds += static_cast<double>(open - open_before_) * seconds_per_tick;
        busy_seconds += static_cast<double>(busy - busy_before_) * seconds_per_tick;
        open_before_ = open;
        busy_before_ = busy;
    }

 private:
    std::uint64_t open_before_ = 0, busy_before_ = 0;
};

/// The present price of a tick of work on a path, for spans that end.
struct path_price {
    std::atomic<double> joules_per_tick{0};  ///< 0: unknown
    std::atomic<double> deviation{0};        ///< of that; standard deviation
    std::atomic<double> ticks{0};            ///< of work that the price was computed from
};

/// Present figures for spans that end, over all paths.
struct span_rates {
    std::atomic<double> joules_per_tick{0};  ///< mean; 0: unknown
    std::atomic<double> grams_per_joule{0};
    std::atomic<double> seconds_per_tick{1e-9};
    std::atomic<unsigned char> provenance{3};  ///< a `quality`
    std::atomic<std::uint64_t> found_at{0};    ///< 0: never
    std::atomic<std::uint64_t> found_in{0};    ///< ticks it took to compute them

    static constexpr double unknown_deviation = 0.6;  ///< of the mean; of tasks' powers
    /// Standard deviation of the power between calls of one task, which no counter shows.
    static constexpr double deviation_of_calls = 0.1;

    /// Whether a span of that length should wait for an update of the prices: it is long compared
    /// with their age, and updating takes less than a hundredth of the time.
    [[nodiscard]] bool is_due(std::uint64_t now, std::uint64_t length) const noexcept {
        const std::uint64_t last = found_at.load(std::memory_order_relaxed);
        if (last == 0) return true;
        const std::uint64_t since_found = now > last ? now - last : 0;
        return since_found > 100 * found_in.load(std::memory_order_relaxed) &&
               since_found > length / 16 && length > 100 * found_in.load(std::memory_order_relaxed);
    }
};

/// One path, over all threads. `tally` is guarded by the engine's mutex for trees; names never
/// change. Any thread adds to `edge_ticks`.
struct path_record {
    std::string path;
    std::string name;
    path_record* parent = nullptr;
    std::size_t depth = 0;
    std::size_t index = 0;                     ///< in order of creation
    std::atomic<std::uint64_t> edge_ticks{0};  ///< of the time as innermost scope, spent reading
                                               ///< counters at edges: its own and its children's
    path_tally tally;
    path_price price;
    histogram call_seconds;        ///< guarded like `tally`: lengths of the recorded calls
    histogram call_joules;         ///< energies of spans and of calls read at their edges
    std::string item_name;         ///< the first one
    bool has_mixed_items = false;  ///< another one was given, too
    span_sums stray_spans;         ///< spans that ended without a thread's tree
};

/// Whether `inner` is `outer` or lies inside it; null contains everything.
[[nodiscard]] inline bool encloses(const path_record* outer, const path_record* inner) noexcept {
    while (inner != nullptr && inner != outer) inner = inner->parent;
    return inner == outer;
}

/// The paths of one meter, created at the first visit and never removed.
///
/// Thread: any. Cost: a hash look-up under a lock, only at a thread's first visit of a path.
/// Fails:  beyond `max_paths` (for instance, names made of request numbers) new names are folded
///         into "(other)", so that memory stays bounded.
class path_table {
 public:
    static constexpr std::size_t max_paths = 100'000;
    static constexpr std::size_t max_name = 200;  ///< longer names are truncated
    static constexpr std::string_view folded_name = "(other)";

    /// A name as it is stored: up to its first NUL, truncated, and never empty.
    [[nodiscard]] static std::string_view fitted(std::string_view name) noexcept {
        const void* const nul =
            name.empty() ? nullptr : std::memchr(name.data(), '\0', name.size());
        if (nul != nullptr)
            name = name.substr(
                0, static_cast<std::size_t>(static_cast<const char*>(nul) - name.data()));
        if (name.empty()) return "(unnamed)";
        if (name.size() <= max_name) return name;
        std::size_t end = max_name;  // not inside a UTF-8 character
        while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;
        return name.substr(0, end);
    }

    /// The record of `name` inside `parent` (null: at the top).
    path_record* intern(path_record* parent, std::string_view name) {
        const std::lock_guard<std::mutex> lock(mutex_);
        path_record* found = find(parent, fitted(name));
        if (found != nullptr) return found;
        if (count_ < max_paths) return add(parent, fitted(name));
        folded_ = true;
        found = find(parent, folded_name);
        return found != nullptr ? found : add(parent, folded_name);
    }

    /// Names the unit of a path's items; the first name stays.
    void name_items(path_record& record, std::string_view name) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (record.item_name.empty()) {
            record.item_name = std::string(name);
        } else if (!record.has_mixed_items && record.item_name != name) {
            mixed_items_.push_back({&record, std::string(name)});
            record.has_mixed_items = true;
        }
    }
    [[nodiscard]] std::string item_name(const path_record& record) const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return record.item_name;
    }
    struct mixed_items {
        const path_record* record;
        std::string other_name;  ///< the first one that differs from `item_name`
    };
    /// The paths whose items were given different names.
    [[nodiscard]] list<mixed_items> with_mixed_items() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return mixed_items_;
    }

    /// The end of a span on a thread that can no longer have a tree.
    void add_stray_end(path_record& record, std::uint64_t now) noexcept {
        const std::lock_guard<std::mutex> lock(mutex_);
        record.stray_spans.end(now);
        has_stray_spans_ = true;
    }
    [[nodiscard]] bool has_stray_spans() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return has_stray_spans_;
    }

    span_rates rates;
    class exact_times exact_times;  ///< of all trees of the meter

    /// All records, in order of creation. The pointers stay valid as long as the table.
    [[nodiscard]] list<path_record*> all() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        list<path_record*> list;
        list.reserve(count_);
        for (std::size_t i = 0; i < count_; ++i) list.push_back(&blocks_[i / block][i % block]);
        return list;
    }
    [[nodiscard]] bool folded() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return folded_;
    }

 private:
    struct key {
        const path_record* parent;
        std::string_view name;
        bool operator==(const key& o) const noexcept {
            return parent == o.parent && name == o.name;
        }
    };
    struct key_hash {
        std::size_t operator()(const key& k) const noexcept {
            return std::hash<std::string_view>()(k.name) ^
                   static_cast<std::size_t>(reinterpret_cast<std::uintptr_t>(k.parent) *
                                            0x9E3779B97F4A7C15u);
        }
    };
    static std::string joined(const path_record* parent, std::string_view name) {
        std::string path = parent != nullptr ? parent->path + '/' : std::string();
        return path.append(name);
    }
    path_record* find(const path_record* parent, std::string_view name) {
        const auto at = by_name_.find(key{parent, name});
        return at == by_name_.end() ? nullptr : at->second;
    }
    path_record* add(path_record* parent, std::string_view name) {
        if (count_ == blocks_.size() * block)
            blocks_.push_back(std::make_unique<path_record[]>(block));
        path_record& made = blocks_.back()[count_ % block];
        made.path = joined(parent, name);
        made.name = std::string(name);
        made.parent = parent;
        made.depth = parent != nullptr ? parent->depth + 1 : 0;
        made.index = count_;
        made.stray_spans.path = &made;
        by_name_.emplace(key{parent, made.name}, &made);  // fails without memory, and then
        ++count_;                                         // the next path has this record
        return &made;
    }

    mutable std::mutex mutex_;
    static constexpr std::size_t block = 16;  // records that lie together: reports read all
    list<std::unique_ptr<path_record[]>> blocks_;
    std::size_t count_ = 0;
    list<mixed_items> mixed_items_;
    std::unordered_map<key, path_record*, key_hash> by_name_;
    bool folded_ = false, has_stray_spans_ = false;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
