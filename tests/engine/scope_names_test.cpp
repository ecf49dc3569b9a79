// A scope's name is its characters, wherever they lie.
#include "joulery/scope.hpp"

#include "engine/support.hpp"
#include "joulery/detail/timing/child_index.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
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

// A tensor of a C library: its name is an array that is used again for the next one.
struct tensor {
    char text[64];
    const char (&name)[64] = text;
    void become(std::string_view n) {
        std::memset(text, 0, sizeof text);
        n.copy(text, sizeof text - 1);
    }
};

}  // namespace

TEST_CASE("scope names: a const array's content counts, not its address") {
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

// What dlclose and dlopen do to literals: other characters at the same address, of the same length.
TEST_CASE("scope names: an array that is full holds another name the next time") {
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

TEST_CASE("scope names: local arrays in different places are different names") {
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

TEST_CASE("scope names: an array without a NUL is its characters, another than a shorter literal") {
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

TEST_CASE("scope names: names end at the first NUL, in strings too, and empty ones are unnamed") {
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

TEST_CASE("scope names: of two long literals with the same first 200 bytes the calls add up") {
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

TEST_CASE("scope names: a hundred literals of one parent are each found again") {
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

TEST_CASE("child index: finds what was added by parent and name, and nothing else") {
    using joulery::detail::scope_node;
    scope_node root, other;
    std::deque<std::string> names;
    std::deque<scope_node> nodes;
    joulery::detail::child_index children;
    CHECK(children.find(root, "anything") == nullptr);
    for (int i = 0; i < 2'000; ++i) {  // names of every length, with a common beginning
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
