// sampled_calls.hpp - which calls of a short scope are timed, and what they say about the others.
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The cost of timing a call, in ticks.
struct timing_cost {
    double worth_timing = 0;  ///< mean length from which every call is timed; 0: always
    double read = 0;          ///< part of the clock reads that lies inside a timed call
};

/// Between the ends of two timed calls of a path, in ticks: the preempted time inside the later
/// call and before it, and the time that the thread ran before it.
struct lost_ticks {
    double inside = 0, before = 0, ran_before = 0;
};

/// Requests from any thread to time every call of short scopes for a while.
class exact_times {
 public:
    void want(bool& wanted, bool wants) noexcept {
        if (wanted == wants) return;
        wanted = wants;
        count_.fetch_add(wants ? 1 : -1, std::memory_order_relaxed);
    }
    [[nodiscard]] bool are_wanted() const noexcept {
        return count_.load(std::memory_order_relaxed) > 0;
    }

 private:
    std::atomic<int> count_{0};
};

/// A scope that is short compared with the cost of timing is timed at one call in `stride`, on
/// average. After each timed call the number of calls up to the next is drawn from 1 to 2 * stride
/// - 1, so that no rhythm of the program can stay in step. A timed call stands for all calls since
/// the previous one, so their sum is unbiased whatever the calls are like. Calls far longer than
/// the others are too rare for that: untimed calls get the mean part of them that the timed calls
/// had. Calls out of all proportion stand only for themselves, and what that omits is in the
/// variance. At first every call is timed, to learn how much they differ.
///
/// Interruptions make long calls, too, and no number of timed calls shows when there will be one.
/// They also fall between calls, which the program's own long calls do not.
///
/// A thread is mostly preempted during untimed calls. They get a part of the lost time in
/// proportion to their part of the thread's running time; that all or none of it was theirs is in
/// the variance.
///
/// The time of inner scopes that are timed at every call is not random, so it is subtracted before
/// a call stands for others. Apart from that, a scope with others inside is treated like a leaf.
///
/// Thread: the thread that owns the scope's tree writes; any may read the atomics.
/// Cost:   at timed calls only.
///
///     if (calls.is_drawn()) ticks += calls.stand_for(length, cost) - length;
///     until_timed = calls.draw(all_calls, all_ticks, cost, false);  // 0: time every one
class sampled_calls {
 public:
    static constexpr std::uint32_t longest_stride = 1024;
    /// Goal for the standard deviation of the path's time, relative to that time: the more calls
    /// there were, the fewer of the following are timed.
    static constexpr double goal = 1.0 / 300;
    /// The same for the part of the longest calls, if that is less than a twentieth of the time.
    static constexpr double goal_of_few = 1.0 / 50;

    /// Whether the timed call that ends was drawn and stands for those before it.
    [[nodiscard]] bool is_drawn() const noexcept { return gap_ != 0; }
    /// Length of a timed call that ends at this tick count of the path, less what was subtracted
    /// from it; 0 if its begin is unknown.
    [[nodiscard]] std::uint64_t length_at(std::uint64_t ticks) const noexcept {
        return knows_begin_ && ticks > ticks_before_ ? ticks - ticks_before_ : 0;
    }
    /// A call begins, or ticks are added that no call stands for.
    void note_begin(std::uint64_t ticks) noexcept { ticks_before_ = ticks, knows_begin_ = true; }
    void take_out(std::uint64_t ticks) noexcept { ticks_before_ += ticks; }
    /// A scope inside an untimed call has ended at `now`. Returns the first tick at which that
    /// happened in this call, the one after `calls` calls.
    [[nodiscard]] std::uint64_t stirs_since(std::uint64_t calls, std::uint64_t now) noexcept {
        if (std::exchange(stirred_call_, calls + 1) != calls + 1) stirred_at_ = now, added_ = 0;
        return stirred_at_;
    }
    /// A scope inside has ended at `now`; its ticks were added to the path.
    void note_added(std::uint64_t calls, std::uint64_t ticks, std::uint64_t now) noexcept {
        if (stirred_call_ == calls + 1)
            added_ += now - stirred_at_ < ticks ? now - stirred_at_ : ticks;
    }
    /// The ticks added since then.
    [[nodiscard]] std::uint64_t added() const noexcept { return added_; }
    /// Number of calls that the timed one stands for, itself included.
    [[nodiscard]] std::uint32_t gap() const noexcept { return gap_; }

