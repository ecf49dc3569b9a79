// Every parser of text from the system (or a fake of it). With libFuzzer:
//   clang++ -std=c++17 -fsanitize=fuzzer,address,undefined -Iinclude
//   tests/fuzz/system_text_fuzz.cpp
// The tests run it without libFuzzer over mutated seeds (fuzz/system_text_fuzz_test.cpp).
#include "joulery/detail/backends/accelerator/neuron.hpp"
#include "joulery/detail/backends/apple/apple_ioreport.hpp"
#include "joulery/detail/backends/board/hwmon_chip.hpp"
#include "joulery/detail/backends/board/rpi_pmic.hpp"
#include "joulery/detail/backends/cpu/cpu_identity.hpp"
#include "joulery/detail/backends/cpu/rapl_perf.hpp"
#include "joulery/detail/backends/cpu/rapl_zone.hpp"
#include "joulery/detail/backends/estimate/cpu_power_table.hpp"
#include "joulery/detail/backends/gpu/amdgpu.hpp"
#include "joulery/detail/backends/recording/recording.hpp"
#include "joulery/detail/backends/server/cray_pm.hpp"
#include "joulery/detail/backends/server/ipmi_dcmi.hpp"
#include "joulery/detail/backends/windows/emi_metadata.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/detail/metering/process_share.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace joulery;
    const auto must = [](bool held) {
        if (!held) std::abort();
    };
    const std::string_view text(reinterpret_cast<const char*>(data), size);

    std::uint64_t whole = 0;
    if (parse_unsigned(text, whole)) must(!text.empty());
    std::int64_t either = 0;
    if (parse_signed(text, either) && either >= 0 && text.find('-') == std::string_view::npos)
        must(parse_unsigned(text, whole) && whole == static_cast<std::uint64_t>(either));

    cpu_times times;
    if (parse_cpu_times(text, times)) must(text.substr(0, 4) == "cpu ");

    const cpu_identity cpu = parse_cpu_identity(text);
    must(cpu.model_name.size() <= size && cpu.vendor.size() <= size);
    const cpu_power_entry* entry = find_cpu_power(cpu);
    must(entry == nullptr || entry->full_watts > entry->idle_watts);
    cpu_identity by_name;
    by_name.model_name = text;
    (void)find_cpu_power(by_name);

    must(count_cpus(text) <= (size + 1) * (max_cpu_number + 1));

    rapl_zone package;
    rapl_zone zone;
    zone.folder = text;
    (void)is_rapl_zone_folder(text);
    must(zone.parent_folder().size() <= size);
    if (name_rapl_zone(text, &package, zone)) must(!zone.id().empty());
    must(rapl_wrap_at(whole) == 0 || rapl_wrap_at(whole) > whole);

    double decimal = 0;
    if (const std::size_t taken = parse_leading_number(text, decimal); taken > 0)
        must(taken <= size && std::isfinite(decimal) && decimal >= 0);
    const gpu_metrics table = parse_gpu_metrics(text);
    must(table.known || (table.watts == -1 && table.energy == no_value));
    const pmic_power rails = parse_pmic(text);
    must(rails.all >= 0 && rails.core <= rails.all && rails.memory <= rails.all);
    must(detail::parse_dcmi_power(data, size) <= 0xffff);
    (void)detail::parse_cray(text, whole);
    (void)detail::parse_event_config(text, whole);
    must(detail::id_from_label(text).size() <= size);
    double share = 0;
    must(!parse_neuron_power(text, share) || (share >= 0 && share <= 1));
    for (const unsigned version : {1u, 2u})
        for (const detail::emi_channel& c : detail::parse_emi_metadata(version, text))
            must(2 * c.name.size() <= size);
    (void)detail::describe_apple_part(detail::apple_part_of(text));
    if (const result<recording> played = parse_recording(text)) must(!played->reads.empty());
    return 0;
}
