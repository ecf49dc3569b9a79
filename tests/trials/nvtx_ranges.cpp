// nvtx_ranges.cpp - a program with NVIDIA's own NVTX header that does not know the library:
// the C and the C++ interface, domains, registered strings, marks, ranges that end on other threads
// and ranges that are out of step. trials.py runs it with examples/tools/annotations.cpp injected.
#include <nvtx3/nvToolsExt.h>
#include <nvtx3/nvtx3.hpp>

#include <cmath>
#include <cstdio>
#include <thread>

static volatile double sink;

static void work(int n) {
    double x = 1;
    for (int i = 0; i < n; ++i) x = std::cos(x + i);
    sink = x;
}

struct trainer_domain {
    static constexpr char const* name{"trainer"};
};

struct forward_message {
    static constexpr char const* message{"forward"};
};

static void step(int i) {
    NVTX3_FUNC_RANGE_IN(trainer_domain);
    nvtx3::scoped_range_in<trainer_domain> r{"load", nvtx3::payload{i}};
    work(200000);
    {
        auto const& m = nvtx3::registered_string_in<trainer_domain>::get<forward_message>();
        nvtx3::scoped_range_in<trainer_domain> f{m};
        work(800000);
    }
    nvtx3::mark_in<trainer_domain>("checkpoint");
}

int main() {
    const nvtxRangeId_t across = nvtxRangeStartA("request");
    std::thread worker([&] {
        nvtxRangePushA("worker");
        work(3000000);
        nvtxRangePop();
        nvtxRangeEnd(across);
    });
    for (int i = 0; i < 30; ++i) {
        nvtxRangePushA("step");
        step(i);
        nvtxRangePushW(L"wide");
        work(300000);
        nvtxRangePop();
        nvtxRangePop();
    }
    worker.join();
    nvtxDomainHandle_t d = nvtxDomainCreateA("io");
    nvtxStringHandle_t s = nvtxDomainRegisterStringA(d, "write");
    for (int i = 0; i < 5; ++i) {
        nvtxEventAttributes_t e{};
        e.version = NVTX_VERSION;
        e.size = NVTX_EVENT_ATTRIB_STRUCT_SIZE;
        e.messageType = NVTX_MESSAGE_TYPE_REGISTERED;
        e.message.registered = s;
        nvtxDomainRangePushEx(d, &e);
        work(500000);
        nvtxDomainRangePop(d);
        const nvtxRangeId_t id = nvtxDomainRangeStartEx(d, &e);
        nvtxDomainRangeEnd(d, id);
    }
    nvtxRangePop();  // one too many
    nvtxRangePushA("never popped");
    nvtxNameOsThreadA(1, "x");
    nvtxNameCategoryA(3, "c");
    nvtxMarkA("m");
    nvtxDomainDestroy(d);
    std::printf("done\n");
}
