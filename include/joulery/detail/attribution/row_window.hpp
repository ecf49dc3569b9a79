// row_window.hpp - the last rows of one channel, kept so that new models can process them.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/call_lengths.hpp"
#include "joulery/detail/attribution/noise_filter.hpp"
#include "joulery/detail/core/list.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A path's own busy time in a row, thread-seconds.
struct regression_term {
    std::uint32_t column;
    double seconds;
    double open_at_end = 0;  ///< threads that have it open at the row's end
    calls_in_row calls = {};
    call_length length = {};  ///< of the column's calls, as known now
};

/// Energy of one channel between two dated readings.
struct regression_row {
    double length = 0;         ///< s between the readings
    double joules = 0;         ///< between the readings
    double read_variance = 0;  ///< J^2, of both readings: counter steps and uncertain instants
    double gap = 0;            ///< s since the end of the previous row; 0: they share a reading
    const regression_term* terms = nullptr;
    std::size_t count = 0;
    double tail = 0;          ///< s from the last change of columns by a thread to the row's end
    double own_variance = 0;  ///< J^2, of errors that neighboring rows don't share
};

/// Whether a number can be used. Tests its bits, since -ffast-math assumes that all are finite.
[[nodiscard]] inline bool usable_number(double x) noexcept {
    std::uint64_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    return (bits >> 52 & 0x7ff) < 1023 + 100;  // neither infinite nor above 10^30
}

/// Two halves of at most `max_rows` rows: when the recent half is full it becomes the older one,
/// which is dropped.
///
/// Units:  s, J. Thread: not synchronized; one owner. Memory: at most 2 MB.
///
///     row_window w;
///     w.add(row);
///     w.prepare(w.size() - 1, columns, out);   // in the form that filters need
class row_window {
 public:
    [[nodiscard]] std::size_t size() const noexcept { return older_.rows.size() + recent_size(); }
    [[nodiscard]] std::size_t older_size() const noexcept { return older_.rows.size(); }
    [[nodiscard]] std::size_t recent_size() const noexcept { return recent_.rows.size(); }
    [[nodiscard]] bool full() const noexcept {
        return recent_.rows.size() >= max_rows || recent_.terms.size() >= max_terms;
    }
    /// Duration of the older rows, s.
    [[nodiscard]] double older_seconds() const noexcept {
        double sum = 0;
        for (const row& r : older_.rows) sum += r.length + r.gap;
        return sum;
    }
    /// Number of rows in which a call began; in the others a call of another row continues.
    [[nodiscard]] double rows_with_calls() const noexcept {
        double sum = 0;
        for (const half* h : {&older_, &recent_})
            for (const row& r : h->rows) sum += r.tail < r.length ? 1 : 0;
        return sum;
    }
    [[nodiscard]] double length(std::size_t index) const noexcept { return row_at(index).length; }
    void shift() {
        std::swap(older_, recent_);
        recent_.rows.clear();
        recent_.terms.clear();
    }
    /// Forgets the first rows, or all others.
    void drop_first(std::size_t count) {
        const std::size_t older = std::min(count, older_size());
        older_.drop_first(older);
        recent_.drop_first(count - older);
    }
    void keep_first(std::size_t count) {
        const std::size_t older = std::min(count, older_size());
        older_.keep_first(older);
        recent_.keep_first(count - older);
    }
    /// Adds the energy of all rows, their length and the columns' times (base first).
    void add_up(double& joules, std::vector<double>& seconds) const noexcept {
        for (const half* h : {&older_, &recent_}) {
            for (const row& r : h->rows) joules += r.joules, seconds[0] += r.length;
            for (const term& t : h->terms) seconds[t.column + std::size_t{1}] += t.seconds;
        }
    }

    void add(const regression_row& from) {
        if (recent_.rows.size() == few_rows) take_memory();
        row r{from.length,
              std::max(from.gap, 0.0),
              from.joules,
              from.read_variance / 2,
              0,
              1,
              std::min(std::max(from.tail, 0.0), from.length),
              from.own_variance,
              recent_.terms.size(),
              from.count};
        double all = 0;
        for (std::size_t i = 0; i < from.count; ++i) {
            recent_.terms.push_back({from.terms[i].column,
                                     static_cast<float>(from.terms[i].seconds),
                                     static_cast<float>(from.terms[i].open_at_end),
                                     static_cast<float>(from.terms[i].calls.calls),
                                     static_cast<float>(from.terms[i].calls.cut)});
            all += from.terms[i].seconds;
            if (shares_.size() <= from.terms[i].column) shares_.resize(from.terms[i].column + 1);
        }
        last_shares_.resize(shares_.size(), 0.0);
        std::fill(shares_.begin(), shares_.end(), 0.0);
        for (std::size_t i = 0; i < from.count && all > 0; ++i)
            shares_[from.terms[i].column] += from.terms[i].seconds / all;
        for (std::size_t i = 0; i < shares_.size(); ++i) {
            r.similarity += std::min(shares_[i], last_shares_[i]);
            r.variety -= shares_[i] * shares_[i];
        }
        std::swap(shares_, last_shares_);
        recent_.rows.push_back(r);
    }

