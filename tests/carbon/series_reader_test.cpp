#include "joulery/carbon/series_reader.hpp"
#include "joulery/detail/carbon/csv_series.hpp"
#include "joulery/detail/carbon/json_series.hpp"

#include "approx.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <random>
#include <string>
#include <vector>

using namespace joulery;
using namespace joulery::literals;

namespace {

const double t0 = 1735689600;  // 2025-01-01T00:00:00Z

double grams_at(const intensity_series& s, double hours) {
    return s.at(wall_time::from_unix_seconds(t0 + hours * 3600)).grams_per_kwh();
}

std::shared_ptr<const intensity_series> read(std::string_view text, series_options o = {}) {
    auto s = parse_intensity_series(text, o);
    REQUIRE_MESSAGE(s, s.error().reason);
    return *s;
}

std::string reason(std::string_view text, series_options o = {}) {
    const auto s = parse_intensity_series(text, o);
    REQUIRE_FALSE(s);
    CHECK_FALSE(s.error().remedy.empty());
    return s.error().reason;
}

bool mentions(const std::string& text, const char* part) {
    const bool there = text.find(part) != std::string::npos;
    if (!there) MESSAGE(text);
    return there;
}

}  // namespace

TEST_CASE("series reader: reads a plain CSV") {
    const auto s = read(
        "time,g_per_kwh\n2025-01-01T00:00Z,56\n2025-01-01T01:00Z,60\n"
        "2025-01-01T02:00Z,70\n");
    CHECK(grams_at(*s, 0.5) == 56);
    CHECK(grams_at(*s, 2.99) == 70);
    CHECK(s->coverage(s->begin(), s->end()) == 1);
    CHECK(s->end().to_iso8601() == "2025-01-01T03:00:00Z");
    CHECK(s->about().notes.empty());
}

TEST_CASE("series reader: reads Electricity Maps CSV: UTC by its header, lifecycle before direct") {
    const auto s = read(
        "\xEF\xBB\xBF"
        "Datetime (UTC),Country,Zone name,Zone id,\"Carbon intensity gCO₂eq/kWh (direct)\","
        "Carbon intensity gCO₂eq/kWh (Life cycle),Carbon-free energy percentage (CFE%),"
        "Data source,Data estimated\r\n"
        "2025-01-01 00:00:00,France,\"Fra\"\"n,ce\",FR,10.5,31.25,95,x,false\r\n"
        "2025-01-01 01:00:00,France,\"Fra\"\"n,ce\",FR,11.5,32.5,95,x,false\r\n");
    CHECK(grams_at(*s, 0) == approx(31.25));
    CHECK(s->about().zone == "FR");
    CHECK(s->about().boundary == "lifecycle");
    CHECK(s->about().kind == "average");
}

TEST_CASE("series reader: reads Electricity Maps JSON") {
    const auto s = read(R"({"zone":"FR","history":[
      {"zone":"FR","carbonIntensity":31,"datetime":"2025-01-01T00:00:00.000Z",
       "updatedAt":"2025-01-02T03:00:00.000Z","emissionFactorType":"lifecycle","isEstimated":true,
       "estimationMethod":null},
      {"zone":"FR","carbonIntensity":35,"datetime":"2025-01-01T01:00:00.000Z",
       "emissionFactorType":"lifecycle","isEstimated":false}],"temporalGranularity":"hourly"})");
    CHECK(grams_at(*s, 0) == 31);
    CHECK(grams_at(*s, 1.5) == 35);
    CHECK(s->about().zone == "FR");
    CHECK(s->about().boundary == "lifecycle");
    const auto forecast = read(R"({"zone":"DE","forecast":[
      {"carbonIntensity":300,"datetime":"2025-01-01T00:00:00.000Z"}],"updatedAt":"x"})");
    CHECK(forecast->about().zone == "DE");
}

