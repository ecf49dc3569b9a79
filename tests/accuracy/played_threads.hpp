// Programs of several threads (or streams of a device) with known powers on a simulated machine.
#pragma once

#include "accuracy/figures.hpp"
#include "accuracy/simulated_program.hpp"
#include "joulery/scope.hpp"
#include "joulery/stream_scope.hpp"
#include "joulery/testing/access.hpp"
#include "joulery/testing/virtual_thread.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A step of a thread, in a scope or outside all scopes.
struct thread_step {
    enum class kind { work, pause, wait };  // `wait`: until all threads of the program wait
    kind does = kind::work;
    std::string scope;   // "": none
    double seconds = 0;  // mean
    double watts = 0;    // above the machine's base, while it works
};

struct thread_program {
    double base_watts = 40;  // of the machine, whichever threads work
    double jitter = 0.2;     // of each length
    double duration = 20;
    std::vector<std::vector<thread_step>> threads;  // each repeats its steps for the whole run
    joulery::attribution attribution = joulery::attribution::shared;
    double process_share = 1;  // the rest of the machine's energy belongs to another process
    bool on_device = false;    // the threads are streams of a device
    simulated_setting machine{};
};

struct thread_outcome {
    std::vector<scope_figure> scopes;
    std::vector<scope_figure> waiting;  // of scopes that only wait; relative to those that work
    scope_figure outside, total;
};

/// Where a thread's scopes are opened: a simulated thread, or a stream of a device.
class played_lane {
 public:
    played_lane(joulery::meter& m, joulery::device_timeline* device) : meter_(m) {
        if (device != nullptr) {
            stream_.emplace(*device);
        } else {
            thread_ = std::make_unique<joulery::testing::virtual_thread>(m);
        }
    }
    played_lane(const played_lane&) = delete;
    played_lane& operator=(const played_lane&) = delete;
    ~played_lane() { close(); }
    void open(std::string_view name) {
        if (!stream_) {
            scope_.emplace(*thread_, name);
            return;
        }
        // Launched and marked; it runs as soon as the first mark comes back.
        const auto keep = [this](joulery::stream_mark m) { marks_.push_back(m); };
        { joulery::stream_scope launch{meter_, *stream_, name, keep, keep}; }
        if (!marks_.empty()) marks_.front()();
    }
    void close() {
        scope_.reset();
        if (marks_.size() > 1) marks_.back()();
        marks_.clear();
    }
    void busy(bool is_busy) {
        if (thread_ != nullptr) thread_->busy(is_busy);
    }

 private:
    joulery::meter& meter_;
    std::unique_ptr<joulery::testing::virtual_thread> thread_;
    std::optional<joulery::scope> scope_;
    std::optional<joulery::device_stream> stream_;
    std::vector<joulery::stream_mark> marks_;
};

class thread_player {
 public:
    thread_player(thread_program program, std::uint64_t seed)
        : program_(std::move(program)),
          random_(seed),
          machine_(program_.machine, seed, options_for(program_)),
          sharer_(index_scopes()) {
        for (const auto& steps : program_.threads) {
            lanes_.push_back(std::make_unique<played_lane>(
                machine_.meter(), program_.on_device ? &device_ : nullptr));
            threads_.push_back({&steps, lanes_.back().get()});
        }
    }

    thread_outcome run() {
        for (auto& t : threads_) enter(t);
        while (machine_.now() < program_.duration) {
            if (all_wait()) {
                for (auto& t : threads_) leave(t);
                for (auto& t : threads_) enter(t);
                continue;
            }
            double next = program_.duration;
            for (const auto& t : threads_) next = std::min(next, t.until);
            machine_.run(std::max(next - machine_.now(), 1e-9));
            charge_used_energy();
            for (auto& t : threads_) {
                if (t.until > machine_.now() + 0.5e-9) continue;
                leave(t);
                enter(t);
            }
        }
        return finish();
    }

 private:
    static constexpr double for_ever = std::numeric_limits<double>::infinity();
    struct thread_state {
        const std::vector<thread_step>* steps;
        played_lane* lane;
        std::size_t turn = 0;
        const thread_step* now = nullptr;
        double until = for_ever;
        double shown_before = 0;
        [[nodiscard]] bool in_scope() const { return now != nullptr && !now->scope.empty(); }
        [[nodiscard]] bool works() const {
            return now != nullptr && now->does == thread_step::kind::work;
        }
    };

