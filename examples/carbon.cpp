// carbon.cpp - from joules to CO2e: a place, a PUE, an intensity that changes with the hour, the
// embodied emissions, grams per item (SCI), another region, and a ledger of runs.
#include <joulery/full.hpp>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

namespace {

double train() {
    joulery::scope s{"train"};
    double x = 0;
    for (int i = 0; i < 20'000'000; ++i) x = std::cos(x + i);
    s.add_items(1000, "sample");
    return x;
}

int complain(const joulery::failure& why) {
    std::fprintf(stderr, "%s; %s\n", why.reason.c_str(), why.remedy.c_str());
    return 1;
}

/// The model for the run's emissions; an unknown name is a failure.
joulery::result<joulery::carbon_model> assumptions(const std::string& series_file) {
    using namespace joulery::literals;

    auto carbon = joulery::carbon_for("aws:eu-west-3");  // grid factor, PUE and water of the region
    if (!carbon) return carbon;

    carbon->overhead(1.12);  // the building's own PUE instead of the region's
    if (!series_file.empty()) {
        auto series = joulery::read_intensity_series(series_file);  // g/kWh over time
        if (!series) return series.error();
        carbon = joulery::carbon_over_time(*series, *carbon);
    }

    const auto gpu = joulery::embodied_factor("A100 SXM 40GB", 1);
    if (!gpu) return gpu.error();
    const auto making = joulery::embodied_for({*gpu}, std::chrono::hours(4 * 8760), 1.0);
    if (!making) return making.error();
    carbon->embodied = *making;  // spread over four years in service, all of it ours
    return carbon;
}

}  // namespace

int main(int argc, char** argv) {
    auto carbon = assumptions(argc > 1 ? argv[1] : "");
    if (!carbon) return complain(carbon.error());

    joulery::options chosen;
    chosen.carbon = *std::move(carbon);
    joulery::start(std::move(chosen));
    std::printf("x = %.6f\n\n", train());
    const joulery::report r = joulery::snapshot();

    std::printf("%s\n", to_text(footprint_for(r)).c_str());  // every factor with year and source

    const auto score = joulery::sci_score(r, "train");  // ISO/IEC 21031: grams per sample
    if (!score) return complain(score.error());
    std::printf("%s\n", to_text(*score).c_str());

    const auto moved = joulery::what_if(r, joulery::in_region{"aws:eu-north-1"});
    if (!moved) return complain(moved.error());
    std::printf("%s\n", to_text(*moved).c_str());

    const auto entry = joulery::make_ledger_entry(r, {"cosines", "training", ""});
    if (!entry) return complain(entry.error());
    const auto added = joulery::append_to_ledger("energy.jsonl", *entry);  // one line a run
    if (!added) return complain(added.error());
    const auto total = joulery::ledger_total("energy.jsonl");
    if (!total) return complain(total.error());
    std::printf("%s", to_text(*total).c_str());
}
