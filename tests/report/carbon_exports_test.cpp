#include "approx.hpp"
#include "joulery/carbon/carbon_for.hpp"
#include "joulery/detail/report/carbon_notes.hpp"
#include "joulery/writers/codecarbon_csv.hpp"
#include "joulery/writers/model_card.hpp"
#include "joulery/writers/sci_json.hpp"
#include "joulery/writers/technical_documentation.hpp"
#include "report/golden.hpp"
#include "report/hostile.hpp"
#include "report/sample_report.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

using namespace joulery;
using namespace joulery::literals;

namespace {

/// 32.4 kJ of CPU, 3.6 kJ of DRAM and 14.4 kJ of GPU in 100 s at aws:eu-central-1 (342.06 g/kWh,
/// PUE 1.35).
report run() {
    report r;
    r.context = sample::context();
    r.context.duration = seconds(100);
    r.context.carbon = *carbon_for("aws:eu-central-1");
    channel_row cpu = sample::channel("cpu0/package", 32400, 0);
    channel_row core = sample::channel("cpu0/core", 20000, 0, "cpu0/package");
    channel_row gpu = sample::channel("gpu/0/board", 14400, 0);
    gpu.part = component::gpu;
    gpu.backend = "nvml";
    channel_row memory = sample::channel("gpu/0/memory", 4000, 0, "gpu/0/board");
    memory.part = component::gpu;
    channel_row dram = sample::channel("cpu0/dram", 3600, 0);
    dram.part = component::dram;
    r.channels = {cpu, core, gpu, memory, dram};
    r.total = energy::from_joules(50400);
    r.provenance = quality::measured;
    r.co2e = r.context.carbon.of(r.total);
    return r;
}

std::vector<std::string> fields_of(const std::string& line) {
    std::vector<std::string> out(1);
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"')
            out.back() += line[++i];
        else if (line[i] == '"')
            quoted = !quoted;
        else if (line[i] == ',' && !quoted)
            out.emplace_back();
        else
            out.back() += line[i];
    }
    return out;
}

std::map<std::string, std::string> columns(const report& r) {
    const std::string text = to_codecarbon_csv(r);
    const std::size_t end = text.find('\n');
    const auto names = fields_of(text.substr(0, end));
    const auto values = fields_of(text.substr(end + 1, text.size() - end - 2));
    REQUIRE(names.size() == 38);
    REQUIRE(values.size() == 38);
    std::map<std::string, std::string> out;
    for (std::size_t i = 0; i < names.size(); ++i) out[names[i]] = values[i];
    return out;
}

bool states(const std::string& text, const char* part) {
    const bool there = text.find(part) != std::string::npos;
    if (!there) MESSAGE(text);
    return there;
}

}  // namespace

TEST_CASE("CodeCarbon: has its 38 columns in its units; energies include the PUE, powers don't") {
    auto c = columns(run());
    CHECK(c["project_name"] == "digits, \"final\"");
    CHECK(c["timestamp"] == "2023-11-14T22:15:00");
    CHECK(std::stod(c["duration"]) == 100);
    CHECK(std::stod(c["emissions"]) == approx(0.014 * 1.35 * 0.34206));
    CHECK(std::stod(c["emissions_rate"]) == approx(0.014 * 1.35 * 0.34206 / 100));
    CHECK(std::stod(c["cpu_power"]) == approx(324));
    CHECK(std::stod(c["gpu_power"]) == approx(144));
    CHECK(std::stod(c["cpu_energy"]) == approx(0.009 * 1.35));
    CHECK(std::stod(c["gpu_energy"]) == approx(0.004 * 1.35));
    CHECK(std::stod(c["energy_consumed"]) == approx(0.014 * 1.35));
    CHECK(std::stod(c["ram_power"]) == approx(36));
    CHECK(std::stod(c["ram_energy"]) == approx(0.001 * 1.35));
    CHECK(std::stod(c["water_consumed"]) == approx(0.014 * 0.01));
    CHECK(c["country_name"] == "Germany");
    CHECK(c["country_iso_code"] == "DEU");
    CHECK(c["cloud_provider"] == "aws");
    CHECK(c["cloud_region"] == "eu-central-1");
    CHECK(c["on_cloud"] == "Y");
    CHECK(c["codecarbon_version"] == "3.3.0");
    CHECK(c["tracking_mode"] == "machine");
    CHECK(c["pue"] == "1.35");
    CHECK(c["wue"] == "0.01");
    CHECK(c["gpu_count"] == "1");
    CHECK(c["python_version"].empty());
}