    /// Properties of columns, base first.
    struct column_facts {
        std::vector<double> power;      ///< relative to the channel's
        std::vector<double> noisiness;  ///< 1 on average
        list<call_length> lengths;      ///< of calls
        double reference = 0;           ///< W, subtracted from each open second
    };
    /// Prepares a row for the filters of such a model; valid until the next call. The base is open
    /// all the time.
    void prepare(std::size_t index, const column_facts& facts, filter_row& out,
                 const noise_model& model) {
        const half& from = half_of(index);
        const row& r = row_at(index);
        seconds_.assign(facts.power.size(), 0.0);
        seconds_[0] = r.length;
        open_at_end_.assign(facts.power.size(), 0.0);
        open_at_end_[0] = 1;
        double open = 0, noisy = 0, excess = 0, power = facts.power[0] * r.length;
        for (std::size_t i = r.first; i < r.first + r.count; ++i) {
            const std::size_t column = from.terms[i].column + std::size_t{1};
            const term& t = from.terms[i];
            const double longer = facts.lengths[column].excess(t.seconds, {t.calls, t.cut});
            const double seconds = t.seconds + model.exponent * longer;
            seconds_[column] += seconds;
            open_at_end_[column] += from.terms[i].open;
            open += seconds;
            noisy += facts.noisiness[column] * seconds;
            power += facts.power[column] * seconds;
            excess += facts.power[column] * longer;
        }
        if (model.box > 0) open = show_mean(index, model.box);
        out.length = r.length;
        out.gap = r.gap;
        out.joules = r.joules - facts.reference * open;
        out.edge_variance = r.edge_variance;
        out.own_variance = r.own_variance;
        out.noisiness = std::max(noisy / r.length, 0.05);
        out.relative_power = std::min(std::max(power / r.length, 0.05), 20.0);
        out.similarity = r.similarity;
        out.variety = std::max(r.variety, 0.0);
        out.seconds = seconds_.data();
        out.open_at_end = open_at_end_.data();
        out.tail = r.tail;
        out.excess = excess;
        out.columns = seconds_.size();
    }

 private:
    struct row {
        double length, gap, joules, edge_variance, similarity, variety, tail, own_variance;
        std::size_t first, count;
    };
    struct term {
        std::uint32_t column;
        float seconds, open, calls, cut;
    };
    struct half {
        list<row> rows;
        list<term> terms;
        void drop_first(std::size_t count) {
            if (count == 0) return;
            const std::size_t first = count < rows.size() ? rows[count].first : terms.size();
            terms.erase(terms.begin(), terms.begin() + static_cast<std::ptrdiff_t>(first));
            rows.erase(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(count));
            for (row& r : rows) r.first -= first;
        }
        void keep_first(std::size_t count) {
            if (count >= rows.size()) return;
            terms.resize(rows[count].first);
            rows.resize(count);
        }
    };
    [[nodiscard]] const half& half_of(std::size_t index) const noexcept {
        return index < older_size() ? older_ : recent_;
    }
    [[nodiscard]] const row& row_at(std::size_t index) const noexcept {
        return half_of(index).rows[index < older_size() ? index : index - older_size()];
    }
    // Replaces the times of a row by those that the mean shows, and returns their sum. What ran at
    // an instant is shown for the following `box` seconds, evenly; before the first row, the same
    // columns as in this row are assumed to have run.
    double show_mean(std::size_t index, double box) {
        const double length = row_at(index).length;
        auto shown = [&](double ago) {  // s, for what ran since `ago` before the row's end
            const double u = std::min(ago, length + box), late = std::max(u - box, 0.0);
            return ((u < length ? u * u / 2 : length * u - length * length / 2) - late * late / 2) /
                   box;
        };
        double end = 0, open = 0, missing = 1;
        for (std::size_t k = index;; --k) {
            const row& r = row_at(k);
            const double part = (shown(end + r.length) - shown(end)) / r.length;
            if (k == index)
                for (double& x : seconds_) x *= part;
            else
                for (std::size_t i = r.first; i < r.first + r.count; ++i)
                    seconds_[half_of(k).terms[i].column + std::size_t{1}] +=
                        part * half_of(k).terms[i].seconds;
            missing -= part * r.length / length;
            end += r.length + r.gap;
            if (k == 0 || end >= length + box || r.gap > 0) break;
        }
        for (std::size_t i = 1; i < seconds_.size(); ++i) open += seconds_[i];
        const double scale = missing < 1 ? 1 / (1 - std::max(missing, 0.0)) : 1;
        for (double& x : seconds_) x *= scale;
        seconds_[0] = length;
        return open * scale;
    }
    // For both halves at once, so that a long run needs what it needs after some minutes.
    void take_memory() {
        const std::size_t terms = (recent_.terms.size() / few_rows + 1) * max_rows;
        for (half* h : {&older_, &recent_}) {
            h->rows.reserve(max_rows);
            h->terms.reserve(std::min(terms, max_terms));
        }
    }
    static constexpr std::size_t max_rows = 512, max_terms = 50000, few_rows = 64;

    half older_, recent_;
    std::vector<double> seconds_, open_at_end_, shares_, last_shares_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
