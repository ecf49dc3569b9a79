#include "joulery/testing/backend_contract.hpp"

#include "backends/support.hpp"
#include "joulery/testing/scripted_backend.hpp"

#include <cmath>

using namespace joulery;
using joulery::testing::contract_options;
using joulery::testing::scripted_backend;

namespace {

channel at(const char* id, const char* parent = "") {
    channel c;
    c.id = id;
    c.parent = parent;
    return c;
}

strings broken(std::vector<channel> channels) {
    const std::size_t n = channels.size();
    scripted_backend b("fake", std::move(channels));
    b.ok(std::vector<std::uint64_t>(n, 1));
    return contract_violations(b);
}

bool says(const strings& violations, const char* words) {
    for (const std::string& v : violations)
        if (contains(v, words)) return true;
    return false;
}

/// Leaves its second value unchanged.
class forgetful final : public backend {
 public:
    std::string_view name() const noexcept override { return "forgetful"; }
    const std::vector<channel>& channels() const noexcept override { return channels_; }
    read_status read(counter_span out) noexcept override {
        out[0] = 1;
        return read_status::ok;
    }

 private:
    std::vector<channel> channels_{at("a"), at("b")};
};

/// Writes one value too many.
class greedy final : public backend {
 public:
    std::string_view name() const noexcept override { return "greedy"; }
    const std::vector<channel>& channels() const noexcept override { return channels_; }
    read_status read(counter_span out) noexcept override {
        out[0] = out.begin()[1] = 1;
        return read_status::ok;
    }

 private:
    std::vector<channel> channels_{at("a")};
};

}  // namespace

TEST_CASE("contract: a correct backend has no violations") {
    CHECK(broken({at("cpu0/package"), at("cpu0/core", "cpu0/package")}) == strings{});
}

TEST_CASE("contract: faulty channels are named") {
    CHECK(says(broken({at("")}), "has no id"));
    CHECK(says(broken({at("a"), at("a")}), "its id is used twice"));
    CHECK(says(broken({at("a", "b")}), "names a parent that does not exist"));
    CHECK(says(broken({at("a", "a")}), "its own parent"));
    channel c = at("a");
    c.joules_per_count = 0;
    CHECK(says(broken({c}), "joules_per_count"));
    c = at("a"), c.update_period = std::chrono::nanoseconds(0);
    CHECK(says(broken({c}), "update_period"));
    c = at("a"), c.relative_error = std::nan("");
    CHECK(says(broken({c}), "not an amount"));
    c = at("a"), c.kind = reading_kind::power_gauge, c.wrap_at = 5;
    CHECK(says(broken({c}), "a gauge can't wrap"));
    c = at("a"), c.provenance = quality::estimated;
    CHECK(says(broken({c}), "does not say from what"));
    c = at("a"), c.wrap_at = 1;
    CHECK(says(broken({c}), "at or beyond wrap_at"));
    CHECK(says(broken({}), "has no channels"));
}

TEST_CASE("contract: parents in other backends are allowed") {
    scripted_backend b("fake", {at("gpu0", "module0")});
    b.ok({1});
    contract_options options;
    options.other_channels = {"module0"};
    CHECK(contract_violations(b, options) == strings{});
}

TEST_CASE("contract: reads that write too little, too much or nothing are detected") {
    forgetful f;
    CHECK(says(contract_violations(f), "b: ok, but nothing was written"));
    greedy g;
    CHECK(says(contract_violations(g), "wrote outside the room"));
    scripted_backend empty("fake", {at("a")});
    empty.ok({no_value});
    CHECK(says(contract_violations(empty), "no channel has a value"));
    scripted_backend silent("fake", {at("a")});
    silent.fails(read_status::retry);
    CHECK(contract_violations(silent) == strings{"not one read was ok"});
    scripted_backend loud("Fake Name", {at("a")});
    loud.ok({1});
    CHECK(says(contract_violations(loud), "not lower case"));
}

TEST_CASE("scripted backend: plays its trace, then repeats the last read") {
    channel c = at("a");
    c.wrap_at = 100;
    scripted_backend b("fake", {c});
    int hooks = 0;
    b.ok({90}).grows(7, 2).fails(read_status::retry).stalls([&] { ++hooks; }).resets(3).vanishes();
    CHECK(b.script_length() == 6);
    CHECK(read_all(b).values[0] == 90);
    CHECK(read_all(b).values[0] == 97);
    CHECK(read_all(b).values[0] == 4);  // 104 across the wrap
    CHECK(read_all(b).status == read_status::retry);
    CHECK(hooks == 0);
    CHECK(read_all(b).values[0] == 3);
    CHECK(hooks == 1);
    CHECK(read_all(b).status == read_status::gone);
    CHECK(read_all(b).status == read_status::gone);
    CHECK(b.reads() == 7);
    scripted_backend nothing("fake", {c});
    CHECK(read_all(nothing).status == read_status::retry);
}

TEST_CASE("contract: a device without a name or a limit is noted on request") {
    scripted_backend b("fake", {at("a")});
    b.ok({1});
    CHECK(contract_violations(b) == strings{});
    contract_options strict;
    strict.names_hardware = strict.states_bound = true;
    const strings said = contract_violations(b, strict);
    CHECK(says(said, "does not name its model"));
    CHECK(says(said, "states no max_watts"));
    channel known = at("a");
    known.model = "Some GPU 80GB", known.max_watts = 700;
    scripted_backend complete("fake", {known});
    complete.ok({1});
    CHECK(contract_violations(complete, strict) == strings{});
}

TEST_CASE("contract: an error value, or one above the device's limit, is not a power") {
    channel c = at("a");
    c.kind = reading_kind::power_gauge;
    c.max_watts = 300;
    for (const std::uint64_t microwatts : {4'294'967'295'000u, 36'000'000'000u}) {
        scripted_backend b("fake", {c});
        b.ok({microwatts});
        CHECK(says(contract_violations(b), "an impossible power"));
    }
    scripted_backend b("fake", {c});
    b.ok({310'000'000});
    CHECK(contract_violations(b) == strings{});
}

TEST_CASE("contract: a backend that can't open gives the reason in one line") {
    using joulery::testing::refusal_violations;
    CHECK(refusal_violations(failure{"", ""}) == strings{"does not say why it did not open"});
    CHECK(refusal_violations(failure{"a\nb", ""}).size() == 1);
    CHECK(refusal_violations(failure{"no device", "load it"}) == strings{});
}