    /// Ticks from the end of the last timed call up to `now`; 0: there was none.
    [[nodiscard]] std::uint64_t unseen_at(std::uint64_t now) const noexcept {
        return is_drawn() && now > ended_at_ ? now - ended_at_ : 0;
    }
    /// Time lost since then up to `now`, where a call of `length` ends; `lost`: the thread's lost
    /// ticks so far.
    [[nodiscard]] lost_ticks lost_at(std::uint64_t now, std::uint64_t length,
                                     double lost) const noexcept {
        const auto call = static_cast<double>(length);
        const double before = larger(static_cast<double>(unseen_at(now)) - call, 0);
        const double since = lost - lost_before_;
        if (since <= call) return {since, 0, before};
        const double most = lesser(since, before);  // pauses too short to ask about add up
        return {0, most, before - most};
    }
    /// A timed call of `length` has ended. Call it before `draw`.
    void note_end(std::uint64_t now, std::uint64_t length, double lost) noexcept {
        if (gap_ == 1 && ended_at_ != 0 && now - ended_at_ >= length)
            note_pause(static_cast<double>(now - ended_at_ - length));
        ended_at_ = now, lost_before_ = lost;
    }

    /// Ticks of all calls that one of `length` stands for. The others took as long, without the
    /// clock reads.
    [[nodiscard]] std::uint64_t stand_for(std::uint64_t length, const timing_cost& cost,
                                          const lost_ticks& lost = {}) noexcept {
        const double t = static_cast<double>(length) - lost.inside;
        const auto weight = static_cast<double>(gap_);
        const bool is_long = t > far_longer * recent_, is_odd = t > interrupted * recent_;
        if (!is_odd) add(seen_ticks_, t);
        if (is_long) {
            add(is_odd ? odd_ticks_ : long_ticks_, t);
            if (!is_odd) add(long_squares_, t * t);
            if (next_ones_ == 0) perhaps_ = (weight - 1) * t;
            next_ones_ = look_closer;
        } else {
            note(weight, t);
        }
        const bool is_alone = gap_ == 1;
        const double others = is_alone ? 0 : (weight - 1) * of_another(is_long ? recent_ : t, cost);
        recent_ = larger(recent_ + (lesser(t, 16 * recent_) - recent_) / 16, 1);
        ++drawn_;
        seen_.store(seen_.load(relaxed) + 1, relaxed);
        if (is_alone) return length;
        untimed_.store(untimed() + gap_ - 1, relaxed);
        return length + static_cast<std::uint64_t>(others + lost_in(others, lost) + 0.5);
    }

    /// After a timed call: the number of calls up to the next timed one. `calls`, `ticks`: of the
    /// path so far; `exactly`: time the next one. 0: time every call from now on.
    [[nodiscard]] std::uint32_t draw(std::uint64_t calls, std::uint64_t ticks,
                                     const timing_cost& cost, bool exactly) noexcept {
        note_begin(ticks);
        calls_before_.store(calls, relaxed);
        if (!is_drawn()) {
            if (!may_begin(calls)) return 0;
            begin(calls, ticks, cost);
        }
        const double long_sum = cost.worth_timing * static_cast<double>(calls);
        if (recent_ >= cost.worth_timing || static_cast<double>(ticks) >= long_sum) {
            // All calls are long now, and perhaps were so before the first timed one.
            if (next_ones_ > 0) add(changed_squares_, perhaps_ * perhaps_);
            return stop_until(2 * calls);
        }
        if (drawn_ < to_learn) return gap_ = 1;
        if (drawn_ % 16 == 0 && !choose_stride(calls, ticks, cost)) return 0;
        if (next_ones_ > 0) --next_ones_, exactly = true;
        if (exactly) return gap_ = 1;
        random_ = random_ * 1664525u + 1013904223u;
        const std::uint64_t most = 2 * std::uint64_t{stride_} - 1;
        return gap_ = 1 + static_cast<std::uint32_t>((std::uint64_t{random_} * most) >> 32);
    }

    /// Whether it is time to see which of the scopes inside are sampled, too.
    [[nodiscard]] bool looks_around() const noexcept { return drawn_ % 16 == 0; }

    /// The open call stands only for itself, and so does each call until the next draw.
    void stop() noexcept {
        gap_ = 0, knows_begin_ = false;
        calls_before_.store(~std::uint64_t{0}, relaxed);
    }
    /// Call it before `stop`: ticks of the calls since the last timed one, which no call will stand
    /// for.
    [[nodiscard]] std::uint64_t take_pending(std::uint64_t calls,
                                             const timing_cost& cost) noexcept {
        const std::uint64_t before = calls_before();
        if (!is_drawn() || calls <= before) return 0;
        untimed_.store(untimed() + calls - before, relaxed);
        const auto pending = static_cast<double>(calls - before);
        note(pending, recent_);
        return static_cast<std::uint64_t>(pending * of_another(recent_, cost) + 0.5);
    }
    /// Times every call for good, because somebody needs single calls.
    void never_begin() noexcept { not_before_.store(~std::uint64_t{0}, relaxed); }
    void seed(std::uint32_t number) noexcept { random_ = number * 0x9E3779B9u + 1; }

