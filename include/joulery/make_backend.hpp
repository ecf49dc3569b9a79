// make_backend.hpp - a backend out of any callable, or of a known draw.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/units.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// One channel read by calling something of yours.
///
/// Units:  the callable returns joules so far (an energy counter) or watts now (a gauge).
/// Thread: calls never overlap, but come from the meter's thread, not yours.
/// Cost:   that of the callable.
/// Fails:  `retry` for what is no amount: a negative number, NaN, infinity, an exception. `fatal`
///         where there is nothing to call.
class function_backend final : public backend {
 public:
    function_backend(std::string name, channel c, std::function<double()> read,
                     std::string remark = {})
        : name_(std::move(name)), read_(std::move(read)), remark_(std::move(remark)) {
        if (name_.empty()) name_ = "function";
        if (c.id.empty()) c.id = name_;
        if (!(c.joules_per_count > 0) || c.joules_per_count > 1e12) c.joules_per_count = 1e-6;
        if (c.update_period <= std::chrono::nanoseconds::zero())
            c.update_period = std::chrono::milliseconds(1);
        channels_.push_back(std::move(c));
    }

    [[nodiscard]] std::string_view name() const noexcept override { return name_; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return channels_;
    }
    [[nodiscard]] std::string_view remark() const noexcept override { return remark_; }

    read_status read(counter_span out) noexcept override {
        if (!read_) return read_status::fatal;
        const double counts = call() / channels_[0].joules_per_count;
        constexpr double most = 9.2e18;  // below 2^63, so that differences have room
        if (!(counts >= 0 && counts <= most)) return read_status::retry;  // NaN fails both
        const auto whole = static_cast<std::uint64_t>(counts + 0.5);
        const std::uint64_t wrap_at = channels_[0].wrap_at;
        if (wrap_at != 0 && whole >= wrap_at) return read_status::retry;
        if (out.size() > 0) out[0] = whole;
        return read_status::ok;
    }

 private:
    [[nodiscard]] double call() noexcept {
        JOULERY_TRY { return read_(); }
        JOULERY_CATCH_ALL { return std::numeric_limits<double>::quiet_NaN(); }
    }

    std::string name_;
    std::function<double()> read_;
    std::string remark_;
    std::vector<channel> channels_;
};

/// A meter of your own in three lines.
///
///     channel c;
///     c.id = "bench/supply"; c.part = component::platform; c.kind = reading_kind::power_gauge;
///     options.backends.push_back(make_backend("bench", c, [&] { return supply.read_watts(); }));
[[nodiscard]] inline std::unique_ptr<backend> make_backend(std::string name, channel c,
                                                           std::function<double()> read) {
    return std::make_unique<function_backend>(std::move(name), std::move(c), std::move(read));
}

/// A known, unchanging draw: a wall meter's figure, a data sheet's. Marked `estimated`.
///
///     options.backends.push_back(make_constant_backend(350_W));
[[nodiscard]] inline std::unique_ptr<backend> make_constant_backend(
    power draw, std::string id = "machine/constant", component part = component::platform) {
    channel c;
    c.id = std::move(id);
    c.part = part;
    c.kind = reading_kind::power_gauge;
    c.provenance = quality::estimated;
    c.update_period = std::chrono::milliseconds(100);
    c.max_watts = std::max(draw.watts() * 2, 1.0);
    const double watts = draw.watts();
    return std::make_unique<function_backend>(
        "constant", std::move(c), [watts] { return watts; },
        "a stated constant, not measured: " + to_text(draw));
}

}  // namespace v1
}  // namespace joulery
