// tests/hardware/real_machine.hpp - the machine that the hardware tests run on.
#pragma once

#include "joulery/detail/core/system_root.hpp"

#include <chrono>
#include <cstdlib>

using steady = std::chrono::steady_clock;

/// The real machine, or JOULERY_SYSROOT's copy or fake of it.
inline joulery::system_root machine() {
    const char* const prefix = std::getenv("JOULERY_SYSROOT");
    return prefix != nullptr ? joulery::system_root(prefix) : joulery::system_root{};
}
