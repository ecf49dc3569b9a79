#include "fuzz/system_text_fuzz.cpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace {

const std::vector<std::string> seeds = {
    "cpu  10132153 290696 3084719 46828483 16683 0 25195 0 175628 0\ncpu0 1 2 3 4\n",
    "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 17\n"
    "model name\t: AMD EPYC 7763 64-Core Processor\nstepping\t: 1\nflags\t\t: fpu sgx "
    "hypervisor\n\n",
    "vendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R) Platinum 8275CL CPU @ 3.00GHz\n",
    "262143328850\n",
    "-17\n",
    "0-3,8,10-11\n",
    "package-0-die-1",
    "psys-1",
    "intel-rapl:a:0",
    "event=0x02",
    "2.3283064365386962890625e-10",
    "1234567 J 1700000000123456 us\n",
    " VDD_CORE_A current(7)=2.0A\n VDD_CORE_V volt(15)=0.75V\n",
    std::string("\x78\0\1\3", 4) + std::string(116, '\x11'),
    std::string("\0\xdc\x9c\1", 4) + std::string(15, '\x40'),
    "POWER_STATUS_VALID,1700000000,3.10,9.80,5.25\n",
    "DIE_1_CPU Energy",
    "joulery-recording\t1\nbackend\tx\nnote\t50 %25\n"
    "channel\ta\tcpu\tenergy_counter\tmeasured\t1e-06\t0\t1000000\t\t0\t0\t0\t\n"
    "read\t0\tok\t5\nread\t7\tgone\n",
    std::string(66, '\0') + std::string("\1\0\0\0\0\0\4\0A\0\0\0", 12),
    "",
};

void mutate(std::string& text, std::mt19937& random) {
    const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    for (std::size_t n = 1 + below(4); n > 0; --n) {
        const std::size_t at = below(text.size() + 1);
        switch (below(5)) {
            case 0:
                text.insert(at, 1, static_cast<char>(below(256)));
                break;
            case 1:
                text.insert(at, 1, "0123456789-:, \n"[below(15)]);
                break;
            case 2:
                if (at < text.size()) text.erase(at, 1 + below(8));
                break;
            case 3:
                if (at < text.size()) text[at] = static_cast<char>(below(256));
                break;
            default:
                text.insert(at, text.substr(below(text.size() + 1), below(32)));
        }
    }
}

const std::uint8_t* bytes_of(const std::string& text) {
    return reinterpret_cast<const std::uint8_t*>(text.data());
}

void run(const std::string& text) { LLVMFuzzerTestOneInput(bytes_of(text), text.size()); }

}  // namespace

// A parser that accepts none of the seeds would only be tested on texts it refuses at once.
TEST_CASE("system text: each parser accepts a seed and reads its values") {
    using namespace joulery;
    const auto taken = [](auto parser) {
        return std::count_if(seeds.begin(), seeds.end(), parser);
    };
    std::uint64_t whole = 0;
    std::int64_t either = 0;
    double number = 0;
    cpu_times times;
    const rapl_zone package;
    CHECK(taken([&](auto& s) { return parse_unsigned(s, whole); }) == 1);
    CHECK(taken([&](auto& s) { return parse_signed(s, either); }) == 2);
    CHECK(taken([&](auto& s) { return parse_cpu_times(s, times); }) == 1);
    CHECK(taken([](auto& s) { return parse_cpu_identity(s).vendor == "AuthenticAMD"; }) == 1);
    CHECK(taken([](auto& s) { return find_cpu_power(parse_cpu_identity(s)) != nullptr; }) == 2);
    CHECK(taken([](auto& s) { return count_cpus(s) == 7; }) == 1);
    CHECK(taken([](auto& s) { return is_rapl_zone_folder(s); }) == 1);
    CHECK(taken([&](auto& s) {
              rapl_zone zone;
              return name_rapl_zone(s, &package, zone);
          }) == 2);
    CHECK(taken([&](auto& s) { return detail::parse_event_config(s, whole) && whole == 2; }) == 1);
    CHECK(taken([&](auto& s) { return parse_leading_number(s, number) == 28; }) == 1);
    CHECK(taken([](auto& s) { return parse_gpu_metrics(s).known; }) == 1);
    CHECK(taken([](auto& s) { return parse_pmic(s).core == 1.5; }) == 1);
    CHECK(taken([](auto& s) { return detail::parse_dcmi_power(bytes_of(s), s.size()) > 0; }) == 1);
    CHECK(taken([&](auto& s) { return detail::parse_cray(s, whole) && whole == 1'234'567; }) == 1);
    CHECK(taken([&](auto& s) { return parse_neuron_power(s, number); }) == 1);
    CHECK(taken([](auto& s) { return !detail::parse_emi_metadata(1, s).empty(); }) == 1);
    CHECK(taken([](auto& s) { return !detail::parse_emi_metadata(2, s).empty(); }) == 1);
    CHECK(taken([](auto& s) { return bool(parse_recording(s)); }) == 1);
}

TEST_CASE("system text: no parser fails on damaged files") {
    const unsigned seed = 20261123;
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (const std::string& s : seeds) run(s);
    for (int i = 0; i < 20'000; ++i) {
        std::string text = seeds[random() % seeds.size()];
        mutate(text, random);
        run(text);
    }
}
