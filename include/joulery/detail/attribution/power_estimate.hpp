// power_estimate.hpp - the powers of a channel's columns as its rows reveal them, and their errors.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// What rows reveal about the columns' powers.
struct power_estimate {
    std::vector<double> watts;            ///< by column
    std::vector<double> covariance;       ///< of `watts`, row after row, W^2
    double widened = 1;                   ///< factor on `covariance`, for few rows
    std::vector<double> white_by_column;  ///< W^2 s: white noise of each column's power
    double lag = 0;                       ///< s: the sensor's memory
    double lag_deviation = 0;             ///< s: uncertainty of the lag
    double late_variance = 0;             ///< J^2: of energy shown late where a row ends
    double white = 0;                     ///< W^2 s: white noise of the mean column's power
    double common_stddev = 0;             ///< W: of the common mode
    double common_tau = 0;                ///< s: its memory
    double mean_watts = 0;                ///< J per thread-second
    std::size_t rows = 0;
    std::uint64_t number = 0;  ///< identifies it among its channel's others; 0: unidentified
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
