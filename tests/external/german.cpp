// tests/external/german.cpp - under a locale with a decimal comma every format writes the same
// bytes.
//
//     LOCPATH=folder_of_locales german de_DE.UTF-8 folder_with_full.json_and_the_others
#include "joulery/report_io.hpp"

#include <clocale>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

namespace {
std::string read_whole(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}
}  // namespace

int main(int argc, char** argv) {
    char half[8];
    if (argc != 3 || std::setlocale(LC_ALL, argv[1]) == nullptr ||
        (std::snprintf(half, sizeof half, "%.1f", 0.5), half[1] != ',')) {
        std::puts("FAILED: the locale is not there");
        return 1;
    }
    const std::string folder = argv[2];
    const auto r = joulery::from_json(read_whole(folder + "/full.json"));
    if (!r) return std::puts(("FAILED: " + r.error().reason).c_str()), 1;
    for (const joulery::report_format& format : joulery::report_formats()) {
        const std::string name = "full" + std::string(format.ending);
        if (format.write(*r) != read_whole(folder + "/" + name))
            return std::puts(("FAILED: other bytes in " + name).c_str()), 1;
    }
    std::puts("passed: a German locale changes no byte of any format");
}
