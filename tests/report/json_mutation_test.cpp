// The fuzz target as a test: seeded mutations of a good file.
#include "fuzz/report_json_fuzz.cpp"
#include "report/sample_report.hpp"

#include <doctest/doctest.h>

#include <random>

namespace {
std::string mutated(std::string text, std::mt19937& random) {
    static const char* const pieces[] = {
        "null",  "-1",   "1e308", "\"",   "{",  "}",    "[",  "]",      ",",     ":",
        "\\u00", "\xFF", "1e9",   "true", "\\", "1e-9", "\n", "\"x\":", "[[[[[", "99999999999"};
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
    for (std::size_t times = 1 + below(4); times-- > 0 && !text.empty();) {
        const std::size_t at = below(text.size());
        switch (below(5)) {
            case 0:
                text[at] = static_cast<char>(below(256));
                break;
            case 1:
                text.erase(at, 1 + below(40));
                break;
            case 2:
                text.insert(at, pieces[below(sizeof pieces / sizeof *pieces)]);
                break;
            case 3:
                text.insert(at, text.substr(below(text.size()), below(200)));
                break;
            default:
                text.resize(at);
        }
    }
    return text;
}
}  // namespace

TEST_CASE("json fuzz: no mutation of a file crashes the reader or a writer") {
    const unsigned seed = 4711;
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const std::string good = joulery::to_json(sample::full());
    const int count = 5000;
    int understood = 0;
    for (int i = 0; i < count; ++i) {
        const std::string text = mutated(good, random);
        CAPTURE(i);
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
        understood += joulery::from_json(text) ? 1 : 0;
    }
    CHECK(understood > count / 50);  // some mutations must get past the parser
    CHECK(understood < count - count / 50);
}
