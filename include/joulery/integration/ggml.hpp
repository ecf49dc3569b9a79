// ggml.hpp - each node of a ggml graph (llama.cpp, whisper.cpp) as a scope.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/integration/annotation_stack.hpp"

#include <string_view>

namespace joulery {
inline namespace v1 {

/// An eval callback for ggml's scheduler. A node's scope is named after the node without its layer
/// number ("ffn_out-3" becomes "ffn_out"), so that the report has few rows. Nodes shorter than
/// `annotation_options::shortest` belong to the enclosing scope.
///
/// Thread: the one that computes the graph. Cost: the scheduler computes one node at a time and
///         waits for it, as with every such callback; do not use it where speed matters.
///
///     llama_context_params params = llama_context_default_params();
///     params.cb_eval = joulery::ggml_eval_callback<ggml_tensor, ggml_get_name>;
template <class Tensor, const char* (*NameOf)(const Tensor*)>
bool ggml_eval_callback(Tensor* tensor, bool ask, void*) {
    static const char domain = 0;
    if (!ask) {
        annotation_stack::of_this_thread().pop(&domain);
        return true;  // continue
    }
    const char* const text = NameOf(tensor);
    std::string_view name = text != nullptr && *text != '\0' ? text : "(node)";
    name = name.substr(0, name.find_first_of("- "));
    annotation_stack::of_this_thread().push(&domain, name.empty() ? "(node)" : name);
    return true;  // call again when the node is done
}

}  // namespace v1
}  // namespace joulery
