// rapl_powercap.hpp - RAPL's counters through powercap, and the discovery of its zones.
// SPDX-License-Identifier: MIT
//
// Kernel: drivers/powercap/{powercap_sys,intel_rapl_common,intel_rapl_msr}.c, as of 6.1, 6.12 and
// 7.2. Tested on fake machines, and on real counters by the tests labeled `hardware`. Not verified:
// the unit of memory where powercap and perf disagree (Haswell-EP to Ice Lake-SP by 0.27 %,
// Broadwell-D by a factor of four); powercap's is used.
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/backends/common/device_files.hpp"
#include "joulery/detail/backends/common/hardware_names.hpp"
#include "joulery/detail/backends/cpu/cpu_identity.hpp"
#include "joulery/detail/backends/cpu/rapl_zone.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/detail/metering/registry.hpp"
#include "joulery/result.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

inline constexpr std::string_view powercap_folder = "/sys/class/powercap";

/// A zone whose counter can be opened, and its channel.
struct rapl_counter {
    rapl_zone zone;
    watched_file file;  ///< energy_uj
    channel described;
};

struct rapl_discovery {
    list<rapl_counter> counters;  ///< empty: `failure_reason` says why
    std::string note;
    failure failure_reason;
};

/// One walk over /sys/class/powercap. Its steps are its public functions, in order.
class rapl_finder {
 public:
    explicit rapl_finder(const system_root& root) : root_(root), cpu_(read_cpu_identity(root)) {}

    /// Lists the zones that have a name and a counter. False if there are none.
    bool list_zones() {
        const std::vector<std::string> entries = root_.list(powercap_folder, &list_error_);
        for (const std::string& entry : entries) {  // sorted: parents come before their subzones
            if (!is_rapl_zone_folder(entry)) continue;
            ++entries_seen_;
            take_entry(entry);
        }
        return !zones_.empty();
    }

    /// Drops zones that are known to repeat a counter on this vendor: AMD's and Hygon's counters
    /// belong to the package, but some kernels (about 6.9) show them once per die.
    void drop_vendor_clones() {
        if (!cpu_.is_amd()) return;
        if (any_in(zones_, [](const rapl_zone& z) { return z.die > 0; }))
            note("AMD's dies mirror the counter of their package, which is counted once");
        for (rapl_zone& z : zones_) z.die = -1;
    }

    /// Opens each counter once: through the MSR interface or, if that fails, through MMIO.
    void open_counters() {
        sort_stably(zones_,
                    [](const rapl_zone& a, const rapl_zone& b) { return order(a) < order(b); });
        for (std::size_t i = 0; i < zones_.size();) {
            std::size_t end = i + 1;
            while (end < zones_.size() && same_counter(zones_[i], zones_[end])) ++end;
            open_first_of(i, end);
            i = end;
        }
    }

    /// Drops dies that mirror one counter, whatever the vendor, and in a virtual machine also
    /// packages: its processors may be separate packages that all show the host's counter. When
    /// read in turn a, b, a, b, two views of one counter never go down; two separate counters would
    /// have to be within the few counts that pass in between, out of 2^32. No waiting is needed.
    void drop_mirrors() {
        for (std::size_t i = 0; i < counters_.size(); ++i) {
            const rapl_zone first = counters_[i].zone;
            if (first.domain != rapl_domain::package || (first.die < 0 && !is_virtual())) continue;
            for (std::size_t k = counters_.size() - 1; k > i; --k) {
                const rapl_zone other = counters_[k].zone;
                if (other.domain != rapl_domain::package ||
                    (other.package != first.package && !is_virtual()))
                    continue;
                if (mirrors(counters_[i].file, counters_[k].file)) drop_mirror(i, k);
            }
        }
    }

    [[nodiscard]] rapl_discovery finish() {
        if (readable_ == 0) return {{}, {}, failure_reason()};
        for (rapl_counter& s : counters_) describe(s);
        if (cpu_.is_amd() && has(rapl_domain::core))
            note("AMD's core counter covers one core of the package, not all");
        for (const rapl_counter& s : counters_)
            if (s.described.quantum > 0.1)  // Sapphire and Emerald Rapids: 1 J
                note(concat({s.described.id, " counts in steps of a whole joule"}));
        if (is_virtual())
            note(
                "this is a virtual machine: its counters are the host's, including everything that "
                "runs there");
        if (cpu_.has_sgx) note("intervals of milliseconds may be noisy: SGX machines filter RAPL");
        if (!denied_.empty())
            note(concat({"not readable: ", denied_, "; ", rapl_permission_remedy()}));
        return {std::move(counters_), std::move(note_), {}};
    }

