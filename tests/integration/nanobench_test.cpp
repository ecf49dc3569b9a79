#include "joulery/integration/nanobench.hpp"

#include "approx.hpp"
#include "testing/simulated_kernel.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <sstream>
#include <string>
#include <utility>

using namespace joulery;
using namespace std::chrono_literals;

namespace {

// The part of ankerl::nanobench::Bench (4.3) that is used: no package exists to test against.
class Bench {
 public:
    Bench& context(const std::string& name, const std::string& value) {
        variables[name] = value;
        return *this;
    }
    Bench& batch(double items) {
        batch_ = items;
        return *this;
    }
    double batch() const noexcept { return batch_; }
    template <class Op>
    Bench& run(const std::string& name, Op&& op) {
        ran = name;
        with = variables;
        op();
        return *this;
    }
    std::ostream* output() const noexcept { return out; }
    std::ostream* out = nullptr;
    std::map<std::string, std::string> variables, with;
    std::string ran;

 private:
    double batch_ = 1;
};

}  // namespace

TEST_CASE("nanobench: a result's context has the joules of the operation") {
    measured_machine sim;
    Bench bench;
    bench.batch(4);
    const measurement m = run_with_energy(sim.m, bench, "infer", [&] { sim.work(100, 1ms); });
    CHECK(bench.ran == "infer");
    CHECK(m.per_call.joules() == approx(0.1).epsilon(0.002));
    CHECK(std::stod(bench.with["joules_per_op"]) == approx(0.1).epsilon(0.002));
    CHECK(std::stod(bench.with["joules_low"]) <= 0.1);
    CHECK(std::stod(bench.with["joules_high"]) >= 0.1);
    CHECK(std::stod(bench.with["joules_per_item"]) == approx(0.025).epsilon(0.002));
    CHECK(std::stod(bench.with["watts"]) == approx(100).epsilon(0.002));
    CHECK(std::stod(bench.with["grams_co2e_per_op"]) > 0);
    CHECK(bench.with["energy_provenance"] == "measured");
}

TEST_CASE("nanobench: the table has a row with the joules of the operation") {
    measured_machine sim;
    std::ostringstream table;
    Bench bench;
    bench.out = &table;
    (void)run_with_energy(sim.m, bench, "infer", [&] { sim.work(100, 1ms); });
    const std::string row = table.str();
    CHECK(row.substr(0, row.find("mJ/op")) == "| 100 ");
    CHECK(row.find("/op | 100 W | ") != std::string::npos);
    CHECK(row.find(" | `infer` energy, measured\n") != std::string::npos);
    table.str("");
    options o;
    o.backends = no_backends();
    meter none{std::move(o)};
    (void)run_with_energy(none, bench, "infer", [] {});
    CHECK(table.str() == "| not measured | | | | `infer` energy: no energy counter can be read\n");
}

TEST_CASE("nanobench: without a counter the benchmark runs and the reason is given") {
    options o;
    o.backends = no_backends();
    meter none{std::move(o)};
    Bench bench;
    (void)run_with_energy(none, bench, "infer", [] {});
    CHECK(bench.ran == "infer");
    CHECK(bench.with["joules_per_op"].empty());
    CHECK(bench.with["energy_provenance"] == "no energy counter can be read");
}
