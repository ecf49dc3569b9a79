// registry.hpp - an entry in the list of backends, and the result of opening one.
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

/// The result of opening a backend: the backend, or the reason and a remedy.
using opened_backend = result<std::unique_ptr<backend>>;

/// A device family that can be requested by name.
struct backend_entry {
    std::string_view name;                       ///< its name in `JOULERY_BACKENDS`
    opened_backend (*open)(const system_root&);  ///< probes the machine; never throws
    bool by_default;                             ///< tried if no backend was requested by name
};

}  // namespace v1
}  // namespace joulery
