// joulery/engine/device_timeline.hpp - what runs on a device, stream by stream.
// Layer 6. SPDX-License-Identifier: MIT
#pragma once

#include "joulery/core/config.hpp"
#include "joulery/engine/scope_token.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace joulery {
inline namespace v1 {

namespace detail {
class device_tree;
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

    /// For `stream_scope`: the device's tree in the meter of that scope; null where there is none.
    [[nodiscard]] JOULERY_DECL std::shared_ptr<detail::device_tree> tree_in_meter_of(
        const live_token& token);
    /// For `device_stream`: a number of its own.
    [[nodiscard]] std::size_t add_stream() {
        const std::lock_guard<std::mutex> lock(mutex_);
        return ++streams_;
    }

 private:
    const std::string channels_;
    std::mutex mutex_;
    std::shared_ptr<detail::device_tree> tree_;
    std::size_t streams_ = 0;
};

}  // namespace v1
}  // namespace joulery

#if JOULERY_BODIES()

#include "joulery/engine/device_tree.hpp"

namespace joulery {
inline namespace v1 {

JOULERY_DECL std::shared_ptr<detail::device_tree> device_timeline::tree_in_meter_of(
    const live_token& token) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (tree_ != nullptr && tree_->is_in(*token.paths())) return tree_;
    tree_ = nullptr;
    const std::shared_ptr<detail::engine> e = token.machinery();
    if (e != nullptr) tree_ = detail::device_tree::make(*e, channels_);
    return tree_;
}

}  // namespace v1
}  // namespace joulery

#endif
