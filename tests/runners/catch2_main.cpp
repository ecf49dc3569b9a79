#define CATCH_CONFIG_ENABLE_BENCHMARKING  // as in catch2_benchmarks.cpp: its interfaces differ
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
