// speedscope.hpp - an energy profile for speedscope.app.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/report.hpp"

#include <string>

namespace joulery {
inline namespace v1 {

/// A speedscope file (https://www.speedscope.app/file-format-schema.json): one sampled profile
/// whose weights are joules. Open it at speedscope.app or with `speedscope run.speedscope.json`.
[[nodiscard]] JOULERY_DECL std::string to_speedscope(const report& r);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/core/json_text.hpp"
#include "joulery/detail/report/flame_stack.hpp"
#include "joulery/detail/report/scope_tree.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>

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
    for (std::size_t i = 0; i < r.scopes.size(); ++i) {
        frames += "{\"name\": ";
        append_json_string(frames, r.scopes[i].name);
        frames += "},\n";
    }
    frames.append("{\"name\": \"").append(detail::outside_name).append("\"}");
    for (const std::size_t i : tree.order) {
        std::string stack;
        for (const std::size_t frame : detail::flame_stack(tree, i))
            stack += (stack.empty() ? "" : ",") + std::to_string(frame);
        add(stack, r.scopes[i].self);
    }
    add(std::to_string(r.scopes.size()), r.unscoped);
    std::string out =
        "{\"$schema\": \"https://www.speedscope.app/file-format-schema.json\",\n"
        "\"exporter\": ";
    append_json_string(out, r.context.library.empty() ? "joulery" : r.context.library);
    out += ",\n\"name\": ";
    append_json_string(out, r.context.run_name);
    out += ",\n\"shared\": {\"frames\": [\n" + frames +
           "]},\n\"profiles\": [{\"type\": \"sampled\", \"name\": \"energy (joules)\", "
           "\"unit\": \"none\",\n\"startValue\": 0, \"endValue\": ";
    append_json_number(out, std::min(sum, std::numeric_limits<double>::max()));
    out += ",\n\"samples\": [\n" + samples + "],\n\"weights\": [" + weights + "]}]}\n";
    return out;
}

}  // namespace v1
}  // namespace joulery

#endif
