// tests/fuzz/report_json_fuzz.cpp - any bytes: from_json refuses them or reads them completely.
//
//     clang++ -std=c++17 -g -O1 -fsanitize=fuzzer,address,undefined -Iinclude
//         tests/fuzz/report_json_fuzz.cpp -o fuzz && ./fuzz
#include "joulery/report_io.hpp"
#include "joulery/writers/csv.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto r = joulery::from_json(text);
    if (!r) {
        if (r.error().reason.empty()) std::abort();
        return 0;
    }
    const std::string once = joulery::to_json(*r);
    const auto again = joulery::from_json(once);
    if (!again || joulery::to_json(*again) != once) std::abort();
    if (joulery::to_text(*r).empty() || joulery::to_csv(*r).empty()) std::abort();
    return 0;
}
