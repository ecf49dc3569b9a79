#include "joulery/detail/backends/windows/windows_emi.hpp"

#include "backends/support.hpp"

#include <random>

using namespace joulery;
using numbers = std::vector<std::uint64_t>;

namespace {

void put(std::string& bytes, std::size_t width, std::uint64_t value) {
    for (std::size_t i = 0; i < width; ++i) bytes += static_cast<char>(value >> (8 * i));
}

std::string wide(const std::string& text, std::size_t units) {
    std::string bytes;
    for (std::size_t i = 0; i < units; ++i)
        put(bytes, 2, i < text.size() ? static_cast<unsigned char>(text[i]) : 0);
    return bytes;
}

std::string metadata_v2(const strings& names) {
    std::string bytes = wide("Maker", 16) + wide("Model", 16);
    put(bytes, 2, 1);  // revision
    put(bytes, 2, names.size());
    for (const std::string& name : names) {
        put(bytes, 4, 0);  // picowatt-hours
        put(bytes, 2, 2 * (name.size() + 1));
        bytes += wide(name, name.size() + 1);
    }
    return bytes;
}

std::string metadata_v1(const std::string& name) {
    std::string bytes;
    put(bytes, 4, 0);
    bytes += wide("Maker", 16) + wide("Model", 16);
    put(bytes, 2, 1);
    put(bytes, 2, 2 * (name.size() + 1));
    return bytes + wide(name, name.size() + 1);
}

struct meter_device {
    unsigned version;
    std::string metadata;
    numbers energies;
    bool answers = true;
};

/// A machine with these meters; meter i is called "\\?\meter<i>".
struct windows_machine {
    std::vector<meter_device> meters;
    int open = 0;

    emi_calls calls() {
        emi_calls c;
        c.context = this;
        c.list = [](void* me) {
            std::wstring paths;
            const auto& self = *static_cast<windows_machine*>(me);
            for (std::size_t i = 0; i < self.meters.size(); ++i)
                paths += L"\\\\?\\meter" + std::to_wstring(i) + L'\0';
            return paths + L'\0';
        };
        c.open = [](void* me, const wchar_t* path) -> void* {
            auto& self = *static_cast<windows_machine*>(me);
            const std::wstring name(path);
            ++self.open;
            return &self.meters[static_cast<std::size_t>(name.back() - L'0')];
        };
        c.control = [](void*, void* handle, unsigned long code, void* into, unsigned long room) {
            const auto& m = *static_cast<meter_device*>(handle);
            std::string answer;
            if (code == 0x224000) put(answer, 2, m.version);
            if (code == 0x224004) put(answer, 4, m.metadata.size());
            if (code == 0x224008) answer = m.metadata;
            if (code == 0x22400c)
                for (const std::uint64_t e : m.energies) put(answer, 8, e), put(answer, 8, 1);
            if (answer.size() > room || (code == 0x22400c && !m.answers)) return -1L;
            std::memcpy(into, answer.data(), answer.size());
            return static_cast<long>(answer.size());
        };
        c.close = [](void* me, void*) { --static_cast<windows_machine*>(me)->open; };
        return c;
    }
};

}  // namespace

