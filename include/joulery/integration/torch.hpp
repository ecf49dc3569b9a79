// torch.hpp - scopes for libtorch's operators and its annotations.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/integration/annotation_stack.hpp"

#include <ATen/record_function.h>

#include <memory>

namespace joulery {
inline namespace v1 {

/// While it exists, every operator of libtorch ("aten::linear"), every backward function and every
/// `RECORD_FUNCTION` of the program is a scope of the thread that runs it.
///
/// Operators that take less than `annotation_options::shortest` on average (10 us) belong to the
/// enclosing scope. Work that an operator launches on a device without waiting is not in its scope;
/// see `synchronized_scope` and `stream_scope`.
/// Thread: all threads of the process; create and destroy it while no operator runs.
/// Cost:   a look-up and a scope per operator, some 200 ns. Fails: never.
///
///     joulery::torch_observer observed;
///     for (auto& batch : loader) { joulery::scope s{"step"};  train(batch); }
class torch_observer {
 public:
    torch_observer()
        : handle_(at::addGlobalCallback(
              at::RecordFunctionCallback(
                  [](const at::RecordFunction& f) -> std::unique_ptr<at::ObserverContext> {
                      annotation_stack::of_this_thread().push(domain(), f.name());
                      return nullptr;
                  },
                  [](const at::RecordFunction&, at::ObserverContext*) {
                      annotation_stack::of_this_thread().pop(domain());
                  })
                  .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION,
                           at::RecordScope::TORCHSCRIPT_FUNCTION, at::RecordScope::USER_SCOPE}))) {}
    torch_observer(const torch_observer&) = delete;
    torch_observer& operator=(const torch_observer&) = delete;
    ~torch_observer() { at::removeCallback(handle_); }

 private:
    static const void* domain() noexcept {
        static const char here = 0;
        return &here;
    }
    at::CallbackHandle handle_;
};

}  // namespace v1
}  // namespace joulery
