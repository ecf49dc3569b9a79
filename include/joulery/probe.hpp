// probe.hpp - what this machine can measure, what it can't, and how to change that.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/core/config.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace joulery {
inline namespace v1 {

/// A backend that the library knows, and what was found on this machine.
struct probed_backend {
    std::string name;          ///< as in `JOULERY_BACKENDS`
    bool opened = false;       ///< it can be read
    bool used = false;         ///< a program reads it by default
    std::size_t channels = 0;  ///< number of channels, if it was opened
    std::string note;          ///< what users of its figures should know
    std::string reason;        ///< if it was not opened: why
    std::string remedy;        ///< the shell command that would help; may be empty
    std::string needless;      ///< if it was not opened: why it is not needed; may be empty
};

/// The result of `probe_machine`.
struct machine_probe {
    std::vector<probed_backend> found;               ///< every known backend
    std::vector<std::unique_ptr<backend>> backends;  ///< the ones in use, open
    std::vector<std::string> warnings;               ///< about backends requested by name
    bool by_name = false;                            ///< JOULERY_BACKENDS selects the backends
};

/// Tries every backend. JOULERY_BACKENDS and JOULERY_SYSROOT apply as for the process-wide meter.
///
/// Thread: any. Cost: opening each backend, tens of milliseconds; vendors' libraries may take
///         seconds.
/// Fails:  never; what can't be read is in `found` with its reason.
///
///     joulery::machine_probe machine = joulery::probe_machine();
///     options o;
///     o.backends = std::move(machine.backends);
[[nodiscard]] JOULERY_DECL machine_probe probe_machine();

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/core/concat.hpp"
#include "joulery/meter.hpp"  // before its parts

#include "joulery/detail/core/system_root.hpp"
#include "joulery/detail/metering/containment.hpp"
#include "joulery/detail/metering/registry.hpp"
#include "joulery/detail/session/defaults.hpp"
#include "joulery/detail/session/environment.hpp"

#include <string_view>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace detail {

inline probed_backend try_backend(const backend_entry& entry, const system_root& root) {
    probed_backend p;
    p.name = std::string(entry.name);
    const opened_backend opened = entry.open(root);
    if (opened) {
        p.opened = true;
        p.channels = (*opened)->channels().size();
        p.note = std::string((*opened)->note());
    } else {
        p.reason = opened.error().reason;
        p.remedy = opened.error().remedy;
    }
    return p;
}

/// Why a backend that did not open is not needed beside those in use; "" if it would add something.
inline std::string why_needless(const probed_backend& p, const machine_probe& machine) {
    bool counted = false;
    for (const std::unique_ptr<backend>& used : machine.backends) {
        for (const second_view& view : second_views)
            if (p.name == view.name && used->name() == view.of)
                return concat({"shows what ", view.of, " reads"});
        for (const channel& c : used->channels()) counted = counted || counts_processors(c);
    }
    for (const std::string_view last : last_resorts)
        if (counted && p.name == last) return "coarser than the backends in use";
    return {};
}

}  // namespace detail

JOULERY_DECL machine_probe probe_machine() {
    options stated;
    const detail::environment env = detail::apply_environment(stated);
    const system_root root(env.system_root);
    machine_probe machine;
    machine.by_name = !env.backends.empty();
    for (const backend_entry& entry : standard_backends())
        machine.found.push_back(detail::try_backend(entry, root));
    found_backends used = open_backends(env.backends, root);
    machine.backends = std::move(used.backends);
    machine.warnings = std::move(used.warnings);
    for (probed_backend& p : machine.found) {
        for (const std::unique_ptr<backend>& b : machine.backends)
            if (p.name == b->name()) p.used = true;
        if (!p.opened) p.needless = detail::why_needless(p, machine);
    }
    return machine;
}

}  // namespace v1
}  // namespace joulery

#endif