TEST_CASE("series reader: reads WattTime JSON: marginal, pounds per MWh, members in any order") {
    const std::string data = R"("data":[{"point_time":"2025-01-01T00:00:00+00:00","value":1000.0,
      "version":"2022-10-01"},{"point_time":"2025-01-01T00:05:00+00:00","value":870.0}])";
    const std::string meta = R"("meta":{"data_point_period_seconds":300,"region":"CAISO_NORTH",
      "signal_type":"co2_moer","units":"lbs_co2_per_mwh","model":{"date":"2022-10-01"}})";
    for (const std::string& text : {"{" + data + "," + meta + "}", "{" + meta + "," + data + "}"}) {
        const auto s = read(text);
        CHECK(grams_at(*s, 0) == approx(453.59237).epsilon(1e-12));
        CHECK(s->about().kind == "marginal");
        CHECK(s->about().zone == "CAISO_NORTH");
        const carbon_model m = carbon_over_time(s);
        CHECK(m.grid.kind == "marginal");
        CHECK(m.grid.place == "CAISO_NORTH");
        CHECK_FALSE(m.grid.assumed);
    }
}

TEST_CASE("series reader: reads JSON Lines and a top-level array") {
    CHECK(grams_at(*read("{\"time\":\"2025-01-01T00:00Z\",\"g_per_kwh\":1}\n"
                         "{\"time\":\"2025-01-01T01:00Z\",\"g_per_kwh\":2}\n"),
                   1) == 2);
    series_options o;
    o.unit = "kg/MWh";
    CHECK(grams_at(*read("[{\"time\":1735689600,\"value\":\"7\"}]", o), 0) == 7);
}

TEST_CASE("series reader: units are converted, unknown and mixed ones refused") {
    const auto one = [](const char* unit) {
        return grams_at(*read(std::string("time,value,unit\n2025-01-01T00:00Z,1,") + unit + "\n"),
                        0);
    };
    CHECK(one("g/kWh") == 1);
    CHECK(one("gCO2eq/kWh") == 1);
    CHECK(one("kgCO2/MWh") == 1);
    CHECK(one("kg/kWh") == 1000);
    CHECK(one("lb/MWh") == approx(0.45359237));
    CHECK(one("t/MWh") == 1000);
    const std::string rows = "time,value,unit\n2025-01-01T00:00Z,1,";
    CHECK(mentions(reason(rows + "furlongs\n"), "unit 'furlongs' is not understood"));
    CHECK(mentions(reason(rows + "g/kWh\n2025-01-01T01:00Z,1,lb/MWh\n"),
                   "line 3: mixed units: 'g/kWh' and 'lb/MWh'"));
    CHECK(mentions(reason("time,value\n2025-01-01T00:00Z,1\n"), "no unit"));
    CHECK(grams_at(*read("time,carbon_intensity_lb_per_mwh\n2025-01-01T00:00Z,1000\n"), 0) ==
          approx(453.59237));
}

TEST_CASE("series reader: average and marginal values, and zones, are never mixed") {
    const std::string rows =
        "time,g_per_kwh,zone,signal_type\n2025-01-01T00:00Z,1,FR,co2_aoer\n"
        "2025-01-01T01:00Z,2,DE,co2_aoer\n";
    CHECK(mentions(reason(rows), "line 3: mixed zones: 'FR' and 'DE'"));
    series_options o;
    o.zone = "DE";
    CHECK(grams_at(*read(rows, o), 1) == 2);
    o.zone = "PL";
    CHECK(mentions(reason(rows, o), "no row is for zone 'PL'"));
    CHECK(mentions(reason("time,g_per_kwh,signal_type\n2025-01-01T00:00Z,1,co2_moer\n"
                          "2025-01-01T01:00Z,2,co2_aoer\n"),
                   "mixed kinds"));
    CHECK(mentions(reason(R"({"zone":"FR","history":[{"datetime":"2025-01-01T00:00Z",
        "carbonIntensity":3}]})",
                          o),
                   "'PL'"));
}

TEST_CASE("series reader: zero, NaN and empty values are errors that name the line") {
    const std::string head = "time,g_per_kwh\n2025-01-01T00:00Z,50\n2025-01-01T01:00Z,";
    CHECK(mentions(reason(head + "0\n"), "line 3: '0' is not an intensity above zero"));
    CHECK(mentions(reason(head + "nan\n"), "line 3"));
    CHECK(mentions(reason(head + "\n"), "line 3: the value is empty"));
    CHECK(mentions(reason(head + "-4\n"), "line 3"));
    CHECK(mentions(reason(R"([{"datetime":"2025-01-01T00:00Z","carbonIntensity":null}])"),
                   "the value is empty"));
    series_options o;
    o.known_zero = true;
    CHECK(grams_at(*read(head + "0\n", o), 1) == 0);
    o = {};
    o.skip_bad_rows = true;
    const auto s = read(head + "\n2025-01-01T02:00Z,70\n2025-01-01T03:00Z,70\n", o);
    CHECK(s->about().notes.size() == 2);  // the gap and the skipped row
    CHECK(s->coverage(wall_time::from_unix_seconds(t0), wall_time::from_unix_seconds(t0 + 7200)) ==
          0.5);
}

