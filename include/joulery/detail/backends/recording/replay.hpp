// replay.hpp - plays a recording as if it were the machine.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/backends/recording/recording.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/descriptor.hpp"
#include "joulery/detail/metering/registry.hpp"
#include "joulery/detail/timing/time_source.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// How a recording is played: the values shown at the same time after the start, or one recorded
/// reading per read, however fast they come.
enum class replay_pace : unsigned char { recorded_time, each_read };

/// Plays a recording; at its end the device is `gone`.
///
/// Thread: reads must not overlap. Cost: a copy of the values. Fails: as recorded.
///
///     options o;
///     auto machine = open_replay("gpus.joules");
///     if (machine) o.backends.push_back(*std::move(machine));
class replay final : public backend {
 public:
    replay(recording of, replay_pace pace, std::shared_ptr<const time_source> clock)
        : of_(std::move(of)), pace_(pace), clock_(std::move(clock)) {
        of_.note =
            concat({"played from a recording", (of_.note.empty() ? "" : concat({"; ", of_.note}))});
        for (std::size_t i = 1; i < of_.reads.size(); ++i)
            longest_gap_ = std::max(longest_gap_, of_.reads[i].at_ns - of_.reads[i - 1].at_ns);
    }

    [[nodiscard]] std::string_view name() const noexcept override { return of_.backend; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return of_.channels;
    }
    [[nodiscard]] std::string_view note() const noexcept override { return of_.note; }

    read_status read(counter_span out) noexcept override {
        const recorded_read* r = pace_ == replay_pace::each_read ? next() : shown_at(elapsed_ns());
        if (r == nullptr) return read_status::gone;
        if (r->status == read_status::ok)
            std::copy_n(r->values.begin(), std::min(out.size(), r->values.size()), out.begin());
        return r->status;
    }

 private:
    const recorded_read* next() noexcept {
        return turn_ < of_.reads.size() ? &of_.reads[turn_++] : nullptr;
    }
    // The last read at or before that time. Time only grows, and so does `turn_`.
    const recorded_read* shown_at(std::uint64_t ns) noexcept {
        while (turn_ + 1 < of_.reads.size() && of_.reads[turn_ + 1].at_ns <= ns) ++turn_;
        return ns <= of_.reads.back().at_ns + longest_gap_ ? &of_.reads[turn_] : nullptr;
    }
    std::uint64_t elapsed_ns() noexcept {
        const double now = static_cast<double>(clock_->now()) * clock_->seconds_per_tick();
        if (first_ < 0) first_ = now;
        return static_cast<std::uint64_t>((now - first_) * 1e9 + 0.5);
    }

    recording of_;
    replay_pace pace_;
    std::shared_ptr<const time_source> clock_;
    std::uint64_t longest_gap_ = 0;
    std::size_t turn_ = 0;
    double first_ = -1;
};

/// Opens a recording made by `record`.
[[nodiscard]] inline opened_backend open_replay(
    const std::string& path, replay_pace pace = replay_pace::recorded_time,
    std::shared_ptr<const time_source> clock = std::make_shared<steady_time>()) {
    std::FILE* const file = detail::open_stream(path, "rb");
    if (file == nullptr) return failure{concat({path, ": ", error_text(errno)}), {}};
    std::string text;
    char block[1 << 14];
    for (std::size_t n = 0; (n = std::fread(block, 1, sizeof block, file)) > 0;)
        text.append(block, n);
    std::fclose(file);
    result<recording> of = parse_recording(text);
    if (!of) return failure{concat({path, ": ", of.error().reason}), {}};
    return std::unique_ptr<backend>(
        std::make_unique<replay>(*std::move(of), pace, std::move(clock)));
}

}  // namespace v1
}  // namespace joulery
