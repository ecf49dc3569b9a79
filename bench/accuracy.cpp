// How true are the joules of scopes? A simulated machine whose power is known at every moment runs
// programs under the conditions of real machines. Each row compares the error of joulery's joules
// with those of reading counters at a scope's edges and of sharing by time, and states how often
// joulery's error bar (k = 2) covers the truth. All time is simulated.
//
//     accuracy                     every row, 8 programs each (minutes)
//     accuracy --quick             a few rows with one program
//     accuracy --only TEXT         rows whose condition contains TEXT ("lag", "threads")
//     accuracy --seeds N           N programs per row
//     accuracy --json              the rows as a JSON array, errors in % as [median, worst]
#include "accuracy/conditions.hpp"
#include "accuracy/thread_conditions.hpp"
#include "accuracy_steady.hpp"
#include "accuracy_table.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct settings {
    bool quick = false, json = false, understood = true;
    std::string only;
    std::uint64_t seeds = 0;

    settings(int argc, char** argv) {
        for (int i = 1; i < argc; ++i) {
            const std::string_view option = argv[i];
            const bool has_value = i + 1 < argc;
            if (option == "--quick") {
                quick = true;
            } else if (option == "--json") {
                json = true;
            } else if (option == "--only" && has_value) {
                only = argv[++i];
            } else if (option == "--seeds" && has_value) {
                seeds = std::strtoull(argv[++i], nullptr, 10);
            } else {
                understood = false;
            }
        }
        if (seeds == 0) seeds = quick ? 1 : 8;
    }
    [[nodiscard]] bool wants(std::string_view name) const {
        return name.find(only) != std::string_view::npos;
    }
};

void run_turns(accuracy_table& table, const settings& s) {
    for (const accuracy_condition& c : accuracy_conditions::all()) {
        if (!s.wants(c.name)) continue;
        for (const double length : c.lengths) {
            if (s.quick && c.lengths.size() > 1 && length != 500e-6 && length != 5e-3) continue;
            accuracy_row r{c.name, seconds_text(length), {}, c.goal};
            for (std::uint64_t seed = 1; seed <= s.seeds; ++seed)
                r.errors.add(run(c.program(seed, length), seed));
            table.add(r);
        }
    }
}

void run_threads(accuracy_table& table, const settings& s) {
    const char* const names[] = {"", ": waiting", ": outside", ": total"};
    for (const thread_condition& c : accuracy_conditions::all_threads()) {
        if (!s.wants(c.name)) continue;
        for (const double duration : c.durations) {
            if (s.quick && duration > 20) continue;
            std::map<thread_figures, error_summary> errors;
            for (std::uint64_t seed = 1; seed <= s.seeds; ++seed) {
                std::mt19937_64 random(seed * 104'729);
                thread_program p = c.program(random);
                p.duration = duration;
                const thread_outcome o = thread_player(std::move(p), seed).run();
                errors[thread_figures::scopes].add(o.scopes);
                errors[thread_figures::waiting].add(o.waiting);
                errors[thread_figures::outside].add(o.outside);
                errors[thread_figures::total].add(o.total);
            }
            for (const auto& [which, goal] : c.rows)
                table.add({c.name + names[static_cast<int>(which)], seconds_text(duration),
                           errors[which], goal});
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    const settings s(argc, argv);
    if (!s.understood) {
        std::fprintf(stderr, "usage: accuracy [--quick] [--only TEXT] [--seeds N] [--json]\n");
        return 2;
    }
    accuracy_table table(s.json);
    if (!s.json)
        std::printf(
            "errors in %% of the true joules, median / worst over the scopes of %d "
            "programs; bar and cover in %%\n",
            static_cast<int>(s.seeds));
    table.title("scopes in turn on one thread, under the conditions of real machines");
    run_turns(table, s);
    table.title("threads and streams");
    run_threads(table, s);
    table.title("constant power, one thread, one counter of 1 ms");
    run_steady(table, s.seeds, s.quick,
               [&](const std::string& name) { return s.wants("steady: " + name); });
    table.finish();
    if (!s.json && s.only.empty()) print_calibration(s.quick ? 20 : 1000);
}
