// Stream scopes on a real GPU: matrix products without waits use the same joules as with full
// synchronization. Label `hardware`; tests/hardware.sh finds CUDA.
#include <doctest/doctest.h>

#include <cstdio>

#if defined(JOULERY_TEST_CUDA)

#include "approx.hpp"
#include "joulery/detail/backends/gpu/nvml.hpp"
#include "joulery/detail/session/defaults.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/integration/cuda.hpp"
#include "joulery/meter.hpp"
#include "joulery/scope.hpp"
#include "joulery/testing/access.hpp"

#include <cublas_v2.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace joulery;
using std::chrono::steady_clock;

namespace {

/// Square products in one stream.
class products {
 public:
    explicit products(int edge) : edge_(edge) {
        const auto bytes = static_cast<std::size_t>(edge) * static_cast<std::size_t>(edge) * 4;
        works_ = cudaStreamCreate(&stream) == cudaSuccess &&
                 cublasCreate(&blas_) == CUBLAS_STATUS_SUCCESS &&
                 cublasSetStream(blas_, stream) == CUBLAS_STATUS_SUCCESS;
        for (float*& m : matrices_)
            works_ = works_ && cudaMalloc(reinterpret_cast<void**>(&m), bytes) == cudaSuccess &&
                     cudaMemset(m, 0x3c, bytes) == cudaSuccess;
    }
    ~products() {
        for (float* m : matrices_) cudaFree(m);
        if (blas_ != nullptr) cublasDestroy(blas_);
        if (stream != nullptr) cudaStreamDestroy(stream);
    }
    products(const products&) = delete;
    products& operator=(const products&) = delete;

    void launch(int count) {
        const float one = 1, zero = 0;
        for (int i = 0; i < count; ++i)
            works_ = works_ && cublasSgemm(blas_, CUBLAS_OP_N, CUBLAS_OP_N, edge_, edge_, edge_,
                                           &one, matrices_[0], edge_, matrices_[1], edge_, &zero,
                                           matrices_[2], edge_) == CUBLAS_STATUS_SUCCESS;
    }
    void wait() { works_ = works_ && cudaStreamSynchronize(stream) == cudaSuccess; }
    /// How many take about that many seconds.
    int count_for(double seconds) {
        launch(3);
        wait();
        const auto begin = steady_clock::now();
        launch(10);
        wait();
        const std::chrono::duration<double> ten = steady_clock::now() - begin;
        return std::max(1, static_cast<int>(10 * seconds / ten.count()));
    }
    [[nodiscard]] bool works() const noexcept { return works_; }

    cudaStream_t stream = nullptr;

 private:
    const int edge_;
    bool works_ = false;
    cublasHandle_t blas_ = nullptr;
    float* matrices_[3] = {};
};

void print_counters(meter& m) {
    const double tick = testing::access::engine_of(m).tick_seconds();
    for (const auto& s : testing::access::engine_of(m).backends()) {
        const std::lock_guard<std::mutex> lock(s->reader.state_mutex);
        for (std::size_t c = 0; c < s->reader.channel_count(); ++c) {
            const auto& t = s->reader.tracker(c);
            std::printf(
                "  %s: %s, period %.3f ms, jitter %.4f ms, timestamp uncertainty %.1f us, read "
                "%.1f us\n",
                s->reader.channels()[c].id.c_str(), t.locked() ? "locked" : "not locked",
                t.period() * tick * 1e3, t.jitter() * tick * 1e3, t.gap() * tick * 1e6,
                s->reader.read_cost() * tick * 1e6);
        }
    }
}

/// Joules of the row on the GPU's root channels.
double gpu_joules(const report& r, std::string_view path) {
    const scope_row* row = r.find(path);
    REQUIRE_MESSAGE(row != nullptr, path << " has no row");
    double sum = 0;
    for (std::size_t c = 0; c < r.channels.size(); ++c)
        if (r.channels[c].part == component::gpu && r.channels[c].summed)
            sum += row->by_channel[c].joules();
    return sum;
}

}  // namespace