    /// Whether to begin sampling, or to try again, after `calls` calls. Any thread.
    [[nodiscard]] bool may_begin(std::uint64_t calls) const noexcept {
        return calls >= not_before_.load(relaxed);
    }
    /// Calls that are in the path's ticks without having been timed. Any thread.
    [[nodiscard]] std::uint64_t untimed() const noexcept { return untimed_.load(relaxed); }
    /// Calls up to the last timed one. Any thread.
    [[nodiscard]] std::uint64_t calls_before() const noexcept {
        return calls_before_.load(relaxed);
    }
    /// Variance of the path's ticks, in square ticks. Any thread.
    [[nodiscard]] double variance() const noexcept {
        const double seen = larger(static_cast<double>(seen_.load(relaxed)), 1);
        const double of_one = static_cast<double>(untimed()) / seen;
        // One interruption in a millisecond says little about an hour, so it is compared with more
        // time.
        const double odd = odd_ticks_.load(relaxed);
        const double left_out =
            odd * of_one * seen_ticks_.load(relaxed) /
            larger(seen_ticks_.load(relaxed) + odd + uncertain_ticks_.load(relaxed), 1);
        return variance_of_calls() * weights_.load(relaxed) +
               of_one * of_one * long_squares_.load(relaxed) + changed_squares_.load(relaxed) +
               lost_squares_.load(relaxed) + left_out * left_out;
    }

 private:
    static constexpr auto relaxed = std::memory_order_relaxed;
    static constexpr std::uint64_t first_calls = 1'024;           ///< only their sum is known
    static constexpr std::uint32_t to_learn = 16'384;             ///< timed one by one after those
    static constexpr double far_longer = 32, interrupted = 1000;  ///< times recent calls
    static constexpr double wary_stride = 32;        ///< until the goal for long ones is met
    static constexpr std::uint32_t look_closer = 8;  ///< calls timed after such a long one

    // From <algorithm>, which every file that opens a scope would have to parse.
    static double lesser(double a, double b) noexcept { return a < b ? a : b; }
    static double larger(double a, double b) noexcept { return a < b ? b : a; }
    static void add(std::atomic<double>& sum, double value) noexcept {
        sum.store(sum.load(relaxed) + value, relaxed);
    }

    void note(double weight, double t) noexcept {
        add(weights_, weight * weight);
        add(products_, weight * weight * t);
        add(squares_, weight * weight * t * t);
    }
    // Between two calls that were both timed.
    void note_pause(double t) noexcept {
        const double usual = larger(recent_pause_, recent_);
        if (t > interrupted * usual) return;
        pauses_ += t;
        if (t > far_longer * usual) {
            ++long_ones_;
            long_pauses_ += t;
            long_pause_squares_ += t * t;
        }
        recent_pause_ += (lesser(t, 16 * recent_pause_ + 1) - recent_pause_) / 16;
    }
    // Whether long calls are interruptions: then there are as many and as long ones in the time
    // between calls.
    [[nodiscard]] bool are_interruptions() const noexcept {
        const double ticks = long_ticks_.load(relaxed), all = seen_ticks_.load(relaxed);
        if (long_ones_ < 4 || !(ticks > 0)) return false;
        const double inside = long_squares_.load(relaxed) / ticks;  // length of a typical one
        const double between = long_pause_squares_ / long_pauses_;
        return between > inside / 8 && between < 8 * inside &&
               3 * long_pauses_ * all > ticks * pauses_;
    }
    /// Ticks of an untimed call if timed ones take that many.
    [[nodiscard]] double of_another(double t, const timing_cost& cost) const noexcept {
        return larger(t - cost.read, 0) + long_per_call();
    }
    /// Ticks that calls of that total length lost before the timed one.
    double lost_in(double others, const lost_ticks& lost) noexcept {
        if (!(lost.before > 0)) return 0;
        const double part = lesser(others / larger(lost.ran_before, 1), 1);
        add(lost_squares_, part * (1 - part) * lost.before * lost.before);
        return part * lost.before;
    }
    static double mean_of(std::uint64_t ticks, std::uint64_t calls) noexcept {
        return calls > 0 ? static_cast<double>(ticks) / static_cast<double>(calls) : 0;
    }
    [[nodiscard]] double long_per_call() const noexcept {
        const std::uint64_t seen = seen_.load(relaxed);
        return seen > 0 ? long_ticks_.load(relaxed) / static_cast<double>(seen) : 0;
    }
    /// Square ticks: how much calls differ, without the far longer ones.
    [[nodiscard]] double variance_of_calls() const noexcept {
        const double weights = weights_.load(relaxed);
        if (weights <= 0) return 0;
        const double mean = products_.load(relaxed) / weights;
        return larger(squares_.load(relaxed) / weights - mean * mean, 0);
    }

