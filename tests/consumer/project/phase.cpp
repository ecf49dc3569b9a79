// phase.cpp - a shared library with a scope; built twice, as phase a and phase b.
#include <joulery/joulery.hpp>

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define JOIN_OF(a, b) a##b
#define JOIN(a, b) JOIN_OF(a, b)

extern "C" {
__attribute__((visibility("default"))) void JOIN(run_phase_, PHASE)(int times) {
    for (int i = 0; i < times; ++i) {
        joulery::scope s{"phase_" TEXT(PHASE)};
        s.add_items(2, "item");
    }
}
/// How many calls of `path` the meter has, seen from this library.
__attribute__((visibility("default"))) unsigned long JOIN(calls_seen_by_, PHASE)(const char* path) {
    const joulery::report r = joulery::snapshot();
    const joulery::scope_row* row = r.find(path);
    return row ? static_cast<unsigned long>(row->calls) : 0;
}
}
