// check_energy.cpp - checks what code costs, here without a test framework; include the header
// after doctest, Catch2 or GoogleTest and its checks are theirs.
#include <joulery/assertions/checks.hpp>
#include <joulery/joulery.hpp>

#include <cmath>
#include <vector>

namespace {

double norm(const std::vector<double>& x) {
    double sum = 0;
    for (const double v : x) sum += v * v;
    return std::sqrt(sum);
}

double norm_by_power(const std::vector<double>& x) {
    double sum = 0;
    for (const double v : x) sum += std::pow(std::fabs(v), 2.01);
    return std::sqrt(sum);
}

}  // namespace

int main() {
    using namespace joulery::literals;
    const std::vector<double> x(64 * 1024, 0.5);

    const auto m = joulery::measure([&] { return norm(x); });  // result can't be optimised away
    JOULERY_CHECK_ENERGY(m, < 20_mJ);                          // joules a call
    JOULERY_CHECK_ENERGY(m.per_item(64 * 1024), < 1_uJ);

    const auto fast = [&] { return norm(x); };
    const auto slow = [&] { return norm_by_power(x); };
    JOULERY_CHECK_ENERGY(joulery::uses_less_than(fast, slow, 0.9));  // measured in turns

    return joulery::testing::exit_code();  // 1: one failed; 77: all were skipped
}
