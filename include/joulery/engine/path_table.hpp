// joulery/engine/path_table.hpp - every distinct path of nested scopes, and what it has cost so far.
// Layer 6. SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Joules of one path in one channel, since the start.
struct path_energy {
    double self = 0;      ///< outside its children
    double total = 0;     ///< children included
    double variance = 0;  ///< of `total`, J^2: errors that differ from call to call
    double bias = 0;      ///< of `total`, J (k = 2): errors that may all have one sign
};

/// One path, over all threads. `energies` belongs to whoever holds the `accounts` lock of the
/// channel's source, the tallies to whoever holds the engine's trees; names never change.
struct path_record {
    std::string path;
    std::string name;
    path_record* parent = nullptr;
    std::size_t depth = 0;
    std::vector<path_energy> energies;  ///< one a channel
    std::uint64_t ticks = 0;            ///< open, summed over threads
    std::uint64_t calls = 0;
    double items = 0;
    std::string item_name;
    std::atomic<bool> edge_reads{false};   ///< counters were read at edges of its calls
    std::atomic<bool> time_shares{false};  ///< some of its joules were shared out by time
};

/// The paths of one meter. They are made at the first visit and never removed.
///
/// Thread: any. Cost: a hash look-up under a lock, at the first visit of a path by a thread only.
/// Fails:  beyond `max_paths` (names made of request numbers, say) new names are folded into
///         "(other)", so that memory stays bounded.
class path_table {
 public:
    static constexpr std::size_t max_paths = 100'000;
    static constexpr std::size_t max_name = 200;  ///< longer names are cut
    static constexpr std::string_view folded_name = "(other)";

    explicit path_table(std::size_t channel_count) : channel_count_(channel_count) {}

    /// The record of `name` inside `parent` (null: at the top).
    path_record* intern(path_record* parent, std::string_view name) {
        const std::lock_guard<std::mutex> lock(mutex_);
        path_record* found = find(parent, shortened(name));
        if (found != nullptr) return found;
        if (records_.size() < max_paths) return add(parent, shortened(name));
        folded_ = true;
        found = find(parent, folded_name);
        return found != nullptr ? found : add(parent, folded_name);
    }

    /// Names the unit of a path's items; the first name stays.
    void name_items(path_record& record, std::string_view name) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (record.item_name.empty()) record.item_name = std::string(name);
    }
    [[nodiscard]] std::string item_name(const path_record& record) const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return record.item_name;
    }

    /// All records, in the order of their making. The pointers stay good as long as the table.
    [[nodiscard]] std::vector<path_record*> all() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        std::vector<path_record*> list;
        list.reserve(records_.size());
        for (const auto& r : records_) list.push_back(r.get());
        return list;
    }
    [[nodiscard]] bool folded() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return folded_;
    }

 private:
    static std::string_view shortened(std::string_view name) noexcept {
        if (name.empty()) return "(unnamed)";
        if (name.size() <= max_name) return name;
        std::size_t end = max_name;  // not inside a UTF-8 character
        while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;
        return name.substr(0, end);
    }
    static std::string joined(const path_record* parent, std::string_view name) {
        std::string path = parent != nullptr ? parent->path + '/' : std::string();
        return path.append(name);
    }
    path_record* find(const path_record* parent, std::string_view name) {
        const auto at = by_path_.find(joined(parent, name));
        return at == by_path_.end() ? nullptr : at->second;
    }
    path_record* add(path_record* parent, std::string_view name) {
        auto record = std::make_unique<path_record>();
        record->path = joined(parent, name);
        record->name = std::string(name);
        record->parent = parent;
        record->depth = parent != nullptr ? parent->depth + 1 : 0;
        record->energies.resize(channel_count_);
        records_.push_back(std::move(record));
        path_record* made = records_.back().get();
        by_path_.emplace(made->path, made);
        return made;
    }

    const std::size_t channel_count_;
    mutable std::mutex mutex_;
    std::vector<std::unique_ptr<path_record>> records_;
    std::unordered_map<std::string, path_record*> by_path_;
    bool folded_ = false;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
