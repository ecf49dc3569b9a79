// scope_states.hpp - the scopes of all threads as of one look, for all channels of a backend.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/list.hpp"
#include "joulery/detail/timing/node_watch.hpp"
#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/detail/timing/thread_context.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The nodes of one thread as of the last look, and the look at which each was last seen to change.
class context_states {
 public:
    explicit context_states(std::shared_ptr<thread_context> of) : context(std::move(of)) {}

    void look(std::uint64_t number) {
        const double ran = context->ran();
        watch_.meet(context->nodes());
        for (auto* numbers : {&states_, &calls_, &changed_}) numbers->resize(watch_.size(), 0);
        words_.resize((watch_.size() + 63) / 64, 0);
        paths_.resize(watch_.size(), nullptr);
        watch_.look(context->ends_in_any_order(), ran, [&](const scope_node& n, std::size_t i) {
            const std::uint64_t state = n.state.load(std::memory_order_acquire);
            const std::uint64_t calls = n.calls.load(std::memory_order_relaxed);
            if (state != states_[i] || calls != calls_[i]) {
                states_[i] = state;
                calls_[i] = calls;
                changed_[i] = words_[i / 64] = changed_at_ = number;
            }
            return (state & scope_node::open_bit) != 0;
        });
        busy_ = ran >= 0 ? ran : not_asked;
    }

    [[nodiscard]] std::size_t size() const noexcept { return watch_.size(); }
    [[nodiscard]] scope_node& node(std::size_t i) const noexcept { return watch_.node(i); }
    [[nodiscard]] std::uint32_t parent(std::size_t i) noexcept { return watch_.parent(i); }
    /// The path of a node that was opened.
    [[nodiscard]] path_record* path(std::size_t i) noexcept {
        if (paths_[i] == nullptr) paths_[i] = watch_.node(i).path;
        return paths_[i];
    }
    [[nodiscard]] std::uint64_t state(std::size_t i) const noexcept { return states_[i]; }
    [[nodiscard]] std::uint64_t calls(std::size_t i) const noexcept { return calls_[i]; }

    /// Adds the nodes that were seen to change after look number `since`.
    void add_changed(std::uint64_t since, bit_set& to) const noexcept {
        if (changed_at_ <= since) return;
        for (std::size_t w = 0; w < words_.size(); ++w) {
            if (words_[w] <= since) continue;
            const std::size_t end = std::min(w * 64 + 64, changed_.size());
            for (std::size_t i = w * 64; i < end; ++i)
                if (changed_[i] > since) to.add(i);
        }
    }

    /// Processor time of the thread as of the last look, in s; negative if unknown.
    [[nodiscard]] double busy_seconds() {
        if (busy_ == not_asked) busy_ = context->busy_seconds();
        return busy_;
    }

    const std::shared_ptr<thread_context> context;
    std::uint64_t taken_at = 0;  ///< number of the last look that it was part of

 private:
    static constexpr double not_asked = -2;
    node_watch watch_;
    std::vector<std::uint64_t> states_, calls_;   ///< by node
    std::vector<std::uint64_t> changed_, words_;  ///< last look that saw a change; by 64 nodes
    std::uint64_t changed_at_ = 0;
    std::vector<path_record*> paths_;  ///< by node; null: not asked for so far
    double busy_ = not_asked;
};

/// Looks at the scopes of all threads at most once per reading, however many channels ask.
///
/// Thread: call with the backend's `state_mutex` held. Cost: see node_watch; nothing until a
/// channel asks.
///
///     states.become(all, 1);
///     states.look_again();                        // a reading was taken
///     for (context_states* c : states.now()) ...  // the first channel that asks looks
class scope_states {
 public:
    using contexts = std::vector<std::shared_ptr<thread_context>>;

    /// Sets whose scopes it looks at; `version` identifies the list.
    void become(contexts all, std::uint64_t version) {
        all_ = std::move(all);
        version_ = version;
    }
    [[nodiscard]] std::uint64_t version() const noexcept { return version_; }
    /// A reading was taken: the next `now` looks, once.
    void look_again() noexcept { is_due_ = true; }
    [[nodiscard]] const contexts& all() const noexcept { return all_; }

    [[nodiscard]] const list<context_states*>& now() {
        if (is_due_) look();
        return now_;
    }
    /// Of the last look.
    [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

 private:
    void look() {
        now_.clear();
        now_.reserve(all_.size());
        ++number_;
        for (const auto& c : all_) {
            auto at = by_context_.find(c->number);
            if (at == by_context_.end())
                at = by_context_.emplace(c->number, std::make_unique<context_states>(c)).first;
            at->second->look(number_);
            at->second->taken_at = number_;
            now_.push_back(at->second.get());
        }
        if (by_context_.size() > now_.size()) forget_gone();
        is_due_ = false;
    }
    void forget_gone() {
        for (auto at = by_context_.begin(); at != by_context_.end();)
            at = at->second->taken_at == number_ ? std::next(at) : by_context_.erase(at);
    }

    contexts all_;
    std::uint64_t version_ = 0;
    bool is_due_ = false;
    std::uint64_t number_ = 0;
    std::unordered_map<std::uint32_t, std::unique_ptr<context_states>> by_context_;
    list<context_states*> now_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
