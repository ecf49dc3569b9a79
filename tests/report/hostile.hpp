// tests/report/hostile.hpp - that a writer keeps every scope of hostile reports, in any locale.
#pragma once

#include "report/hostile_report.hpp"

#include <doctest/doctest.h>

#include <clocale>
#include <cstddef>
#include <string>

/// For many hostile reports, every scope's name is in the output, and a locale with a decimal comma
/// changes no byte. `escapes_control`: no control sequence reaches a terminal.
template <class Writer>
void check_hostile(Writer write, std::size_t scopes_at_least = 8, bool escapes_control = true) {
    for (unsigned seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        const joulery::report r = hostile_report(seed);
        const std::string text = write(r);
        std::size_t found = 0;
        for (int i = 0; i < 8; ++i)
            found += text.find("n" + std::to_string(i)) != std::string::npos ? 1u : 0u;
        REQUIRE(found >= scopes_at_least);
        if (escapes_control) REQUIRE(text.find('\x1b') == std::string::npos);
        if (std::setlocale(LC_ALL, "de_DE.UTF-8") != nullptr) {
            const std::string german = write(r);
            std::setlocale(LC_ALL, "C");
            REQUIRE(german == text);
        }
    }
}
