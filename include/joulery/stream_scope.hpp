// stream_scope.hpp - a scope whose work runs later, on a device, without waiting for it.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/scope.hpp"
#include "joulery/span.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace joulery {
inline namespace v1 {

namespace detail {
class device_context;
class stream_interval;
}  // namespace detail

/// A callback for a stream: `function(data)` is to be called once, on any thread, when the stream
/// gets there. A stream that never gets there leaks about a hundred bytes.
struct stream_mark {
    void (*function)(void*);
    void* data;
    void operator()() const { function(data); }
};

/// An independent device, given by its counter channels. Make one for each device and share it
/// between the device's streams; it finds its meter at the first `stream_scope`.
///
/// Thread: any.
/// Fails:  if the meter has no such channel, only the host's part of the scopes is measured.
///
///     joulery::device_timeline gpu{"gpu/GPU-4e81"};   // channels whose ids begin so; "": all of
///     joulery::device_stream stream{gpu};             // parts gpu and npu
class device_timeline {
 public:
    JOULERY_DECL explicit device_timeline(std::string channels = "");
    device_timeline(const device_timeline&) = delete;
    device_timeline& operator=(const device_timeline&) = delete;
    JOULERY_DECL ~device_timeline();

 private:
    friend class device_stream;
    friend class detail::stream_interval;
    struct place;
    /// The device's tree in the meter of that scope; null if it has none.
    [[nodiscard]] JOULERY_DECL std::shared_ptr<detail::device_context> tree_in_meter_of(
        const enabled::scope_handle& owner);
    [[nodiscard]] JOULERY_DECL place& place_in_this_process();

    const std::string channels_;
    std::atomic<place*> place_;
    std::atomic<std::size_t> streams_{0};
};

/// A queue of a device, which runs its work in order. Scopes of one stream nest.
///
/// Thread: one at a time; it may be destroyed before its marks have run.
///
///     joulery::device_stream stream{gpu};
class device_stream {
 public:
    explicit device_stream(device_timeline& on) noexcept : device_(&on), number_(++on.streams_) {}

 private:
    friend class detail::stream_interval;
    device_timeline* device_;
    std::size_t number_;
};

namespace detail {

/// One use of a stream, from its begin mark to its end mark. Deletes itself when the host and both
/// marks have released it.
class stream_interval {
 public:
    /// Null if nothing is measured on the device.
    [[nodiscard]] JOULERY_DECL static stream_interval* make(const device_stream& stream,
                                                            const enabled::scope_handle& owner);
    template <class Mark>
    void mark_begin(Mark& mark) {
        hold();
        begins_ = put(mark, {on_begin, this});
        if (!begins_) release();
    }
    /// If the end can't be marked in the stream, it is taken to be now.
    template <class Mark>
    void mark_end(Mark& mark) {
        if (!begins_) return release();
        hold();
        if (!put(mark, {on_end, this})) on_end(this);
        release();
    }

 private:
    stream_interval(std::shared_ptr<device_context> tree, std::size_t stream,
                    const enabled::scope_handle& owner)
        : tree_(std::move(tree)), stream_(stream), owner_(owner) {}

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
    const enabled::scope_handle owner_;  // keeps the path
    std::atomic<scope_node*> node_{nullptr};
    std::atomic<int> holders_{1};
    bool begins_ = false;
};

}  // namespace detail

namespace enabled {

/// A scope around launches of work that runs later, on a stream of a device. Its edges are marks
/// that the stream calls, so neither host nor device waits.
///
/// Units:  the scope's row has the host's work; a row "device" below it has the device's time and
///         joules, counting the device's channels only. The scope's total includes both. Joules of
///         those channels go to the device's work first; scopes of host threads share the rest.
///         Streams that overlap on one device share by time; if their work is also shorter than an
///         update of the counter, they are billed part of the device's idle energy.
/// Thread: belongs to the thread that made it. Marks may run on any thread.
/// Cost:   a scope, an allocation, and putting two marks into the stream. A mark reads the device's
///         counters if the scope is long enough and their reads don't block; otherwise it reads the
///         clock only.
/// Fails:  never. A mark is a callable that takes a `stream_mark` and has the stream call it. If it
///         returns a bool, false means that it failed; without a begin mark there is no device row.
///
///     auto mark = [&](joulery::stream_mark m) { queue.push(m); };
///     { joulery::stream_scope s{stream, "forward", mark, mark};
///       launch_forward(queue); }
template <class Begin, class End>
class stream_scope {
 public:
    template <class Name>
    stream_scope(device_stream& stream, Name&& name, Begin begin, End end)
        : end_(std::move(end)), scope_(std::forward<Name>(name)) {
        start(stream, begin);
    }
    /// In your own meter instead of the process-wide one.
    template <class Name>
    stream_scope(scope_owner& meter, device_stream& stream, Name&& name, Begin begin, End end)
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
    [[nodiscard]] scope_handle handle() const noexcept { return scope_.handle(); }

 private:
    void start(device_stream& stream, Begin& begin) {
        interval_ = detail::stream_interval::make(stream, scope_.handle());
        if (interval_ != nullptr) interval_->mark_begin(begin);
    }

    End end_;
    scope scope_;
    detail::stream_interval* interval_ = nullptr;
};

}  // namespace enabled

namespace disabled {

template <class Begin, class End>
class stream_scope {
 public:
    template <class Name>
    stream_scope(device_stream&, Name&& name, Begin, End) noexcept
        : scope_(std::forward<Name>(name)) {}
    template <class Name>
    stream_scope(scope_owner& meter, device_stream&, Name&& name, Begin, End) noexcept
        : scope_(meter, std::forward<Name>(name)) {}
    stream_scope(const stream_scope&) = delete;
    stream_scope& operator=(const stream_scope&) = delete;
    static void* operator new(std::size_t) = delete;
    static void* operator new[](std::size_t) = delete;
    void add_items(double, const char* = "item") noexcept {}
    [[nodiscard]] constexpr explicit operator bool() const noexcept { return false; }
    [[nodiscard]] scope_handle handle() const noexcept { return {}; }

 private:
    scope scope_;
};

}  // namespace disabled

#ifdef JOULERY_DISABLE
using disabled::stream_scope;
#else
using enabled::stream_scope;
#endif

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/meter.hpp"  // first: its implementation needs the headers below, which need it

#include "joulery/detail/core/fork_guard.hpp"
#include "joulery/detail/session/device_context.hpp"
#include "joulery/detail/session/span_links.hpp"

#include <cstdint>
#include <mutex>

namespace joulery {
inline namespace v1 {

/// What one process knows of the device. A forked child gets its own copy, because the parent's
/// lock may be held at the time of the fork.
struct device_timeline::place {
    std::unique_ptr<place> parents;
    const std::uint32_t generation = detail::fork_generation();
    std::mutex mutex;
    std::shared_ptr<detail::device_context> tree;
};

JOULERY_DECL device_timeline::device_timeline(std::string channels)
    : channels_(std::move(channels)), place_(new place{}) {}
JOULERY_DECL device_timeline::~device_timeline() { delete place_.load(); }

JOULERY_DECL std::shared_ptr<detail::device_context> device_timeline::tree_in_meter_of(
    const enabled::scope_handle& owner) {
    const detail::engine_link* link = detail::handle_access::link_of(owner);
    if (link == nullptr) return nullptr;
    place& p = place_in_this_process();
    const std::lock_guard<std::mutex> lock(p.mutex);
    if (p.tree != nullptr && p.tree->is_in(*link->origin->paths())) return p.tree;
    p.tree = nullptr;
    const std::shared_ptr<detail::engine> e = link->owner();
    if (e != nullptr) p.tree = detail::device_context::make(*e, channels_);
    return p.tree;
}

JOULERY_DECL device_timeline::place& device_timeline::place_in_this_process() {
    place* known = place_.load();
    if (known->generation == detail::fork_generation()) return *known;
    auto made = std::make_unique<place>();
    place* const own = made.get();
    own->parents.reset(known);
    if (place_.compare_exchange_strong(known, own)) return *made.release();
    (void)own->parents.release();  // another thread of this process was faster
    return *known;
}

namespace detail {

JOULERY_DECL stream_interval* stream_interval::make(const device_stream& stream,
                                                    const enabled::scope_handle& owner) {
    auto tree = stream.device_->tree_in_meter_of(owner);
    if (tree == nullptr) return nullptr;
    return new stream_interval(std::move(tree), stream.number_, owner);
}

JOULERY_DECL void stream_interval::on_begin(void* self) noexcept {
    auto* i = static_cast<stream_interval*>(self);
    i->node_.store(i->tree_->begin(i->stream_, *handle_access::link_of(i->owner_)->path));
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
