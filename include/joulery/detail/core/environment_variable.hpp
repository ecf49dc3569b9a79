// environment_variable.hpp - the one place that reads the environment.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"

#include <cstdlib>

#if JOULERY_LINUX()
#include <sys/auxv.h>
#elif JOULERY_POSIX()
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

/// Whether the process has more rights than the user who started it: setuid, setgid or file
/// capabilities. That user chose its environment and must not steer it.
[[nodiscard]] inline bool has_more_rights_than_user() noexcept {
#if JOULERY_LINUX()
    return ::getauxval(AT_SECURE) != 0;  // the kernel's own answer at exec; secure_getenv's, too
#elif defined(__APPLE__) || defined(__FreeBSD__) || defined(__OpenBSD__) || defined(__NetBSD__)
    return ::issetugid() != 0;
#elif JOULERY_POSIX()
    return ::getuid() != ::geteuid() || ::getgid() != ::getegid();
#else
    return false;
#endif
}

/// An environment variable; null where it is not set, and in a process with more rights than its
/// user, whatever is set.
///
/// Thread: as getenv: no other thread may change the environment meanwhile.
///
///     const char* text = environment_variable("JOULERY_REPORT");
[[nodiscard]] inline const char* environment_variable(const char* name) noexcept {
    return has_more_rights_than_user() ? nullptr : std::getenv(name);
}

/// Whether a variable is set and ignored, for the rights of the process. Its text is not looked at.
[[nodiscard]] inline bool is_ignored_variable(const char* name) noexcept {
    return has_more_rights_than_user() && std::getenv(name) != nullptr;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
