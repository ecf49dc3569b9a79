// google_benchmark.hpp - energy counters for every Google Benchmark.
// SPDX-License-Identifier: MIT
//
// One line adds J/iter, W, J/item (after SetItemsProcessed) and gCO2e/iter to every output:
//     int main(int argc, char** argv) { return joulery::run_benchmarks(argc, argv); }
// Benchmarks with long set-up, PauseTiming or manual time say where their loop is:
//     joulery::benchmark_energy watch{state};
//     for (auto _ : state) ...
//
// Google Benchmark's own hooks do not suffice: its memory and profiler managers observe an
// additional run on one thread, so a benchmark with several threads would be measured on one.
#pragma once

#if __has_include(<benchmark/benchmark.h>)

#include "joulery/assertions/counter_edges.hpp"
#include "joulery/assertions/measuring_meter.hpp"
#include "joulery/assertions/statistics.hpp"
#include "joulery/detail/core/environment_variable.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/meter.hpp"
#include "joulery/units.hpp"

#include <benchmark/benchmark.h>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

namespace detail {

/// The meter that `run_benchmarks` was given, for `benchmark_energy`.
inline meter* benchmark_meter = nullptr;

/// The energy of benchmark runs, computed when they are reported: what the machine used during a
/// period as long as their loops, ending then. Repetitions precede one another.
class benchmark_figures {
 public:
    using run = benchmark::BenchmarkReporter::Run;
    using counters = std::map<std::string, double>;

    /// With `all_columns` each run has every counter, because a CSV file has the columns of its
    /// first run.
    benchmark_figures(meter& m, bool all_columns) : timeline_(m), all_columns_(all_columns) {}

    /// The runs with their counters; runs seen before keep theirs.
    std::vector<run> with_energy(const std::vector<run>& runs) {
        std::vector<run> out = runs;
        auto end = testing::energy_timeline::clock::now();
        for (auto r = out.rbegin(); r != out.rend(); ++r) {
            if (r->run_type != run::RT_Iteration) continue;
            const std::string key = r->benchmark_name() + "#" + std::to_string(r->repetition_index);
            auto known = known_.find(key);
            if (known == known_.end()) known = known_.emplace(key, measure(*r, end)).first;
            add(*r, known->second);
        }
        for (run& r : out)
            if (r.run_type == run::RT_Aggregate) add(r, aggregate(r));
        for (run& r : out)
            for (const char* name : {"J/iter", "J/item", "W", "gCO2e/iter"})
                if (all_columns_) r.counters.emplace(name, joulery::not_a_number());
        return out;
    }

 private:
    // `end` moves back by the run's time.
    counters measure(const run& r, testing::energy_timeline::clock::time_point& end) {
        const bool timed = r.iterations > 0 && r.real_accumulated_time > 0 &&
                           r.run_name.time_type.find("manual") == std::string::npos;
        if (!timed || r.counters.count("J/iter") > 0) return {};
        const auto begin =
            end - std::chrono::duration_cast<testing::energy_timeline::clock::duration>(
                      seconds(r.real_accumulated_time));
        const energy used = timeline_.between(begin, end);
        end = begin;
        counters c;
        c["J/iter"] = used.joules() / static_cast<double>(r.iterations);
        c["W"] = used.joules() / r.real_accumulated_time;
        c["gCO2e/iter"] = timeline_.source().settings().carbon.of(used).grams() /
                          static_cast<double>(r.iterations);
        const auto rate = r.counters.find("items_per_second");
        if (rate != r.counters.end() && rate->second.value > 0) {
            const bool real = r.run_name.time_type.find("real") != std::string::npos;
            const double of = real ? r.real_accumulated_time : r.cpu_accumulated_time;
            c["J/item"] = used.joules() / (rate->second.value * of);
        }
        series_[r.run_name.str()].push_back(c);
        return c;
    }

    [[nodiscard]] counters aggregate(const run& r) const {
        counters out;
        const auto found = series_.find(r.run_name.str());
        if (found == series_.end()) return out;
        std::map<std::string, std::vector<double>> by_name;
        for (const counters& c : found->second)
            for (const auto& [name, value] : c) by_name[name].push_back(value);
        for (const auto& [name, values] : by_name) {
            const double mean = testing::mean(values);
            const double deviation = std::sqrt(testing::variance(values));
            if (r.aggregate_name == "mean") out[name] = mean;
            if (r.aggregate_name == "median") out[name] = testing::median(values);
            if (r.aggregate_name == "stddev") out[name] = deviation;
            if (r.aggregate_name == "cv" && mean > 0) out[name] = deviation / mean;
        }
        return out;
    }

