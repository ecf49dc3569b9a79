// What does it cost to find a place by its name? Looks up every name of the tables and prints the
// mean over all of them and the slowest. The factor of a place has texts, which allocate.
//
//     place_lookup [--quick]
#include "joulery/assertions/interleaved_run.hpp"
#include "joulery/carbon/grid_factor_for.hpp"
#include "joulery/detail/carbon/tables/place_index.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <string_view>
#include <vector>

using namespace joulery;

namespace {

constexpr int batch = 100;

template <class Lookup>
double nanoseconds_of(Lookup look_up, std::string_view name) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < batch; ++i) testing::do_not_optimize(look_up(name));
    const auto time = std::chrono::steady_clock::now() - begin;
    return std::chrono::duration<double, std::nano>(time).count() / batch;
}

/// Mean and slowest over all names, each the median of that many rounds.
template <class Lookup>
void tell(const char* what, Lookup look_up, int rounds) {
    double sum = 0, slowest = 0;
    const char* which = "";
    for (const detail::place_key& k : detail::place_index) {
        std::vector<double> times;
        for (int i = 0; i < rounds; ++i) times.push_back(nanoseconds_of(look_up, k.key));
        std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
        const double median = times[static_cast<std::size_t>(rounds / 2)];
        sum += median;
        if (median > slowest) slowest = median, which = k.key;
    }
    const auto names = static_cast<double>(std::size(detail::place_index));
    std::printf("| %-34s | %7.1f ns | %7.1f ns (%s) |\n", what, sum / names, slowest, which);
}

}  // namespace

int main(int argc, char**) {
    const int rounds = argc > 1 ? 3 : 21;
    std::printf("| of %zu names | mean | slowest |\n|---|---|---|\n",
                std::size(detail::place_index));
    tell(
        "find_places: the place", [](std::string_view n) { return find_places(n); }, rounds);
    tell(
        "intensity_for: its factor, with texts",
        [](std::string_view n) { return intensity_for(n); }, rounds);
}
