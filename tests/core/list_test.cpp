#include "joulery/detail/core/list.hpp"

#include "sanitized.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace joulery;
using detail::list;

namespace {
/// A text that counts its live instances and throws when copied, on request.
struct counted {
    static inline int alive = 0, throws_at = 0;
    std::string text;

    explicit counted(std::string t = "by itself") : text(std::move(t)) { ++alive; }
    counted(const counted& from) : text(from.text) {
        if (throws_at > 0 && --throws_at == 0) throw std::runtime_error("no copy");
        ++alive;
    }
    counted(counted&& from) noexcept : text(std::move(from.text)) { ++alive; }
    counted& operator=(const counted&) = default;
    counted& operator=(counted&&) noexcept = default;
    ~counted() { --alive; }
    bool operator==(const counted& other) const { return text == other.text; }
};
counted made(std::uint64_t n) {
    return counted("longer than a small string: " + std::to_string(n));
}

template <class Item>
bool same(const list<Item>& a, const std::vector<Item>& b) {
    return a.size() == b.size() && a.empty() == b.empty() && a.capacity() >= a.size() &&
           std::equal(a.begin(), a.end(), b.begin());
}

/// Applies random operations to a list and to a vector and compares them after each step.
template <class Item, class Make>
void do_as_a_vector(std::mt19937_64& random, Make make) {
    list<Item> mine;
    std::vector<Item> theirs;
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    for (int step = 0; step < 2000; ++step) {
        const Item item = make(random() % 1000);
        const std::size_t at = below(theirs.size() + 1), count = below(20);
        const auto offset = static_cast<std::ptrdiff_t>(at);
        switch (random() % 14) {
            case 0:
                mine.push_back(item), theirs.push_back(item);
                break;
            case 1:
                mine.emplace_back(item), theirs.emplace_back(item);
                break;
            case 2:
                mine.insert(mine.begin() + at, item), theirs.insert(theirs.begin() + offset, item);
                break;
            case 3:
                mine.resize(count), theirs.resize(count);
                break;
            case 4:
                mine.resize(count, item), theirs.resize(count, item);
                break;
            case 5:
                mine.assign(count, item), theirs.assign(count, item);
                break;
            case 6:
                mine.reserve(count), theirs.reserve(count);
                break;
            case 7:
                if (random() % 8 == 0) mine.clear(), theirs.clear();
                break;
            case 8:
                mine = list<Item>(theirs.begin(), theirs.end());
                break;
            case 9: {
                const list<Item> other(count, item);
                mine = other;
                theirs.assign(count, item);
                break;
            }
            case 10:
                mine.append(theirs.begin(), theirs.begin() + offset);
                theirs.reserve(2 * theirs.size());
                theirs.insert(theirs.end(), theirs.begin(), theirs.begin() + offset);
                break;
            case 11: {
                const std::size_t end = at + below(theirs.size() - at + 1);
                mine.erase(mine.begin() + at, mine.begin() + end);
                theirs.erase(theirs.begin() + offset,
                             theirs.begin() + static_cast<std::ptrdiff_t>(end));
                break;
            }
            case 12:
                if (at < theirs.size())
                    mine.erase(mine.begin() + at), theirs.erase(theirs.begin() + offset);
                break;
            default:
                if (!theirs.empty()) mine.pop_back(), theirs.pop_back();
        }
        if (theirs.size() > 200) mine.resize(7), theirs.resize(7);
        REQUIRE(same(mine, theirs));
        const list<Item> copy(mine);
        list<Item> swapped(3, item);
        swapped.swap(mine);
        REQUIRE(copy == swapped);
        mine = std::move(swapped);
        REQUIRE(swapped.empty());
    }
}

bool is_even(int i) { return i % 2 == 0; }
}  // namespace

TEST_CASE("list: behaves like std::vector under random operations") {
    const std::uint64_t seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    do_as_a_vector<std::uint64_t>(random, [](std::uint64_t n) { return n; });
    do_as_a_vector<counted>(random, made);
    CHECK(counted::alive == 0);
}

TEST_CASE("list: can append its own items") {
    for (int size = 1; size < 20; ++size) {
        list<counted> items;
        for (int i = 0; i < size; ++i) items.push_back(made(static_cast<std::uint64_t>(i)));
        const counted first = items.front(), last = items.back();
        items.push_back(items.front());
        CHECK(items.back() == first);
        CHECK(items.front() == first);
        items.push_back(std::move(items.front()));
        CHECK(items.back() == first);
        items.front() = first;
        items.emplace_back(items.front());
        CHECK(items.back() == first);
        items.insert(items.begin(), items[static_cast<std::size_t>(size) - 1]);
        CHECK(items.front() == last);
        items.resize(100, items.front());
        CHECK(items.back() == last);
        items.assign(200, items[1]);
        CHECK(items.back() == first);
        items = *&items;
        CHECK(items.size() == 200);
    }
    CHECK(counted::alive == 0);
}