TEST_CASE("windows-emi: Intel's package contains cores and graphics, memory is beside it") {
    windows_machine m{{{2,
                        metadata_v2({"RAPL_Package0_PKG", "RAPL_Package0_PP0", "RAPL_Package0_PP1",
                                     "RAPL_Package0_DRAM"}),
                        {1'000'000'000, 2, 3, 4}}}};
    opened_backend b = open_windows_emi(m.calls());
    REQUIRE(b);
    CHECK((*b)->name() == "windows-emi");
    CHECK(ids(**b) == strings{"cpu0/package", "cpu0/core", "cpu0/uncore", "cpu0/dram"});
    CHECK(nesting(**b) == strings{"cpu0/core<cpu0/package", "cpu0/uncore<cpu0/package"});
    CHECK((*b)->channels()[0].joules_per_count == 3.6e-9);
    CHECK((*b)->channels()[0].device == "cpu-package:0");
    CHECK((*b)->channels()[3].part == component::dram);
    CHECK(read_all(**b).values == numbers{1'000'000'000, 2, 3, 4});
    CHECK(contract_violations(**b) == strings{});
    b = failure{};
    CHECK(m.open == 0);
}

TEST_CASE("windows-emi: each AMD core is a meter inside the package") {
    windows_machine m{{{2, metadata_v2({"RAPL_Package0_Core0_CORE"}), {5}},
                       {2, metadata_v2({"RAPL_Package0_Core1_CORE"}), {6}},
                       {2, metadata_v2({"RAPL_Package0_PKG"}), {7}}}};
    opened_backend b = open_windows_emi(m.calls());
    REQUIRE(b);
    CHECK(nesting(**b) == strings{"cpu0/core0-core<cpu0/package", "cpu0/core1-core<cpu0/package"});
    CHECK(read_all(**b).values == numbers{5, 6, 7});
    m.meters[1].answers = false;
    CHECK(read_all(**b).values == numbers{5, no_value, 7});
    for (meter_device& d : m.meters) d.answers = false;
    CHECK(read_all(**b).status == read_status::retry);
}

TEST_CASE("windows-emi: an Arm machine's parts are inside SYS, an APU's inside its socket") {
    windows_machine apu{{{2, metadata_v2({"Current Socket Energy", "Apu Power"}), {1, 2}}}};
    windows_machine arm{{{2, metadata_v2({"CPU_CLUSTER_0", "GPU", "SYS"}), {1, 2, 3}}}};
    opened_backend b = open_windows_emi(arm.calls());
    REQUIRE(b);
    CHECK(nesting(**b) == strings{"emi/cpu-cluster-0<machine/system", "emi/gpu<machine/system"});
    CHECK(contract_violations(**b) == strings{});
    b = open_windows_emi(apu.calls());
    REQUIRE(b);
    CHECK(nesting(**b) == strings{"emi/apu-power<cpu0/package"});
}

TEST_CASE("windows-emi: version 1 has one channel, and a part without a parent is a root") {
    windows_machine m{{{1, metadata_v1("RAPL_Package1_PP0"), {9}}}};
    opened_backend b = open_windows_emi(m.calls());
    REQUIRE(b);
    CHECK(ids(**b) == strings{"cpu1/core"});
    CHECK(nesting(**b) == strings{});
    CHECK(read_all(**b).values == numbers{9});
}

TEST_CASE("windows-emi: without a known meter, opening fails with the reason") {
    windows_machine none;
    CHECK(open_windows_emi(none.calls()).error().reason == "Windows lists no energy meter");
    windows_machine odd{{{3, metadata_v2({"RAPL_Package0_PKG"}), {1}},
                         {2, metadata_v2({"RAPL_Package0_PKG"}).substr(0, 80), {1}}}};
    CHECK_FALSE(open_windows_emi(odd.calls()));
    CHECK(odd.open == 0);
    std::string other_unit = metadata_v2({"RAPL_Package0_PKG"});
    other_unit[68] = 1;
    windows_machine unknown{{{2, other_unit, {1}}}};
    CHECK_FALSE(open_windows_emi(unknown.calls()));
#if !defined(_WIN32)
    CHECK_FALSE(open_windows_emi(system_root{}));
#endif
}

TEST_CASE("windows-emi: truncated or damaged metadata is never read past its end") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    const std::string whole = metadata_v2({"RAPL_Package0_PKG", "RAPL_Package0_DRAM"});
    for (std::size_t n = 0; n < whole.size(); ++n)
        CHECK(detail::parse_emi_metadata(2, whole.substr(0, n)).empty());
    REQUIRE(detail::parse_emi_metadata(2, whole).size() == 2);
    for (int i = 0; i < 20'000; ++i) {
        std::string bytes = whole.substr(0, random() % (whole.size() + 1));
        for (int k = 0; k < 3 && !bytes.empty(); ++k)
            bytes[random() % bytes.size()] = static_cast<char>(random());
        for (const unsigned version : {1u, 2u})
            for (const detail::emi_channel& c : detail::parse_emi_metadata(version, bytes))
                REQUIRE(c.name.size() <= bytes.size());
    }
}

TEST_CASE("windows-emi: names the processor, and other meters by their maker; none has a limit") {
    windows_machine m{{{2, metadata_v2({"RAPL_Package0_PKG", "RAPL_Package0_DRAM"}), {5, 6}},
                       {1, metadata_v1("SYS"), {7}}}};
    emi_calls calls = m.calls();
    opened_backend b = open_windows_emi(calls);
    REQUIRE(b);
    CHECK(full_contract_violations(**b, false) == strings{});
    CHECK(channel_of(**b, "cpu0/package").model == "Maker Model");
    calls.processor = [](void*) { return std::string("13th Gen Intel(R) Core(TM) i7-1360P"); };
    b = open_windows_emi(calls);
    CHECK(channel_of(**b, "cpu0/package").model == "13th Gen Intel Core i7-1360P");
    CHECK(channel_of(**b, "machine/system").model == "Maker Model");
}
