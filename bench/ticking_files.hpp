// bench/ticking_files.hpp - files of a machine whose counters move, for the cost of sampling.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

/// Real files whose counters advance by the given watts, with updates every millisecond like the
/// hardware's.
class ticking_files final : public joulery::backend {
 public:
    ticking_files(double watts, std::unique_ptr<joulery::backend> files)
        : watts_(watts), files_(std::move(files)) {}
    std::string_view name() const noexcept override { return files_->name(); }
    const std::vector<joulery::channel>& channels() const noexcept override {
        return files_->channels();
    }
    joulery::read_status read(joulery::counter_span out) noexcept override {
        const joulery::read_status status = files_->read(out);
        const auto now = std::chrono::steady_clock::now().time_since_epoch();
        const auto ticks = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
        for (std::size_t i = 0; i < out.size(); ++i) {
            const joulery::channel& c = channels()[i];
            if (c.kind == joulery::reading_kind::energy_counter)
                out[i] += static_cast<std::uint64_t>(static_cast<double>(ticks) * 1e-3 * watts_ /
                                                     c.joules_per_count);
        }
        return status;
    }

 private:
    double watts_;
    std::unique_ptr<joulery::backend> files_;
};
