// Annotations of other tools as scopes: NVTX, Kokkos and ggml, each called through its own ABI.
#include "joulery/integration/annotation_stack.hpp"
#include "joulery/integration/ggml.hpp"
#include "joulery/integration/kokkos.hpp"
#include "joulery/integration/nvtx.hpp"
#include "joulery/joulery.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

using namespace joulery;

namespace {

// What NVTX's header puts into a program: a table of pointers to function pointers.
struct nvtx_in_a_program {
    static constexpr unsigned size = 16;
    static nvtx::function core[size], core2[size];
    static nvtx::function* core_table[size + 1];
    static nvtx::function* core2_table[size + 1];
    static int get_module(int module, nvtx::function*** table, unsigned* count) {
        if (module != 1 && module != 5) return 0;
        *table = module == 1 ? core_table : core2_table;
        *count = size;
        return 1;
    }
    static const void* get_table(std::uint32_t id) {
        static const nvtx::callbacks_table callbacks{sizeof(nvtx::callbacks_table), get_module};
        return id == 1 ? &callbacks : nullptr;
    }
    static int inject() {
        for (unsigned i = 1; i < size; ++i) {
            core_table[i] = &core[i];
            core2_table[i] = &core2[i];
        }
        return InitializeInjectionNvtx2(get_table);
    }
    template <class Function>
    static Function call(unsigned id) {
        return reinterpret_cast<Function>(core[id]);
    }
    template <class Function>
    static Function call2(unsigned id) {
        return reinterpret_cast<Function>(core2[id]);
    }
};
nvtx::function nvtx_in_a_program::core[size], nvtx_in_a_program::core2[size];
nvtx::function* nvtx_in_a_program::core_table[size + 1];
nvtx::function* nvtx_in_a_program::core2_table[size + 1];

report measured(void (*work)()) {
    options o;
    channel c;
    c.id = "cpu0/package";
    o.backends.push_back(make_backend("ten", c, [] {
        return 10 *
               std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
                   .count();
    }));
    start(std::move(o));
    annotation_stack::settings().shortest = {};
    work();
    stop();
    return snapshot();
}

std::uint64_t calls(const report& r, std::string_view path) {
    const scope_row* row = r.find(path);
    return row != nullptr ? row->calls : 0;
}

struct tensor {
    const char* name;
};
const char* name_of(const tensor* t) { return t->name; }

}  // namespace

TEST_CASE("nvtx: pushes nest as scopes on their thread and return their levels") {
    REQUIRE(nvtx_in_a_program::inject() == 1);
    const report r = measured([] {
        const auto push = nvtx_in_a_program::call<int (*)(const char*)>(9);
        const auto push_wide = nvtx_in_a_program::call<int (*)(const wchar_t*)>(10);
        const auto pop = nvtx_in_a_program::call<int (*)()>(11);
        CHECK(push("train") == 0);
        CHECK(push_wide(L"step") == 1);
        CHECK(pop() == 1);
        nvtx::event_attributes e{};
        e.version = 3;
        e.size = sizeof e;
        e.message_type = 1;
        e.message.ascii = "eval";
        const auto push_ex = nvtx_in_a_program::call<int (*)(const nvtx::event_attributes*)>(8);
        CHECK(push_ex(&e) == 1);
        CHECK(pop() == 1);
        std::thread([&] {
            CHECK(pop() == -1);  // none on this thread
            CHECK(push("load") == 0);
            CHECK(pop() == 0);
        }).join();
        CHECK(pop() == 0);
        CHECK(pop() == -1);
    });
    CHECK(calls(r, "train") == 1);
    CHECK(calls(r, "train/step") == 1);
    CHECK(calls(r, "train/eval") == 1);
    CHECK(calls(r, "load") == 1);
    CHECK(r.scopes.size() == 4);
}

