// examples/footprint.cpp - the footprint of a run or of a number of kWh, with every factor and
// assumption behind it.
//
//     footprint --kwh 1287000 --intensity 429                 GPT-3's training, as published
//     footprint run.json --region aws:eu-north-1              a measured run, elsewhere
//     footprint run.json --series fr-2025.csv                 by the grid of the hours it ran in;
//                                                             what is stated decides the headline
//     footprint run.json --where                              where would it have been cleanest?
//     footprint --kwh 10 --region FR --pue 1.2 --embodied "A100 SXM 40GB" 8 35040 1 --hours 2
//     footprint --kwh 10 --region FR --pue 1.2 --items 1000000 token
//     footprint --kwh 10 --series fr-2025.csv                 the mean of a series, with its gaps
//     footprint --gpu-hours 3552000 --gpu A100 --utilization 0.6 --pue 1.1
//                                                             not measured: from the card's TDP
//     footprint --published                                   papers' tables, recomputed
//
// Exit status: 0; 1 for invalid input (an unknown region, a broken file).
#include <joulery/accounting/footprint.hpp>
#include <joulery/accounting/report_carbon.hpp>
#include <joulery/accounting/what_if.hpp>
#include <joulery/carbon/accelerator_power.hpp>
#include <joulery/carbon/carbon_for.hpp>
#include <joulery/carbon/embodied.hpp>
#include <joulery/carbon/series_reader.hpp>
#include <joulery/figures.hpp>
#include <joulery/report_io.hpp>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <locale>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "published_footprints.hpp"

namespace {

using namespace joulery;

struct command_line {
    std::optional<double> kwh, intensity, pue, items, hours, gpu_hours, utilization;
    std::string report_file, region, series, gpu, unit = "item";
    std::string hardware;
    double pieces = 0, lifetime_hours = 0, share = 0;
    bool help = false, where = false, published = false, sources = false;
};

constexpr const char* usage =
    "usage: footprint (run.json | --kwh N | --gpu-hours N --gpu NAME) [option]...\n"
    "       footprint --published\n"
    "  --region PLACE          FR, US-CA, aws:eu-west-3\n"
    "  --intensity N           g CO2e/kWh\n"
    "  --series FILE           g CO2e/kWh over time, CSV or JSON\n"
    "  --pue N                 facility energy over IT energy\n"
    "  --embodied HARDWARE PIECES LIFETIME_HOURS SHARE\n"
    "  --where                 where it would have been cleanest\n"
    "  --hours N               with --kwh: how long it ran\n"
    "  --gpu-hours N           hours of all cards together, at their TDP\n"
    "  --gpu NAME              which card\n"
    "  --utilization N         mean, from 0 to 1; default 1\n"
    "  --items N UNIT          with --kwh: how many tokens, images, ... it produced\n"
    "  --sources               the sources of the equivalents\n"
    "  --published             papers' tables, recomputed\n";

int complain(const failure& why) {
    std::fprintf(stderr, "footprint: %s\n", why.reason.c_str());
    if (!why.remedy.empty()) std::fprintf(stderr, "remedy: %s\n", why.remedy.c_str());
    return 1;
}

/// Parses the arguments; an error names the first invalid one.
class argument_reader {
 public:
    argument_reader(int count, char** values) : rest_(values + 1, values + count) {}

    std::optional<failure> read(command_line& c) {
        while (at_ < rest_.size() && !why_) one(c, rest_[at_++]);
        return why_;
    }

