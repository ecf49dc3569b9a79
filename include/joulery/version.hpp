// version.hpp - the library's version, for the preprocessor and for programs.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"

namespace joulery {
inline namespace v1 {

inline constexpr int version_major = JOULERY_VERSION_MAJOR;
inline constexpr int version_minor = JOULERY_VERSION_MINOR;
inline constexpr int version_patch = JOULERY_VERSION_PATCH;

}  // namespace v1
}  // namespace joulery
