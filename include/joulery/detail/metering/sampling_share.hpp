// sampling_share.hpp - the part of the machine's work that is sampling.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <thread>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The samplers' processor time over that of all processors, from one call to the next: what they
/// used is billed to no scope. Reads at the edges of scopes are not in it: the report takes them
/// out of the scopes around them.
class sampling_share {
 public:
    explicit sampling_share(unsigned processors = std::thread::hardware_concurrency()) noexcept
        : processors_(std::max(processors, 1u)) {}

    /// `spent`: the samplers' processor time so far, `now`: the time so far, both in seconds.
    [[nodiscard]] double share(double spent, double now) noexcept {
        const double used = spent - std::exchange(spent_, spent);
        const double time = now - std::exchange(now_, now);
        return time > 0 ? std::clamp(used / time / processors_, 0.0, 1.0) : 0;
    }

 private:
    double processors_;
    double spent_ = 0;
    double now_ = 0;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
