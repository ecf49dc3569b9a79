// Every backend against the real device, if this machine has it. Label `hardware`; run by
// tests/hardware.sh, which prints the findings.
#include "hardware/real_machine.hpp"
#include "joulery/detail/backends/gpu/nvml.hpp"
#include "joulery/detail/metering/channel_account.hpp"
#include "joulery/detail/session/defaults.hpp"
#include "joulery/testing/backend_contract.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

using namespace joulery;
using namespace std::chrono_literals;

namespace {

/// What a few seconds of reads show of a backend.
struct observation {
    std::vector<channel_account> accounts;
    std::vector<unsigned> changes;  // values that differ from the one before
    std::vector<std::uint64_t> last;
    std::vector<double> costs;  // of each read, seconds
    double seconds = 0;
    int failed = 0;
};

observation observe(backend& b, steady::duration how_long, steady::duration spacing) {
    observation o;
    const std::size_t n = b.channels().size();
    for (const channel& c : b.channels()) {
        o.accounts.emplace_back(c);
        o.accounts.back().expect_interval(std::chrono::duration<double>(spacing).count());
    }
    o.changes.assign(n, 0);
    o.last.assign(n, no_value);
    const steady::time_point begin = steady::now();
    for (steady::time_point at = begin; at - begin <= how_long; at = steady::now()) {
        std::vector<std::uint64_t> values(n, no_value);
        const read_status status = b.read(counter_span(values));
        const steady::time_point done = steady::now();
        o.costs.push_back(std::chrono::duration<double>(done - at).count());
        if (status != read_status::ok) ++o.failed;
        const double seconds = std::chrono::duration<double>(done - begin).count();
        for (std::size_t i = 0; i < n && status == read_status::ok; ++i) {
            o.accounts[i].take(values[i], seconds);
            if (values[i] == no_value) continue;
            if (o.last[i] != no_value && values[i] != o.last[i]) ++o.changes[i];
            o.last[i] = values[i];
        }
        o.seconds = seconds;
        std::this_thread::sleep_for(spacing);
    }
    std::sort(o.costs.begin(), o.costs.end());
    return o;
}

void print(const backend& b, const observation& o) {
    std::printf("%s: a read takes %.1f us (median), %.1f us (most of %zu)\n",
                std::string(b.name()).c_str(), o.costs[o.costs.size() / 2] * 1e6,
                o.costs.back() * 1e6, o.costs.size());
    for (std::size_t i = 0; i < b.channels().size(); ++i) {
        const channel& c = b.channels()[i];
        const std::string kind(to_text(c.kind));
        std::printf("  %-48s %-14s %10.3f W  changed every %6.1f ms%s%s\n", c.id.c_str(),
                    kind.c_str(), o.accounts[i].joules() / o.seconds,
                    o.changes[i] > 0 ? o.seconds * 1e3 / o.changes[i] : 0.0,
                    c.parent.empty() ? "" : "  in ", c.parent.c_str());
    }
    const std::string note(b.note());
    if (!note.empty()) std::printf("  note: %s\n", note.c_str());
    std::fflush(stdout);
}

void check(const backend& b, const observation& o) {
    CHECK_MESSAGE(o.failed == 0, b.name() << ": " << o.failed << " reads failed");
    double most = 0;
    for (std::size_t i = 0; i < o.accounts.size(); ++i) {
        const channel& c = b.channels()[i];
        const double watts = o.accounts[i].joules() / o.seconds;
        most = std::max(most, watts);
        CHECK_MESSAGE(o.accounts[i].tally().resets == 0, c.id << " was reset");
        CHECK_MESSAGE(watts <= plausible_power::of(c).most, c.id << " drew " << watts << " W");
    }
    CHECK_MESSAGE(most > 0, b.name() << " counted no energy in " << o.seconds << " s");
}

}  // namespace

TEST_CASE("hardware: each backend keeps the contract and counts a plausible power") {
    int found = 0;
    for (const backend_entry& entry : standard_backends()) {
        if (entry.name == "estimate") continue;
        opened_backend b = entry.open(machine());
        if (!b) {
            std::printf("%s: skipped: %s\n", std::string(entry.name).c_str(),
                        b.error().reason.c_str());
            if (!b.error().remedy.empty())
                std::printf("  to change it: %s\n", b.error().remedy.c_str());
            continue;
        }
        ++found;
        CAPTURE(entry.name);
        const std::vector<std::string> none;
        testing::contract_options options;
        for (const channel& c : (*b)->channels()) options.other_channels.push_back(c.parent);
        CHECK(testing::contract_violations(**b, options) == none);
        const observation o = observe(**b, 3s, 5ms);
        print(**b, o);
        check(**b, o);
    }
    std::printf("%d backends on this machine\n", found);
    if (found == 0) std::printf("skipped: no counter on this machine\n");
}

TEST_CASE("hardware: nvml's energy counter agrees with power x time") {
    opened_backend b = open_nvml(machine());
    if (!b) {
        std::printf("nvml, counter against power: skipped: %s\n", b.error().reason.c_str());
        return;
    }
    const observation o = observe(**b, 11s, 50ms);
    print(**b, o);
    const std::string note((*b)->note());
    CHECK_MESSAGE(note.find("in ten seconds") == std::string::npos, note);
}
