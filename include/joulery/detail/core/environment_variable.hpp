// environment_variable.hpp - the only place that reads the environment.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"

#include <cstdlib>
#include <string_view>

#if JOULERY_LINUX()
#include <sys/auxv.h>
#include <unistd.h>
#elif JOULERY_POSIX()
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

/// Whether the process has more rights than the user who started it: setuid, setgid or file
/// capabilities. That user controls the environment and must not be able to steer the process.
[[nodiscard]] inline bool has_more_rights_than_user() noexcept {
#if JOULERY_LINUX()
    return ::getauxval(AT_SECURE) != 0;  // set by the kernel at exec; also used by secure_getenv
#elif defined(__APPLE__) || defined(__FreeBSD__) || defined(__OpenBSD__) || defined(__NetBSD__)
    return ::issetugid() != 0;
#elif JOULERY_POSIX()
    return ::getuid() != ::geteuid() || ::getgid() != ::getegid();
#else
    return false;
#endif
}

/// An environment variable; null if it is unset, and always null in a process that has more rights
/// than its user.
///
/// Thread: as getenv: no other thread may change the environment during the call.
///
///     const char* text = environment_variable("JOULERY_REPORT");
[[nodiscard]] inline const char* environment_variable(const char* name) noexcept {
    return has_more_rights_than_user() ? nullptr : std::getenv(name);
}

/// Whether a variable is set but ignored because of the process's rights. Its text is not read.
[[nodiscard]] inline bool is_ignored_variable(const char* name) noexcept {
    return has_more_rights_than_user() && std::getenv(name) != nullptr;
}

/// Calls `visit` with the name of each variable that begins with `prefix`; for none in a process
/// that has more rights than its user.
template <class Visit>
void for_variables(std::string_view prefix, Visit visit) {
#if JOULERY_LINUX()
    if (has_more_rights_than_user() || ::environ == nullptr) return;
    for (char** variable = ::environ; *variable != nullptr; ++variable) {
        const std::string_view text(*variable);
        if (text.substr(0, prefix.size()) == prefix) visit(text.substr(0, text.find('=')));
    }
#else
    (void)prefix, (void)visit;
#endif
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
