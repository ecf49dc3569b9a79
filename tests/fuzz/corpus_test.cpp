// Inputs worth keeping from fuzzing, or that failed once: each target runs its own again.
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#define LLVMFuzzerTestOneInput fuzz_report_json
#include "fuzz/report_json_fuzz.cpp"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_series
#include "fuzz/series_fuzz.cpp"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_system_text
#include "fuzz/system_text_fuzz.cpp"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_user_text
#include "fuzz/user_text_fuzz.cpp"
#undef LLVMFuzzerTestOneInput

namespace {

template <class Target>
std::size_t replay(const std::string& name, Target target) {
    std::size_t files = 0;
    const auto folder = std::filesystem::path(JOULERY_SOURCE_DIR) / "tests/fuzz/corpus" / name;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        INFO(entry.path().string());
        CHECK(target(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()) == 0);
        ++files;
    }
    return files;
}

}  // namespace

TEST_CASE("fuzz corpus: every reader of outside text survives earlier findings") {
    CHECK(replay("report_json", fuzz_report_json) > 0);
    CHECK(replay("series", fuzz_series) > 0);
    CHECK(replay("system_text", fuzz_system_text) > 0);
    CHECK(replay("user_text", fuzz_user_text) > 0);
}