TEST_CASE("nvtx: domains are prefixes with separate stacks, registered strings are names") {
    REQUIRE(nvtx_in_a_program::inject() == 1);
    const report r = measured([] {
        using nvtx::event_attributes;
        const auto domain = nvtx_in_a_program::call2<void* (*)(const char*)>(12);
        const auto string = nvtx_in_a_program::call2<void* (*)(void*, const char*)>(10);
        const auto push = nvtx_in_a_program::call2<int (*)(void*, const event_attributes*)>(4);
        const auto pop = nvtx_in_a_program::call2<int (*)(void*)>(5);
        void* const a = domain("cudnn");
        void* const b = domain("nccl");
        event_attributes e{};
        e.message_type = 3;
        e.message.registered = string(a, "conv");
        CHECK(push(a, &e) == 0);
        e.message_type = 1;
        e.message.ascii = "reduce";
        CHECK(push(b, &e) == 0);
        CHECK(pop(a) == 0);  // not the most recent one
        CHECK(push(a, nullptr) == 0);
        CHECK(pop(a) == 0);
        CHECK(pop(b) == 0);
        nvtx_in_a_program::call2<void (*)(void*)>(14)(a);
    });
    CHECK(calls(r, "cudnn:conv") == 1);
    CHECK(calls(r, "cudnn:conv/nccl:reduce") == 1);
    std::uint64_t unnamed = 0;
    for (const scope_row& row : r.scopes) unnamed += row.name == "cudnn:(range)" ? row.calls : 0;
    CHECK(unnamed == 1);
}

TEST_CASE("nvtx: ranges that start and end on different threads are spans") {
    REQUIRE(nvtx_in_a_program::inject() == 1);
    const report r = measured([] {
        const auto start_range = nvtx_in_a_program::call<std::uint64_t (*)(const char*)>(5);
        const auto end_range = nvtx_in_a_program::call<void (*)(std::uint64_t)>(7);
        const std::uint64_t a = start_range("request");
        const std::uint64_t b = start_range("request");
        CHECK(a != b);
        std::thread([&] { end_range(a); }).join();
        end_range(b);
        end_range(b);  // ending it again, or one that never began, does nothing
        end_range(12345);
    });
    CHECK(calls(r, "request") == 2);
    CHECK(r.find("request")->busy_time.has_value());
}

TEST_CASE("nvtx: a program with an unknown table is left alone") {
    CHECK(nvtx::initialize([](std::uint32_t) -> const void* { return nullptr; }) == 0);
    static const nvtx::callbacks_table small{4, nullptr};
    CHECK(nvtx::initialize([](std::uint32_t) -> const void* { return &small; }) == 0);
}

TEST_CASE("kokkos: regions and kernels nest, even if a region ends inside a kernel") {
    const report r = measured([] {
        std::uint64_t id = 0, other = 0;
        kokkosp_push_profile_region("solve");
        kokkosp_begin_parallel_for("axpy", 0, &id);
        kokkosp_end_parallel_for(id);
        kokkosp_begin_parallel_reduce("dot", 0, &other);
        CHECK(other != id);
        kokkosp_pop_profile_region();
        kokkosp_end_parallel_reduce(other);
        kokkosp_begin_fence("fence", 0, &id);
        kokkosp_end_fence(id);
        kokkosp_begin_deep_copy({"Host"}, "a", nullptr, {"Host"}, "b", nullptr, 8);
        kokkosp_end_deep_copy();
        kokkosp_end_deep_copy();
    });
    CHECK(calls(r, "solve/axpy") == 1);
    CHECK(calls(r, "solve/dot") == 1);
    CHECK(calls(r, "fence") == 1);
    CHECK(calls(r, "deep copy") == 1);
}

TEST_CASE("ggml: nodes are scopes named after their operation, without layers") {
    bool (*const evaluated)(tensor*, bool, void*) = ggml_eval_callback<tensor, name_of>;
    static bool (*call)(tensor*, bool, void*) = nullptr;
    call = evaluated;
    const report r = measured([] {
        scope s{"decode"};
        for (const char* name : {"ffn_out-0", "ffn_out-1", "kq", ""}) {
            tensor t{name};
            CHECK(call(&t, true, nullptr));
            CHECK(call(&t, false, nullptr));
        }
    });
    CHECK(calls(r, "decode/ffn_out") == 2);
    CHECK(calls(r, "decode/kq") == 1);
    CHECK(calls(r, "decode/(node)") == 1);
}

TEST_CASE("annotations: those too short to be separated are part of the surrounding scope") {
    const report r = measured([] {
        annotation_stack::settings().shortest = std::chrono::hours(1);
        annotation_stack::settings().looks = 16;
        annotation_stack& mine = annotation_stack::of_this_thread();
        const std::uint64_t before = annotation_stack::folded();
        static const char domain = 0;
        for (int i = 0; i < 100; ++i) {
            CHECK(mine.push(&domain, "outer") == 0);
            CHECK(mine.push(&domain, "op") == 1);
            CHECK(mine.pop(&domain) == 1);
            CHECK(mine.pop(&domain) == 0);
        }
        CHECK(annotation_stack::folded() == before + 2);
        annotation_stack::settings() = {};
    });
    CHECK(calls(r, "outer") == 16);
    CHECK(calls(r, "outer/op") == 16);
}