TEST_CASE("series reader: a gap is kept and reported") {
    const auto s = read(
        "time,g_per_kwh\n2025-01-01T00:00Z,50\n2025-01-01T01:00Z,50\n"
        "2025-01-01T02:00Z,50\n2025-01-01T07:00Z,90\n");
    REQUIRE(s->about().notes.size() == 1);
    CHECK(s->about().notes[0] ==
          "1 gap(s), 4.0 h without a value, the first at 2025-01-01T03:00:00Z");
    CHECK(grams_at(*s, 4) == 60);  // the mean of five known hours: (3 x 50 + 90) / 4
}

TEST_CASE("series reader: unordered rows are sorted and reported, repeated ones used once") {
    const auto s = read(
        "time,g_per_kwh\n2025-01-01T02:00Z,70\n2025-01-01T00:00Z,50\n"
        "2025-01-01T01:00Z,60\n2025-01-01T01:00Z,60\n");
    CHECK(grams_at(*s, 0.5) == 50);
    CHECK(grams_at(*s, 1.5) == 60);
    CHECK(grams_at(*s, 2.5) == 70);
    CHECK(s->about().notes.size() == 2);
}

TEST_CASE("series reader: local times need an offset across a daylight saving change") {
    const auto s = read(
        "time,g_per_kwh\n2025-10-26T01:00+02:00,1\n2025-10-26T02:00+02:00,2\n"
        "2025-10-26T02:00+01:00,3\n2025-10-26T03:00+01:00,4\n");
    CHECK(s->about().notes.empty());
    CHECK(s->steps().size() == 4);
    const std::string bare =
        "time,g_per_kwh\n2025-10-26T01:00,1\n2025-10-26T02:00,2\n2025-10-26T02:00,3\n";
    CHECK(mentions(reason(bare), "line 2: the time '2025-10-26T01:00' has no zone"));
    series_options o;
    o.assume_utc = true;
    const auto twice = parse_intensity_series(bare, o);
    REQUIRE_FALSE(twice);
    CHECK(mentions(twice.error().reason, "two values for 2025-10-26T02:00:00Z"));
    CHECK(mentions(twice.error().remedy, "winter time"));
    const auto spring =
        read("time,g_per_kwh\n2025-03-30T00:00,1\n2025-03-30T01:00,2\n2025-03-30T03:00,3\n", o);
    CHECK(spring->about().notes.size() == 1);  // the hour that a local clock skips
}

TEST_CASE("series reader: empty and truncated files are refused") {
    CHECK(mentions(reason(""), "empty"));
    CHECK(mentions(reason(" \n\n"), "empty"));
    CHECK(mentions(reason("time,g_per_kwh\n"), "no row"));
    CHECK(mentions(reason("time,g_per_kwh\n2025-01-01T00:00Z,50\n2025-01-0"),
                   "line 3 has 1 columns, the header 2: truncated?"));
    CHECK(mentions(reason(R"({"zone":"FR","history":[{"datetime":"2025-01-01T00:00Z",
        "carbonIntensity":3},{"datetime":"2025-01-0)"),
                   "truncated after 1 rows"));
    const auto cut = read("time,g_per_kwh\n2025-01-01T00:00Z,50\n2025-01-01T01:00Z,5");
    CHECK(mentions(cut->about().notes.at(0), "no line end"));
    CHECK(mentions(reason("a,b\n1,2\n"), "no time column"));
    CHECK(mentions(reason("time,carbon_intensity_a,carbon_intensity_b\n1,2,3\n"), "more than one"));
    CHECK(mentions(reason("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["), "nested deeper"));
    CHECK(mentions(reason("{\"a\"]"), "bracket"));
    CHECK_FALSE(read_intensity_series("/no/such/file.csv"));
}

TEST_CASE("series reader: values no grid has are used, with a note") {
    const auto s = read("time,g_per_kwh\n2025-01-01T00:00Z,90000\n");
    CHECK(mentions(s->about().notes.at(0), "values reach 90000 g/kWh"));
}

