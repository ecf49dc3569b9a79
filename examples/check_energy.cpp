// check_energy.cpp - checks the cost of code, here without a test framework; include the header
// after doctest, Catch2 or GoogleTest and it reports to them. With --history it shows the checks
// of many runs, from the files written by JOULERY_ENERGY_RESULTS:
//     check_energy --history results/*.jsonl [--svg energy.svg] [--junit energy.xml]
#include <joulery/assertions/check_history.hpp>
#include <joulery/assertions/checks.hpp>
#include <joulery/joulery.hpp>

#include <cmath>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
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

int check() {
    using namespace joulery::literals;
    const std::vector<double> x(64 * 1024, 0.5);
    const auto fast = [&] { return norm(x); };  // a result can't be optimized away
    const auto slow = [&] { return norm_by_power(x); };
    JOULERY_CHECK_ENERGY(joulery::uses_less_than(fast, slow, 0.9));  // in turns: for any machine

    const auto m = joulery::measure(fast);
    JOULERY_CHECK_ENERGY(m, < 20_mJ);  // joules a call
    JOULERY_CHECK_ENERGY(m.per_item(64 * 1024), < 1_uJ);
    JOULERY_CHECK_ENERGY_BASELINE(m, "norm", joulery::within(10_percent));

    return joulery::testing::exit_code();  // 1: one failed; 77: all were skipped
}

int show_history(const std::vector<std::string>& arguments) {
    std::string svg, junit;
    std::vector<joulery::testing::past_check> all;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const bool has_value = i + 1 < arguments.size();
        if (arguments[i] == "--svg" && has_value) {
            svg = arguments[++i];
        } else if (arguments[i] == "--junit" && has_value) {
            junit = arguments[++i];
        } else {
            std::ostringstream text;
            std::ifstream file(arguments[i]);
            text << file.rdbuf();
            const auto some = joulery::testing::read_checks(text.str());
            if (!file.is_open() || !some) {
                std::cerr << arguments[i] << ": "
                          << (some ? std::string("can't be read") : some.error().reason) << '\n';
                return 1;
            }
            all.insert(all.end(), some->begin(), some->end());
        }
    }
    const auto series = joulery::testing::by_name(all);
    std::cout << joulery::testing::history_table(series);
    if (!svg.empty()) std::ofstream(svg) << joulery::testing::history_svg(series);
    if (!junit.empty()) std::ofstream(junit) << joulery::testing::checks_to_junit(all);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (!arguments.empty() && arguments.front() == "--history")
        return show_history({arguments.begin() + 1, arguments.end()});
    return check();
}