 private:
    void take_entry(const std::string& entry) {
        const std::string folder = concat({powercap_folder, "/", entry});
        if (!root_.exists(folder)) {
            ++dangling_;
            return;
        }
        if (!root_.exists(concat({folder, "/energy_uj"})))
            return note(concat({entry, " has no energy_uj"}));
        rapl_zone zone;
        zone.folder = entry;
        const std::string name = root_.line(concat({folder, "/name"}));
        const rapl_zone* parent = find_folder(zone.parent_folder());
        if (!name_rapl_zone(trimmed(name), parent, zone))
            return note(name.empty() ? concat({entry, " has no name and is left out"})
                                     : concat({entry, " (", name, ") is of an unknown kind"}));
        if (!root_.number(concat({folder, "/max_energy_range_uj"}), zone.range_uj))
            zone.range_uj = 0;
        if (rapl_wrap_at(zone.range_uj) == 0)
            note(concat({entry, " states no range: a wrap counts as a reset"}));
        zones_.push_back(std::move(zone));
    }

    // The parent has the same control type and is sorted before its subzones.
    [[nodiscard]] const rapl_zone* find_folder(std::string_view folder) const noexcept {
        for (const rapl_zone& z : zones_)
            if (z.folder == folder) return &z;
        return nullptr;
    }

    static std::tuple<bool, std::uint64_t, std::int64_t, rapl_domain, bool> order(
        const rapl_zone& z) noexcept {
        return {z.domain != rapl_domain::psys, z.package, z.die, z.domain, z.is_mmio()};
    }
    static bool same_counter(const rapl_zone& a, const rapl_zone& b) noexcept {
        return a.domain == b.domain && a.package == b.package && a.die == b.die;
    }

    // Of several views of one counter, opens the first that can be read, else the first that opens.
    void open_first_of(std::size_t begin, std::size_t end) {
        rapl_counter chosen;
        std::string reason;
        for (std::size_t i = begin; i < end; ++i) {
            rapl_counter s;
            s.zone = zones_[i];
            const std::string inside = concat({powercap_folder, "/", s.zone.folder, "/energy_uj"});
            s.file = watched_file(root_.path(inside));
            if (!s.file.is_open()) {
                if (reason.empty())
                    reason = concat({inside, ": ", rapl_open_error(s.file.error())});
                permission_denied_ |= s.file.error() == EACCES || s.file.error() == EPERM;
                continue;
            }
            std::uint64_t value = 0;
            const bool reads = s.file.read_unsigned(value);
            if (reads) ++readable_;
            if (!reads && reason.empty()) reason = concat({inside, ": is not a number"});
            if (reads || !chosen.file.is_open()) chosen = std::move(s);
            if (reads) break;
        }
        if (chosen.file.is_open()) {
            counters_.push_back(std::move(chosen));
        } else {
            denied_ += (denied_.empty() ? "" : ", ") + reason;
        }
        if (first_reason_.empty()) first_reason_ = reason;
    }

    [[nodiscard]] bool is_virtual() const {
        return cpu_.has_hypervisor || root_.exists("/sys/hypervisor/type");
    }

    static bool mirrors(watched_file& a, watched_file& b) noexcept {
        std::uint64_t seen[4];
        for (int i = 0; i < 4; ++i)
            if (!(i % 2 == 0 ? a : b).read_unsigned(seen[i])) return false;
        return seen[0] <= seen[1] && seen[1] <= seen[2] && seen[2] <= seen[3];
    }

    void drop_mirror(std::size_t kept, std::size_t dropped) {
        const rapl_zone gone = counters_[dropped].zone;
        const rapl_zone stays = counters_[kept].zone;
        note(concat({gone.socket_id(), " mirrors ", stays.socket_id(), " and is counted once"}));
        erase_from(counters_, [&](const rapl_counter& s) {
            return s.zone.domain != rapl_domain::psys && s.zone.package == gone.package &&
                   s.zone.die == gone.die;
        });
        const auto in_package = [&](const rapl_counter& s) {
            return s.zone.domain != rapl_domain::psys && s.zone.package == stays.package;
        };
        if (any_in(counters_,
                   [&](const rapl_counter& s) { return in_package(s) && s.zone.die != stays.die; }))
            return;
        for (rapl_counter& s : counters_)  // the only die left stands for the package
            if (in_package(s)) s.zone.die = -1;
    }

    [[nodiscard]] bool has(rapl_domain d) const noexcept {
        return any_in(counters_, [&](const rapl_counter& s) { return s.zone.domain == d; });
    }

