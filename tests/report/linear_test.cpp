// Reading text from outside takes time in proportion to its length, whatever the text. The test
// counts executed basic blocks, which tests/CMakeLists.txt makes the compiler report: four times
// the text may take five times the blocks, as sorting does, but not sixteen times.
#define JOULERY_IMPLEMENTATION
#include "joulery/accounting/compare.hpp"
#include "joulery/accounting/ledger.hpp"
#include "joulery/assertions/baseline_file.hpp"
#include "joulery/carbon/series_reader.hpp"
#include "joulery/detail/backends/cpu/cpu_identity.hpp"
#include "joulery/detail/backends/recording/recording.hpp"
#include "joulery/detail/core/json.hpp"
#include "joulery/report_io.hpp"
#include "joulery/writers/codecarbon_csv.hpp"
#include "joulery/writers/csv.hpp"
#include "joulery/writers/html.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "work_counter.hpp"

using namespace joulery;

namespace {

std::string repeated(std::size_t n, const std::function<std::string(std::size_t)>& part) {
    std::string text;
    for (std::size_t i = 0; i < n; ++i) text += part(i);
    return text;
}

/// The blocks that `run` takes with an input of that size; `make`, which makes it, does not count.
template <class Make, class Run>
double blocks(std::size_t size, const Make& make, const Run& run) {
    const auto input = make(size);
    const std::uint64_t before = work_counter::blocks();
    run(input);
    return static_cast<double>(work_counter::blocks() - before);
}

template <class Make, class Run>
void check_linear(const std::string& what, std::size_t size, const Make& make, const Run& run) {
    INFO(what);
    const double small = blocks(size, make, run), large = blocks(4 * size, make, run);
    REQUIRE(small > static_cast<double>(size));  // the counter works
    CHECK(large / small < 5);
}

report many_rows(std::size_t n) {
    report r;
    for (std::size_t i = 0; i < n; ++i) {
        scope_row row;
        row.name = row.path = "scope" + std::to_string(i);
        row.total = energy::from_joules(1);
        row.uncertainty = energy::from_joules(0.1);
        r.scopes.push_back(row);
    }
    return r;
}

report many_channels(std::size_t n) {
    report r;
    for (std::size_t i = 0; i < n; ++i) {
        channel_row c;
        c.id = "channel" + std::to_string(i);
        c.parent = i > 0 ? "channel" + std::to_string(i / 2) : "";
        r.channels.push_back(c);
    }
    return r;
}

}  // namespace

TEST_CASE("linear: parsing JSON of any shape takes time in proportion to its length") {
    const auto parse = [](const std::string& text) { CHECK(parse_json(text)); };
    const auto names = [](std::size_t n) {
        return "{" +
               repeated(n, [](std::size_t i) { return "\"m" + std::to_string(i) + "\":1,"; }) +
               "\"last\":1}";
    };
    check_linear("an object of many members", 500, names, parse);
    check_linear(
        "an array", 500,
        [](std::size_t n) {
            return "[" + repeated(n, [](std::size_t) { return "{\"a\":1},"; }) + "1]";
        },
        parse);
    check_linear(
        "one string", 2000,
        [](std::size_t n) {
            return "\"" + repeated(n, [](std::size_t) { return "\\u00e9\xC3\xA9x"; }) + "\"";
        },
        parse);
    check_linear(
        "one number", 2000, [](std::size_t n) { return std::string(n, '1'); }, parse);
    check_linear(
        "a report with members that nobody knows", 500,
        [](std::size_t n) {
            std::string text = to_json(report{});
            return text.insert(
                1, repeated(n, [](std::size_t i) { return "\"m" + std::to_string(i) + "\":1,"; }));
        },
        [](const std::string& text) { CHECK(from_json(text)); });
    check_linear(
        "a ledger's line", 500,
        [](std::size_t n) {
            return "{" +
                   repeated(n, [](std::size_t i) { return "\"m" + std::to_string(i) + "\":1,"; }) +
                   "\"schema\":\"joulery-ledger\",\"schema_version\":1}";
        },
        [](const std::string& text) { CHECK(parse_ledger_line(text)); });
}

TEST_CASE("linear: comparing and merging takes time in proportion to the rows") {
    check_linear("compare", 400, many_rows,
                 [](const report& r) { CHECK(compare(r, r).scopes.size() == r.scopes.size()); });
    check_linear("a table of the comparison", 400, many_rows,
                 [](const report& r) { CHECK(to_text(compare(r, r)).size() > r.scopes.size()); });
    check_linear("merge", 400, many_rows, [](const report& r) {
        report other = r;
        other.context.run_id = "other";
        CHECK(merge(r, other).scopes.size() == r.scopes.size());
    });
}

TEST_CASE("linear: writing a report takes time in proportion to its rows and channels") {
    for (const auto make : {many_rows, many_channels}) {
        check_linear("text", 400, make, [](const report& r) { (void)to_text(r); });
        check_linear("JSON", 400, make, [](const report& r) { (void)to_json(r); });
        check_linear("CSV", 400, make, [](const report& r) { (void)to_csv(r); });
        check_linear("HTML", 400, make, [](const report& r) { (void)to_html(r); });
    }
    check_linear("CodeCarbon", 400, many_channels,
                 [](const report& r) { (void)to_codecarbon_csv(r); });
}

TEST_CASE("linear: channels that share an id or contain each other are each written once") {
    report r = many_channels(40);
    for (channel_row& c : r.channels) c.id = c.parent = "same";
    r.channels[0].parent = "";
    const std::string html = to_html(r);
    std::size_t rows = 0;
    for (std::size_t at = 0; (at = html.find("<bdi>same</bdi></th>", at)) != std::string::npos;
         ++at)
        ++rows;
    CHECK(rows == 40);
}

TEST_CASE("linear: series, baselines, recordings and system files are read in proportion, too") {
    check_linear(
        "CSV series", 500,
        [](std::size_t n) {
            return "time,g_per_kwh\n" + repeated(n, [](std::size_t i) {
                       return std::to_string(1'700'000'000 + 3600 * i) + ",56\n";
                   });
        },
        [](const std::string& text) { CHECK(parse_intensity_series(text)); });
    check_linear(
        "JSON series", 500,
        [](std::size_t n) {
            return "[" +
                   repeated(n,
                            [](std::size_t i) {
                                return "{\"time\":\"" + std::to_string(1'700'000'000 + 3600 * i) +
                                       "\",\"g_per_kwh\":56},";
                            }) +
                   "{}]";
        },
        [](const std::string& text) { CHECK(parse_intensity_series(text)); });
    check_linear(
        "a recording", 500,
        [](std::size_t n) {
            return "joulery-recording\t1\nbackend\tx\n"
                   "channel\ta\tcpu\tenergy_counter\tmeasured\t1e-06\t0\t1000000\t\t0\t0\t0\t\n" +
                   repeated(n, [](std::size_t i) {
                       return "read\t" + std::to_string(i) + "\tok\t" + std::to_string(i) + "\n";
                   });
        },
        [](const std::string& text) { CHECK(parse_recording(text)); });
    check_linear(
        "/proc/cpuinfo", 500,  // only the first processor is read
        [](std::size_t n) { return repeated(n, [](std::size_t) { return "model name\t: x\n"; }); },
        [](const std::string& text) { (void)parse_cpu_identity(text); });
}
