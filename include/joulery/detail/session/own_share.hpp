// own_share.hpp - how much of a channel's energy scopes may be billed.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/session/metered_backend.hpp"

#include <algorithm>
#include <cstddef>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The share of each channel's energy that scopes may be billed: this process's share, less what
/// sampling uses. Computed once for all channels of a backend, when a row ends.
///
/// Thread: call with the backend's `state_mutex` held.
class own_share {
 public:
    /// The shares of the previous row.
    explicit own_share(metered_backend& m) noexcept : m_(m) {}
    /// `sampler_seconds`: of all samplers so far; `elapsed`: s since the meter's start.
    own_share(metered_backend& m, double sampler_seconds, double elapsed) noexcept
        : m_(m), sampler_seconds_(sampler_seconds), elapsed_(elapsed), is_known_(false) {}

    double operator()(std::size_t c) {
        if (!is_known_) {
            is_known_ = true;
            m_.processor_share = m_.process_share ? m_.process_share() : 1;
            m_.rest = 1 - m_.sampling.share(sampler_seconds_, elapsed_);
        }
        const bool processors = goes_with_processors(m_.reader.channels()[c].part);
        const double share = processors ? m_.rest : 1;
        if (!m_.process_share) return share;
        const double known = m_.reader.process_share(c);
        if (known >= 0) return share * std::min(known, 1.0);
        return processors ? share * m_.processor_share : share;
    }

 private:
    metered_backend& m_;
    double sampler_seconds_ = 0, elapsed_ = 0;
    bool is_known_ = true;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
