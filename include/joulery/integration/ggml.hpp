// ggml.hpp - each node of a ggml graph (llama.cpp, whisper.cpp) as a scope.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/integration/annotation_stack.hpp"

#include <string_view>

namespace joulery {
inline namespace v1 {

/// An eval callback for ggml's scheduler. The nodes of a layer have the name of what they are
/// without its number ("ffn_out-3" is "ffn_out"), so that rows stay few; nodes that are shorter
/// than `annotation_options::shortest` are part of what is around them.
///
/// Thread: the one that computes the graph. Cost: the scheduler computes node by node and waits for
///         each, as with every such callback: do not leave it on where speed counts.
///
///     llama_context_params params = llama_context_default_params();
///     params.cb_eval = joulery::ggml_eval_callback<ggml_tensor, ggml_get_name>;
template <class Tensor, const char* (*NameOf)(const Tensor*)>
bool ggml_eval_callback(Tensor* tensor, bool ask, void*) {
    static const char domain = 0;
    if (!ask) {
        annotation_stack::of_this_thread().pop(&domain);
        return true;  // go on
    }
    const char* const text = NameOf(tensor);
    std::string_view name = text != nullptr && *text != '\0' ? text : "(node)";
    name = name.substr(0, name.find_first_of("- "));
    annotation_stack::of_this_thread().push(&domain, name.empty() ? "(node)" : name);
    return true;  // tell me when it is done
}

}  // namespace v1
}  // namespace joulery
