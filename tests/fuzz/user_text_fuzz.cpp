// Text from users: values of environment variables, a line of the ledger, a file of baselines. It
// is refused with a reason, or accepted and then written and read again.
#include "joulery/accounting/ledger.hpp"
#include "joulery/assertions/baseline_file.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/core/utf8.hpp"
#include "joulery/detail/session/environment.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

void must(bool held) {
    if (!held) std::abort();
}

void read_numbers(std::string_view text) {
    using namespace joulery;
    double x = 0;
    if (parse_number(text, x)) {
        must(is_finite(x));
        std::string again;
        append_number(again, x);
        double y = 0;
        must(parse_number(again, y) && y == x);
        must(!detail::si_text(x, "J").empty() && !count_text(x).empty());
    }
    std::chrono::nanoseconds t{-1};
    must(parse_duration(text, t) == (t.count() >= 0));
}

// Three values separated by newlines.
void read_carbon(std::string_view text) {
    using namespace joulery;
    const std::size_t first = text.find('\n');
    const std::string_view region = text.substr(0, first);
    text.remove_prefix(first == text.npos ? text.size() : first + 1);
    const std::size_t second = text.find('\n');
    carbon_model model;
    for (const std::string& warning : carbon_from_environment(
             model, region, text.substr(0, second),
             second == text.npos ? std::string_view() : text.substr(second + 1)))
        must(!warning.empty());
    must(is_positive(model.grid.intensity.grams_per_kwh()) && is_finite(model.pue));
    must(model.pue >= 1 && !to_text(model.grid.intensity).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace joulery;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    read_numbers(text);
    read_carbon(text);
    must(display_width(escape_control(text)) <= size * 8);
    if (const auto entry = parse_ledger_line(text)) {
        const std::string line = to_json_line(*entry);
        const auto again = parse_ledger_line(line);
        must(again && to_json_line(*again) == line);
    } else {
        must(!entry.error().reason.empty());
    }
    if (const auto baselines = testing::parse_baselines(text)) {
        const std::string file = testing::to_json(*baselines);
        const auto again = testing::parse_baselines(file);
        must(again && testing::to_json(*again) == file);
    } else {
        must(!baselines.error().reason.empty());
    }
    return 0;
}
