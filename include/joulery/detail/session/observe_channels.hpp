// observe_channels.hpp - what an engine's channels have counted so far.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/metering/domain_tree.hpp"
#include "joulery/detail/session/engine.hpp"

#include <mutex>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// As of the last reads. Cost: a lock per backend.
[[nodiscard]] inline list<channel_observation> observe_channels(engine& e) {
    constexpr std::uint64_t first_reads = 5;  // a gauge may not be ready during these
    list<channel_observation> seen;
    for (const auto& m : e.backends()) {
        const std::lock_guard<std::mutex> lock(m->reader.state_mutex);
        for (std::size_t c = 0; c < m->reader.channel_count(); ++c) {
            const channel_account& a = m->reader.account(c);
            const bool is_new = a.tally().reads + a.tally().failures < first_reads;
            seen.push_back({m->reader.joules()[c], is_new || !a.is_silent()});
        }
    }
    return seen;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
