// name_indexes.hpp - finds a node's child, and a path's node, by name.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/list.hpp"
#include "joulery/detail/timing/name_key.hpp"
#include "joulery/detail/timing/path_table.hpp"
#include "joulery/detail/timing/scope_node.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The nodes of a tree in a hash table with open addressing: a look-up usually reads one cache line
/// of the table and the node itself.
///
/// Thread: not synchronized; owned by the tree's thread.
/// Fails:  `reserve_one` throws without memory and changes nothing; `add` never fails after it.
///
///     children.reserve_one();
///     children.add(node);
///     scope_node* same = children.find(*node.parent, node.name);
class child_index {
 public:
    [[nodiscard]] scope_node* find(const scope_node& parent, std::string_view name) const noexcept {
        if (slots_.empty()) return nullptr;
        const std::uint64_t hash = hash_of(&parent, name_key::of(name.data(), name.size()));
        for (std::size_t i = first(hash);; i = (i + 1) & mask()) {
            const slot& s = slots_[i];
            if (s.node == nullptr) return nullptr;
            if (s.hash == hash && is_it(*s.node, parent, name)) return s.node;
        }
    }
    void reserve_one() {
        if (4 * (size_ + 1) <= 3 * slots_.size()) return;
        list<slot> larger(slots_.empty() ? 16 : slots_.size() * 2);
        larger.swap(slots_);
        for (const slot& s : larger)
            if (s.node != nullptr) put(s);
    }
    void add(scope_node& n) noexcept {
        put({hash_of(n.parent, name_key::of(n.name, n.name_size)), &n});
        ++size_;
    }

 private:
    struct slot {
        std::uint64_t hash = 0;
        scope_node* node = nullptr;
    };
    [[nodiscard]] std::size_t mask() const noexcept { return slots_.size() - 1; }
    [[nodiscard]] std::size_t first(std::uint64_t hash) const noexcept {
        return static_cast<std::size_t>(hash) & mask();
    }
    void put(const slot& s) noexcept {
        std::size_t i = first(s.hash);
        while (slots_[i].node != nullptr) i = (i + 1) & mask();
        slots_[i] = s;
    }
    static bool is_it(const scope_node& n, const scope_node& parent,
                      std::string_view name) noexcept {
        return n.parent == &parent && n.name_size == name.size() &&
               std::memcmp(n.name, name.data(), name.size()) == 0;
    }
    static std::uint64_t hash_of(const void* parent, std::uint64_t key) noexcept {
        return name_key::mix(reinterpret_cast<std::uintptr_t>(parent) ^ key);
    }

    list<slot> slots_;
    std::size_t size_ = 0;
};

/// Entries with a path, each unique for its path in a given place: nodes whose paths lie under
/// another path than their parent's, and the sums of spans. A hash table with open addressing.
///
/// Thread: not synchronized; owned by the tree's thread.
/// Fails:  `reserve_one` throws without memory and changes nothing; `add` never fails after it.
///
///     joined.reserve_one();
///     joined.add(&parent, node);
///     scope_node* same = joined.find(&parent, under, "decode");
template <class Entry>
class path_index {
 public:
    /// `under`: the parent path of the entry; null: none.
    [[nodiscard]] Entry* find(const void* place, const path_record* under,
                              std::string_view name) const noexcept {
        if (slots_.empty()) return nullptr;
        const std::uint64_t hash = hash_of(place, under, name);
        for (std::size_t i = first(hash);; i = (i + 1) & mask()) {
            const slot& s = slots_[i];
            if (s.entry == nullptr) return nullptr;
            const path_record* const path = s.entry->path;
            if (s.hash == hash && s.place == place && path->parent == under && path->name == name)
                return s.entry;
        }
    }
    void reserve_one() {
        if (4 * (size_ + 1) <= 3 * slots_.size()) return;
        list<slot> larger(slots_.empty() ? 16 : slots_.size() * 2);
        larger.swap(slots_);
        for (const slot& s : larger)
            if (s.entry != nullptr) put(s);
    }
    void add(const void* place, Entry& e) noexcept {
        put({hash_of(place, e.path->parent, e.path->name), place, &e});
        ++size_;
    }

 private:
    struct slot {
        std::uint64_t hash = 0;
        const void* place = nullptr;
        Entry* entry = nullptr;
    };
    [[nodiscard]] std::size_t mask() const noexcept { return slots_.size() - 1; }
    [[nodiscard]] std::size_t first(std::uint64_t hash) const noexcept {
        return static_cast<std::size_t>(hash) & mask();
    }
    void put(const slot& s) noexcept {
        std::size_t i = first(s.hash);
        while (slots_[i].entry != nullptr) i = (i + 1) & mask();
        slots_[i] = s;
    }
    static std::uint64_t hash_of(const void* place, const void* under,
                                 std::string_view name) noexcept {
        const std::uint64_t both = name_key::mix(reinterpret_cast<std::uintptr_t>(place)) ^
                                   reinterpret_cast<std::uintptr_t>(under);
        return name_key::mix(name_key::mix(both) ^ name_key::of(name.data(), name.size()));
    }

    list<slot> slots_;
    std::size_t size_ = 0;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
