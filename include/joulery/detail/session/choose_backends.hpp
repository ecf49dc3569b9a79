// choose_backends.hpp - selects the backends of a run from its options and environment.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/detail/session/defaults.hpp"
#include "joulery/detail/session/environment.hpp"
#include "joulery/meter.hpp"

#include <cerrno>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

[[nodiscard]] inline bool is_backend_name(const std::string& name) noexcept {
    const auto known = standard_backends();
    return name == "none" || any_in(known, [&](const auto& entry) { return entry.name == name; });
}

/// The errno that explains why no more files can be opened, which would make the machine look as if
/// it had no counters; 0 if files can be opened.
[[nodiscard]] inline int file_shortage() {
    constexpr std::size_t needed = 16;
    list<system_file> files;
    while (files.size() < needed) {
        files.emplace_back("/");
        const int error = files.back().error();
        if (error == EMFILE || error == ENFILE) return error;
    }
    return 0;
}

/// Opens the backends listed in JOULERY_BACKENDS on the machine in JOULERY_SYSROOT. If
/// JOULERY_BACKENDS lists no known backend, it is treated as unset: the backends in the options are
/// used, or else the machine's.
///
/// Returns warnings about the user's settings that should be printed immediately. `o.warnings` gets
/// these and all others.
///
///     options o;
///     const environment env = apply_environment(o);
///     for (const std::string& w : choose_backends(o, env)) say(w);
inline std::vector<std::string> choose_backends(options& o, const environment& env) {
    const system_root root(env.system_root);
    std::vector<std::string> unmet;
    int error = 0;
    if (!root.is_real()) (void)root.list("", &error);
    if (error != 0)
        unmet.push_back("JOULERY_SYSROOT=" + env.system_root + ": " + error_text(error) +
                        "; no files of a machine were found there");
    if (const int short_of_files = file_shortage(); short_of_files != 0)
        unmet.push_back("no more files can be opened (" + error_text(short_of_files) +
                        "): counters that the machine has may be missing; raise the limit "
                        "(ulimit -n), or call joulery::start() before the program opens its own");
    const bool understood = any_in(env.backends, is_backend_name);
    if (!env.backends.empty()) {
        found_backends named = open_backends(env.backends, root);
        unmet.insert(unmet.end(), named.warnings.begin(), named.warnings.end());
        if (understood) o.backends = std::move(named.backends);
        if (!understood)
            unmet.emplace_back("JOULERY_BACKENDS matches no known backend; using the defaults");
    }
    o.warnings.insert(o.warnings.end(), unmet.begin(), unmet.end());
    if (!understood && o.backends.empty()) {
        found_backends found = open_backends({}, root);
        o.backends = std::move(found.backends);
        for (std::string& w : found.warnings) o.warnings.push_back(std::move(w));
    }
    if (o.backends.empty()) o.backends = no_backends();
    return unmet;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