TEST_CASE("series reader: values no unit explains are refused, or left out with a note") {
    const std::string rows = "time,lb_per_mwh\n2025-01-01T00:00Z,900\n2025-01-01T01:00Z,";
    for (const char* value : {"1e308", "1e13", "1e-13", "1e-320"}) {
        CHECK(mentions(reason(rows + value + "\n"), "is not an intensity in any known unit"));
        series_options o;
        o.skip_bad_rows = true;
        const auto s = read(rows + value + "\n", o);
        CHECK(s->steps().size() == 1);
        CHECK(s->overall_mean().grams_per_kwh() == approx(408.23).epsilon(1e-4));
    }
}

TEST_CASE("series reader: a window keeps only its rows") {
    series_options o;
    o.from = t0 + 3600;
    o.until = t0 + 7200;
    CHECK(read("time,g_per_kwh\n2025-01-01T00:00Z,1\n2025-01-01T01:00Z,2\n2025-01-01T02:00Z,3\n", o)
              ->steps()
              .size() == 1);
}

TEST_CASE("series reader: long series are condensed with the same mean and bounded memory") {
    series_options o;
    o.max_steps = 1000;
    csv_series csv(o);
    csv.feed("time,g_per_kwh\n");
    double sum = 0;
    char row[64];
    const int rows = 300000;
    for (int i = 0; i < rows; ++i) {
        const int value = 100 + (i % 401) * 7919 % 401;
        sum += value;
        const int n = std::snprintf(row, sizeof row, "%d,%d\n", 1700000000 + i * 60, value);
        REQUIRE(csv.feed(std::string_view(row, static_cast<std::size_t>(n))));
    }
    const auto s = csv.finish("x");
    REQUIRE(s);
    CHECK((*s)->steps().size() <= 1000);
    CHECK((*s)->steps().size() >= 250);
    CHECK((*s)->overall_mean().grams_per_kwh() == approx(sum / rows).epsilon(1e-10));
    CHECK((*s)->coverage((*s)->begin(), (*s)->end()) == approx(1));
    CHECK(mentions((*s)->about().notes.at(0), "300000 rows were joined, 512 to a step"));
}

TEST_CASE("series reader: steps of unequal length are merged in proportion to their length") {
    series_options o;
    o.max_steps = 16;
    std::string text = "time,g_per_kwh\n";
    double at = 1700000000, gram_seconds = 0;
    for (int i = 0; i < 100; ++i) {
        const double length = i % 3 == 0 && i < 99 ? 80 : 60;  // no gap: less than 1.5 usual steps
        const double value = i % 3 == 0 ? 900 : 100;
        text += std::to_string(static_cast<long>(at)) + "," +
                std::to_string(static_cast<int>(value)) + "\n";
        gram_seconds += value * length;
        at += length;
    }
    const auto s = read(text, o);
    CHECK(s->steps().size() <= 16);
    CHECK(s->overall_mean().grams_per_kwh() ==
          approx(gram_seconds / (at - 1700000000)).epsilon(1e-10));
}

TEST_CASE("series reader: heavy disorder in a long file is refused") {
    csv_series csv{series_options{}};
    csv.feed("time,g_per_kwh\n");
    std::string text;
    for (int i = 0; i < 200000; ++i) text += std::to_string(1900000000 - i * 60) + ",5\n";
    CHECK_FALSE(csv.feed(text));
    const auto s = csv.finish("x");
    REQUIRE_FALSE(s);
    CHECK(mentions(s.error().reason, "older than rows read long before it"));
}