 private:
    void one(command_line& c, const std::string& name) {
        if (name == "--kwh") {
            c.kwh = number(name);
        } else if (name == "--intensity") {
            c.intensity = number(name);
        } else if (name == "--pue") {
            c.pue = number(name);
        } else if (name == "--hours") {
            c.hours = number(name);
        } else if (name == "--gpu-hours") {
            c.gpu_hours = number(name);
        } else if (name == "--utilization") {
            c.utilization = number(name);
        } else if (name == "--gpu") {
            c.gpu = text(name);
        } else if (name == "--region") {
            c.region = text(name);
        } else if (name == "--series") {
            c.series = text(name);
        } else if (name == "--items") {
            c.items = number(name);
            c.unit = text(name);
        } else if (name == "--embodied") {
            c.hardware = text(name);
            c.pieces = number(name);
            c.lifetime_hours = number(name);
            c.share = number(name);
        } else if (name == "--help" || name == "-h") {
            c.help = true;
        } else if (name == "--where") {
            c.where = true;
        } else if (name == "--sources") {
            c.sources = true;
        } else if (name == "--published") {
            c.published = true;
        } else if (!name.empty() && name[0] != '-') {
            if (!c.report_file.empty())
                why_ = failure{"two reports: " + c.report_file + " and " + name,
                               "merge them first: report -o both.json A.json B.json"};
            c.report_file = name;
        } else {
            why_ = failure{"'" + name + "' is not an option", "see footprint --help"};
        }
    }
    std::string text(const std::string& name) {
        if (at_ < rest_.size()) return rest_[at_++];
        if (!why_) why_ = failure{name + " lacks a value", "see footprint --help"};
        return {};
    }
    double number(const std::string& name) {
        const std::string given = text(name);
        std::istringstream in(given);
        in.imbue(std::locale::classic());
        double value = 0;
        if (!(in >> value && in.peek() == std::istringstream::traits_type::eof()) && !why_)
            why_ = failure{name + ": '" + given + "' is not a number", "write it as 12.5"};
        return value;
    }

    std::vector<std::string> rest_;
    std::size_t at_ = 0;
    std::optional<failure> why_;
};

/// Combinations of options in which one would be ignored silently.
std::optional<failure> contradiction(const command_line& c) {
    const bool measured = !c.report_file.empty();
    if (measured && (c.kwh || c.items || c.hours || c.gpu_hours))
        return failure{"--kwh, --gpu-hours, --items and --hours are for a run without a report",
                       "leave them out: " + c.report_file + " has its own"};
    if (c.kwh && c.gpu_hours)
        return failure{"--kwh and --gpu-hours both state the energy", "leave one of them out"};
    if (c.gpu_hours && c.gpu.empty()) return failure{"the card is missing", "add --gpu NAME"};
    if (!c.gpu_hours && (!c.gpu.empty() || c.utilization))
        return failure{"--gpu and --utilization are for --gpu-hours", "add --gpu-hours N"};
    if (c.gpu_hours && !(*c.gpu_hours > 0)) return failure{"--gpu-hours must be positive", ""};
    if (c.utilization && !(*c.utilization > 0 && *c.utilization <= 1))
        return failure{"--utilization must be above 0 and at most 1", ""};
    if (c.hours && !(*c.hours > 0)) return failure{"--hours must be positive", ""};
    if (!measured && !c.published && !c.hardware.empty() && !c.hours)
        return failure{"--embodied is charged by time, and the duration is missing",
                       "add --hours N"};
    return std::nullopt;
}

/// The model from the options: the user's number has priority, then the series, then the region.
result<carbon_model> stated_model(const command_line& c) {
    carbon_model m;
    if (!c.region.empty()) {
        auto found = carbon_for(c.region);
        if (!found) return found.error();
        m = *found;
    }
    if (!c.series.empty()) {
        const auto series = read_intensity_series(c.series);
        if (!series) return series.error();
        for (const std::string& note : (*series)->about().notes)
            std::printf("series: %s\n", note.c_str());
        m = carbon_over_time(*series, m);
    }
    if (c.intensity) m.intensity(carbon_intensity::from_grams_per_kwh(*c.intensity));
    if (c.pue) m.overhead(*c.pue);
    if (!c.hardware.empty()) {
        const auto item = embodied_factor(c.hardware, c.pieces);
        if (!item) return item.error();
        const auto rate = embodied_for({*item}, seconds(c.lifetime_hours * 3600), c.share);
        if (!rate) return rate.error();
        m.embodied = *rate;
    }
    for (const std::string& w : m.sanitize()) std::printf("warning: %s\n", w.c_str());
    return m;
}

/// A run of the given kWh, as a report.
result<report> run_of(const command_line& c) {
    if (!c.report_file.empty()) {
        std::ifstream in(c.report_file, std::ios::binary);
        if (!in) return failure{"can't read " + c.report_file, "check the path"};
        std::ostringstream text;
        text << in.rdbuf();  // takes nothing from a folder
        if (!text) return failure{"can't read " + c.report_file, "name a report.json"};
        return from_json(text.str());
    }
    std::string method = "the energy was stated on the command line";
    energy it = energy::from_kilowatt_hours(c.kwh.value_or(0));
    if (c.gpu_hours) {
        const auto card = accelerator_power_for(c.gpu);
        if (!card) return card.error();
        it = card->watts * seconds(*c.gpu_hours * 3600) * c.utilization.value_or(1);
        method = "energy: " + format_significant(*c.gpu_hours, 10) + " GPU hours x " +
                 to_text(card->watts) + " (" + card->name + ": " + card->source +
                 ") x utilization " + format_significant(c.utilization.value_or(1), 3) +
                 (c.utilization ? "" : ", which was not stated") +
                 "; the cards only, without the machines around them";
    } else if (!c.kwh) {
        return failure{"no run was given", "name a report.json, or --kwh, or --gpu-hours"};
    } else if (!(*c.kwh > 0)) {
        return failure{"--kwh must be positive", ""};
    }
    auto model = stated_model(c);
    if (!model) return model.error();
    report r;
    r.context.carbon = *model;
    r.context.duration = seconds(c.hours.value_or(0) * 3600);
    r.context.library = "the command line";
    r.context.attribution = "none";
    r.provenance = quality::estimated;
    r.total = it;
    r.warnings = {method};
    r.co2e = model->of(r.total);
    return r;
}

/// Replaces the carbon model of a measured run by the options: region, series, the
/// user's own number, PUE; later ones override earlier ones.
struct stated_on_command_line {
    const command_line& c;

