// channel_traits.hpp - the properties of a channel that attribution depends on.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/quality.hpp"

#include <cstddef>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The properties of a channel that attribution depends on.
struct channel_traits {
    attribution policy = attribution::shared;
    bool follows_processors = true;  ///< waiting threads don't use its energy
    bool separates_scopes = true;    ///< false: an estimate, which does not depend on what runs
    double quantum = 0;              ///< J
    double known_memory = 0;         ///< s, of a gauge
    double model_error = 5e-4;       ///< standard deviation; fraction of energy split by powers
    double seconds_per_tick = 1e-9;
    std::size_t index = 0;  ///< among all channels of the meter
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
