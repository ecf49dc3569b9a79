// thread_name.hpp - what the system calls a thread.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"

#include <cstdint>
#include <string>

#if JOULERY_LINUX()
#include <sys/prctl.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

/// "trainer 3": the calling thread's name in the system, "thread" where it has none, and `number`,
/// for threads inherit their names.
[[nodiscard]] inline std::string name_of_this_thread(std::uint32_t number) {
    char name[17] = "";
#if JOULERY_LINUX()
    if (::prctl(PR_GET_NAME, name, 0, 0, 0) != 0) name[0] = '\0';
#endif
    return std::string(name[0] != '\0' ? name : "thread") + ' ' + std::to_string(number);
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
