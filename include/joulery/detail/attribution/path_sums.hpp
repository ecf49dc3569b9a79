// path_sums.hpp - sums over a channel's rows for one path, and the energy that they give.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A path's energy in one channel.
struct path_energy {
    double self = 0;      ///< J, without its children
    double total = 0;     ///< J, children included
    double variance = 0;  ///< of `total`, J^2
    double known = 0;     ///< J of `total` that no power affects: it was alone in its rows
};

/// The sums over a block of rows for a path.
struct block_sums {
    double share = 0;   ///< J
    double weight = 0;  ///< rows
    double share_deviation = 0, waited = 0, alone = 0;
    double own_noise = 0, others_noise = 0;                 ///< s of white noise
    double random = 0, bias_at_begin = 0, bias_at_end = 0;  ///< of its total
    double owed = 0, owed_in_all = 0;  ///< W, per s of lag; `owed_in_all`: with children
    double company = 0;                ///< J of its total: see note_company

    void subtract(const block_sums& other) noexcept {
        for (auto sum : {&block_sums::share, &block_sums::weight, &block_sums::share_deviation,
                         &block_sums::waited, &block_sums::alone, &block_sums::own_noise,
                         &block_sums::others_noise, &block_sums::random, &block_sums::bias_at_begin,
                         &block_sums::bias_at_end, &block_sums::owed, &block_sums::owed_in_all,
                         &block_sums::company})
            this->*sum -= other.*sum;
    }
};

/// The same, with what is kept over all blocks.
struct path_sums : block_sums {
    std::uint32_t column = 0;
    double inside = 0;  ///< J by share, children included, over all rows
};

/// What the paths inside a path add to it.
struct inner_sums {
    double total = 0, known = 0;
    double lumped = 0, deviation = 0, noise = 0;
    std::vector<double> parts;  ///< of columns; empty: there are none

    void add(const inner_sums& child, const path_energy& e, std::uint32_t column, double part,
             std::size_t columns) {
        total += e.total;
        known += e.known;
        lumped += child.lumped;
        deviation += child.deviation;
        noise += child.noise;
        parts.resize(columns);
        if (child.parts.empty()) parts[column] += part;
        for (std::size_t c = 0; c < child.parts.size(); ++c) parts[c] += child.parts[c];
    }
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