    void begin(std::uint64_t calls, std::uint64_t ticks, const timing_cost& cost) noexcept {
        recent_ = larger(mean_of(ticks, calls), 1);
        drawn_ = next_ones_ = 0;
        stride_ = 2;
        uncertain_ticks_.store(to_learn * cost.worth_timing, relaxed);
    }

    // A power of two: as large as the budget requires and the goals for the sum allow. False: every
    // call must be timed for now.
    bool choose_stride(std::uint64_t calls, std::uint64_t ticks, const timing_cost& cost) noexcept {
        const auto n = static_cast<double>(calls), all = static_cast<double>(ticks);
        // Anything shorter than a clock read is known no better than that.
        const double mean = larger(larger(all / n, cost.read), 1);
        const double least = mean / 100;  // floor for what is not known better
        const bool comes_from_outside = are_interruptions();
        const bool are_few = long_per_call() < 0.05 * mean || comes_from_outside;
        const double few = are_few ? goal_of_few : goal;
        const double seen = larger(static_cast<double>(seen_.load(relaxed)), 1);
        const double needed = long_squares_.load(relaxed) / seen / (few * few * mean * mean);
        // With a constant stride the variance of the sum is 4/3 * stride * calls * variance.
        const double allowed =
            0.75 * goal * goal * mean * mean * n / larger(variance_of_calls(), least * least);
        if ((needed > seen && !are_few) || allowed < 2) {
            // A long call seen early weighs less with each call that is looked at.
            if (stride_ != 1) looks_since_ = drawn_;
            stride_ = 1;
            const std::uint32_t looks = allowed < 2 ? 4 * to_learn : 16 * to_learn;
            if (drawn_ - looks_since_ <= looks) return true;
            const double more = allowed < 2 ? lesser(2 / allowed, 4) : 2;
            return stop_until(static_cast<std::uint64_t>(more * n)), false;
        }
        const double wanted = lesser(2 * cost.worth_timing / recent_, n / 512);
        const double wary = comes_from_outside ? 2 * wary_stride : wary_stride;
        const double longest = needed > seen ? wary : longest_stride;
        const double most = lesser(lesser(wanted, allowed), longest);
        stride_ = 2;
        while (2 * stride_ <= most) stride_ *= 2;
        return true;
    }
    std::uint32_t stop_until(std::uint64_t calls) noexcept {
        not_before_.store(calls, relaxed);
        return gap_ = 0;
    }

    std::uint32_t gap_ = 0;  ///< 0: the next timed call was not drawn
    bool knows_begin_ = false;
    std::uint32_t stride_ = 2;
    std::uint32_t random_ = 1;
    std::uint32_t drawn_ = 0;        ///< timed calls since sampling began
    std::uint32_t looks_since_ = 0;  ///< timed calls when each had to be timed
    std::uint32_t next_ones_ = 0;    ///< calls that are all timed after a long one
    std::uint64_t ticks_before_ = 0;
    std::uint64_t stirred_call_ = 0, stirred_at_ = 0, added_ = 0;
    std::uint64_t ended_at_ = 0;  ///< end of the last timed call, and what was lost by then
    double lost_before_ = 0;
    double recent_ = 0;   ///< mean length of recent timed calls, in ticks
    double perhaps_ = 0;  ///< ticks of the calls before the last long one, if they were as long
    // Of the time between calls that were both timed, in ticks.
    double recent_pause_ = 0, pauses_ = 0, long_pauses_ = 0, long_pause_squares_ = 0;
    std::uint32_t long_ones_ = 0;  ///< pauses far longer than the others
    std::atomic<double> seen_ticks_{0}, uncertain_ticks_{0};
    std::atomic<double> long_ticks_{0}, odd_ticks_{0};  ///< of timed calls that were far longer
    std::atomic<double> long_squares_{0}, changed_squares_{0}, lost_squares_{0};  ///< square ticks
    std::atomic<std::uint64_t> not_before_{first_calls};
    std::atomic<std::uint64_t> seen_{0};  ///< timed calls that were looked at one by one
    std::atomic<std::uint64_t> untimed_{0};
    std::atomic<std::uint64_t> calls_before_{0};
    // Over the other drawn calls: the squares of their weights; those times the length; those times
    // the square of the length.
    std::atomic<double> weights_{0}, products_{0}, squares_{0};
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