    std::optional<failure> apply(what_if_result& w) const {
        if (!c.region.empty())
            if (auto why = in_region{c.region}.apply(w)) return why;
        if (!c.series.empty()) {
            const auto series = read_intensity_series(c.series);
            if (!series) return series.error();
            if (auto why = started_at{*series, w.changed.context.started}.apply(w)) return why;
        }
        if (c.intensity) {
            const water_factors water = w.changed.context.carbon.water;
            const auto stated = carbon_intensity::from_grams_per_kwh(*c.intensity);
            if (auto why = at_intensity{stated}.apply(w)) return why;
            if (!c.region.empty()) w.changed.context.carbon.water = water;  // the place's
        }
        if (c.pue) return at_pue{*c.pue}.apply(w);
        return std::nullopt;
    }
};

void show_rates(const report& r) {
    for (const scope_row& row : r.scopes) {
        if (!(row.items > 0)) continue;
        const auto score = sci_score(r, row.path);
        if (score) std::printf("\nscope %s\n%s", row.path.c_str(), to_text(*score).c_str());
    }
}

/// SCI of energy given on the command line.
int show_rate(const report& r, const command_line& c) {
    sci_input in;
    in.it = r.total;
    in.pue = r.context.carbon.pue;
    in.pue_source = r.context.carbon.pue_source;
    in.grid = r.context.carbon.grid;
    in.embodied = r.context.carbon.embodied.of(r.context.duration);
    in.embodied_source = r.context.carbon.embodied.source;
    in.units = *c.items;
    in.unit = c.unit;
    in.boundary = "the energy stated on the command line";
    in.method = "stated by the user";
    const auto score = sci(in);
    if (!score) return complain(score.error());
    std::printf("\n%s", to_text(*score).c_str());
    return 0;
}

/// A paper's figure and the result of its own inputs, if rounding does not explain the difference.
void show_disagreement(const published_footprint& p, double tonnes) {
    const double by_hours = p.accelerator_hours * p.watts * (p.mwh_holds_pue ? p.pue : 1) / 1e6;
    const double half_hours = p.accelerator_hours > 0 ? p.hours_half / p.accelerator_hours : 0;
    const double rounding =
        p.mwh_half + by_hours * (half_hours + (p.watts > 0 ? 0.5 / p.watts : 0));
    if (p.mwh > 0 && by_hours > 0 && std::fabs(by_hours - p.mwh) > rounding)
        std::printf("  %s: %s h x %s W%s is %s MWh, printed %s (%+.1f %%)\n", p.name,
                    format_significant(p.accelerator_hours).c_str(),
                    format_significant(p.watts).c_str(), p.mwh_holds_pue ? " x PUE" : "",
                    format_significant(by_hours, 4).c_str(), format_significant(p.mwh).c_str(),
                    (by_hours / p.mwh - 1) * 100);
    if (std::string_view(p.verdict) == "INCONSISTENT")
        std::printf("  %s: energy x %s kg/kWh is %s t, printed %s (%+.1f %%)\n", p.name,
                    format_significant(p.kg_per_kwh).c_str(), format_significant(tonnes, 4).c_str(),
                    format_significant(p.tonnes).c_str(), (tonnes / p.tonnes - 1) * 100);
}

double recomputed_tonnes(const published_footprint& p) {
    const energy it = p.mwh > 0 ? energy::from_kilowatt_hours(p.mwh * 1e3)
                                : power::from_watts(p.watts) * seconds(p.accelerator_hours * 3600);
    const carbon_model m{carbon_intensity::from_grams_per_kwh(p.kg_per_kwh * 1e3),
                         p.mwh_holds_pue ? 1.0 : p.pue};
    return m.of(it).kilograms() / 1e3;
}

/// Published training footprints next to the results of their own inputs.
int show_published() {
    std::printf("%-52s %12s %12s %9s  %s\n", "model", "printed t", "recomputed t", "off",
                "verdict");
    for (const published_footprint& p : published_footprints) {
        const double tonnes = recomputed_tonnes(p);
        std::printf("%-52.52s %12s %12s %8.2f%%  %s\n", p.name,
                    format_significant(p.tonnes).c_str(), format_significant(tonnes, 5).c_str(),
                    (tonnes / p.tonnes - 1) * 100, p.verdict);
    }
    std::printf("\npapers whose own figures disagree by more than their rounding\n");
    for (const published_footprint& p : published_footprints)
        show_disagreement(p, recomputed_tonnes(p));
    std::printf("\nsources\n");
    std::string last;
    for (const published_footprint& p : published_footprints)
        if (last != p.source) std::printf("  %s\n", (last = p.source).c_str());
    return 0;
}

/// Adds the hardware of a measured run, which its report does not contain.
std::optional<failure> add_hardware(report& r, const command_line& c) {
    command_line only;
    only.hardware = c.hardware;
    only.pieces = c.pieces;
    only.lifetime_hours = c.lifetime_hours;
    only.share = c.share;
    const auto model = stated_model(only);
    if (!model) return model.error();
    r.context.carbon.embodied = model->embodied;
    return std::nullopt;
}

void show_equivalents(emissions m, bool sources) {
    const auto some = sensible_equivalents(m);
    if (!some.empty()) std::printf("as much as\n");
    for (const equivalent& e : some)
        std::printf("  %s\n", (sources ? text_with_source(e) : to_text(e)).c_str());
}

/// A measured run: the stated model gives the headline; the report's own figure is below it.
int show_measured(report r, const command_line& c) {
    if (!c.hardware.empty())
        if (const auto why = add_hardware(r, c)) return complain(*why);
    const auto w = what_if(r, stated_on_command_line{c});
    if (!w) return complain(w.error());
    std::printf("%s", to_text(footprint_for(w->changed)).c_str());
    if (!w->levers.empty())
        std::printf("as stated here; the report itself has %s at %s\n%s", to_text(r.co2e).c_str(),
                    to_text(r.context.carbon.grid).c_str(), to_text(*w).c_str());
    show_equivalents(w->changed.co2e, c.sources);
    show_rates(w->changed);
    if (c.where)
        std::printf("\nwhere would it have been cleanest?\n%s", rank_regions(w->changed).c_str());
    return 0;
}

int show(const command_line& c) {
    if (c.published) return show_published();
    result<report> run = run_of(c);
    if (!run) return complain(run.error());
    if (!c.report_file.empty()) return show_measured(*std::move(run), c);
    footprint f = footprint_for(*run);
    f.assumptions.insert(f.assumptions.begin(), run->warnings.begin(), run->warnings.end());
    std::printf("%s", to_text(f).c_str());
    show_equivalents(run->co2e, c.sources);
    const int status = c.items ? show_rate(*run, c) : 0;
    if (c.where)
        std::printf("\nwhere would it have been cleanest?\n%s", rank_regions(*run).c_str());
    return status;
}

}  // namespace

int main(int argc, char** argv) {
    command_line c;
    if (const auto why = argument_reader(argc, argv).read(c)) return complain(*why);
    if (c.help) return std::fputs(usage, stdout) < 0 ? 1 : 0;
    if (const auto why = contradiction(c)) return complain(*why);
    return show(c);
}
