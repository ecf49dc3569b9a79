// tests/report/hostile.hpp - reports full of names and numbers that break careless writers.
#pragma once

#include "report/sample_report.hpp"

#include <doctest/doctest.h>

#include <clocale>
#include <limits>
#include <random>
#include <string>

/// A report whose names and numbers are drawn from the worst there are.
inline joulery::report hostile_report(unsigned seed) {
    using namespace joulery;
    static const char* const names[] = {
        "",     "/",           "a/b",       "a;b",          "a b",
        "\"",   "\\",          "</script>", "]]>",          "&amp;",
        "|",    "`x`",         "@all",      "#1",           "\n",
        "\r\n", "\x01\x1b[2J", "\xFF\xFE",  "\xE2\x80\xAE", "\xF0\x9F\x94\xA5",
        "${x}", "{{x}}",       "%s%n",      "=1+1",         "\xC2\x85",
        "--",   "<!--",        "'); drop"};
    static const double numbers[] = {0,
                                     -0.0,
                                     1,
                                     -1,
                                     1e308,
                                     -1e308,
                                     5e-324,
                                     1e-9,
                                     0.1,
                                     1e15,
                                     std::numeric_limits<double>::infinity(),
                                     -std::numeric_limits<double>::infinity(),
                                     std::numeric_limits<double>::quiet_NaN()};
    std::mt19937 random(seed);
    const auto name = [&] { return std::string(names[random() % (sizeof names / sizeof *names)]); };
    const auto number = [&] { return numbers[random() % (sizeof numbers / sizeof *numbers)]; };
    report r = sample::full();
    r.context.run_name = name();
    r.context.host = name();
    r.context.cpu = name();
    r.context.carbon.grid.place = name();
    r.context.carbon.grid.intensity = carbon_intensity::from_grams_per_kwh(number());
    r.context.carbon.pue = number();
    r.context.duration = seconds(number());
    r.warnings = {name(), name() + name()};
    r.total = sample::j(number());
    r.unscoped = sample::j(number());
    for (channel_row& c : r.channels) {
        c.id = name() + c.id;
        c.total = sample::j(number());
    }
    r.scopes.clear();
    for (int i = 0; i < 8; ++i) {
        scope_row row = sample::scope(name() + "n" + std::to_string(i), random() % 3, random(),
                                      number(), {number(), number(), number()}, number());
        row.items = number();
        row.item_name = name();
        row.uncertainty = sample::j(number());
        row.method = name();
        r.scopes.push_back(row);
    }
    for (std::vector<double>& series : r.history.watts)
        for (double& w : series) w = number();
    for (scope_slice& s : r.slices.slices) s.begin = seconds(number());
    return r;
}

/// Every scope's name is found in what was written, for many hostile reports, and a locale with a
/// decimal comma changes no byte.
template <class Writer>
void check_hostile(Writer write, std::size_t scopes_at_least = 8) {
    for (unsigned seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        const joulery::report r = hostile_report(seed);
        const std::string text = write(r);
        std::size_t found = 0;
        for (int i = 0; i < 8; ++i)
            found += text.find("n" + std::to_string(i)) != std::string::npos ? 1u : 0u;
        REQUIRE(found >= scopes_at_least);
        REQUIRE(text.find('\x1b') == std::string::npos);
        if (std::setlocale(LC_ALL, "de_DE.UTF-8") != nullptr) {
            const std::string german = write(r);
            std::setlocale(LC_ALL, "C");
            REQUIRE(german == text);
        }
    }
}
