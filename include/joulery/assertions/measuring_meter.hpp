// measuring_meter.hpp - the meter of a test program: created at its first use, then kept.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/meter.hpp"

namespace joulery {
inline namespace v1 {
namespace testing {

/// Reads the backends of the machine; `JOULERY_BACKENDS`, `JOULERY_SYSROOT` and the carbon
/// variables apply. Separate from the session, so that measuring adds nothing to the program's
/// report.
///
/// Thread: any. Cost: at the first call, opening the backends. Never destroyed.
[[nodiscard]] JOULERY_EXPORT JOULERY_DECL meter& measuring_meter();

}  // namespace testing
}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/session/choose_backends.hpp"
#include "joulery/detail/session/environment.hpp"

#include <utility>

namespace joulery {
inline namespace v1 {
namespace testing {
namespace detail {

[[nodiscard]] inline options measuring_options() {
    options o;
    const v1::detail::environment env = v1::detail::apply_environment(o);
    if (env.off) {
        o.warnings.emplace_back("measuring is switched off by JOULERY=off");
        return o;
    }
    (void)v1::detail::choose_backends(o, env);
    return o;
}

}  // namespace detail

JOULERY_DECL meter& measuring_meter() {
    static meter* const only = new meter(detail::measuring_options());  // NOLINT: leaked on purpose
    return *only;
}

}  // namespace testing
}  // namespace v1
}  // namespace joulery

#endif
