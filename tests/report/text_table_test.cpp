#include "joulery/detail/core/utf8.hpp"
#include "joulery/report_io.hpp"

#include "report/golden.hpp"
#include "report/hostile.hpp"
#include "report/sample_report.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <string>

using namespace joulery;

namespace {
std::size_t widest(const std::string& text) {
    std::istringstream lines(text);
    std::size_t most = 0;
    for (std::string line; std::getline(lines, line);) most = std::max(most, display_width(line));
    return most;
}
std::string line_with(const std::string& text, const std::string& part) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (line.find(part) != std::string::npos) return line;
    return {};
}
bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}
}  // namespace

TEST_CASE("text table: the full sample matches the golden file") {
    check_golden("full.txt", to_text(sample::full(), {100, 60, false}));
    check_golden("full_60.txt", to_text(sample::full(), {60, 0, false}));
}

TEST_CASE("text table: never exceeds the width; columns are dropped, energy and quality stay") {
    for (const std::size_t width : {50u, 60u, 80u, 100u, 140u}) {
        const std::string text = to_text(sample::full(), {width, 0, false});
        CAPTURE(text);
        CHECK(widest(text) <= std::max(width, std::size_t{53}));  // a path stays in one piece
        CHECK(has(text, "~320 J"));
        CHECK(has(line_with(text, "forward"), "estimated"));
    }
}

TEST_CASE("text table: estimated figures are marked on every line of a scope") {
    const std::string text = to_text(sample::full(), {200, 0, false});
    const std::string row = line_with(text, "forward");
    CHECK(has(row, "~320 J"));
    CHECK(has(row, "~80 W"));
    CHECK(has(row, "~8.33 mJ/sample"));
    CHECK(has(row, "~42 mg"));
    CHECK(has(row,
              "\xC2\xB1"
              "5 %"));
    CHECK(has(line_with(text, "estimate/disk"), "~50 J"));
    CHECK(has(line_with(text, "cpu0/package  "), " 1 kJ"));
}

TEST_CASE("text table: names are indented under their parent, with control characters escaped") {
    const std::string text = to_text(sample::full());
    CHECK(has(text, "\n  forward "));
    CHECK_FALSE(has(text.substr(0, text.find("single calls")), "train/forward"));
    CHECK_FALSE(has(text, "\x1b"));
    CHECK(has(text, "evil\\x1b"));
}

TEST_CASE("text table: percentiles are of rows with 100 calls, and say which energy they are") {
    report r = sample::full();
    CHECK(has(line_with(to_text(r, {200, 0, false}), "train/forward  "), "edges"));
    r.scopes[1].call_energies = {};
    set_percentiles(r.scopes[1]);
    const std::string row = line_with(to_text(r, {200, 0, false}), "train/forward  ");
    CHECK(has(row, "2.52 ms"));
    CHECK(has(row, "~202 mJ"));  // 2.52 ms of the row's 80 W
    CHECK(has(row, "time"));
    r.scopes[1].calls = 99;
    r.scopes[2].call_times = {};
    set_percentiles(r.scopes[2]);
    CHECK_FALSE(has(to_text(r), "single calls"));
}

TEST_CASE("text table: a scope with only some calls timed says how many") {
    report r = sample::full();
    const auto row_of = [&](std::uint64_t untimed) {
        for (scope_row& row : r.scopes)
            if (row.name == "forward") row.untimed_calls = row.calls - row.calls / untimed;
        return line_with(to_text(r, {220, 0, false}), "forward");
    };
    CHECK(has(row_of(16), ", timed 1 in 16"));
    CHECK(has(row_of(3), ", timed 1 in 3"));
    CHECK(!has(row_of(1), "timed"));
}

TEST_CASE("text table: channels that were not summed say why") {
    const std::string row = line_with(to_text(sample::full()), "cpu0/core");
    CHECK(has(row, "no      contained in cpu0/package"));
    CHECK(has(row, "600 J"));
}

TEST_CASE("text table: long trees are cut, with the number of omitted scopes") {
    report r = sample::full();
    for (int i = 0; i < 100; ++i)
        r.scopes.push_back(sample::scope("s" + std::to_string(i), sample::top, 1, 1, {0, 0, 0}, 0));
    CHECK(has(to_text(r), "(45 of 105 scopes not shown"));
    CHECK(has(to_text(r, {100, 103, false}), "(2 of 105 scopes not shown"));
    CHECK_FALSE(has(to_text(r, {100, 104, false}), "not shown"));  // one takes a line, too
    CHECK_FALSE(has(to_text(r, {100, 0, false}), "not shown"));
}

TEST_CASE("text table: colors only on request") {
    CHECK(has(to_text(sample::full(), {100, 0, true}), "\x1b[1m"));
    CHECK_FALSE(has(to_text(sample::full(), {100, 0, false}), "\x1b"));
}