TEST_CASE("CodeCarbon: cards are counted by name, as CodeCarbon does") {
    report r = run();
    r.channels[2].model = "NVIDIA H100 80GB HBM3";
    channel_row other = r.channels[2];
    other.id = "gpu/1/board";
    r.channels.push_back(other);
    CHECK(columns(r)["gpu_count"] == "2");
    CHECK(columns(r)["gpu_model"] == "2 x NVIDIA H100 80GB HBM3");
    r.channels.back().model = "NVIDIA A100";
    CHECK(columns(r)["gpu_model"] == "1 x NVIDIA A100, 1 x NVIDIA H100 80GB HBM3");
}

TEST_CASE("CodeCarbon: a run without a place has no cloud and no country") {
    report r = run();
    r.context.carbon = carbon_model{};
    auto c = columns(r);
    CHECK(c["country_iso_code"].empty());
    CHECK(c["on_cloud"] == "N");
    CHECK(c["region"] == "World");
}

TEST_CASE("CodeCarbon: invalid UTF-8 and quotes in names stay one field of valid text") {
    report r = run();
    r.context.run_name = "\xFF, \"a\"\r";
    CHECK(columns(r)["project_name"] == "\xEF\xBF\xBD, \"a\"\\x0d");
}

TEST_CASE("model card: states grams, and which parts were measured, estimated or assumed") {
    const std::string card = to_model_card(run(), "fine-tuning");
    CHECK(card.find("co2_eq_emissions:\n  emissions: 6.46493") == 0);
    CHECK(states(card, "  training_type: \"fine-tuning\"\n"));
    CHECK(states(card, "  geographical_location: \"aws:eu-central-1 (Frankfurt)\"\n"));
    CHECK(states(card, "  hardware_used: \"2 x Some CPU 9000, 3 x Some GPU 80GB\"\n"));
    CHECK(states(card, "# measured: energy of gpu/0/board (nvml, measured)"));
    CHECK(states(card, "# assumed: embodied emissions of the hardware are not counted"));
    report r = run();
    r.context.hardware.clear();
    CHECK(states(to_model_card(r, ""), "  hardware_used: \"Some CPU 9000 @ 2.4 GHz\"\n"));
}

TEST_CASE("statement: a channel replaced by a model is an estimate") {
    report r = run();
    r.channels[2].provenance = quality::estimated;
    const statement s = statement_of(r);
    CHECK(s.measured.size() == 2);
    REQUIRE(s.estimated.size() == 3);
    CHECK(s.estimated[0] == "energy of gpu/0/board (nvml, estimated)");
    report stated;  // no channel
    stated.total = 5_J;
    CHECK(statement_of(stated).assumed.size() == 4);
}

TEST_CASE("technical documentation: states energy in MWh, the method, three lists, every factor") {
    report r = run();
    r.total = energy::from_kilowatt_hours(12346);
    r.co2e = r.context.carbon.of(r.total);
    const std::string text = to_technical_documentation(r, {"my-model", "3.1e22 FLOP"});
    CHECK(states(text, "- energy of the machine: 12.35 MWh (12.3 MWh), measured"));
    CHECK(states(text, "- energy with the data center's overhead: 16.67 MWh"));
    CHECK(states(text, "- greenhouse gases, location-based: 5.701 t CO2e (5.7 t)"));
    CHECK(states(text, "- computation used for training: 3.1e22 FLOP"));
    CHECK(states(text, "Measured\n\n- energy of cpu0/package"));
    CHECK(states(text, "Assumed\n\n"));
    CHECK(states(to_technical_documentation(r), "- model: N/A"));
    r.context.carbon.market = contractual_intensity(20_g_per_kWh, "contract");
    CHECK(states(to_technical_documentation(r),
                 "- greenhouse gases, market-based: 0.3333 t CO2e (333 kg)"));
}

TEST_CASE("disclosures: match the reviewed files") {
    check_golden("full.emissions.csv", to_codecarbon_csv(sample::full()));
    check_golden("full.card.yaml", to_model_card(sample::full()));
    check_golden("full.annex.md", to_annex(sample::full()));
    check_golden("full.sci.json", to_sci_json(sample::full()));
}

TEST_CASE("disclosures: hostile names and numbers stay text, and no locale changes a byte") {
    check_hostile([](const report& r) { return to_codecarbon_csv(r); }, 0);
    check_hostile([](const report& r) { return to_model_card(r); }, 0);
    check_hostile([](const report& r) { return to_annex(r); }, 0);
    check_hostile([](const report& r) { return to_sci_json(r); }, 0);
}
