// list.hpp - a growing list that compiles fast, queries and sorting for lists, a view of an array.
// SPDX-License-Identifier: MIT
//
// std::vector compiles a dozen functions for each type, most of them for the case that moving an
// item throws. The library had 114 such types. Here the code that only moves bytes is compiled
// once, and moving an item must not throw.
//
// The algorithms replace the standard ones wherever speed does not matter: for each lambda those
// compile a loop unrolled four times with adaptors around it, and a stable sort compiles six
// functions for each type.
#pragma once

#include "joulery/detail/core/config.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <new>
#include <type_traits>
#include <utility>

namespace joulery {
inline namespace v1 {

namespace detail {

/// The part common to lists of all types: some memory, and how much of it is used.
class list_memory {
 public:
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

 protected:
    list_memory() noexcept = default;
    list_memory(list_memory&& from) noexcept
        : begin_(from.begin_), size_(from.size_), capacity_(from.capacity_) {
        from.begin_ = nullptr;
        from.size_ = from.capacity_ = 0;
    }
    list_memory& operator=(list_memory&&) = delete;
    ~list_memory() { ::operator delete(begin_); }

    void swap_memory(list_memory& other) noexcept {
        std::swap(begin_, other.begin_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
    }
    /// Allocates memory for `count` items, or for twice as many as now if the list is growing.
    /// Fails: throws std::bad_alloc; nothing has changed.
    JOULERY_NOINLINE void* allocate(std::size_t& count, bool is_growing, std::size_t item_bytes) {
        if (is_growing) count = std::max(count, 2 * capacity_);
        constexpr std::size_t most = ~std::size_t{0} / 2;  // more than there ever are
        return ::operator new(count <= most / item_bytes ? count * item_bytes : most);
    }
    /// Grows the memory of items that can be moved as bytes.
    JOULERY_NOINLINE void move_bytes(std::size_t count, bool is_growing, std::size_t item_bytes) {
        void* const to = allocate(count, is_growing, item_bytes);
        if (size_ > 0) std::memcpy(to, begin_, size_ * item_bytes);
        ::operator delete(begin_);
        begin_ = to;
        capacity_ = count;
    }
    /// Appends items that are plain bytes and not part of this list.
    JOULERY_OUT_OF_LINE void append_bytes(const void* from, std::size_t count,
                                          std::size_t item_bytes) {
        if (count == 0) return;
        if (size_ + count > capacity_) move_bytes(size_ + count, size_ > 0, item_bytes);
        std::memcpy(static_cast<char*>(begin_) + size_ * item_bytes, from, count * item_bytes);
        size_ += count;
    }

    void* begin_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

/// A growing list with std::vector's functions and guarantees (if memory runs out it throws
/// std::bad_alloc and keeps its items), with two exceptions: moving an item must not throw, and
/// `list<bool>` contains bools.
///
/// Thread: one at a time. Cost: as std::vector; code that moves more than one item is not inlined.
///
///     list<reading> readings;
///     readings.push_back(read(counter));
///     for (const reading& r : readings) add(r);
template <class Item>
class list : public list_memory {
    static constexpr bool is_bytes = std::is_trivially_copyable_v<Item>;
    static constexpr bool ends_by_itself = std::is_trivially_destructible_v<Item>;

 public:
    using value_type = Item;
    using reference = Item&;
    using const_reference = const Item&;
    using size_type = std::size_t;
    using iterator = Item*;
    using const_iterator = const Item*;

    list() noexcept = default;
    explicit list(std::size_t count) : list() { resize(count); }
    list(std::size_t count, const Item& item) : list() { resize(count, item); }
    list(std::initializer_list<Item> items) : list() { append(items.begin(), items.end()); }
    template <class From, class = decltype(*std::declval<From&>())>
    list(From first, From last) : list() {
        append(first, last);
    }
    list(const list& from) : list() { append(from.begin(), from.end()); }
    list(list&& from) noexcept : list_memory(std::move(from)) {}
    ~list() { clear(); }

    list& operator=(const list& from) {
        if (this != &from) assign(from.begin(), from.end());
        return *this;
    }
    list& operator=(list&& from) noexcept {
        list old(std::move(from));
        swap(old);
        return *this;
    }
    void swap(list& other) noexcept { swap_memory(other); }

    [[nodiscard]] Item* data() noexcept { return static_cast<Item*>(begin_); }
    [[nodiscard]] const Item* data() const noexcept { return static_cast<const Item*>(begin_); }
    [[nodiscard]] Item* begin() noexcept { return data(); }
    [[nodiscard]] const Item* begin() const noexcept { return data(); }
    [[nodiscard]] Item* end() noexcept { return data() + size_; }
    [[nodiscard]] const Item* end() const noexcept { return data() + size_; }
    [[nodiscard]] Item& operator[](std::size_t i) noexcept { return data()[i]; }
    [[nodiscard]] const Item& operator[](std::size_t i) const noexcept { return data()[i]; }
    [[nodiscard]] Item& front() noexcept { return data()[0]; }
    [[nodiscard]] const Item& front() const noexcept { return data()[0]; }
    [[nodiscard]] Item& back() noexcept { return data()[size_ - 1]; }
    [[nodiscard]] const Item& back() const noexcept { return data()[size_ - 1]; }

    void reserve(std::size_t count) {
        if (count > capacity_) move_to(count, false);
    }
    /// `item` may be part of this list: it is copied before the list grows.
    void push_back(const Item& item) {
        if constexpr (is_bytes) {
            const Item copy(item);
            if (size_ == capacity_) move_to(size_ + 1, true);
            ::new (static_cast<void*>(data() + size_)) Item(copy);
            ++size_;
        } else {
            put_copy(item);
        }
    }
    void push_back(Item&& item) {
        if constexpr (is_bytes) {
            push_back(static_cast<const Item&>(item));
        } else {
            put(std::move(item));
        }
    }
    template <class... Of>
    Item& emplace_back(Of&&... of) {
        push_back(Item(std::forward<Of>(of)...));
        return back();
    }
    void pop_back() noexcept { data()[--size_].~Item(); }
    void clear() noexcept {
        if constexpr (ends_by_itself) {
            size_ = 0;
        } else {
            cut(0);
        }
    }

    JOULERY_OUT_OF_LINE void resize(std::size_t count) {
        cut(count);
        if (count > capacity_) move_to(count, true);
        for (; size_ < count; ++size_) ::new (static_cast<void*>(data() + size_)) Item();
    }
    JOULERY_OUT_OF_LINE void resize(std::size_t count, const Item& item) {
        cut(count);
        if (count == size_) return;
        const Item copy(item);
        if (count > capacity_) move_to(count, true);
        for (; size_ < count; ++size_) ::new (static_cast<void*>(data() + size_)) Item(copy);
    }
    void assign(std::size_t count, const Item& item) {
        const Item copy(item);
        clear();
        resize(count, copy);
    }
    /// Copies another list's items. Existing items are assigned to and keep their memory.
    template <class From, class = decltype(*std::declval<From&>())>
    void assign(From first, From last) {
        if constexpr (is_bytes) {
            clear();
        } else {
            std::size_t kept = 0;
            for (; kept < size_ && first != last; ++kept, ++first) data()[kept] = *first;
            cut(kept);
        }
        append(first, last);
    }
    /// Appends the items of another list.
    template <class From>
    void append(From first, From last) {
        if constexpr (is_bytes &&
                      (std::is_same_v<From, const Item*> || std::is_same_v<From, Item*>)) {
            append_bytes(first, static_cast<std::size_t>(last - first), sizeof(Item));
        } else {
            const auto count = size_ + static_cast<std::size_t>(last - first);
            if (count > capacity_) move_to(count, size_ > 0);
            for (; first != last; ++first, ++size_)
                ::new (static_cast<void*>(data() + size_)) Item(*first);
        }
    }
    /// Inserts `item` before `at`.
    JOULERY_OUT_OF_LINE Item* insert(const Item* at, Item item) {
        const auto place = static_cast<std::size_t>(at - data());
        push_back(std::move(item));
        for (std::size_t i = size_ - 1; i > place; --i) std::swap(data()[i], data()[i - 1]);
        return data() + place;
    }
    Item* erase(const Item* at) { return erase(at, at + 1); }
    JOULERY_OUT_OF_LINE Item* erase(const Item* first, const Item* last) {
        Item* const to = data() + (first - data());
        const auto removed = static_cast<std::size_t>(last - first);
        for (Item* i = to; removed > 0 && i + removed < end(); ++i) *i = std::move(i[removed]);
        cut(size_ - removed);
        return to;
    }

    friend bool operator==(const list& a, const list& b) {
        if (a.size_ != b.size_) return false;
        for (std::size_t i = 0; i < a.size_; ++i)
            if (!(a[i] == b[i])) return false;
        return true;
    }
    friend bool operator!=(const list& a, const list& b) { return !(a == b); }

 private:
    JOULERY_OUT_OF_LINE void put(Item&& item) {
        if (size_ == capacity_) {
            Item moved(std::move(item));
            move_to(size_ + 1, true);
            ::new (static_cast<void*>(data() + size_)) Item(std::move(moved));
        } else {
            ::new (static_cast<void*>(data() + size_)) Item(std::move(item));
        }
        ++size_;
    }
    JOULERY_OUT_OF_LINE void put_copy(const Item& item) { put(Item(item)); }
    /// Destroys the items from `count` on.
    void cut(std::size_t count) noexcept {
        if constexpr (ends_by_itself) {
            if (count < size_) size_ = count;
        } else {
            end_from(count);
        }
    }
    JOULERY_OUT_OF_LINE void end_from(std::size_t count) noexcept {
        while (size_ > count) pop_back();
    }
    void move_to(std::size_t count, bool is_growing) {
        static_assert(alignof(Item) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
        if constexpr (is_bytes) {
            move_bytes(count, is_growing, sizeof(Item));
        } else {
            move_items(count, is_growing);
        }
    }
    JOULERY_NOINLINE void move_items(std::size_t count, bool is_growing) {
        static_assert(std::is_nothrow_move_constructible_v<Item>, "moving an item must not throw");
        auto* const to = static_cast<Item*>(allocate(count, is_growing, sizeof(Item)));
        for (std::size_t i = 0; i < size_; ++i) {
            ::new (static_cast<void*>(to + i)) Item(std::move(data()[i]));
            data()[i].~Item();
        }
        ::operator delete(begin_);
        begin_ = to;
        capacity_ = count;
    }
};

}  // namespace detail
/// The first item of `list` for which `is` is true; `list.end()`: none.
///
///     detail::list<channel> found = ...;
///     const bool has_memory = any_in(found, [](const channel& c) { return c.kind == "dram"; });
template <class List, class Is>
[[nodiscard]] auto find_in(List& list, const Is& is) {
    auto at = list.begin();
    while (at != list.end() && !is(*at)) ++at;
    return at;
}

/// Whether `is` is true for any item.
template <class List, class Is>
[[nodiscard]] bool any_in(const List& list, const Is& is) {
    return find_in(list, is) != list.end();
}

/// Whether `item` is in the list.
template <class List, class Item>
[[nodiscard]] bool is_in(const List& list, const Item& item) {
    for (const auto& other : list)
        if (other == item) return true;
    return false;
}

/// The number of items for which `is` is true.
template <class List, class Is>
[[nodiscard]] std::size_t count_in(const List& list, const Is& is) {
    std::size_t count = 0;
    for (const auto& item : list)
        if (is(item)) ++count;
    return count;
}

/// Removes all items for which `is` is true.
template <class List, class Is>
void erase_from(List& list, const Is& is) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (is(list[i])) continue;
        if (kept != i) list[kept] = std::move(list[i]);
        ++kept;
    }
    while (list.size() > kept) list.pop_back();
}

/// The numbers from 0 to `count`, stably sorted by `before(of, a, b)`.
JOULERY_NOINLINE inline detail::list<std::size_t> stable_order(
    std::size_t count, bool (*before)(const void* of, std::size_t a, std::size_t b),
    const void* of) {
    detail::list<std::size_t> order(count);
    for (std::size_t i = 0; i < count; ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        if (before(of, a, b)) return true;
        return a < b && !before(of, b, a);
    });
    return order;
}

/// Sorts the first `count` items stably. Cost: one indirect call per comparison.
template <class List, class Before>
void sort_stably(List& list, std::size_t count, const Before& before) {
    const std::pair<List&, const Before&> sorted_by(list, before);
    const auto by_number = [](const void* of, std::size_t a, std::size_t b) {
        const auto& by = *static_cast<const std::pair<List&, const Before&>*>(of);
        return static_cast<bool>(by.second(by.first[a], by.first[b]));
    };
    List sorted;
    sorted.reserve(count);
    for (const std::size_t i : stable_order(count, by_number, &sorted_by))
        sorted.push_back(std::move(list[i]));
    for (std::size_t i = 0; i < count; ++i) list[i] = std::move(sorted[i]);
}
/// Sorts all items.
template <class List, class Before>
void sort_stably(List& list, const Before& before) {
    sort_stably(list, list.size(), before);
}

/// The items of an array that lives as long as the program.
///
///     for (const backend_entry& e : standard_backends()) std::cout << e.name << '\n';
template <class Item>
class list_view {
 public:
    template <std::size_t N>
    constexpr explicit list_view(const Item (&items)[N]) noexcept
        : begin_(items), end_(items + N) {}
    [[nodiscard]] constexpr const Item* begin() const noexcept { return begin_; }
    [[nodiscard]] constexpr const Item* end() const noexcept { return end_; }

 private:
    const Item* begin_;
    const Item* end_;
};

}  // namespace v1
}  // namespace joulery