TEST_CASE("hardware: a CUDA stream scope has the same joules as waiting, within 3 %") {
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
        std::printf("cuda: skipped: no CUDA device\n");
        return;
    }
    options o;
    o.backends = open_backends({"nvml"}, system_root{}).backends;
    if (o.backends.empty()) {
        std::printf("cuda: skipped: nvml does not open\n");
        return;
    }
    meter m{std::move(o)};
    products work(4096);
    const int count = work.count_for(1.0);
    device_timeline gpu;
    device_stream lane{gpu};
    for (int round = 0; round < 5; ++round) {  // alternating, so that warming up affects both
        {
            synchronized_scope s{m, "waited", cuda_sync{work.stream}};
            work.launch(count);
        }
        {
            cuda_scope s{m, lane, "marked", work.stream};
            work.launch(count);
        }
        work.wait();
    }
    const report r = m.snapshot();
    REQUIRE(work.works());
    const double waited = gpu_joules(r, "waited"), marked = gpu_joules(r, "marked/device");
    std::printf("cuda: %d products a scope: waited %.1f J, marked %.1f J, host part %.3f s\n",
                count, waited, marked, r.find("marked")->time.count());
    print_counters(m);
    CHECK(marked == approx(waited).epsilon(0.03));
    CHECK(r.find("marked/device")->time.count() ==
          approx(r.find("waited")->time.count()).epsilon(0.03));
}

TEST_CASE("hardware: how far nvml's counter lags behind the start of a load") {
    int devices = 0;
    if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) return;
    opened_backend all = open_nvml(system_root{});
    if (!all) return;
    std::unique_ptr<backend> gpu = std::move(split_by_device(*std::move(all))[0]);
    const channel c = gpu->channels()[0];
    if (c.kind != reading_kind::energy_counter) {
        std::printf("cuda: lag: skipped: %s has no energy counter\n", c.model.c_str());
        return;
    }
    products work(4096);
    const int count = work.count_for(2.0);
    REQUIRE(work.works());
    std::this_thread::sleep_for(std::chrono::seconds(3));  // the clocks settle
    struct update {
        double at, joules;  // s since the load began; J
    };
    std::vector<update> updates;
    steady_clock::time_point begun = steady_clock::time_point::max();
    const steady_clock::time_point first = steady_clock::now();
    double last = -1;
    for (steady_clock::time_point at = first; at - first < std::chrono::seconds(4);) {
        if (begun == steady_clock::time_point::max() && at - first > std::chrono::seconds(1)) {
            work.launch(count);
            begun = steady_clock::now();
        }
        std::vector<std::uint64_t> values(gpu->channels().size());
        REQUIRE(gpu->read(counter_span(values)) == read_status::ok);
        const steady_clock::time_point done = steady_clock::now();
        const double joules = static_cast<double>(values[0]) * c.joules_per_count;
        if (last >= 0 && joules != last)
            updates.push_back({std::chrono::duration<double>(done - first).count() -
                                   std::chrono::duration<double>(done - at).count() / 2,
                               joules});
        last = joules;
        at = done;
    }
    work.wait();
    // Two straight lines, through the idle second and through the load's second one: they cross
    // when the counter shows that the load began.
    const double load_at = std::chrono::duration<double>(begun - first).count();
    const auto mean_power = [&](double from, double to) {
        const update *a = nullptr, *b = nullptr;
        for (const update& u : updates) {
            if (u.at < from || u.at > to) continue;
            if (a == nullptr) a = &u;
            b = &u;
        }
        REQUIRE((a != nullptr && b != a));
        return std::pair<update, double>(*a, (b->joules - a->joules) / (b->at - a->at));
    };
    const auto idle = mean_power(0, load_at), load = mean_power(load_at + 0.5, load_at + 1.8);
    const double crossing = (idle.first.joules - idle.second * idle.first.at - load.first.joules +
                             load.second * load.first.at) /
                            (load.second - idle.second);
    std::printf("cuda: %s: idle %.1f W, load %.1f W; the counter shows the load %.1f ms late\n",
                c.model.c_str(), idle.second, load.second, 1e3 * (crossing - load_at));
    CHECK(load.second > idle.second);
    CHECK(crossing - load_at < 0.3);  // a power that creeps up while it warms looks like a lag
}

#else

TEST_CASE("hardware: without CUDA's libraries its streams are left out") {
    std::printf("cuda: skipped: built without JOULERY_TEST_CUDA (CUDA's headers and libraries)\n");
}

#endif
