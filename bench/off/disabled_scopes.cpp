// Compiled with JOULERY_DISABLE: the same loop with a scope and without.
#include "joulery/scope.hpp"

#include "scope_cost.hpp"

#include <benchmark/benchmark.h>

void disabled_scopes(int times) {
    for (int i = 0; i < times; ++i) {
        joulery::scope s{"off"};
        benchmark::ClobberMemory();
    }
}

void no_scopes(int times) {
    for (int i = 0; i < times; ++i) benchmark::ClobberMemory();
}