    void describe(rapl_counter& s) const {
        channel& c = s.described;
        c.id = id_of(s.zone);
        c.part = component_of(s.zone.domain);
        if (s.zone.domain == rapl_domain::psys)
            c.model = machine_model(root_);
        else if (s.zone.domain != rapl_domain::dram)
            c.model = plain_cpu_name(cpu_.model_name);
        c.max_watts = rapl_stated_watts(root_, concat({powercap_folder, "/", s.zone.folder}));
        c.joules_per_count = 1e-6;
        c.wrap_at = rapl_wrap_at(s.zone.range_uj);
        c.quantum = std::max(rapl_unit_nanojoules(s.zone.range_uj) * 1e-9, 1e-6);
        c.parent = parent_of(s.zone);
        c.device = s.zone.device(count_of(rapl_domain::psys) == 1);
        // Compared with a meter on the same rails: Intel's counters measure, AMD's are a model that
        // misses data-dependent power (Schoene et al. 2021, arXiv 2108.00808).
        c.relative_error = cpu_.is_amd() ? 0.15 : 0.10;
    }

    [[nodiscard]] std::string id_of(const rapl_zone& z) const {
        if (z.domain == rapl_domain::psys && count_of(rapl_domain::psys) > 1)
            return concat({"psys", z.package});
        if (z.domain == rapl_domain::core && cpu_.is_amd())
            return concat({z.socket_id(), "/one-core"});
        return z.id();
    }

    // core and uncore are contained in their package, like their folders. dram is not, although its
    // folder is. psys has a folder next to the packages and contains them: all of them if only one
    // package has a working psys register (the others read 0 and get no zone), else its own.
    [[nodiscard]] std::string parent_of(const rapl_zone& z) const {
        if (z.domain == rapl_domain::psys) return {};
        if (z.domain == rapl_domain::core || z.domain == rapl_domain::uncore) {
            for (const rapl_counter& s : counters_)
                if (s.zone.domain == rapl_domain::package && s.zone.package == z.package &&
                    s.zone.die == z.die)
                    return id_of(s.zone);
        }
        const bool one_for_all = count_of(rapl_domain::psys) == 1;
        for (const rapl_counter& s : counters_)
            if (s.zone.domain == rapl_domain::psys && (one_for_all || s.zone.package == z.package))
                return id_of(s.zone);
        return {};
    }

    [[nodiscard]] std::size_t count_of(rapl_domain d) const noexcept {
        return count_in(counters_, [&](const rapl_counter& s) { return s.zone.domain == d; });
    }

    [[nodiscard]] failure failure_reason() const {
        if (!zones_.empty())
            return {first_reason_, permission_denied_ ? rapl_permission_remedy() : std::string{}};
        if (entries_seen_ > 0 && dangling_ == entries_seen_) return rapl_masked();
        if (entries_seen_ > 0) return {concat({"no RAPL zone can be used: ", note_}), {}};
        return rapl_absent(cpu_, list_error_);
    }

    void note(const std::string& text) { note_ += (note_.empty() ? "" : "; ") + text; }

    const system_root& root_;
    cpu_identity cpu_;
    int list_error_ = 0;
    std::size_t entries_seen_ = 0;
    std::size_t dangling_ = 0;
    std::size_t readable_ = 0;
    bool permission_denied_ = false;
    list<rapl_zone> zones_;
    list<rapl_counter> counters_;
    std::string denied_;
    std::string first_reason_;
    std::string note_;
};

[[nodiscard]] inline rapl_discovery discover_rapl(const system_root& root) {
    rapl_finder finder(root);
    if (finder.list_zones()) {
        finder.drop_vendor_clones();
        finder.open_counters();
        finder.drop_mirrors();
    }
    return finder.finish();
}

}  // namespace detail

/// Reads the energy counters of powercap's RAPL zones.
///
/// Units:  raw values are microjoules; the hardware's own step (61 uJ, 15.3 uJ, 1 J) is `quantum`.
/// Thread: reads must not overlap. Cost: one pread per zone, about 1 us, plus an interrupt to the
///         socket's first core if the reader runs elsewhere.
/// Fails:  a zone that can't be read gets `no_value`; if none can: `retry`, or `gone` if their
///         files are gone. Files that come back are reopened.
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

/// Opens the zones that this process may read. Unreadable zones are named in `note()` as long as
/// some zone can be read.
[[nodiscard]] inline opened_backend open_rapl_powercap(const system_root& root) {
    detail::rapl_discovery found = detail::discover_rapl(root);
    if (found.counters.empty()) return std::move(found.failure_reason);
    return std::unique_ptr<backend>(std::make_unique<rapl_powercap>(std::move(found)));
}

}  // namespace v1
}  // namespace joulery