    void add(run& r, const counters& c) const {
        for (const auto& [name, value] : c) r.counters.emplace(name, benchmark::Counter(value));
        if (c.empty() || r.run_type != run::RT_Iteration) return;
        r.report_label += (r.report_label.empty() ? "energy " : ", energy ");
        r.report_label += to_text(timeline_.provenance());
    }

    testing::energy_timeline timeline_;
    const bool all_columns_;
    std::map<std::string, counters> known_;
    std::map<std::string, std::vector<counters>> series_;
};

/// Passes runs on with their energy, or only their aggregates. No `override`, because members of
/// the interface differ between versions.
class energy_reporter : public benchmark::BenchmarkReporter {
 public:
    energy_reporter(benchmark::BenchmarkReporter& inner, benchmark_figures& figures,
                    bool aggregates_only)
        : inner_(inner), figures_(figures), aggregates_only_(aggregates_only) {}

    bool ReportContext(const Context& context) {
        inner_.SetOutputStream(&GetOutputStream());
        inner_.SetErrorStream(&GetErrorStream());
        return inner_.ReportContext(context);
    }
    void ReportRuns(const std::vector<Run>& runs) {
        const std::vector<Run> with = figures_.with_energy(runs);
        if (!aggregates_only_ || !has_aggregates(with)) inner_.ReportRuns(with);
    }
    void Finalize() { inner_.Finalize(); }
    /// Since 1.8.
    void ReportRunsConfig(double min_time, bool has_explicit_iters,
                          benchmark::IterationCount iterations) {
        pass_on(inner_, min_time, has_explicit_iters, iterations, 0);
    }

 private:
    template <class Reporter>
    static auto pass_on(Reporter& to, double min_time, bool has_explicit_iters,
                        benchmark::IterationCount iterations, int)
        -> decltype(to.ReportRunsConfig(min_time, has_explicit_iters, iterations)) {
        to.ReportRunsConfig(min_time, has_explicit_iters, iterations);
    }
    template <class Reporter>
    static void pass_on(Reporter&, double, bool, benchmark::IterationCount, long) {}

    // Whether these are repetitions whose aggregates the library reports next.
    static bool has_aggregates(const std::vector<Run>& runs) {
        std::size_t whole = 0;
        for (const Run& r : runs)
            whole +=
                r.run_type == Run::RT_Iteration && r.repetitions > 1 && r.real_accumulated_time > 0;
        return whole >= 2;
    }

    benchmark::BenchmarkReporter& inner_;
    benchmark_figures& figures_;
    const bool aggregates_only_;
};

/// The relevant parts of the command line, or of the corresponding environment variables.
class benchmark_flags {
 public:
    benchmark_flags(int argc, char** argv) : arguments_(argv, argv + argc) {
        has_file = !value("out").empty();
        file_format = value("out_format");
        csv = value("format") == "csv" || (has_file && file_format == "csv");
        interleaved = is_on("enable_random_interleaving");
        aggregates_in_file = is_on("report_aggregates_only");
        aggregates_shown = aggregates_in_file || is_on("display_aggregates_only");
    }
    bool has_file, csv, interleaved, aggregates_in_file, aggregates_shown;
    std::string file_format;

    /// The arguments, changed so that the library reports every run: aggregates contain neither the
    /// duration of the loops nor their time.
    [[nodiscard]] std::vector<char*> with_all_runs() {
        static char no_report[] = "--benchmark_report_aggregates_only=false";
        static char no_display[] = "--benchmark_display_aggregates_only=false";
        std::vector<char*> all = arguments_;
        all.insert(all.end(), {no_report, no_display});
        return all;
    }

 private:
    // The last flag counts; without "=" it is on.
    [[nodiscard]] std::string value(const std::string& name) const {
        std::string upper = "BENCHMARK_" + name;
        for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        const char* variable = joulery::detail::environment_variable(upper.c_str());
        std::string found = variable != nullptr ? variable : "";
        const std::string flag = "--benchmark_" + name;
        for (const std::string_view a : arguments_) {
            if (a == flag) found = "true";
            if (a.substr(0, flag.size() + 1) == flag + "=") found = a.substr(flag.size() + 1);
        }
        return found;
    }
    [[nodiscard]] bool is_on(const std::string& name) const {
        const std::string text = value(name);
        const char first = text.empty() ? '0' : text.front();
        return first == '1' || first == 't' || first == 'T' || first == 'y' || first == 'Y' ||
               text == "on" || text == "ON";
    }