TEST_CASE("text table: an empty report is still a table") {
    const std::string text = to_text(report{});
    CHECK(has(text, "channels   none: nothing was read or estimated."));
    CHECK(has(text, "total"));
    CHECK(has(text, "ASSUMED"));
}

TEST_CASE("text table: an outermost scope with a slash in its name keeps its whole name") {
    report r;
    r.scopes = {sample::scope("train", sample::top, 1, 1, {1, 0, 0}, 1),
                sample::scope("train/step", sample::top, 1, 1, {1, 0, 0}, 1)};
    CHECK(has(to_text(r), "\ntrain/step"));
}

TEST_CASE("text table: hostile names and numbers lose no scope, and no locale changes a byte") {
    check_hostile([](const report& r) { return to_text(r, {200, 0, false}); });
}

TEST_CASE("text table: with an idle power, each scope's joules are split") {
    report r = sample::full();
    CHECK(to_text(r, text_options{200, 0, false}).find("active") == std::string::npos);
    r.scopes[0].idle = energy::from_joules(310);
    const std::string text = to_text(r, text_options{200, 0, false});
    CHECK(text.find("  idle  ") != std::string::npos);
    CHECK(text.find("active") != std::string::npos);
    CHECK(text.find("~310 J") != std::string::npos);
    CHECK(text.find("~530 J") != std::string::npos);  // the rest of 840 J
}

TEST_CASE("text table: counters with unknown update periods are named") {
    report r = sample::full();
    for (channel_row& c : r.channels)
        if (c.provenance == quality::estimated) c.kind = reading_kind::energy_counter;
    const std::string text = to_text(r, text_options{200, 0, false});
    CHECK(text.find("cpu0/package every 1.01 ms") != std::string::npos);
    CHECK(text.find("not observed for cpu0/core:") != std::string::npos);  // an estimate has none
}

TEST_CASE("text table: the cost of measuring is a separate row") {
    CHECK(to_text(sample::full(), text_options{200, 0, false}).find("\n  measuring ") !=
          std::string::npos);
}

TEST_CASE("text table: a tiny error is not shown as zero") {
    report r = sample::full();
    r.scopes[1].uncertainty = r.scopes[1].total * 1e-6;
    CHECK(has(line_with(to_text(r), "forward"), "\xC2\xB1<0.01 %"));
    r.scopes[1].uncertainty = energy{};
    CHECK_FALSE(has(line_with(to_text(r), "forward"), "\xC2\xB1"));
}

TEST_CASE("text table: times summed over threads say so in the header, once") {
    CHECK_FALSE(has(to_text(sample::full()), "thread time"));
    report r = sample::full();
    r.scopes[0].time = seconds(40);
    const std::string text = to_text(r);
    CHECK(has(text, " thread time "));
    CHECK(text.find("on different threads") == text.rfind("on different threads"));
    CHECK(has(text, "on different threads"));
    r = sample::full();  // each is shorter than the run, together they are longer
    r.scopes[3].time = r.scopes[4].time = seconds(9);
    CHECK(has(to_text(r), " thread time "));
}

TEST_CASE("text table: a column is in one unit, that of its largest figure") {
    report r = sample::full();
    for (scope_row& row : r.scopes) {
        row.total *= 10000;
        row.co2e *= 1e6;
    }
    r.total *= 10000;
    r.co2e *= 1e6;
    const std::string text = to_text(r, {200, 0, false});
    CHECK(has(line_with(text, "train  "), "~2.33 kWh"));
    CHECK(has(line_with(text, "evil"), "~88.9 Wh"));  // 320 kJ
    CHECK(has(line_with(text, "forward"), "~42 kg"));
}

TEST_CASE("text table: with a GPU beside a processor, each has a column") {
    CHECK_FALSE(has(line_with(to_text(sample::full(), {200, 0, false}), "scope  "), "GPU"));
    report r = sample::full();
    r.channels[2].part = component::gpu;
    const std::string text = to_text(r, {200, 0, false});
    CHECK(has(text, "energy     CPU    GPU"));
    CHECK(has(line_with(text, "forward"), "~320 J  ~300 J  ~20 J"));
    CHECK(has(line_with(text, "(outside)"), "~135 J  ~130 J   ~5 J"));
    CHECK_FALSE(has(line_with(to_text(r, {70, 0, false}), "scope  "), "GPU"));
    CHECK(has(line_with(to_text(r, {70, 0, false, true}), "scope  "), "GPU"));  // on request
}

TEST_CASE("text table: the default width is that of a page, if there is no terminal") {
    if (::isatty(STDOUT_FILENO) != 0) return;
    const std::string text = to_text(sample::full());
    CHECK(widest(text) <= 100);
    CHECK(widest(text) > 90);
}
