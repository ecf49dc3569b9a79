#include "joulery/detail/core/lists.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace joulery;

namespace {
bool is_even(int i) { return i % 2 == 0; }
}  // namespace

TEST_CASE("lists: what is in them") {
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

TEST_CASE("lists: what is left out") {
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

TEST_CASE("lists: sorted as the standard library sorts stably") {
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
