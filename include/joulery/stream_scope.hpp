// stream_scope.hpp - a scope whose work runs later, on a device: nothing waits.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/timing/device_timeline.hpp"
#include "joulery/detail/timing/scope_handle.hpp"
#include "joulery/scope.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

namespace joulery {
inline namespace v1 {

/// What a stream is to call, once, when it gets there: `function(data)`, on any thread. A stream
/// that never gets there keeps a hundred bytes for ever.
struct stream_mark {
    void (*function)(void*);
    void* data;
    void operator()() const { function(data); }
};

/// A queue of a device: what is put into it runs in order. Scopes of one stream nest.
///
/// Thread: one at a time; it may end before its marks come back.
///
///     joulery::device_stream stream{gpu};
class device_stream {
 public:
    explicit device_stream(device_timeline& on) : device_(&on), number_(on.add_stream()) {}
    [[nodiscard]] device_timeline& device() const noexcept { return *device_; }
    [[nodiscard]] std::size_t number() const noexcept { return number_; }

 private:
    device_timeline* device_;
    std::size_t number_;
};

namespace detail {

/// One use of a stream, from its first mark to its second. Deletes itself when the host and both
/// marks have let go of it.
class stream_interval {
 public:
    stream_interval(std::shared_ptr<device_context> tree, std::size_t stream,
                    const live_handle& owner)
        : tree_(std::move(tree)), stream_(stream), owner_(owner) {}

    template <class Mark>
    void mark_begin(Mark& mark) {
        hold();
        begins_ = put(mark, {on_begin, this});
        if (!begins_) release();
    }
    /// An end that can't be marked in the stream is taken to be now.
    template <class Mark>
    void mark_end(Mark& mark) {
        if (!begins_) return release();
        hold();
        if (!put(mark, {on_end, this})) on_end(this);
        release();
    }

 private:
    template <class Mark>
    static bool put(Mark& mark, stream_mark m) {
        if constexpr (std::is_same_v<std::invoke_result_t<Mark&, stream_mark>, bool>) {
            return mark(m);
        } else {
            static_cast<void>(mark(m));
            return true;
        }
    }
    JOULERY_DECL static void on_begin(void* self) noexcept;
    JOULERY_DECL static void on_end(void* self) noexcept;
    void hold() noexcept { holders_.fetch_add(1, std::memory_order_relaxed); }
    void release() noexcept {
        if (holders_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }

    const std::shared_ptr<device_context> tree_;
    const std::size_t stream_;
    const live_handle owner_;  // keeps the path
    std::atomic<scope_node*> node_{nullptr};
    std::atomic<int> holders_{1};
    bool begins_ = false;
};

}  // namespace detail

/// A scope around launches of work that runs later, on a stream of a device. Its edges are marks
/// that the stream itself calls, so nothing waits, neither the host nor the device.
///
/// Units:  the scope's row has what the host did in it; a row "device" below has the device's time
///         and its joules, on the device's channels alone. The scope's total holds both. Joules of
///         those channels go to the device's work first; scopes of threads share what is left.
///         Streams that overlap on one device share by time; where their work is also shorter than
///         some updates of the counter, what the device used at rest is in part billed to them.
/// Thread: belongs to the thread that made it. Marks come back on any.
/// Cost:   a scope, an allocation, and what putting two marks into the stream costs. A mark reads
///         the device's counters where that pays, as at any scope's edges, else the clock only.
/// Fails:  never. A mark is a callable that takes a `stream_mark` and has the stream call it; if it
///         returns a bool, false means that it could not. Without a begin there is no device row.
///
///     auto mark = [&](joulery::stream_mark m) { queue.push(m); };
///     { joulery::stream_scope s{stream, "forward", mark, mark};
///       launch_forward(queue); }
template <class Begin, class End, class Scope>
class stream_scope {
 public:
    template <class Name>
    stream_scope(device_stream& stream, Name&& name, Begin begin, End end)
        : end_(std::move(end)), scope_(std::forward<Name>(name)) {
        start(stream, begin);
    }
    /// In a meter of your own instead of the process-wide one.
    template <class Meter, class Name>
    stream_scope(Meter& meter, device_stream& stream, Name&& name, Begin begin, End end)
        : end_(std::move(end)), scope_(meter, std::forward<Name>(name)) {
        start(stream, begin);
    }
    stream_scope(const stream_scope&) = delete;
    stream_scope& operator=(const stream_scope&) = delete;
    static void* operator new(std::size_t) = delete;
    static void* operator new[](std::size_t) = delete;
    ~stream_scope() {
        if (interval_ != nullptr) interval_->mark_end(end_);
    }

    void add_items(double count, const char* item_name = "item") noexcept {
        scope_.add_items(count, item_name);
    }
    [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(scope_); }
    [[nodiscard]] auto handle() const noexcept { return scope_.handle(); }

 private:
    void start(device_stream& stream, Begin& begin) {
        if constexpr (std::is_same_v<Scope, live_scope>) {
            const live_handle here = scope_.handle();
            if (!here) return;
            auto tree = stream.device().tree_in_meter_of(here);
            if (tree == nullptr) return;
            interval_ = new detail::stream_interval(std::move(tree), stream.number(), here);
            interval_->mark_begin(begin);
        }
    }

    End end_;
    Scope scope_;
    detail::stream_interval* interval_ = nullptr;
};

template <class Name, class Begin, class End>
stream_scope(device_stream&, Name&&, Begin, End) -> stream_scope<Begin, End, scope>;
template <class Meter, class Name, class Begin, class End>
stream_scope(Meter&, device_stream&, Name&&, Begin, End) -> stream_scope<Begin, End, scope>;

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/timing/device_context.hpp"

namespace joulery {
inline namespace v1 {
namespace detail {

JOULERY_DECL void stream_interval::on_begin(void* self) noexcept {
    auto* i = static_cast<stream_interval*>(self);
    i->node_.store(i->tree_->begin(i->stream_, *i->owner_.path()));
    i->release();
}

JOULERY_DECL void stream_interval::on_end(void* self) noexcept {
    auto* i = static_cast<stream_interval*>(self);
    if (scope_node* n = i->node_.exchange(nullptr)) i->tree_->end(i->stream_, *n);
    i->release();
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery

#endif
