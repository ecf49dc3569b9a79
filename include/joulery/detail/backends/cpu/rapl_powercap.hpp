// rapl_powercap.hpp - CPU energy through Linux powercap (Intel, AMD, Hygon).
// SPDX-License-Identifier: MIT
//
// Kernel: drivers/powercap/{powercap_sys,intel_rapl_common,intel_rapl_msr}.c; facts read in 6.1,
// 6.12 and 7.2. Tested on fake machines; real counters by the tests labelled `hardware`. Not
// verified: the unit of memory where powercap and perf disagree (Haswell-EP to Ice Lake-SP by
// 0.27 %, Broadwell-D by four); powercap's is taken.
#pragma once

#include "joulery/detail/backends/cpu/rapl_discovery.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/metering/registry.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// Reads the energy counters of powercap's RAPL zones.
///
/// Units:  raw values are microjoules; the hardware's own step (61 uJ, 15.3 uJ, 1 J) is `quantum`.
/// Thread: reads must not overlap. Cost: one pread a zone, about 1 us; an interrupt to the socket's
///         first core where the reader runs elsewhere.
/// Fails:  a zone that can't be read holds `no_value`; all of them: `retry`, or `gone` where their
///         files are no longer there. Files that come back are opened again.
///
///     auto rapl = open_rapl_powercap(system_root{});
///     if (!rapl) std::cerr << rapl.error().reason << "\n" << rapl.error().remedy << "\n";
class rapl_powercap final : public backend {
 public:
    explicit rapl_powercap(detail::rapl_discovery found)
        : counters_(std::move(found.counters)), note_(std::move(found.note)) {
        for (const detail::rapl_counter& s : counters_) channels_.push_back(s.described);
    }

    [[nodiscard]] std::string_view name() const noexcept override { return "rapl-powercap"; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return channels_;
    }
    [[nodiscard]] std::string_view note() const noexcept override { return note_; }

    read_status read(counter_span out) noexcept override {
        const std::size_t n = std::min(out.size(), counters_.size());
        std::size_t read = 0;
        std::size_t gone = 0;
        for (std::size_t i = 0; i < n; ++i) {
            bool vanished = false;
            out[i] = value_of(counters_[i], vanished);
            if (out[i] != no_value) ++read;
            if (vanished) ++gone;
        }
        if (read > 0) return read_status::ok;
        return gone == n ? read_status::gone : read_status::retry;
    }

 private:
    static std::uint64_t value_of(detail::rapl_counter& counter, bool& vanished) noexcept {
        std::uint64_t value = no_value;
        const bool read = counter.file.read_unsigned(value);
        vanished = counter.file.vanished();
        const std::uint64_t end = counter.described.wrap_at;
        return read && (end == 0 || value < end) ? value : no_value;
    }

    detail::list<detail::rapl_counter> counters_;
    std::vector<channel> channels_;
    std::string note_;
};

/// Opens what powercap lets this process read. Zones that it does not are named in `note()` as
/// long as one can be read.
[[nodiscard]] inline opened_backend open_rapl_powercap(const system_root& root) {
    detail::rapl_discovery found = detail::discover_rapl(root);
    if (found.counters.empty()) return std::move(found.failure_reason);
    return std::unique_ptr<backend>(std::make_unique<rapl_powercap>(std::move(found)));
}

}  // namespace v1
}  // namespace joulery
