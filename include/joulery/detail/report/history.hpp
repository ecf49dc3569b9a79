// history.hpp - power over time, and single calls of scopes.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/list.hpp"
#include "joulery/units.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace joulery {
inline namespace v1 {

/// One call of a scope on one thread.
struct scope_slice {
    std::size_t scope = 0;     ///< index of its row in `report::scopes`
    std::uint64_t thread = 0;  ///< index in `slice_record::threads`
    seconds begin{0};          ///< since the start of the run
    seconds length{0};
    double joules = 0;  ///< not-a-number if the energy of a single call is unknown
};

/// Power over time in equal steps, one series per channel. Memory is bounded: when it is full,
/// pairs of steps are joined and `step` doubles.
struct power_history {
    seconds begin{0};                        ///< of the first step, since the start of the run
    seconds step{0};                         ///< length of a step; 0: no history was kept
    std::vector<std::vector<double>> watts;  ///< by channel, mean of each step; NaN: unmeasured
    std::vector<scope_slice> bands;          ///< the longest calls, for orientation; bounded
};

/// Single calls, recorded only on request; bounded, and calls that don't fit are counted.
struct slice_record {
    std::vector<std::string> threads;  ///< their names; may be empty
    std::vector<scope_slice> slices;   ///< in any order
    std::uint64_t dropped = 0;         ///< calls that did not fit
};

}  // namespace v1
}  // namespace joulery
