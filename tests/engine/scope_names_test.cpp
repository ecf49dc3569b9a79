// A scope's name is its characters, wherever they are stored.
#include "joulery/scope.hpp"

#include "engine/support.hpp"
#include "joulery/detail/timing/name_indexes.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace joulery;
using engine_test::calls_of;
using engine_test::exact_counter;
using testing::simulated_machine;

namespace {

struct metered_machine {
    simulated_machine machine;
    meter m{machine.options_with({exact_counter()})};
    metered_machine() { machine.attach(m); }
};

// A tensor of a C library: its name is an array that is reused for the next one.
struct tensor {
    char text[64];
    const char (&name)[64] = text;
    void become(std::string_view n) {
        std::memset(text, 0, sizeof text);
        n.copy(text, sizeof text - 1);
    }
};

}  // namespace

TEST_CASE("scope names: the content of a const array counts, not its address") {
    metered_machine b;
    tensor t;
    for (const char* name : {"blk.0", "blk.1", "blk.0"}) {
        t.become(name);
        for (int i = 0; i < 3; ++i) scope s{b.m, t.name};
    }
    const report r = b.m.snapshot();
    CHECK(r.scopes.size() == 2);
    CHECK(calls_of(r, "blk.0") == 6);
    CHECK(calls_of(r, "blk.1") == 3);
    CHECK(r.find("blk.0")->path.size() == 5);  // up to the first NUL
}

// What dlclose and dlopen do to literals: other characters of the same length at the same address.
TEST_CASE("scope names: an array that is completely filled may be reused for another name") {
    metered_machine b;
    char memory[6];
    const char(&literal)[6] = memory;
    for (const char* name : {"alpha", "gamma"}) {
        std::memcpy(memory, name, sizeof memory);
        for (int i = 0; i < 30; ++i) scope s{b.m, literal};
    }
    const report r = b.m.snapshot();
    CHECK(calls_of(r, "alpha") == 30);
    CHECK(calls_of(r, "gamma") == 30);
}

TEST_CASE("scope names: local arrays with different content are different names") {
    metered_machine b;
    for (int i = 0; i < 3; ++i) {
        {
            const char a[] = "one";
            scope s{b.m, a};
        }
        {
            const char a[] = "two";
            scope s{b.m, a};
        }
        {
            const char a[] = "six";
            scope s{b.m, a};
        }
        {
            const char a[] = "ten";
            scope s{b.m, a};
        }
    }
    const report r = b.m.snapshot();
    CHECK(r.scopes.size() == 4);
    for (const char* name : {"one", "two", "six", "ten"}) CHECK(calls_of(r, name) == 3);
}

TEST_CASE("scope names: an array without a NUL is its characters, not a shorter literal") {
    metered_machine b;
    static const char three[3] = {'a', 'b', 'c'};
    for (int i = 0; i < 2; ++i) {
        { scope s{b.m, "ab"}; }
        { scope s{b.m, three}; }
    }
    const report r = b.m.snapshot();
    CHECK(calls_of(r, "ab") == 2);
    CHECK(calls_of(r, "abc") == 2);
}

TEST_CASE(
    "scope names: a name ends at the first NUL, also in strings, and an empty one is unnamed") {
    metered_machine b;
    const std::string padded("padded\0\0\0", 9);
    { scope s{b.m, padded}; }
    { scope s{b.m, "padded\0more"}; }
    { scope s{b.m, std::string_view("padded")}; }
    { scope s{b.m, ""}; }
    { scope s{b.m, std::string(4, '\0')}; }
    { scope s{b.m, std::string_view()}; }
    const report r = b.m.snapshot();
    CHECK(r.scopes.size() == 2);
    CHECK(calls_of(r, "padded") == 3);
    CHECK(calls_of(r, "(unnamed)") == 3);
}

TEST_CASE("scope names: long literals with the same first 200 bytes are one row") {
    metered_machine b;
    std::string text(210, 'x');
    for (int i = 0; i < 3; ++i) {
        text.back() = static_cast<char>('a' + i);
        scope s{b.m, text};
    }
    const report r = b.m.snapshot();
    CHECK(r.scopes.size() == 1);
    CHECK(r.scopes.front().calls == 3);
}

TEST_CASE("scope names: each of a hundred literals in one parent is found again") {
    metered_machine b;
    std::deque<std::array<char, 8>> literals;
    for (int i = 0; i < 100; ++i) {
        literals.push_back({});
        std::strcpy(literals.back().data(), ("n" + std::to_string(i)).c_str());
    }
    for (int round = 0; round < 3; ++round)
        for (const auto& l : literals) scope s{b.m, reinterpret_cast<const char(&)[8]>(*l.data())};
    const report r = b.m.snapshot();
    CHECK(r.scopes.size() == 100);
    for (const scope_row& row : r.scopes) CHECK(row.calls == 3);
}