TEST_CASE("list: holds move-only types, and bools one by one") {
    list<std::unique_ptr<int>> items;
    for (int i = 0; i < 100; ++i) items.push_back(std::make_unique<int>(i));
    items.insert(items.begin() + 50, std::make_unique<int>(-1));
    items.erase(items.begin(), items.begin() + 49);
    list<std::unique_ptr<int>> moved(std::move(items));
    CHECK(items.empty());
    REQUIRE(moved.size() == 52);
    CHECK(*moved[0] == 49);
    CHECK(*moved[1] == -1);
    CHECK(*moved[51] == 99);
    moved.resize(60);
    CHECK(moved.back() == nullptr);

    list<bool> flags(3, true);
    bool& flag = flags[1];
    flag = false;
    CHECK(flags == list<bool>{true, false, true});
    CHECK(flags != list<bool>{true, false, false});
}

TEST_CASE("list: keeps its items when memory runs out") {
    if (is_sanitized) return;  // its operator new ends the program
    list<std::uint64_t> numbers = {1, 2, 3};
    volatile std::size_t too_many = ~std::size_t{0};
    CHECK_THROWS_AS(numbers.reserve(too_many), std::bad_alloc);
    CHECK_THROWS_AS(numbers.reserve(too_many / 8 + 2), std::bad_alloc);  // wraps around to 8 bytes
    CHECK_THROWS_AS(numbers.resize(too_many / 16), std::bad_alloc);
    CHECK(numbers == list<std::uint64_t>{1, 2, 3});
    list<counted> texts(3, made(1));
    CHECK_THROWS_AS(texts.resize(too_many / sizeof(counted)), std::bad_alloc);
    CHECK(texts == list<counted>(3, made(1)));
}

TEST_CASE("list: keeps its items when copying one throws") {
    const list<counted> ten(10, made(1));
    list<counted> five(5, made(2));
    counted::throws_at = 4;
    CHECK_THROWS_AS(list<counted>{ten}, std::runtime_error);
    counted::throws_at = 4;
    CHECK_THROWS_AS(five.append(ten.begin(), ten.end()), std::runtime_error);
    CHECK(five.size() == 8);
    CHECK(five.back() == made(1));
    counted::throws_at = 1;
    CHECK_THROWS_AS(five.push_back(ten[0]), std::runtime_error);
    CHECK(five.size() == 8);
    counted::throws_at = 3;
    CHECK_THROWS_AS(five.resize(20, ten[0]), std::runtime_error);
    CHECK(five.size() == 9);  // one copy is made first
    counted::throws_at = 0;
    five.clear();
    CHECK(counted::alive == 10);
}

TEST_CASE("list: searches") {
    std::vector<int> list = {1, 4, 3, 6};
    const std::vector<int> none;
    CHECK(any_in(list, is_even));
    CHECK_FALSE(any_in(none, is_even));
    CHECK_FALSE(any_in(list, [](int i) { return i > 6; }));
    CHECK(any_in(list, [](int i) { return i == 6; }));  // the last one
    CHECK(count_in(list, is_even) == 2);
    CHECK(count_in(none, is_even) == 0);
    CHECK(is_in(list, 6));
    CHECK_FALSE(is_in(list, 2));
    CHECK(find_in(list, is_even) - list.begin() == 1);
    CHECK(find_in(list, [](int i) { return i < 0; }) == list.end());
    *find_in(list, is_even) = 8;
    CHECK(list[1] == 8);
}

TEST_CASE("list: erases") {
    std::vector<std::unique_ptr<int>> list;
    for (int i = 0; i < 6; ++i) list.push_back(std::make_unique<int>(i));
    erase_from(list, [](const std::unique_ptr<int>& i) { return is_even(*i); });
    REQUIRE(list.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) CHECK(*list[i] == 2 * static_cast<int>(i) + 1);
    erase_from(list, [](const std::unique_ptr<int>&) { return false; });
    CHECK(list.size() == 3);
    erase_from(list, [](const std::unique_ptr<int>&) { return true; });
    CHECK(list.empty());
}

TEST_CASE("list: sorts as the standard library's stable sort does") {
    const std::uint64_t seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    using row = std::pair<int, std::string>;
    const auto before = [](const row& a, const row& b) { return a.first < b.first; };
    for (std::size_t size = 0; size < 60; ++size) {
        std::vector<row> list;
        for (std::size_t i = 0; i < size; ++i)
            list.emplace_back(static_cast<int>(random() % 7),
                              "a text as long as " + std::to_string(i));
        std::vector<row> expected = list, part = list, expected_part = list;
        sort_stably(list, before);
        std::stable_sort(expected.begin(), expected.end(), before);
        CHECK(list == expected);
        sort_stably(part, size / 2, before);
        std::stable_sort(expected_part.begin(),
                         expected_part.begin() + static_cast<std::ptrdiff_t>(size / 2), before);
        CHECK(part == expected_part);
    }
}
