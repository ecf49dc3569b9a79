#include "joulery/detail/backends/gpu/amdgpu.hpp"

#include "approx.hpp"
#include "backends/support.hpp"

#include <random>

using namespace joulery;

namespace {

/// A table of the given version with every field "not available".
std::string table(unsigned format, unsigned content, std::size_t size) {
    std::string bytes(size, '\xff');
    bytes[0] = static_cast<char>(size & 0xff);
    bytes[1] = static_cast<char>(size >> 8);
    bytes[2] = static_cast<char>(format);
    bytes[3] = static_cast<char>(content);
    return bytes;
}

void put(std::string& bytes, std::size_t at, std::size_t width, std::uint64_t value) {
    for (std::size_t i = 0; i < width; ++i) bytes[at + i] = static_cast<char>(value >> (8 * i));
}

void append(std::string& bytes, std::size_t width, std::uint64_t value) {
    bytes.append(width, '\0');
    put(bytes, bytes.size() - width, width, value);
}

std::string mi300(std::uint64_t energy, std::uint64_t watts = 500) {
    std::string t = table(1, 7, 2208);
    put(t, 10, 2, watts);
    put(t, 24, 8, energy);
    return t;
}

void card(fake_system& m, int number, const char* pci, const char* device_id = "0x74a1") {
    const std::string device = "/sys/class/drm/card" + std::to_string(number) + "/device";
    m.file(device + "/vendor", "0x1002\n").file(device + "/device", std::string(device_id) + "\n");
    m.file(device + "/uevent", std::string("DRIVER=amdgpu\nPCI_SLOT_NAME=") + pci + "\nX=1\n");
}

const std::string card0 = "/sys/class/drm/card0/device";

}  // namespace

