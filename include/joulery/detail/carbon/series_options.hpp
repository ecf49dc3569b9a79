// series_options.hpp - what a reader of intensity series is told.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/units.hpp"

#include <cstddef>
#include <limits>
#include <string>

namespace joulery {
inline namespace v1 {

/// All may stay as it is where the file says enough.
struct series_options {
    std::string zone;          ///< take this zone's rows only; needed where a file has several
    std::string unit;          ///< "g/kWh", "kg/MWh", "lb/MWh": where the file does not say
    std::string value_column;  ///< the CSV column to read, where several could be meant
    bool assume_utc = false;   ///< times without a zone are UTC
    bool known_zero = false;   ///< a zero is a true zero here (marginal, while power is curtailed)
    bool skip_bad_rows = false;  ///< leave out rows without a usable value: they become gaps
    carbon_intensity fallback;   ///< for gaps; none: the mean of the series
    double from = -std::numeric_limits<double>::infinity();  ///< rows before are left out (unix s)
    double until = std::numeric_limits<double>::infinity();  ///< rows from here on are left out
    std::size_t max_steps =
        200000;  ///< longer series are joined to longer steps: memory stays flat
};

}  // namespace v1
}  // namespace joulery
