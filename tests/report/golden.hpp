// tests/report/golden.hpp - compares what a writer wrote with a file that was looked at.
// JOULERY_REFRESH_GOLDEN=1 writes the files anew; look at the difference before committing it.
#pragma once

#include <doctest/doctest.h>

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

inline void check_golden(const std::string& name, const std::string& text) {
    if (std::getenv("JOULERY_REFRESH_GOLDEN") != nullptr)
        std::ofstream(golden_path(name), std::ios::binary) << text;
    CHECK_MESSAGE(read_whole(golden_path(name)) == text, "golden file " << name << " differs");
}
