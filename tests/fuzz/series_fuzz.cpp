// Fuzz target for the readers of intensity series:
//     clang++ -std=c++17 -g -O1 -fsanitize=fuzzer,address,undefined -Iinclude
//         tests/fuzz/series_fuzz.cpp -o series_fuzz && ./series_fuzz -max_len=4096
#include "joulery/carbon/series_reader.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    joulery::series_options options;
    options.skip_bad_rows = (data[0] & 1) != 0;
    options.assume_utc = (data[0] & 2) != 0;
    if ((data[0] & 4) != 0) options.unit = "g/kWh";
    if ((data[0] & 8) != 0) options.max_steps = 16;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto series = joulery::parse_intensity_series(text, options);
    if (!series) return 0;
    const auto& s = **series;
    const double mean = s.mean(s.begin(), s.end()).grams_per_kwh();
    const double known = s.coverage(s.begin(), s.end());
    if (!(mean > 0) || !(known >= 0 && known <= 1)) std::abort();
    return 0;
}
