// registry.hpp - the list of ways to measure, and how one is opened.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/result.hpp"

#include <memory>
#include <string_view>
#include <vector>

namespace joulery {
inline namespace v1 {

/// What opening a backend gives: the backend, or why not and what would help.
using opened_backend = result<std::unique_ptr<backend>>;

/// A device family that a meter can look for by name.
struct backend_entry {
    std::string_view name;                       ///< as `JOULERY_BACKENDS` spells it
    opened_backend (*open)(const system_root&);  ///< looks at the machine; never throws
    bool by_default;                             ///< tried when nobody asked for any by name
};

}  // namespace v1
}  // namespace joulery
