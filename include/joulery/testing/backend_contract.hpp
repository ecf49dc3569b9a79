// backend_contract.hpp - the requirements on every backend, including yours.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/metering/channel_account.hpp"
#include "joulery/detail/metering/domain_tree.hpp"
#include "joulery/detail/metering/registry.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace testing {

struct contract_options {
    std::size_t reads = 8;
    bool must_read = true;                    ///< at least one of the reads is `ok`
    std::vector<std::string> other_channels;  ///< channel ids of other backends that may be parents
    bool names_hardware = false;              ///< each channel, except memory, names its device
    bool states_bound = false;  ///< some channel states the maximum power of its device
};

namespace detail {

[[nodiscard]] inline bool is_plain_name(std::string_view name) noexcept {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    });
}

/// The checks, one function each; they append violations.
class contract_check {
 public:
    contract_check(backend& subject, contract_options options)
        : subject_(subject), options_(std::move(options)) {}

    std::vector<std::string> run() {
        if (!is_plain_name(subject_.name()))
            say("name \"" + std::string(subject_.name()) + "\" is not lower case, digits, dashes");
        if (subject_.channels().empty()) {
            say("has no channels");
            return std::move(violations_);
        }
        check_channels();
        if (options_.states_bound &&
            std::none_of(subject_.channels().begin(), subject_.channels().end(),
                         [](const channel& c) { return c.max_watts > 0; }))
            say("states no max_watts");
        check_parents();
        check_reads();
        return std::move(violations_);
    }

 private:
    void say(std::string text) { violations_.push_back(std::move(text)); }

    void check_channels() {
        const std::vector<channel>& all = subject_.channels();
        for (std::size_t i = 0; i < all.size(); ++i) {
            const channel& c = all[i];
            const std::string who = "channel " + std::to_string(i) + " (" + c.id + "): ";
            if (c.id.empty()) say(who + "has no id");
            for (std::size_t k = 0; k < i; ++k)
                if (all[k].id == c.id) say(who + "its id is used twice");
            if (!is_positive(c.joules_per_count))
                say(who + "joules_per_count is not a positive number");
            if (c.update_period <= std::chrono::nanoseconds::zero())
                say(who + "update_period is not positive");
            if (!is_amount(c.max_watts) || !is_amount(c.quantum) || !is_amount(c.relative_error))
                say(who + "max_watts, quantum or relative_error is not an amount");
            if (options_.names_hardware && c.model.empty() && c.part != component::dram)
                say(who + "does not name its model");
            if (c.kind == reading_kind::power_gauge && c.wrap_at != 0)
                say(who + "a gauge can't wrap");
            if (c.provenance == quality::estimated && subject_.note().empty())
                say(who + "is estimated and note() does not say from what");
        }
    }

    void check_parents() {
        std::vector<channel> all = subject_.channels();
        const std::size_t own = all.size();
        for (const std::string& id : options_.other_channels) {
            all.emplace_back();
            all.back().id = id;
        }
        for (std::size_t i = 0; i < own; ++i)
            if (all[i].parent == all[i].id) say("channel " + all[i].id + " is its own parent");
        for (const std::string& warning : build_domain_tree(all).warnings) say(warning);
    }

    void check_reads() {
        const std::vector<channel> before = subject_.channels();
        std::size_t good = 0;
        for (std::size_t turn = 0; turn < options_.reads; ++turn) {
            const std::uint64_t untouched = 0xa5a5a5a5a5a5a500u + turn;
            std::vector<std::uint64_t> room(before.size() + 2, untouched);
            const read_status status = subject_.read({room.data() + 1, before.size()});
            const std::string when = "read " + std::to_string(turn) + ": ";
            if (room.front() != untouched || room.back() != untouched)
                say(when + "wrote outside the room it was given");
            if (status > read_status::fatal) say(when + "gave no known status");
            if (status != read_status::ok) continue;
            ++good;
            room.erase(room.begin());
            room.pop_back();
            check_values(when, before, room, untouched);
        }
        if (options_.must_read && good == 0) say("not one read was ok");
        check_unchanged(before);
    }

    void check_values(const std::string& when, const std::vector<channel>& channels,
                      const std::vector<std::uint64_t>& values, std::uint64_t untouched) {
        std::size_t missing = 0;
        for (std::size_t i = 0; i < channels.size(); ++i) {
            const std::string who = when + channels[i].id + ": ";
            if (values[i] == untouched) say(who + "ok, but nothing was written");
            if (values[i] == no_value) {
                ++missing;
            } else if (channels[i].wrap_at != 0 && values[i] >= channels[i].wrap_at) {
                say(who + "a value at or beyond wrap_at");
            } else if (channels[i].kind == reading_kind::power_gauge &&
                       !is_plausible(channels[i], values[i])) {
                say(who + "an impossible power; no_value was expected");
            }
        }
        if (missing == channels.size()) say(when + "ok, but no channel has a value");
    }

    static bool is_plausible(const channel& c, std::uint64_t raw) {
        const double watts = static_cast<double>(raw) * c.joules_per_count;
        return !is_error_value(raw) && watts <= plausible_power::of(c).most;
    }

    void check_unchanged(const std::vector<channel>& before) {
        const std::vector<channel>& after = subject_.channels();
        bool same = before.size() == after.size();
        for (std::size_t i = 0; same && i < before.size(); ++i)
            same = before[i].id == after[i].id && before[i].kind == after[i].kind &&
                   before[i].joules_per_count == after[i].joules_per_count &&
                   before[i].wrap_at == after[i].wrap_at && before[i].parent == after[i].parent;
        if (!same) say("channels() changed while it was read");
    }

    backend& subject_;
    contract_options options_;
    std::vector<std::string> violations_;
};

}  // namespace detail

/// The violations of the contract; empty if the backend is correct.
///
/// Thread: one. Cost: `options.reads` reads. Fails: never, even if the backend misbehaves.
///
///     CHECK(contract_violations(my_backend) == std::vector<std::string>{});
[[nodiscard]] inline std::vector<std::string> contract_violations(backend& subject,
                                                                  contract_options options = {}) {
    return detail::contract_check(subject, std::move(options)).run();
}

/// What is wrong with a backend's failure to open; empty if it opened, or gives a reason. A remedy
/// is one line, a shell command or an instruction.
///
///     CHECK(refusal_violations(open_my_backend(root)) == std::vector<std::string>{});
[[nodiscard]] inline std::vector<std::string> refusal_violations(const opened_backend& opened) {
    std::vector<std::string> violations;
    if (opened) return violations;
    const failure& why = opened.error();
    if (why.reason.empty()) violations.emplace_back("does not say why it did not open");
    for (const std::string& text : {why.reason, why.remedy})
        if (text.find('\n') != std::string::npos)
            violations.push_back("more than one line: " + text);
    if (!why.remedy.empty() && why.remedy == why.reason)
        violations.push_back("a remedy that is the reason: " + why.remedy);
    return violations;
}

}  // namespace testing
}  // namespace v1
}  // namespace joulery
