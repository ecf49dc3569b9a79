// embodied_rate.hpp - what making the hardware cost, spread over its life.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/units.hpp"

#include <string>

namespace joulery {
inline namespace v1 {

/// Embodied emissions as a rate: total / lifetime x share of use. Scopes are charged by their time.
/// Made by `embodied_for` (carbon/embodied.hpp), which asks for lifetime and share.
struct embodied_rate {
    emissions per_hour;  ///< of reserved wall time
    std::string source;  ///< items, lifetime, share, sources; empty: embodied carbon is not counted

    [[nodiscard]] bool known() const noexcept { return !source.empty(); }
    /// Share of the embodied emissions for `t` of wall time.
    [[nodiscard]] emissions of(seconds t) const noexcept { return per_hour * (t.count() / 3600); }
};

}  // namespace v1
}  // namespace joulery
