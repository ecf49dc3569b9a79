// tests/report/golden.hpp - compares a writer's output with a reviewed file.
// JOULERY_REFRESH_GOLDEN=1 rewrites the files; review the difference before committing it.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

inline std::string golden_path(const std::string& name) {
    return std::string(JOULERY_SOURCE_DIR) + "/tests/report/golden/" + name;
}

inline std::string read_whole(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Equal except for the last digits of numbers, which -ffast-math may round differently.
inline bool same_but_for_rounding(const std::string& a, const std::string& b) {
    const auto in_number = [](char c) {
        return (c >= '0' && c <= '9') || c == '.' || c == 'e' || c == '-' || c == '+';
    };
    std::size_t i = 0, j = 0;
    while (i < a.size() && j < b.size()) {
        if (a[i] == b[j]) {
            ++i;
            ++j;
            continue;
        }
        while (i > 0 && in_number(a[i - 1])) --i, --j;
        char *end_of_a = nullptr, *end_of_b = nullptr;
        const double x = std::strtod(a.c_str() + i, &end_of_a);
        const double y = std::strtod(b.c_str() + j, &end_of_b);
        if (end_of_a == a.c_str() + i || std::fabs(x - y) > 1e-12 * std::fabs(x)) return false;
        i = static_cast<std::size_t>(end_of_a - a.c_str());
        j = static_cast<std::size_t>(end_of_b - b.c_str());
    }
    return i == a.size() && j == b.size();
}

inline void check_golden(const std::string& name, const std::string& text) {
    if (std::getenv("JOULERY_REFRESH_GOLDEN") != nullptr)
        std::ofstream(golden_path(name), std::ios::binary) << text;
    const std::string golden = read_whole(golden_path(name));
#if defined(__FAST_MATH__)
    const bool same = same_but_for_rounding(golden, text);
#else
    const bool same = golden == text;
#endif
    CHECK_MESSAGE(same, "golden file " << name << " differs");
}