TEST_CASE("series reader: chunk size does not matter, and broken input does no harm") {
    const std::vector<std::string> seeds = {
        "time,g_per_kwh,zone\n2025-01-01T00:00Z,56,FR\n2025-01-01T01:00+01:00,60,FR\n",
        R"({"zone":"FR","history":[{"carbonIntensity":31,"datetime":"2025-01-01T00:00:00.000Z"}]})",
        R"({"data":[{"point_time":"2025-01-01T00:00Z","value":10}],"meta":{"units":"lb/MWh"}})"};
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 4000; ++round) {
        std::string text = seeds[random() % seeds.size()];
        for (auto n = random() % 6; n > 0; --n) {
            const std::size_t at = random() % text.size();
            switch (random() % 3) {
                case 0:
                    text[at] = static_cast<char>(random() % 256);
                    break;
                case 1:
                    text.erase(at, random() % 9);
                    break;
                default:
                    text.insert(at, text.substr(random() % text.size(), 9));
                    break;
            }
            if (text.empty()) text = "x";
        }
        const auto whole = parse_intensity_series(text);
        series_stream pieces{series_options{}};
        for (std::size_t i = 0; i < text.size();) {
            const std::size_t n = 1 + random() % 7;
            if (!pieces.feed(std::string_view(text).substr(i, n))) break;
            i += n;
        }
        const auto split = pieces.finish("text");
        CAPTURE(text);
        REQUIRE(static_cast<bool>(whole) == static_cast<bool>(split));
        if (whole)
            REQUIRE((*whole)->overall_mean() == (*split)->overall_mean());
        else
            REQUIRE(whole.error().reason == split.error().reason);
    }
}

TEST_CASE("series reader: a folder is refused with that reason") {
    const auto s = read_intensity_series(JOULERY_BINARY_DIR);
    REQUIRE_FALSE(s);
    CHECK(s.error().reason ==
          std::string(JOULERY_BINARY_DIR) + ": cannot be read to its end: Is a directory");
}

TEST_CASE("series reader: a change from hourly to quarter-hourly rows is no gap") {
    std::string text = "time,g_per_kwh\n";
    const auto row = [&](int minutes, int value) {
        text += std::to_string(1735689600 + minutes * 60) + "," + std::to_string(value) + "\n";
    };
    for (int hour = 0; hour < 8; ++hour) row(hour * 60, 200);
    for (int quarter = 0; quarter < 100; ++quarter) row(8 * 60 + quarter * 15, 100);
    const auto s = read(text);
    CHECK(s->about().notes.empty());
    CHECK(grams_at(*s, 0.9) == 200);
    CHECK(grams_at(*s, 7.9) == 200);
    CHECK(grams_at(*s, 8.1) == 100);
    CHECK(s->mean(wall_time::from_unix_seconds(t0), wall_time::from_unix_seconds(t0 + 8 * 3600))
              .grams_per_kwh() == approx(200));
    CHECK(s->coverage(s->begin(), s->end()) == 1);
    text = "time,g_per_kwh\n";  // and back, with an hour missing after the change
    for (int quarter = 0; quarter < 20; ++quarter) row(quarter * 15, 100);
    for (const int hour : {5, 6, 7, 9, 10}) row(hour * 60, 200);
    CHECK(read(text)->about().notes.at(0) ==
          "1 gap(s), 1.0 h without a value, the first at 2025-01-01T08:00:00Z");
}

TEST_CASE("series reader: a unit is what precedes the energy, not any part of a name") {
    for (const char* column :
         {"Estonia carbon intensity (gCO2eq/kWh)", "Alberta carbon intensity gCO2/kWh",
          "background [g CO2e per kWh]", "Washington_g_per_kwh", "Kilburn intensity (grams/kWh)"})
        CHECK(grams_at(*read(std::string("time,") + column + "\n1735689600,410\n"), 0) == 410);
    CHECK(grams_at(*read("time,Gothenburg intensity (kg CO2/MWh)\n1735689600,410\n"), 0) == 410);
    CHECK(grams_at(*read("time,Oregon tons per MWh\n1735689600,0.41\n"), 0) ==
          approx(410'000 * 1e-3));
    CHECK(grams_at(*read("time,lbs_co2_per_mwh\n1735689600,1000\n"), 0) == approx(453.59237));
}

TEST_CASE("series reader: reads carbonintensity.org.uk: nested, measured before forecast") {
    const auto s = read(
        R"({"data":[{"from":"2025-01-01T00:00Z","to":"2025-01-01T00:30Z","intensity":)"
        R"({"forecast":266,"actual":263,"index":"moderate"}},{"from":"2025-01-01T00:30Z",)"
        R"("to":"2025-01-01T01:00Z","intensity":{"forecast":270,"actual":null,"index":"moderate"}}]})");
    CHECK(grams_at(*s, 0.1) == 263);
    CHECK(grams_at(*s, 0.6) == 270);
}

TEST_CASE("series reader: JSON without a usable row is refused, listing what it contains") {
    CHECK(mentions(reason(R"([{"when":"2025-01-01T00:00Z","co2":12}])"), "found: when, co2"));
}
