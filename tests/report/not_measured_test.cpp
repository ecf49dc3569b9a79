// If nothing was measured or estimated, no format shows zero.
#include "joulery/detail/report/figures.hpp"
#include "joulery/report_io.hpp"
#include "joulery/writers/codecarbon_csv.hpp"
#include "joulery/writers/csv.hpp"
#include "joulery/writers/html.hpp"
#include "joulery/writers/json_lines.hpp"
#include "joulery/writers/junit.hpp"
#include "joulery/writers/markdown.hpp"
#include "joulery/writers/model_card.hpp"
#include "joulery/writers/otlp.hpp"
#include "joulery/writers/prometheus.hpp"
#include "joulery/writers/speedscope.hpp"
#include "joulery/writers/technical_documentation.hpp"
#include "report/sample_report.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace joulery;

namespace {

/// A run of two scopes on a machine without a counter.
report blind() {
    report r;
    r.context = sample::context();
    r.scopes = {sample::scope("train", sample::top, 3, 10, {0, 0, 0}, 0),
                sample::scope("train/step", 0, 30, 9, {0, 0, 0}, 0)};
    for (scope_row& row : r.scopes) row.by_channel.clear();
    r.warnings = {"no backend could be opened"};
    return r;
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

/// Whether the text has a zero with a unit of energy or mass.
bool claims_nothing_was_used(const std::string& text) {
    for (const char* zero :
         {" 0 J", ">0 J", " 0 g", ">0 g", " 0 W", ">0 W", " 0 kWh", " 0 t ", " 0 MWh"})
        if (has(text, zero)) return true;
    return false;
}

}  // namespace

TEST_CASE("not measured: without channels energy is unknown, with one it may be zero") {
    CHECK_FALSE(knows_energy(report{}));
    CHECK_FALSE(knows_energy(blind()));
    report r = blind();
    r.channels = {sample::channel("cpu0/package", 0, 0)};
    CHECK(knows_energy(r));
    r.channels[0].state = "silent";
    CHECK_FALSE(knows_energy(r));
    r.total = sample::j(1);  // stated by the user
    CHECK(knows_energy(r));
}

TEST_CASE("not measured: table, Markdown and page say so and print no zero") {
    for (const std::string& text : {to_text(blind()), to_markdown(blind()), to_html(blind())}) {
        CAPTURE(text);
        CHECK(has(text, "not measured"));
        CHECK_FALSE(claims_nothing_was_used(text));
        CHECK_FALSE(has(text, "~n/a"));
        CHECK_FALSE(has(text, ">measured<"));
        CHECK(has(text, "train"));
        CHECK(has(text, "nothing was read or estimated"));     // of channels
        CHECK((has(text, "10 s") || has(text, "10&nbsp;s")));  // times are known
    }
}

TEST_CASE("not measured: null in JSON, which reads back as the same report") {
    const std::string json = to_json(blind());
    CHECK(has(json, "\"total_j\": null"));
    CHECK(has(json, "\"co2e_g\": null"));
    CHECK(has(json, "\"self_j\": null"));
    CHECK(has(json, "\"quality\": \"partial\""));
    const auto back = from_json(json);
    REQUIRE(back);
    CHECK(*back == blind());
    CHECK(from_json(to_json(report{}))->total.joules() == 0);
    report other = sample::comparable();
    other.context.run_id = "another";
    other.runs[0].run_id = "another";
    CHECK(merge(*back, other).total.joules() == 1050);
}

TEST_CASE("not measured: empty fields, points without a value, a word instead of a number") {
    const std::string csv = to_csv(blind());
    CHECK(has(csv, "train,scope,0,3,10,,,,,0,,,not measured,share,"));
    CHECK(has(csv, "(total),total,0,,12.5,,,,,"));
    CHECK(has(to_otlp_json(blind()), "\"timeUnixNano\": \"1700000012500000000\", \"flags\": 1}"));
    CHECK(has(to_prometheus(blind()), "joulery_energy_joules_total{"));
    CHECK_FALSE(has(to_prometheus(blind()), "quality=\"partial\"} 0\n"));
    CHECK(has(to_json_line(blind()), "\"so_far_j\":null"));
    CHECK(has(to_json_line(blind()), "\"energy_j\":null,\"unscoped_j\":null,\"co2e_g\":null"));
    CHECK(has(to_junit(blind()), "<property name=\"joules\" value=\"not measured\"/>"));
    CHECK_FALSE(has(to_junit(blind()), "PROPERTY|joules="));
    CHECK(has(to_speedscope(blind()), "energy (not measured)"));
}

TEST_CASE("not measured: the disclosure states no figure") {
    const std::string card = to_model_card(blind(), "fine-tuning");
    CHECK_FALSE(has(card, "emissions: 0"));
    CHECK(has(card, "not measured"));
    const std::string annex = to_technical_documentation(blind());
    CHECK(has(annex, "energy of the machine: not measured"));
    CHECK_FALSE(claims_nothing_was_used(annex));
    for (const std::string& handed_in : {card, annex}) {
        CHECK(has(handed_in, "no energy is known, and so no emissions"));
        CHECK_FALSE(has(handed_in, "energy was stated"));
        CHECK_FALSE(has(handed_in, "emissions: energy x"));
    }
    const std::string row = to_codecarbon_csv(blind());
    CHECK(has(row, ",12.5,,,,,,,,,,"));  // emissions, rate, powers and energies are empty
}
