// tests/external/hostile.cpp - writes hostile reports in every format, for independent parsers.
//
//     hostile FOLDER COUNT     0.json, 0.csv, ..., 1.json, ...; 0.emissions.csv, 0.card.yaml
#include "joulery/detail/core/atomic_file.hpp"
#include "joulery/report_io.hpp"
#include "joulery/writers/model_card.hpp"
#include "report/hostile_report.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>

using namespace joulery;

namespace {

bool put(const std::string& path, const std::string& text) {
    const auto done = replace_file(path, text);
    if (!done) std::printf("FAILED: %s\n", done.error().reason.c_str());
    return static_cast<bool>(done);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const std::string folder = argv[1];
    const auto count = static_cast<unsigned>(std::atoi(argv[2]));
    bool good = count > 0;
    for (unsigned seed = 0; seed < count; ++seed) {
        const report r = hostile_report(seed);
        const std::string stem = folder + "/" + std::to_string(seed);
        for (const report_format& f : report_formats())
            good = put(stem + std::string(f.ending), f.write(r)) && good;
        good = put(stem + ".card.yaml", to_model_card(r, "fine-tuning")) && good;
    }
    return good ? 0 : 1;
}
