// A program that does not know the library: it has NVTX ranges or Kokkos hooks, and loads a tool as
// NVTX's header and Kokkos' runtime do.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include <dlfcn.h>

namespace {

void work() {
    volatile double x = 1;
    for (int i = 0; i < 3'000'000; ++i) x = std::cos(x);
}

void* load(const char* variable) {
    const char* const file = std::getenv(variable);
    return file != nullptr ? ::dlopen(file, RTLD_LAZY) : nullptr;
}

// NVTX: nvtxDetail/nvtxInit.h and nvtxTypes.h.
using function = void (*)();
function core[16], core2[16];
function* core_table[17];
function* core2_table[17];
int get_module(int module, function*** table, unsigned* size) {
    if (module != 1 && module != 5) return 0;
    *table = module == 1 ? core_table : core2_table;
    *size = 16;
    return 1;
}
const void* get_table(std::uint32_t id) {
    static const struct {
        std::size_t size;
        int (*get)(int, function***, unsigned*);
    } callbacks{sizeof callbacks, get_module};
    return id == 1 ? &callbacks : nullptr;
}

int with_nvtx() {
    for (unsigned i = 1; i < 16; ++i) core_table[i] = &core[i], core2_table[i] = &core2[i];
    if (void* tool = load("NVTX_INJECTION64_PATH")) {
        const auto initialize = reinterpret_cast<int (*)(const void* (*)(std::uint32_t))>(
            ::dlsym(tool, "InitializeInjectionNvtx2"));
        if (initialize == nullptr || initialize(get_table) != 1) return 3;
    }
    const auto push = reinterpret_cast<int (*)(const char*)>(core[9]);
    const auto pop = reinterpret_cast<int (*)()>(core[11]);
    for (int step = 0; step < 3; ++step) {
        if (push != nullptr) push("step");
        for (const char* name : {"forward", "backward"}) {
            if (push != nullptr) push(name);
            work();
            if (pop != nullptr) pop();
        }
        if (pop != nullptr) pop();
    }
    return 0;
}

// Kokkos: Kokkos_Profiling.cpp.
int with_kokkos() {
    void* const tool = load("KOKKOS_TOOLS_LIBS");
    if (tool == nullptr) return 3;
    const auto push =
        reinterpret_cast<void (*)(const char*)>(::dlsym(tool, "kokkosp_push_profile_region"));
    const auto pop = reinterpret_cast<void (*)()>(::dlsym(tool, "kokkosp_pop_profile_region"));
    const auto begin = reinterpret_cast<void (*)(const char*, std::uint32_t, std::uint64_t*)>(
        ::dlsym(tool, "kokkosp_begin_parallel_for"));
    const auto end =
        reinterpret_cast<void (*)(std::uint64_t)>(::dlsym(tool, "kokkosp_end_parallel_for"));
    if (push == nullptr || pop == nullptr || begin == nullptr || end == nullptr) return 4;
    push("solve");
    for (int i = 0; i < 4; ++i) {
        std::uint64_t id = 0;
        begin("axpy", 0, &id);
        work();
        end(id);
    }
    pop();
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return argc > 1 && std::strcmp(argv[1], "kokkos") == 0 ? with_kokkos() : with_nvtx();
}
