// Shared by the tests of backends.
#pragma once

#include "joulery/backend.hpp"
#include "joulery/testing/backend_contract.hpp"
#include "joulery/testing/fake_system.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

using joulery::testing::contract_violations;
using joulery::testing::fake_system;
using strings = std::vector<std::string>;

/// Root may read everything, so a test of "permission denied" drops its rights for a while.
class without_root {
 public:
    without_root() : was_root_(::geteuid() == 0) {
        if (was_root_) REQUIRE(::seteuid(65534) == 0);
    }
    ~without_root() {
        if (was_root_) (void)!::seteuid(0);
    }

 private:
    bool was_root_;
};

inline strings ids(const joulery::backend& b) {
    strings all;
    for (const joulery::channel& c : b.channels()) all.push_back(c.id);
    return all;
}

/// "child<parent" of every channel that has one.
inline strings nesting(const joulery::backend& b) {
    strings all;
    for (const joulery::channel& c : b.channels())
        if (!c.parent.empty()) all.push_back(c.id + "<" + c.parent);
    return all;
}

inline const joulery::channel& channel_of(const joulery::backend& b, const std::string& id) {
    for (const joulery::channel& c : b.channels())
        if (c.id == id) return c;
    FAIL("no channel " << id);
    return b.channels().front();
}

struct read_result {
    joulery::read_status status;
    std::vector<std::uint64_t> values;
};

inline read_result read_all(joulery::backend& b) {
    std::vector<std::uint64_t> values(b.channels().size(), 777);
    const joulery::read_status s = b.read(joulery::counter_span(values));
    return {s, values};
}

/// The contract for a backend on a complete device: it also names the model, and states limits
/// unless nothing tells them. Each backend's own test calls this once.
inline strings full_contract_violations(joulery::backend& b, bool states_bound = true,
                                        strings other_channels = {}) {
    joulery::testing::contract_options all;
    all.names_hardware = true;
    all.states_bound = states_bound;
    all.other_channels = std::move(other_channels);
    return contract_violations(b, all);
}

inline bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}