TEST_CASE("gpu metrics: power and energy of every version with fixed layout") {
    struct expected {
        unsigned format, content;
        std::size_t size, power_at, power_bytes, energy_at, energy_bytes;
        double scale;
    };
    for (const expected& e : std::initializer_list<expected>{{1, 0, 80, 34, 2, 36, 4, 1},
                                                             {1, 1, 96, 22, 2, 24, 8, 1},
                                                             {1, 2, 104, 22, 2, 24, 8, 1},
                                                             {1, 3, 120, 22, 2, 24, 8, 1},
                                                             {1, 4, 288, 10, 2, 24, 8, 1},
                                                             {1, 5, 360, 10, 2, 88, 8, 1},
                                                             {1, 6, 1664, 10, 2, 16, 8, 1},
                                                             {1, 7, 2208, 10, 2, 24, 8, 1},
                                                             {1, 8, 3872, 10, 2, 24, 8, 1},
                                                             {2, 4, 168, 40, 2, 0, 0, 1e-3},
                                                             {3, 0, 264, 112, 4, 0, 0, 1e-3}}) {
        CAPTURE(e.format);
        CAPTURE(e.content);
        std::string t = table(e.format, e.content, e.size);
        gpu_metrics m = parse_gpu_metrics(t);
        CHECK(m.known);
        CHECK(m.watts == -1);
        CHECK(m.energy == no_value);
        put(t, e.power_at, e.power_bytes, 280);
        if (e.energy_at != 0) put(t, e.energy_at, e.energy_bytes, 123'456);
        m = parse_gpu_metrics(t);
        CHECK(m.watts == approx(280 * e.scale));
        CHECK(m.energy == (e.energy_at != 0 ? 123'456 : no_value));
        t.pop_back();
        CHECK_FALSE(parse_gpu_metrics(t).known);
    }
    CHECK(parse_gpu_metrics(table(2, 1, 120)).watts == -1);  // unit not stated
    CHECK_FALSE(parse_gpu_metrics(table(1, 42, 120)).known);
    CHECK_FALSE(parse_gpu_metrics("").known);
}

TEST_CASE("gpu metrics: version 1.9 is a list of attributes") {
    std::string t = table(1, 9, 8);
    put(t, 4, 4, 3);
    append(t, 8, (2u << 20) | (1u << 10) | 4);  // four 16-bit values of another attribute
    append(t, 8, 0x0001'0002'0003'0004);
    append(t, 8, (4u << 20) | (3u << 10) | 1);  // socket power, 32 bits
    append(t, 4, 750);
    append(t, 8, (6u << 20) | (7u << 10) | 1);  // energy, 64 bits
    append(t, 8, 9'876'543'210);
    put(t, 0, 2, t.size());
    gpu_metrics m = parse_gpu_metrics(t);
    CHECK(m.watts == 750);
    CHECK(m.energy == 9'876'543'210);
    t.resize(t.size() - 4);
    CHECK(parse_gpu_metrics(t).energy == no_value);
}

TEST_CASE("gpu metrics: no input breaks the parser") {
    const unsigned seed = 20261123;
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (int i = 0; i < 20'000; ++i) {
        const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
        std::string t = table(1 + below(3), below(11), 4 + below(400));
        for (char& c : t)
            if (random() % 3 == 0) c = static_cast<char>(random());
        if (random() % 2 == 0) {
            t[2] = 1, t[3] = 9;
            put(t, 0, 2, t.size());
        }
        (void)parse_gpu_metrics(t);
    }
}

TEST_CASE("amdgpu: an MI300 has its 64-bit counter and its PCI address") {
    fake_system m;
    card(m, 0, "0000:05:00.0"), card(m, 10, "0000:65:00.0");
    m.file(card0 + "/gpu_metrics", mi300(655'360));
    m.file("/sys/class/drm/card10/device/gpu_metrics", mi300(65'536));
    m.file("/sys/class/drm/card0-DP-1/device/vendor", "0x1002\n");  // a connector of card0
    m.file("/sys/class/drm/card0-DP-1/device/gpu_metrics", mi300(655'360));
    m.file("/sys/class/drm/card1/device/vendor", "0x10de\n");
    opened_backend b = open_amdgpu(m.root());
    REQUIRE(b);
    CHECK(ids(**b) == strings{"gpu/0000:05:00.0/board", "gpu/0000:65:00.0/board"});
    const channel& c = (*b)->channels()[0];
    CHECK(c.device == "pci:0000:05:00.0");
    CHECK(c.kind == reading_kind::energy_counter);
    CHECK(c.part == component::gpu);
    const read_result r = read_all(**b);
    CHECK(r.values == std::vector<std::uint64_t>{655'360, 65'536});
    CHECK(static_cast<double>(r.values[0]) * c.joules_per_count == 10);
    CHECK(contract_violations(**b) == strings{});
}

TEST_CASE("amdgpu: the second die of an MI250 is part of the first") {
    fake_system m;
    card(m, 0, "0000:29:00.0", "0x740c"), card(m, 1, "0000:2c:00.0", "0x740c");
    std::string first = table(1, 3, 120), second = first;
    put(first, 22, 2, 300), put(first, 24, 8, 1'000);
    put(second, 22, 2, 0), put(second, 24, 8, 0);
    m.file(card0 + "/gpu_metrics", first);
    m.file("/sys/class/drm/card1/device/gpu_metrics", second);
    opened_backend b = open_amdgpu(m.root());
    REQUIRE(b);
    CHECK(ids(**b) == strings{"gpu/0000:29:00.0/board"});
    CHECK((*b)->channels()[0].kind == reading_kind::energy_counter);
    CHECK(contains((*b)->note(), "0000:2c:00.0 is the second die"));
}

TEST_CASE("amdgpu: a counter of unknown unit is replaced by the power") {
    fake_system m;
    card(m, 0, "0000:03:00.0", "0x744c");  // Navi 31
    std::string t = table(1, 3, 120);
    put(t, 22, 2, 111), put(t, 24, 8, 5);
    m.file(card0 + "/gpu_metrics", t);
    SUBCASE("from hwmon") {
        m.file(card0 + "/hwmon/hwmon3/name", "amdgpu\n");
        m.number(card0 + "/hwmon/hwmon3/power1_average", 222'000'000);
        opened_backend b = open_amdgpu(m.root());
        CHECK((*b)->channels()[0].kind == reading_kind::power_gauge);
        CHECK(read_all(**b).values[0] == 222'000'000);
        CHECK(contract_violations(**b) == strings{});
    }
    SUBCASE("or from the table") {
        opened_backend b = open_amdgpu(m.root());
        CHECK(read_all(**b).values[0] == 111'000'000);
        CHECK((*b)->channels()[0].quantum == 1.0);
    }
}

TEST_CASE("amdgpu: a processor with graphics reports its socket, as RAPL's package does") {
    fake_system m;
    card(m, 0, "0000:c1:00.0", "0x150e");
    std::string t = table(3, 0, 264);
    put(t, 112, 4, 28'500);
    m.file(card0 + "/gpu_metrics", t);
    opened_backend b = open_amdgpu(m.root());
    CHECK(ids(**b) == strings{"cpu0/package"});
    CHECK((*b)->channels()[0].part == component::soc);
    CHECK(read_all(**b).values[0] == 28'500'000);
}

TEST_CASE("amdgpu: a removed card is gone, and a damaged table is a failed read") {
    fake_system m;
    card(m, 0, "0000:05:00.0");
    m.file(card0 + "/gpu_metrics", mi300(7));
    opened_backend b = open_amdgpu(m.root());
    for (const std::string& bad :
         {std::string(), std::string("\1"), table(1, 7, 2208), mi300(7).substr(0, 100)}) {
        m.file(card0 + "/gpu_metrics", bad);
        CHECK(read_all(**b).status == read_status::retry);
    }
    m.vanish(card0 + "/gpu_metrics");
    CHECK(read_all(**b).status == read_status::gone);
    m.file(card0 + "/gpu_metrics", mi300(9));
    read_all(**b);
    CHECK(read_all(**b).values[0] == 9);
}

TEST_CASE("amdgpu: one of 64 cards is removed") {
    fake_system m;
    for (int i = 0; i < 64; ++i) {
        const std::string number = std::to_string(10 + i);
        card(m, i, ("0000:" + number + ":00.0").c_str());
        m.file("/sys/class/drm/card" + std::to_string(i) + "/device/gpu_metrics",
               mi300(100 + static_cast<unsigned>(i)));
    }
    opened_backend b = open_amdgpu(m.root());
    REQUIRE(b);
    REQUIRE((*b)->channels().size() == 64);
    m.vanish("/sys/class/drm/card40/device/gpu_metrics");
    const read_result r = read_all(**b);
    CHECK(r.status == read_status::ok);
    for (std::size_t i = 0; i < 64; ++i) {
        const std::string& id = (*b)->channels()[i].id;  // "gpu/0000:50:00.0/board" is card 40's
        const std::uint64_t expected = std::stoull(id.substr(9, 2)) + 90;
        CHECK(r.values[i] == (expected == 140 ? no_value : expected));
    }
}

TEST_CASE("amdgpu: without a usable card, opening fails with the reason") {
    fake_system m;
    CHECK(contains(open_amdgpu(m.root()).error().reason, "no AMD GPU"));
    card(m, 0, "0000:05:00.0");
    m.file(card0 + "/gpu_metrics", table(1, 3, 120));
    CHECK(contains(open_amdgpu(m.root()).error().reason, "0000:05:00.0 shows neither"));
}

TEST_CASE("amdgpu: names the card, or the processor that contains it, and states its power limit") {
    fake_system m;
    m.cpuinfo("AuthenticAMD", "AMD Ryzen 7 7840HS w/ Radeon 780M Graphics", 25, 116);
    card(m, 0, "0000:05:00.0");
    m.file(card0 + "/gpu_metrics", mi300(655'360)).file(card0 + "/product_name", "MI300X\n");
    m.file(card0 + "/hwmon/hwmon2/name", "amdgpu\n");
    m.number(card0 + "/hwmon/hwmon2/power1_cap", 750'000'000);
    opened_backend b = open_amdgpu(m.root());
    REQUIRE(b);
    CHECK(full_contract_violations(**b) == strings{});
    CHECK((*b)->channels()[0].max_watts == 750);
    std::string apu = table(2, 4, 168);
    put(apu, 40, 2, 15'000);
    m.file(card0 + "/gpu_metrics", apu);
    b = open_amdgpu(m.root());
    REQUIRE(b);
    CHECK((*b)->channels()[0].id == "cpu0/package");
    CHECK((*b)->channels()[0].model == "AMD Ryzen 7 7840HS w/ Radeon 780M Graphics");
}
