// device_timeline.hpp - what runs on a device, stream by stream.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/fork_guard.hpp"
#include "joulery/detail/timing/scope_handle.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace joulery {
inline namespace v1 {

namespace detail {
class device_context;
}  // namespace detail

/// A device that works by itself, as a list of the counter channels that are its own. One a device,
/// shared by all its streams; it finds its meter at the first `stream_scope`.
///
/// Thread: any. Fails: where the meter has no such channel nothing is measured on the device; the
/// host's part of the scopes is.
///
///     joulery::device_timeline gpu{"gpu/GPU-4e81"};   // channels whose ids begin so; "": all of
///     joulery::device_stream stream{gpu};             // parts gpu and npu
class device_timeline {
 public:
    explicit device_timeline(std::string channels = "") : channels_(std::move(channels)) {}
    device_timeline(const device_timeline&) = delete;
    device_timeline& operator=(const device_timeline&) = delete;
    ~device_timeline() { delete place_.load(); }

    /// For `stream_scope`: the device's tree in the meter of that scope; null where there is none.
    [[nodiscard]] JOULERY_DECL std::shared_ptr<detail::device_context> tree_in_meter_of(
        const live_handle& token);
    /// For `device_stream`: a number of its own.
    [[nodiscard]] std::size_t add_stream() noexcept { return ++streams_; }

 private:
    /// What one process knows of the device. A forked child has a place of its own: in its
    /// parent's the lock may stay locked.
    struct place {
        std::unique_ptr<place> parents;
        const std::uint32_t generation = detail::fork_generation();
        std::mutex mutex;
        std::shared_ptr<detail::device_context> tree;
    };
    [[nodiscard]] JOULERY_DECL place& here();

    const std::string channels_;
    std::atomic<place*> place_{new place{}};
    std::atomic<std::size_t> streams_{0};
};

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/timing/device_context.hpp"

namespace joulery {
inline namespace v1 {

JOULERY_DECL std::shared_ptr<detail::device_context> device_timeline::tree_in_meter_of(
    const live_handle& token) {
    place& p = here();
    const std::lock_guard<std::mutex> lock(p.mutex);
    if (p.tree != nullptr && p.tree->is_in(*token.paths())) return p.tree;
    p.tree = nullptr;
    const std::shared_ptr<detail::engine> e = token.machinery();
    if (e != nullptr) p.tree = detail::device_context::make(*e, channels_);
    return p.tree;
}

JOULERY_DECL device_timeline::place& device_timeline::here() {
    place* known = place_.load();
    if (known->generation == detail::fork_generation()) return *known;
    auto made = std::make_unique<place>();
    place* const own = made.get();
    own->parents.reset(known);
    if (place_.compare_exchange_strong(known, own)) return *made.release();
    (void)own->parents.release();  // another thread of this process was faster
    return *known;
}

}  // namespace v1
}  // namespace joulery

#endif
