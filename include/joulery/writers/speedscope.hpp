// speedscope.hpp - an energy profile for speedscope.app.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/report.hpp"

#include <string>

namespace joulery {
inline namespace v1 {

/// A speedscope file (https://www.speedscope.app/file-format-schema.json): one sampled profile with
/// joules as weights. Scopes with the same name are one frame, so that the sandwich view sums them.
/// The profile's name is the run's, with the hardware. Open it at speedscope.app or with
/// `speedscope run.speedscope.json`.
///
/// Thread: any. Cost: linear in the rows. Fails: never.
[[nodiscard]] JOULERY_DECL std::string to_speedscope(const report& r);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/json.hpp"
#include "joulery/detail/report/figures.hpp"
#include "joulery/detail/report/scope_tree.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace joulery {
inline namespace v1 {

JOULERY_DECL std::string to_speedscope(const report& r) {
    const scope_tree tree(r);
    std::string frames, samples, weights;
    double sum = 0;
    const auto add = [&](const std::string& stack, energy self) {
        const char* separator = samples.empty() ? "" : ",\n";
        samples.append(separator).append("[").append(stack).append("]");
        if (!weights.empty()) weights += ", ";
        append_json_number(weights, detail::flame_weight(self));
        sum += detail::flame_weight(self);
    };
    std::unordered_map<std::string_view, std::size_t> frame_of_name;
    std::vector<std::size_t> frame_of;  // by scope
    const auto frame = [&](std::string_view name) {
        const auto [at, fresh] = frame_of_name.emplace(name, frame_of_name.size());
        if (!fresh) return at->second;
        frames += frames.empty() ? "{\"name\": " : ",\n{\"name\": ";
        append_json_string(frames, name);
        frames += '}';
        return at->second;
    };
    for (const scope_row& row : r.scopes) frame_of.push_back(frame(row.name));
    const std::size_t outside = frame(detail::outside_name);
    for (const std::size_t i : tree.order) {
        std::string stack;
        for (const std::size_t scope : detail::flame_stack(tree, i))
            append(stack, {(stack.empty() ? "" : ","), frame_of[scope]});
        add(stack, r.scopes[i].self);
    }
    add(std::to_string(outside), r.unscoped);
    std::string out =
        "{\"$schema\": \"https://www.speedscope.app/file-format-schema.json\",\n"
        "\"exporter\": ";
    append_json_string(out, r.context.library.empty() ? "joulery" : r.context.library);
    out += ",\n\"name\": ";
    const std::string& hardware = hardware_of(r.context);
    const bool both = !r.context.run_name.empty() && !hardware.empty();
    append_json_string(out, r.context.run_name + (both ? " on " : "") + hardware);
    append(out, {",\n\"shared\": {\"frames\": [\n", frames,
                 "]},\n\"profiles\": [{\"type\": \"sampled\", \"name\": \"energy (",
                 (knows_energy(r) ? "joules" : not_measured_text),
                 ")\", "
                 "\"unit\": \"none\",\n\"startValue\": 0, \"endValue\": "});
    append_json_number(out, std::min(sum, std::numeric_limits<double>::max()));
    append(out, {",\n\"samples\": [\n", samples, "],\n\"weights\": [", weights, "]}]}\n"});
    return out;
}

}  // namespace v1
}  // namespace joulery

#endif
