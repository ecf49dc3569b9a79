// folded.hpp - folded stacks weighted by joules, for flamegraph.pl and inferno.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/report.hpp"

#include <string>

namespace joulery {
inline namespace v1 {

/// Folded stacks, one line per scope: "train;forward 320000000". The weight is the scope's own
/// energy, without its children, in whole microjoules, as flamegraph.pl and inferno read it. The
/// last line names the hardware, with a weight of 0, which no reader draws.
///
/// Thread: any. Cost: linear in the rows. Fails: never.
///
///     flamegraph.pl --countname uJ run.folded > run.svg
[[nodiscard]] JOULERY_DECL std::string to_folded(const report& r);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/detail/core/utf8.hpp"
#include "joulery/detail/report/scope_tree.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace joulery {
inline namespace v1 {

namespace detail {

/// A frame's name: ';' and line ends are special in the format.
inline std::string folded_frame(std::string_view name) {
    std::string out = escape_control(name);
    std::replace(out.begin(), out.end(), ';', ':');
    return out;
}

inline void append_microjoules(std::string& out, energy self) {
    const double micro = flame_weight(self) * 1e6 + 0.5;
    append_number(out, micro < 1.8e19 ? static_cast<std::uint64_t>(micro) : ~std::uint64_t{0});
}

}  // namespace detail

JOULERY_DECL std::string to_folded(const report& r) {
    const scope_tree tree(r);
    std::string out;
    for (const std::size_t i : tree.order) {
        const char* separator = "";
        for (const std::size_t frame : detail::flame_stack(tree, i)) {
            out.append(separator).append(detail::folded_frame(r.scopes[frame].name));
            separator = ";";
        }
        out += ' ';
        detail::append_microjoules(out, r.scopes[i].self);
        out += '\n';
    }
    out.append(detail::outside_name).append(" ");
    detail::append_microjoules(out, r.unscoped);
    out += '\n';
    if (!hardware_of(r.context).empty())
        append(out, {"(hardware: ", detail::folded_frame(hardware_of(r.context)), ") 0\n"});
    return out;
}

}  // namespace v1
}  // namespace joulery

#endif
