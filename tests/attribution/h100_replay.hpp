// Replays a measured run on an H100 (tests/data/h100) to a meter: scopes open and close when the
// load changed, and the counter updates when the card's did.
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/timing/library_section.hpp"
#include "joulery/meter.hpp"
#include "joulery/scope.hpp"
#include "joulery/testing/access.hpp"
#include "joulery/testing/manual_clock.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

class h100_replay {
 public:
    /// One stretch of the load. Where loads alternate, the scope's name includes the length:
    /// "matmul 20 ms".
    struct stretch {
        std::uint64_t begin, end;  // ns
        std::string scope;
    };

    explicit h100_replay(const std::string& folder, joulery::options o = {}) {
        read_updates(folder + "/updates.csv");
        read_load(folder + "/load.csv");
        joulery::testing::access::set_clock(o, clock_);
        o.backends.push_back(std::make_unique<card>(*this));
        meter_ = std::make_unique<joulery::meter>(std::move(o));
    }

    /// Replays all of it and returns what the meter reported.
    joulery::report run() {
        while (next_ < load_.size() || scope_) {
            const std::uint64_t due =
                std::max(joulery::testing::access::next_due(*meter_), clock_->now());
            play_to(std::min(due, next_change()));
            if (joulery::testing::access::next_due(*meter_) > clock_->now()) continue;
            joulery::testing::access::sample(*meter_);
        }
        return meter_->snapshot();
    }

    /// Joules of the card's counter from the first scope to the last, as recorded.
    [[nodiscard]] double joules() const {
        return static_cast<double>(updates_.back().millijoules - updates_.front().millijoules) *
               1e-3;
    }
    [[nodiscard]] joulery::meter& meter() { return *meter_; }

 private:
    struct update {
        double not_before, no_later_than;  // ns
        std::uint64_t millijoules;
        double at;
    };

    class card final : public joulery::backend {
     public:
        explicit card(h100_replay& r) : replay_(r) {
            joulery::channel c;
            c.id = "gpu/GPU-1/board";
            c.part = joulery::component::gpu;
            c.joules_per_count = 1e-3;
            c.update_period = std::chrono::milliseconds(100);
            c.max_watts = 700;
            channels_.push_back(std::move(c));
        }
        std::string_view name() const noexcept override { return "h100"; }
        const std::vector<joulery::channel>& channels() const noexcept override {
            return channels_;
        }
        // A read takes 2.9 ms, in which the load goes on; at a scope's edge the load waits for it.
        joulery::read_status read(joulery::counter_span out) noexcept override {
            const std::uint64_t end = replay_.clock_->now() + 2'900'000;
            if (replay_.changing_) {
                replay_.clock_->advance_to(end);
            } else {
                // The program runs in parallel with the sampler, which is another thread there.
                const bool inside = std::exchange(joulery::detail::inside_library, false);
                replay_.play_to(end);
                joulery::detail::inside_library = inside;
            }
            out[0] = replay_.shown();
            return joulery::read_status::ok;
        }

     private:
        h100_replay& replay_;
        std::vector<joulery::channel> channels_;
    };

    template <class Row>
    static void for_rows(const std::string& file, Row row) {
        std::ifstream in(file);
        std::string line;
        std::getline(in, line);  // names of the columns
        while (std::getline(in, line)) {
            std::replace(line.begin(), line.end(), ',', ' ');
            std::istringstream fields(line);
            row(fields);
        }
    }
    void read_updates(const std::string& file) {
        for_rows(file, [&](std::istringstream& fields) {
            update u{};
            fields >> u.not_before >> u.no_later_than >> u.millijoules;
            u.not_before *= 1e3, u.no_later_than *= 1e3;
            updates_.push_back(u);
        });
        date_updates();
    }
    // The card updates regularly: fit a straight line, as far as the data allow.
    void date_updates() {
        double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0, k = 0;
        std::vector<double> turns;
        for (std::size_t i = 0; i < updates_.size(); ++i) {
            const update& u = updates_[i];
            if (i > 0) k += std::round((u.no_later_than - updates_[i - 1].no_later_than) / 100e6);
            turns.push_back(k);
            if (i < 2) continue;
            const double y = (u.not_before + u.no_later_than) / 2;
            n += 1, sx += k, sy += y, sxx += k * k, sxy += k * y;
        }
        const double period = (n * sxy - sx * sy) / (n * sxx - sx * sx);
        for (std::size_t i = 0; i < updates_.size(); ++i) {
            update& u = updates_[i];
            u.at = std::clamp((sy - period * sx) / n + period * turns[i], u.not_before,
                              u.no_later_than);
        }
    }
    void read_load(const std::string& file) {
        for_rows(file, [&](std::istringstream& fields) {
            double begin = 0, length = 0;
            std::string what;
            fields >> begin >> length >> what;
            if (const std::string turn = nominal(length * 1e-3); !turn.empty()) what += " " + turn;
            load_.push_back({static_cast<std::uint64_t>(begin * 1e3),
                             static_cast<std::uint64_t>((begin + length) * 1e3), what});
        });
    }
    static std::string nominal(double ms) {
        for (const int turn : {400, 200, 100, 50, 30, 20, 5})
            if (std::fabs(ms / turn - 1) < 0.2) return std::to_string(turn) + " ms";
        return {};
    }

    [[nodiscard]] std::uint64_t shown() const {
        const auto now = static_cast<double>(clock_->now());
        const auto after = std::upper_bound(updates_.begin() + 1, updates_.end(), now,
                                            [](double t, const update& u) { return t < u.at; });
        return std::prev(after)->millijoules;
    }
    [[nodiscard]] std::uint64_t next_change() const {
        if (scope_) return load_[next_ - 1].end;
        return next_ < load_.size() ? load_[next_].begin : ~std::uint64_t{0};
    }
    // Advances the time and changes the load as recorded.
    void play_to(std::uint64_t tick) {
        while (next_change() <= tick) {
            clock_->advance_to(next_change());
            changing_ = true;
            if (scope_) {
                scope_.reset();
            } else {
                scope_.emplace(*meter_, std::string_view(load_[next_++].scope));
            }
            changing_ = false;
        }
        clock_->advance_to(tick);
    }

    std::shared_ptr<joulery::testing::manual_clock> clock_ =
        std::make_shared<joulery::testing::manual_clock>();
    std::vector<update> updates_;
    std::vector<stretch> load_;
    std::size_t next_ = 0;  // in the load
    bool changing_ = false;
    std::unique_ptr<joulery::meter> meter_;
    std::optional<joulery::scope> scope_;
};
