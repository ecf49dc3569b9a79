// cuda.hpp - marks in CUDA streams, and waiting for them.
// SPDX-License-Identifier: MIT
#pragma once

// Declares nothing without the CUDA runtime's header.
#if defined(__has_include)
#if __has_include(<cuda_runtime_api.h>)

#include "joulery/detail/core/config.hpp"
#include "joulery/scope.hpp"
#include "joulery/stream_scope.hpp"

#include <cuda_runtime_api.h>

#include <utility>

namespace joulery {
inline namespace v1 {

/// Marks the edges of a `stream_scope` in a CUDA stream, as host functions that the stream calls.
/// They make no CUDA calls, and read no counters through a vendor's library.
///
/// Fails:  marks nothing while the stream is captured into a graph, because a graph runs many times
///         and a mark only once. Open the scope around the graph's launch instead.
///
///     joulery::stream_scope s{lane, "forward", joulery::cuda_mark{stream},
///                             joulery::cuda_mark{stream}};
struct cuda_mark {
    cudaStream_t stream = nullptr;

    bool operator()(stream_mark m) const noexcept {
        cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
        if (cudaStreamIsCapturing(stream, &capture) != cudaSuccess) return false;
        if (capture != cudaStreamCaptureStatusNone) return false;
        return cudaLaunchHostFunc(stream, m.function, m.data) == cudaSuccess;
    }
};

/// For `synchronized_scope`: waits for one stream, while `cudaDeviceSynchronize` waits for all.
///
///     joulery::synchronized_scope s{"forward", joulery::cuda_sync{stream}};
struct cuda_sync {
    cudaStream_t stream = nullptr;
    void operator()() const noexcept { static_cast<void>(cudaStreamSynchronize(stream)); }
};

/// A `stream_scope` of a CUDA stream.
///
///     joulery::device_timeline gpu;
///     joulery::device_stream lane{gpu};               // one for each CUDA stream
///     { joulery::cuda_scope s{lane, "forward", stream};
///       launch_forward(stream); }
template <class Base>
class basic_cuda_scope : public Base {
 public:
    template <class Name>
    basic_cuda_scope(device_stream& lane, Name&& name, cudaStream_t stream)
        : Base(lane, std::forward<Name>(name), cuda_mark{stream}, cuda_mark{stream}) {}
    /// In your own meter instead of the process-wide one.
    template <class Name>
    basic_cuda_scope(scope_owner& meter, device_stream& lane, Name&& name, cudaStream_t stream)
        : Base(meter, lane, std::forward<Name>(name), cuda_mark{stream}, cuda_mark{stream}) {}
};
using cuda_scope = basic_cuda_scope<stream_scope<cuda_mark, cuda_mark>>;

}  // namespace v1
}  // namespace joulery

#endif
#endif
