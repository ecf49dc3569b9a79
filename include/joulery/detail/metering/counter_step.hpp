// counter_step.hpp - the one place where two raw counter values become a
// difference. SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace joulery {
inline namespace v1 {

enum class counter_event : unsigned char { none, wrap, reset };

/// What happened between two reads of a counter: counts to add, and whether it wrapped or was
/// reset.
struct counter_step {
    std::uint64_t counts = 0;
    counter_event event = counter_event::none;
};

/// The step from `before` to `now` of a counter that starts anew at `wrap_at` (0: it never does).
///
/// `believable` is the largest number of counts that can have come in since `before`. Equal values
/// are 0 counts. A smaller value is a wrap if the wrapped difference is believable, else a reset; a
/// larger one is growth if believable, else a reset too. A reset adds nothing: what was lost is not
/// guessed.
///
///     counter_step s = step_between(4294967290u, 4, std::uint64_t{1} << 32, 1'000'000);
///     // s.counts == 10, s.event == counter_event::wrap
[[nodiscard]] constexpr counter_step step_between(std::uint64_t before, std::uint64_t now,
                                                  std::uint64_t wrap_at,
                                                  std::uint64_t believable) noexcept {
    if (now == before) return {0, counter_event::none};
    if (now > before) {
        const std::uint64_t grown = now - before;
        return grown <= believable ? counter_step{grown, counter_event::none}
                                   : counter_step{0, counter_event::reset};
    }
    if (wrap_at > before) {
        const std::uint64_t wrapped = (wrap_at - before) + now;
        if (wrapped <= believable) return {wrapped, counter_event::wrap};
    }
    return {0, counter_event::reset};
}

}  // namespace v1
}  // namespace joulery
