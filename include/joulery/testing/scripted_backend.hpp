// scripted_backend.hpp - a backend that plays a trace written by a test.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/core/config.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace testing {

/// Plays scripted reads in order, and then repeats the last one forever.
///
/// Thread: write the script before the first read; `reads()` may be called at any time.
/// Cost:   a vector access, plus the hooks.
/// Fails:  as scripted. Without a script every read is `retry`.
///
///     scripted_backend b("fake", {a_channel});
///     b.ok({100}).fails(read_status::retry).ok({350}).vanishes();
///     b.stalls([&] { gate.wait(); }).ok({400});       // the hook runs inside that read
class scripted_backend final : public backend {
 public:
    scripted_backend(std::string name, std::vector<channel> channels)
        : name_(std::move(name)), channels_(std::move(channels)) {}

    /// A successful read with one value per channel; missing values are `no_value`.
    scripted_backend& ok(std::vector<std::uint64_t> values) {
        values.resize(channels_.size(), no_value);
        return push(read_status::ok, std::move(values));
    }
    scripted_backend& fails(read_status status, std::size_t times = 1) {
        for (std::size_t i = 0; i < times; ++i) push(status, {});
        return *this;
    }
    scripted_backend& vanishes(std::size_t times = 1) { return fails(read_status::gone, times); }
    /// `times` successful reads; each adds `step` to every channel and wraps at `wrap_at`.
    scripted_backend& grows(std::uint64_t counts, std::size_t times) {
        for (std::size_t n = 0; n < times; ++n) {
            std::vector<std::uint64_t> next = last_;
            next.resize(channels_.size(), 0);
            for (std::size_t i = 0; i < next.size(); ++i) {
                next[i] += counts;
                if (channels_[i].wrap_at != 0) next[i] %= channels_[i].wrap_at;
            }
            ok(std::move(next));
        }
        return *this;
    }
    /// A successful read with `value` on all channels, like a driver that restarts.
    scripted_backend& resets(std::uint64_t value = 0) {
        return ok(std::vector<std::uint64_t>(channels_.size(), value));
    }
    /// The next scripted read first calls `hook`, for a stall or a change of the test's world.
    scripted_backend& stalls(std::function<void()> hook) {
        hook_ = std::move(hook);
        return *this;
    }
    scripted_backend& notes(std::string text) {
        note_ = std::move(text);
        return *this;
    }

    [[nodiscard]] std::size_t reads() const noexcept { return reads_.load(); }
    [[nodiscard]] std::size_t script_length() const noexcept { return script_.size(); }

    [[nodiscard]] std::string_view name() const noexcept override { return name_; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return channels_;
    }
    [[nodiscard]] std::string_view note() const noexcept override { return note_; }

    read_status read(counter_span out) noexcept override {
        const std::size_t turn = reads_.fetch_add(1);
        if (script_.empty()) return read_status::retry;
        const bool past_the_end = turn >= script_.size();
        const step& s = script_[past_the_end ? script_.size() - 1 : turn];
        if (s.hook && !past_the_end) s.hook();
        if (s.status == read_status::ok)
            std::copy_n(s.values.begin(), std::min(out.size(), s.values.size()), out.begin());
        return s.status;
    }

 private:
    struct step {
        read_status status;
        std::vector<std::uint64_t> values;
        std::function<void()> hook;
    };

    scripted_backend& push(read_status status, std::vector<std::uint64_t> values) {
        if (status == read_status::ok) last_ = values;
        script_.push_back({status, std::move(values), std::exchange(hook_, nullptr)});
        return *this;
    }

    std::string name_;
    std::vector<channel> channels_;
    std::vector<step> script_;
    std::vector<std::uint64_t> last_;
    std::function<void()> hook_;
    std::string note_;
    std::atomic<std::size_t> reads_{0};
};

}  // namespace testing
}  // namespace v1
}  // namespace joulery
