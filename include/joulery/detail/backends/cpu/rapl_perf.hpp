// rapl_perf.hpp - CPU energy through Linux's perf "power" counters.
// SPDX-License-Identifier: MIT
//
// Kernel: arch/x86/events/rapl.c and intel_rapl_common.c, as of 6.1, 6.12 and 7.2. Not verified on
// hardware: the kernel's loss of half the range above 200 W per socket, which is taken from the
// source and corrected here.
#pragma once

#include "joulery/detail/backends/common/hardware_names.hpp"
#include "joulery/detail/backends/cpu/cpu_identity.hpp"
#include "joulery/detail/backends/cpu/rapl_zone.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/detail/metering/containment.hpp"
#include "joulery/detail/metering/registry.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if JOULERY_LINUX()
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {

/// Opens, reads and closes a counter on one processor for all processes. Each returns a negative
/// errno on failure; `read` returns 0 and sets `count`.
struct perf_calls {
    void* context = nullptr;
    int (*open)(void* context, std::uint32_t type, std::uint64_t config, int cpu) = nullptr;
    int (*read)(void* context, int fd, std::uint64_t& count) = nullptr;
    void (*close)(void* context, int fd) = nullptr;

    [[nodiscard]] static perf_calls of_the_system() noexcept;
};

/// An open perf counter; closes itself.
class perf_counter {
 public:
    perf_counter() = default;
    perf_counter(const perf_calls& calls, std::uint32_t type, std::uint64_t config, int cpu)
        : calls_(calls), fd_(calls.open(calls.context, type, config, cpu)) {}
    perf_counter(perf_counter&& other) noexcept
        : calls_(other.calls_), fd_(std::exchange(other.fd_, -EBADF)) {}
    perf_counter& operator=(perf_counter&& other) noexcept {
        std::swap(calls_, other.calls_);
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~perf_counter() {
        if (is_open()) calls_.close(calls_.context, fd_);
    }
    [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
    [[nodiscard]] int error() const noexcept { return fd_ < 0 ? -fd_ : 0; }
    /// 0, or errno.
    int read(std::uint64_t& count) noexcept { return -calls_.read(calls_.context, fd_, count); }

 private:
    perf_calls calls_;
    int fd_ = -EBADF;
};

inline perf_calls perf_calls::of_the_system() noexcept {
    perf_calls calls;
#if JOULERY_LINUX()
    calls.open = [](void*, std::uint32_t type, std::uint64_t config, int cpu) {
        ::perf_event_attr attributes{};
        attributes.size = sizeof attributes;
        attributes.type = type;
        attributes.config = config;
        const long fd = ::syscall(SYS_perf_event_open, &attributes, -1, cpu, -1,
                                  static_cast<unsigned long>(PERF_FLAG_FD_CLOEXEC));
        return fd < 0 ? -errno : static_cast<int>(fd);
    };
    calls.read = [](void*, int fd, std::uint64_t& count) {
        const ::ssize_t n = ::read(fd, &count, sizeof count);
        return n == static_cast<::ssize_t>(sizeof count) ? 0 : (n < 0 ? -errno : -EIO);
    };
    calls.close = [](void*, int fd) { ::close(fd); };
#else
    calls.open = [](void*, std::uint32_t, std::uint64_t, int) { return -ENOSYS; };
    calls.read = [](void*, int, std::uint64_t&) { return -ENOSYS; };
    calls.close = [](void*, int) {};
#endif
    return calls;
}

/// Reads the energy events of perf's "power" unit, one per socket and domain.
///
/// Units:  raw values are counts of `.scale` joules (2^-32) since opening.
/// Thread: reads must not overlap.
/// Cost:   a read call per event, about 1 us, plus an interrupt for another socket. Read at least
///         every 30 s: the kernel loses the upper half of the 32-bit range between two updates
///         (corrected here if the unit is known).
/// Fails:  an event that never counted is absent (`no_value`), because kernels open events even for
///         domains that a package lacks.
///
///     auto rapl = open_rapl_perf(system_root{});     // needs CAP_PERFMON or perf_event_paranoid 0
class rapl_perf final : public backend {
 public:
    struct event {
        perf_counter counter;
        channel described;
        std::uint64_t package = 0;
        std::uint64_t lost_range = 0;  ///< counts lost when the register wraps; 0: unknown
        std::uint64_t offset = 0;      ///< corrections so far
        std::int64_t last = 0;
    };

    explicit rapl_perf(detail::list<event> events, std::string note)
        : events_(std::move(events)), note_(std::move(note)) {
        for (const event& e : events_) channels_.push_back(e.described);
    }

    [[nodiscard]] std::string_view name() const noexcept override { return "rapl-perf"; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return channels_;
    }
    [[nodiscard]] std::string_view note() const noexcept override { return note_; }

    read_status read(counter_span out) noexcept override {
        const std::size_t n = std::min(out.size(), events_.size());
        std::size_t good = 0;
        std::size_t gone = 0;
        for (std::size_t i = 0; i < n; ++i) {
            std::uint64_t count = 0;
            const int error = events_[i].counter.read(count);
            if (error == ENODEV) ++gone;
            out[i] = error == 0 ? made_good(events_[i], count) : no_value;
            if (out[i] != no_value) ++good;
        }
        if (good > 0) return read_status::ok;
        return gone == n ? read_status::gone : read_status::retry;
    }

 private:
    // The kernel's sum is signed and goes down by a whole range of the 32-bit register if more than
    // half of it passed between two of its updates.
    static std::uint64_t made_good(event& e, std::uint64_t count) noexcept {
        auto now = static_cast<std::int64_t>(count + e.offset);
        if (now < e.last && e.lost_range != 0) {
            e.offset += e.lost_range;
            now = static_cast<std::int64_t>(count + e.offset);
        }
        if (now <= 0) return no_value;
        e.last = now;
        return static_cast<std::uint64_t>(now);
    }

    detail::list<event> events_;
    std::vector<channel> channels_;
    std::string note_;
};

namespace detail {

inline constexpr std::string_view perf_power = "/sys/bus/event_source/devices/power";

struct perf_domain {
    std::string_view event;
    rapl_domain domain;
};
inline constexpr perf_domain perf_domains[] = {
    {"energy-psys", rapl_domain::psys},  {"energy-pkg", rapl_domain::package},
    {"energy-cores", rapl_domain::core}, {"energy-gpu", rapl_domain::uncore},
    {"energy-ram", rapl_domain::dram},
};

/// "event=0x02" -> 2.
[[nodiscard]] inline bool parse_event_config(std::string_view text, std::uint64_t& config) {
    constexpr std::string_view start = "event=0x";
    text = trimmed(text);
    if (text.size() <= start.size() || text.substr(0, start.size()) != start) return false;
    std::uint64_t sum = 0;
    for (const char c : text.substr(start.size())) {
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0 || sum > 0xff) return false;
        sum = sum * 16 + static_cast<std::uint64_t>(digit);
    }
    config = sum;
    return true;
}

/// Collects the events of one machine.
class perf_finder {
 public:
    perf_finder(const system_root& root, const perf_calls& calls)
        : root_(root), calls_(calls), cpu_(read_cpu_identity(root)) {
        for (const std::string& entry : root.list("/sys/class/powercap")) {
            rapl_zone zone;
            zone.folder = entry;
            if (!is_rapl_zone_folder(entry) || zone.is_mmio()) continue;
            const std::string folder = concat({"/sys/class/powercap/", entry});
            const std::string name = root.line(concat({folder, "/name"}));
            if (!root.number(concat({folder, "/max_energy_range_uj"}), zone.range_uj))
                zone.range_uj = 0;
            rapl_zone package;
            if (name_rapl_zone(name, &package, zone)) zones_.push_back(zone);
        }
    }

    opened_backend open() {
        std::uint64_t type = 0;
        if (!root_.number(concat({perf_power, "/type"}), type) || type > 0xffffffff)
            return failure{concat({perf_power, "/type: no perf counters of energy here"}),
                           cpu_.has_hypervisor ? "use a bare-metal instance, or the estimate" : ""};
        const std::string mask = root_.line(concat({perf_power, "/cpumask"}));
        list<socket_cpu> sockets = first_cpu_of_each_socket(root_, mask, dies_count_apart());
        const bool one_for_all = keep_one_of_virtual(root_, cpu_, sockets);
        if (sockets.empty())
            return failure{concat({perf_power, "/cpumask: '", mask, "' lists no processors"}), {}};
        for (const perf_domain& d : perf_domains)
            for (const socket_cpu& s : sockets) open_event(d, s, static_cast<std::uint32_t>(type));
        if (events_.empty()) return failure_reason();
        for (rapl_perf::event& e : events_) find_parent(e);
        std::string note;
        if (error_ != 0) note = concat({"some energy events did not open: ", error_text(error_)});
        if (one_for_all) append(note, {(note.empty() ? "" : "; "), one_counter_note});
        return std::unique_ptr<backend>(std::make_unique<rapl_perf>(std::move(events_), note));
    }

 private:
    // AMD's counters are per package. Intel's are per die, which differs from the package only if
    // powercap's names say so.
    [[nodiscard]] bool dies_count_apart() const noexcept {
        return !cpu_.is_amd() && any_in(zones_, [](const rapl_zone& z) { return z.die >= 0; });
    }

    // The zone that shows the unit of an event; for psys, whose zones name their package, its own.
    [[nodiscard]] const rapl_zone* zone_of(rapl_domain domain,
                                           std::uint64_t package) const noexcept {
        for (const rapl_zone& z : zones_)
            if (z.domain == domain && (domain != rapl_domain::psys || z.package == package))
                return &z;
        return nullptr;
    }

    [[nodiscard]] bool has_several_psys() const noexcept {
        const auto is_psys = [](const rapl_zone& z) { return z.domain == rapl_domain::psys; };
        return count_in(zones_, is_psys) > 1;
    }

    void open_event(const perf_domain& d, const socket_cpu& s, std::uint32_t type) {
        const std::string file = concat({perf_power, "/events/", d.event});
        std::uint64_t config = 0;
        double scale = 0;
        if (!parse_event_config(root_.line(file), config)) return;
        if (root_.line(concat({file, ".unit"})) != "Joules") return;
        if (parse_leading_number(root_.line(concat({file, ".scale"})), scale) == 0 || !(scale > 0))
            return;
        // The kernel opens events for domains that never count: psys, which contains everything, on
        // packages without one; memory on processors that don't meter it. Powercap's zones, whose
        // names are readable by all, exist only for counters that count.
        const rapl_zone* zone = zone_of(d.domain, s.package);
        const bool by_zone =
            d.domain == rapl_domain::psys || (d.domain != rapl_domain::package && !zones_.empty());
        if (zone == nullptr && by_zone) return;
        perf_counter counter(calls_, type, config, static_cast<int>(s.cpu));
        if (!counter.is_open()) {
            error_ = counter.error();
            return;
        }
        rapl_perf::event e;
        e.counter = std::move(counter);
        e.package = s.package;
        e.described = describe(d.domain, s, scale, zone);
        if (zone != nullptr && zone->range_uj != 0) {
            const double turn = 4294967296.0 * rapl_unit_nanojoules(zone->range_uj) * 1e-9 / scale;
            // The unit is a power of two; powercap truncates it to whole nanojoules.
            if (turn < 9e18)
                e.lost_range = static_cast<std::uint64_t>(std::exp2(std::round(std::log2(turn))));
        }
        events_.push_back(std::move(e));
    }

    [[nodiscard]] channel describe(rapl_domain domain, const socket_cpu& s, double scale,
                                   const rapl_zone* zone) const {
        rapl_zone named;
        named.domain = domain;
        named.package = s.package;
        named.die = s.die;
        channel c;
        c.id = named.id();
        if (domain == rapl_domain::psys && has_several_psys()) c.id += std::to_string(s.package);
        c.part = component_of(domain);
        if (domain == rapl_domain::psys)
            c.model = machine_model(root_);
        else if (domain != rapl_domain::dram)
            c.model = plain_cpu_name(cpu_.model_name);
        if (zone != nullptr && domain == rapl_domain::package)
            c.max_watts =
                detail::rapl_stated_watts(root_, concat({"/sys/class/powercap/", zone->folder}));
        const double exact = std::ldexp(1.0, -32);
        c.joules_per_count = std::fabs(scale / exact - 1) < 1e-9 ? exact : scale;
        c.quantum = zone != nullptr ? rapl_unit_nanojoules(zone->range_uj) * 1e-9 : 0;
        c.relative_error = cpu_.is_amd() ? 0.15 : 0.10;
        c.device = named.device(!has_several_psys());
        return c;
    }

    void find_parent(rapl_perf::event& e) const {
        channel& c = e.described;
        const auto has = [&](const std::string& id) {
            return any_in(events_,
                          [&](const rapl_perf::event& other) { return other.described.id == id; });
        };
        const std::size_t slash = c.id.rfind('/');
        if (slash == std::string::npos) return;
        const std::string_view domain = std::string_view(c.id).substr(slash + 1);
        const std::string package = concat({c.id.substr(0, slash), "/package"});
        if ((domain == "core" || domain == "uncore") && has(package)) {
            c.parent = package;
            return;
        }
        // A single psys contains all packages, several contain their own, as in powercap.
        const std::string psys = has_several_psys() ? concat({"psys", e.package}) : "psys";
        if (has(psys)) c.parent = psys;
    }

    [[nodiscard]] failure failure_reason() const {
        const std::string what = "perf_event_open of the energy events: ";
        if (error_ == EACCES)
            return {concat({what, error_text(error_), " (kernel.perf_event_paranoid is ",
                            root_.line("/proc/sys/kernel/perf_event_paranoid"), ")"}),
                    "sudo setcap cap_perfmon+ep PROGRAM # or for all programs: sudo sysctl "
                    "kernel.perf_event_paranoid=0"};
        if (error_ == EPERM)
            return {concat({what, error_text(error_),
                            ", probably because of a container's seccomp filter"}),
                    "start the container with --cap-add PERFMON"};
        if (error_ != 0) return {what + error_text(error_), {}};
        return {concat({perf_power, "/events: has no usable energy event"}), {}};
    }

    const system_root& root_;
    const perf_calls& calls_;
    cpu_identity cpu_;
    list<rapl_zone> zones_;
    list<rapl_perf::event> events_;
    int error_ = 0;
};

}  // namespace detail

[[nodiscard]] inline opened_backend open_rapl_perf(const system_root& root,
                                                   const perf_calls& calls) {
    return detail::perf_finder(root, calls).open();
}
[[nodiscard]] inline opened_backend open_rapl_perf(const system_root& root) {
    return open_rapl_perf(root, perf_calls::of_the_system());
}

}  // namespace v1
}  // namespace joulery
