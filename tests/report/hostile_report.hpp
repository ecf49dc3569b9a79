// tests/report/hostile_report.hpp - reports full of names and numbers that break careless writers.
#pragma once

#include "report/sample_report.hpp"

#include <limits>
#include <random>
#include <string>

/// A report whose names and numbers are drawn from the worst cases.
inline joulery::report hostile_report(unsigned seed) {
    using namespace joulery;
    static const char* const names[] = {"",
                                        "/",
                                        "a/b",
                                        "a;b",
                                        "a b",
                                        "\"",
                                        "\\",
                                        "</script>",
                                        "]]>",
                                        "&amp;",
                                        "|",
                                        "`x`",
                                        "@all",
                                        "#1",
                                        "\n",
                                        "\r\n",
                                        "\x01\x1b[2J",
                                        "\xFF\xFE",
                                        "\xE2\x80\xAE",
                                        "\xF0\x9F\x94\xA5",
                                        "${x}",
                                        "{{x}}",
                                        "%s%n",
                                        "=1+1",
                                        "\xC2\x85",
                                        "--",
                                        "<!--",
                                        "'); drop",
                                        "+1",
                                        "-1",
                                        "@SUM(A1)",
                                        "=cmd|'/C x'!A0",
                                        "\x1b]0;t\x07",
                                        "\t=1",
                                        "\xC2\x9B\x33m",
                                        "\xE2\x80\xA8",
                                        "a\"} 1\n# x",
                                        "<img src=x onerror=x()>",
                                        "\\\"",
                                        "*_~[x](y)",
                                        "\xEF\xBC\x9D\x31"};
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
    r.context.hardware = name();
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
        scope_row row = sample::scope(
            name() + "n" + std::to_string(i),
            i > 0 && random() % 3 != 0 ? random() % static_cast<unsigned>(i) : sample::top,
            random(), number(), {number(), number(), number()}, number());
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