    std::vector<char*> arguments_;
};

inline std::unique_ptr<benchmark::BenchmarkReporter> make_file_reporter(const std::string& format) {
    if (format == "console")
        return std::make_unique<benchmark::ConsoleReporter>(benchmark::ConsoleReporter::OO_None);
#if defined(__GNUC__) || defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#endif
    if (format == "csv") return std::make_unique<benchmark::CSVReporter>();
#if defined(__GNUC__) || defined(__clang__)
#pragma GCC diagnostic pop
#endif
    return std::make_unique<benchmark::JSONReporter>();
}

inline void describe_energy(meter& m) {
    benchmark::AddCustomContext("joulery_channels", testing::counter_edges(m).summed_channels());
    const reading r = m.read();
    benchmark::AddCustomContext("joulery_provenance", std::string(to_text((r - r).provenance())));
    benchmark::AddCustomContext("joulery_carbon", m.settings().carbon.grid.source);
}

}  // namespace detail

/// Runs the registered benchmarks according to the command line, with energy counters. For `return`
/// in main.
///
/// All output formats and --benchmark_*_aggregates_only show energy. A benchmark that requests only
/// aggregates in code (ReportAggregatesOnly) needs `benchmark_energy`.
///
/// Fails:  without a counter, and with random interleaving (runs are then reported long after they
///         ran), the benchmarks run without energy, and a line on stderr says why.
inline int run_benchmarks(int argc, char** argv, meter& m) {
    detail::benchmark_flags flags(argc, argv);
    const bool measured = !m.channels().empty() && !flags.interleaved;
    std::vector<char*> arguments =
        measured ? flags.with_all_runs() : std::vector<char*>(argv, argv + argc);
    int count = static_cast<int>(arguments.size());
    arguments.push_back(nullptr);
    benchmark::Initialize(&count, arguments.data());
    if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 1;
    if (measured) {
        detail::benchmark_meter = &m;
        detail::describe_energy(m);
        detail::benchmark_figures figures(m, flags.csv);
        detail::energy_reporter display(*benchmark::CreateDefaultDisplayReporter(), figures,
                                        flags.aggregates_shown);
        const auto written = detail::make_file_reporter(flags.file_format);
        detail::energy_reporter file(*written, figures, flags.aggregates_in_file);
        benchmark::RunSpecifiedBenchmarks(&display, flags.has_file ? &file : nullptr);
        detail::benchmark_meter = nullptr;
    } else {
        std::fprintf(stderr, "joulery: no energy counters: %s\n",
                     flags.interleaved ? "benchmarks are interleaved" : "nothing can be read");
        for (const std::string& w : m.settings().warnings)
            std::fprintf(stderr, "joulery: %s\n", w.c_str());
        benchmark::RunSpecifiedBenchmarks();
    }
    benchmark::Shutdown();
    return 0;
}
inline int run_benchmarks(int argc, char** argv) {
    return run_benchmarks(argc, argv, testing::measuring_meter());
}

/// Measures the following loop exactly, from construction to destruction, which should coincide
/// with the end of the benchmark. With several threads the first thread measures for all, since
/// they begin and end their loops together.
///
/// Thread: one per benchmark thread. Cost: two reads of the meter. Fails: without a counter there
/// are no energy counters.
///
///     static void infer(benchmark::State& state) {
///         network net = load();                       // not measured
///         joulery::benchmark_energy watch{state};
///         for (auto _ : state) benchmark::DoNotOptimize(net.infer(x));
///     }
class benchmark_energy {
 public:
    explicit benchmark_energy(benchmark::State& state)
        : benchmark_energy(state, detail::benchmark_meter != nullptr ? *detail::benchmark_meter
                                                                     : testing::measuring_meter()) {
    }
    benchmark_energy(benchmark::State& state, meter& m) : state_(state), meter_(m) {
        if (state.thread_index() != 0 || m.channels().empty()) return;
        edges_ = std::make_unique<testing::counter_edges>(m);
        begin_ = edges_->before();
    }
    benchmark_energy(const benchmark_energy&) = delete;
    benchmark_energy& operator=(const benchmark_energy&) = delete;
    ~benchmark_energy() {
        if (edges_ == nullptr || state_.iterations() == 0) return;
        using benchmark::Counter;
        const testing::dated_difference d = edges_->between(begin_, edges_->after());
        const auto threads = static_cast<double>(state_.threads());
        const auto iterations = static_cast<double>(state_.iterations()) * threads;
        const auto items = static_cast<double>(state_.items_processed()) * threads;
        state_.counters["J/iter"] = Counter(d.used.joules() / iterations);
        state_.counters["W"] = Counter((d.used / d.time).watts());
        state_.counters["gCO2e/iter"] =
            Counter(meter_.settings().carbon.of(d.used).grams() / iterations);
        if (items > 0) state_.counters["J/item"] = Counter(d.used.joules() / items);
        state_.SetLabel("energy " + std::string(to_text(d.provenance)));
    }

 private:
    benchmark::State& state_;
    meter& meter_;
    std::unique_ptr<testing::counter_edges> edges_;
    testing::dated_reading begin_;
};

}  // namespace v1
}  // namespace joulery

#endif