namespace {

std::size_t look_ups = 0;
detail::scope_node* counted_look_up(detail::thread_cursor* tree, const char* name, std::size_t size,
                                    const void* holder, std::uintptr_t live) noexcept;

// The slow path of scopes, with a count of name lookups.
struct counted_look_ups {
    const detail::slow_path_table* const real = detail::slow_path.load();
    detail::slow_path_table counted = *real;
    counted_look_ups() {
        look_ups = 0;
        counted.enter = counted.enter_text = counted_look_up;
        detail::slow_path = &counted;
    }
    ~counted_look_ups() { detail::slow_path = real; }
    counted_look_ups(const counted_look_ups&) = delete;
    counted_look_ups& operator=(const counted_look_ups&) = delete;
};
const detail::slow_path_table* real_slow_path = nullptr;
detail::scope_node* counted_look_up(detail::thread_cursor* tree, const char* name, std::size_t size,
                                    const void* holder, std::uintptr_t live) noexcept {
    ++look_ups;
    return real_slow_path->enter_text(tree, name, size, holder, live);
}

options only_times() {
    options o;
    o.backends = no_backends();
    return o;
}

// Opens and ends a scope of each name in turn.
void visit(meter& m, const std::vector<scope_name>& names) {
    for (const scope_name& n : names) scope s{m, n};
}

std::vector<scope_name> names_of(int count) {
    std::vector<scope_name> names;
    for (int i = 0; i < count; ++i) names.emplace_back("layer." + std::to_string(i) + ".attn");
    return names;
}

}  // namespace

TEST_CASE("scope names: siblings in a fixed order are looked up only in the first two rounds") {
    for (const int count : {1, 2, 5, 12, 16, 200}) {
        CAPTURE(count);
        meter m{only_times()};
        const std::vector<scope_name> names = names_of(count);
        visit(m, names);
        real_slow_path = detail::slow_path.load();
        visit(m, names);  // now each knows its successor
        const counted_look_ups watched;
        for (int round = 0; round < 5; ++round) visit(m, names);
        CHECK(look_ups == 0);
        const report r = m.snapshot();
        CHECK(r.scopes.size() == static_cast<std::size_t>(count));
        for (const scope_row& row : r.scopes) CHECK(row.calls == 7);
    }
}

TEST_CASE("scope names: siblings in random order are each counted under their own name") {
    std::mt19937 random(7);
    const std::vector<scope_name> names = names_of(20);
    std::vector<std::uint64_t> calls(names.size());
    meter m{only_times()};
    for (int i = 0; i < 5'000; ++i) {
        const std::size_t at = random() % names.size();
        ++calls[at];
        scope s{m, names[at]};
        if (i % 3 == 0) {  // the same names inside, in an order of their own
            scope inner{m, names[random() % 2]};
        }
    }
    const report r = m.snapshot();
    for (std::size_t i = 0; i < names.size(); ++i)
        CHECK(r.find(names[i].text())->calls == calls[i]);
}

TEST_CASE("scope names: a signal between the two stores of a scope affects no later scope") {
    meter m{only_times()};
    detail::thread_cursor& tree = *testing::access::cursor_in(m);
    for (int i = 0; i < 2; ++i)
        for (const char* step : {"forward", "backward"}) {
            scope around{m, step};
            scope s{m, "norm"};
        }
    detail::scope_node** inside_forward = nullptr;
    {
        scope around{m, "forward"};
        inside_forward = tree.next;
    }
    {
        scope around{m, "backward"};
        tree.next = inside_forward;  // as scopes of a handler may leave it
        scope s{m, "norm"};
    }
    const report r = m.snapshot();
    CHECK(calls_of(r, "forward/norm") == 2);
    CHECK(calls_of(r, "backward/norm") == 3);
    CHECK(calls_of(r, "backward") == 3);
}

TEST_CASE("scope names: a stored name, a literal and a string of the same characters are one row") {
    meter m{only_times()};
    scope_name first{"attention"}, kept{std::move(first)};
    for (int i = 0; i < 3; ++i) {
        { scope s{m, kept}; }
        { scope s{m, "attention"}; }
        { scope s{m, std::string("attention")}; }
    }
    const report r = m.snapshot();
    REQUIRE(r.scopes.size() == 1);
    CHECK(r.scopes.front().calls == 9);
    CHECK(first.text().empty());
    CHECK(kept.text() == "attention");
}

TEST_CASE("scope names: invalid stored names are treated as invalid strings are") {
    meter m{only_times()};
    const scope_name empty{""}, cut{"ab" + std::string(1, '\0') + "cd"},
        endless{std::string(5'000, 'x')};
    for (int i = 0; i < 2; ++i)
        for (const scope_name* n : {&empty, &cut, &endless}) scope s{m, *n};
    const report r = m.snapshot();
    CHECK(calls_of(r, "(unnamed)") == 2);
    CHECK(calls_of(r, "ab") == 2);
    CHECK(calls_of(r, std::string(200, 'x')) == 2);
}

TEST_CASE("child index: finds entries by parent and name, and no others") {
    using joulery::detail::scope_node;
    scope_node root, other;
    std::deque<std::string> names;
    std::deque<scope_node> nodes;
    joulery::detail::child_index children;
    CHECK(children.find(root, "anything") == nullptr);
    for (int i = 0; i < 2'000; ++i) {  // names of every length, with a common prefix
        names.push_back(std::string(static_cast<std::size_t>(i % 40), 'a') + std::to_string(i));
        scope_node& n = nodes.emplace_back();
        n.parent = i % 3 == 0 ? &other : &root;
        n.name = names.back().c_str();
        n.name_size = static_cast<std::uint16_t>(names.back().size());
        children.reserve_one();
        children.add(n);
    }
    for (scope_node& n : nodes) {
        const std::string_view name(n.name, n.name_size);
        CHECK(children.find(*n.parent, name) == &n);
        CHECK(children.find(n.parent == &root ? other : root, name) == nullptr);
    }
    CHECK(children.find(root, "aaaa") == nullptr);
    CHECK(children.find(root, "") == nullptr);
}