    static joulery::options options_for(const thread_program& p) {
        joulery::options o;
        o.attribution = p.attribution;
        joulery::testing::access::set_process_share(o, [share = p.process_share] { return share; });
        return o;
    }
    std::size_t index_scopes() {
        for (const auto& steps : program_.threads)
            for (const thread_step& s : steps) {
                if (s.scope.empty()) continue;
                place_.emplace(s.scope, place_.size());
                if (s.does == thread_step::kind::work) working_[s.scope] = true;
            }
        figures_.resize(place_.size());
        return place_.size();
    }
    [[nodiscard]] bool all_wait() const {
        return std::all_of(threads_.begin(), threads_.end(), [](const thread_state& t) {
            return t.now->does == thread_step::kind::wait;
        });
    }

    void enter(thread_state& t) {
        t.now = &(*t.steps)[t.turn++ % t.steps->size()];
        const double spread =
            1 + program_.jitter * std::uniform_real_distribution<>(-1, 1)(random_);
        const bool waits = t.now->does == thread_step::kind::wait;
        t.until = waits ? for_ever : machine_.now() + t.now->seconds * spread;
        t.lane->busy(t.works());
        draw();
        t.shown_before = machine_.shown();
        if (t.in_scope()) t.lane->open(t.now->scope);
        charge_used_energy();
    }
    void leave(thread_state& t) {
        if (t.in_scope()) {
            t.lane->close();
            charge_used_energy();
            figures_[place_[t.now->scope]].by_edges += machine_.shown() - t.shown_before;
        }
        t.now = nullptr;
    }
    [[nodiscard]] double own_watts() const {
        double watts = program_.base_watts;
        for (const auto& t : threads_) watts += t.works() ? t.now->watts : 0;
        return watts;
    }
    void draw() { machine_.draw(own_watts() / program_.process_share); }

    // Charges the energy used since the last call.
    void charge_used_energy() {
        const double time = machine_.now() - added_up_to_, watts = own_watts();
        if (time <= 0) return;
        added_up_to_ = machine_.now();
        double open = 0, working = 0;
        for (const auto& t : threads_) {
            open += t.in_scope() ? 1 : 0;
            working += t.in_scope() && t.works() ? 1 : 0;
        }
        const bool inclusive = program_.attribution == joulery::attribution::inclusive;
        for (const auto& t : threads_) {
            if (!t.in_scope()) {
                if (t.works() && !inclusive) outside_ += t.now->watts * time;
                continue;
            }
            const std::size_t i = place_[t.now->scope];
            sharer_.open(i, time);
            if (inclusive) figures_[i].truth += watts * time;
            if (!inclusive && (t.works() || working == 0))
                figures_[i].truth += (t.works() ? t.now->watts : 0) * time +
                                     program_.base_watts / (working > 0 ? working : open) * time;
        }
        if (open == 0) sharer_.outside(time);
        if (open == 0) outside_ += program_.base_watts * time;
        sharer_.look(machine_.now(), machine_.shown() * program_.process_share);
    }

    thread_outcome finish() {
        sharer_.share(machine_.shown() * program_.process_share);
        const joulery::report r = machine_.meter().snapshot();
        // Between what the counter has shown and that plus what it has not shown yet: both are
        // exact. Energy of other processes is outside all scopes.
        const double shown = machine_.shown(), used = machine_.truth();
        thread_outcome o;
        double worked = 0, workers = 0;
        for (const auto& w : working_) worked += figures_[place_[w.first]].truth, ++workers;
        double sum = r.unscoped.joules();
        for (const auto& [name, i] : place_) {
            scope_figure& f = figures_[i];
            f.by_share = sharer_.joules[i];
            read_row(r, program_.on_device ? name + "/device" : name, f);
            sum += f.joulery;
            const bool works = working_.count(name) > 0;
            f.reference = works ? f.truth : worked / workers;
            (works ? o.scopes : o.waiting).push_back(f);
        }
        const double none = std::numeric_limits<double>::quiet_NaN();
        outside_ += machine_.shown() * (1 - program_.process_share);
        o.outside = {outside_, none, sharer_.outside_joules, r.unscoped.joules(), none, outside_};
        o.total = {std::clamp(sum, shown, std::max(shown, used)), none, none, sum, none, shown};
        return o;
    }

    thread_program program_;
    std::map<std::string, std::size_t> place_;
    std::map<std::string, bool> working_;  // scopes in which some thread works
    std::vector<scope_figure> figures_;
    std::mt19937_64 random_;
    running_machine machine_;
    joulery::device_timeline device_;
    time_sharer sharer_;
    std::vector<std::unique_ptr<played_lane>> lanes_;
    std::vector<thread_state> threads_;
    double added_up_to_ = 0, outside_ = 0;
};
