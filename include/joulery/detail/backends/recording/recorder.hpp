// recorder.hpp - records every reading of a backend, to be played elsewhere.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/backends/recording/recording.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/descriptor.hpp"
#include "joulery/detail/metering/registry.hpp"
#include "joulery/detail/timing/time_source.hpp"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// Wraps a backend and writes everything it returns to a file: a run on a cluster can be examined
/// on a laptop with `open_replay`.
///
/// Thread: as the backend. Cost: one write of about 40 bytes per read.
/// Fails:  never affects the meter; if the disk is full the recording ends, and `note()` says so.
///
///     auto recorded = record(*open_nvml(root), "gpus.joules");
///     if (recorded) options.backends.push_back(*std::move(recorded));
class recorder final : public backend {
 public:
    recorder(std::unique_ptr<backend> inner, std::FILE* file, std::string path,
             std::shared_ptr<const time_source> clock)
        : inner_(std::move(inner)),
          file_(file),
          clock_(std::move(clock)),
          note_(inner_->note()),
          broken_note_(
              concat({note_, (note_.empty() ? "" : "; "), "recording to ", path, " broke off"})) {
        line_ = concat({detail::recording_head, "\nbackend"});
        detail::append_field(line_, inner_->name());
        if (!note_.empty()) {
            line_ += "\nnote";
            detail::append_field(line_, note_);
        }
        line_ += '\n';
        for (const channel& c : inner_->channels()) detail::append_channel_line(line_, c);
        write();
        line_.reserve(64 + 24 * inner_->channels().size());
    }
    ~recorder() override { std::fclose(file_); }

    [[nodiscard]] std::string_view name() const noexcept override { return inner_->name(); }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return inner_->channels();
    }
    [[nodiscard]] std::string_view note() const noexcept override {
        return is_broken_.load(std::memory_order_relaxed) ? std::string_view(broken_note_)
                                                          : inner_->note();
    }

    [[nodiscard]] bool reads_wait() const noexcept override { return inner_->reads_wait(); }

    read_status read(counter_span out) noexcept override {
        const read_status status = inner_->read(out);
        const double now = static_cast<double>(clock_->now()) * clock_->seconds_per_tick();
        if (first_ < 0) first_ = now;
        line_.clear();
        detail::append_read_line(line_, static_cast<std::uint64_t>((now - first_) * 1e9 + 0.5),
                                 status, out);
        if (!is_broken_.load(std::memory_order_relaxed)) write();
        return status;
    }

 private:
    // Each read is flushed to the file, so that a run that crashes loses only the last one.
    void write() noexcept {
        const detail::write_signals_blocked quiet;
        const bool good = std::fwrite(line_.data(), 1, line_.size(), file_) == line_.size() &&
                          std::fflush(file_) == 0;
        if (!good) is_broken_.store(true, std::memory_order_relaxed);
    }

    std::unique_ptr<backend> inner_;
    std::FILE* file_;
    std::shared_ptr<const time_source> clock_;
    std::string note_;
    std::string broken_note_;
    std::string line_;
    double first_ = -1;
    std::atomic<bool> is_broken_{false};
};

/// Records what `inner` reads in a new file.
[[nodiscard]] inline opened_backend record(
    std::unique_ptr<backend> inner, const std::string& path,
    std::shared_ptr<const time_source> clock = std::make_shared<steady_time>()) {
    if (inner == nullptr) return failure{"there is no backend to record", {}};
    std::FILE* const file = detail::open_stream(path, "wb");
    if (file == nullptr) return failure{concat({path, ": ", error_text(errno)}), {}};
    return std::unique_ptr<backend>(
        std::make_unique<recorder>(std::move(inner), file, path, std::move(clock)));
}

}  // namespace v1
}  // namespace joulery
