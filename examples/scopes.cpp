// scopes.cpp - everything a scope can do: nested, with items, on threads, under names made at run
// time, in code without blocks, switched off; and the options of the process-wide meter.
#include <joulery/joulery.hpp>

#include <atomic>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

double work(int rounds) {
    JOULERY_FUNCTION();  // the rest of the function is a scope called "work"
    double x = 0;
    for (int i = 0; i < rounds; ++i) x = std::cos(x + i);
    return x;
}

double serve(int request, const std::string& model) {
    joulery::scope s{"request"};
    joulery::scope named{model};  // any string: copied at its first visit, looked up afterwards
    const double x = work(2'000'000 + request);
    s.add_items(128, "token");
    return x;
}

// Code without suitable blocks: each phase ends where the next one begins.
double straight_through() {
    std::optional<joulery::scope> phase;
    phase.emplace("load");
    double x = work(1'000'000);
    phase.emplace("run");
    x += work(2'000'000);
    phase.reset();
    return x;
}

}  // namespace

int main() {
    joulery::options chosen;
    chosen.run_name = "scopes, a tour";
    chosen.attribution = joulery::attribution::shared;  // the default
    chosen.reports = {"scopes.json", "scopes.html"};    // written when the program ends
    joulery::start(std::move(chosen));                  // only needed to set options

    std::atomic<double> last{0};
    std::vector<std::thread> team;
    for (int t = 0; t < 2; ++t)
        team.emplace_back([t, &last] {
            for (int i = 0; i < 10; ++i) last = serve(i, t == 0 ? "small" : "large");
        });
    for (std::thread& member : team) member.join();

    last = straight_through();

    joulery::set_enabled(false);
    last = work(1'000'000);  // not measured; a scope costs one relaxed load
    joulery::set_enabled(true);

    const joulery::report r = joulery::snapshot();
    if (const joulery::scope_row* row = r.find("request"))
        std::printf("%.3f mJ per token, %s (x = %.6f)\n\n", row->total.joules() / row->items * 1e3,
                    to_text(row->provenance).data(), last.load());
    std::printf("%s", to_text(r).c_str());
}
