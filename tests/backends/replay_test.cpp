#include "joulery/detail/backends/recording/replay.hpp"

#include "joulery/detail/backends/recording/recorder.hpp"

#include "backends/support.hpp"
#include "joulery/testing/manual_clock.hpp"
#include "joulery/testing/scripted_backend.hpp"

#include <fcntl.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

using namespace joulery;
using namespace std::chrono_literals;
using testing::manual_clock;
using testing::scripted_backend;
using numbers = std::vector<std::uint64_t>;

namespace {

channel counter(const std::string& id, const std::string& parent = "") {
    channel c;
    c.id = id;
    c.part = component::gpu;
    c.joules_per_count = 1.0 / 65536;
    c.wrap_at = std::uint64_t{1} << 32;
    c.update_period = 20ms;
    c.parent = parent;
    c.max_watts = 700;
    c.relative_error = 0.05;
    c.device = "pci:0000:65:00.0";
    return c;
}

std::unique_ptr<scripted_backend> device() {
    channel odd = counter("tab\there, 100 %\nnew line", "a");
    odd.kind = reading_kind::power_gauge;
    odd.wrap_at = 0;
    odd.provenance = quality::derived;
    auto b = std::make_unique<scripted_backend>("nvml", std::vector<channel>{counter("a"), odd});
    b->ok({10, 20}).fails(read_status::retry).ok({11, no_value}).vanishes().ok({1, 2});
    b->notes("split (MIG); 50 %\n");
    return b;
}

std::string text_of(const std::string& path) {
    std::ifstream file(path);
    return (std::ostringstream() << file.rdbuf()).str();
}

/// A recording of `device()` with 100 ms between reads.
struct recorded_run {
    recorded_run() {
        opened_backend b = record(device(), path, clock);
        REQUIRE(b);
        CHECK(contract_violations(**b, {1, true, {}}) == strings{});  // the first read
        for (int i = 0; i < 4; ++i) {
            clock->advance(100ms);
            read_all(**b);
        }
    }
    fake_system place;
    std::string path = place.path("/run.joules");
    std::shared_ptr<manual_clock> clock = std::make_shared<manual_clock>();
};

const std::string small =
    "joulery-recording\t1\nbackend\tx\n"
    "channel\ta\tcpu\tenergy_counter\tmeasured\t1e-06\t0\t1000000\t\t0\t0\t0\t\n"
    "read\t0\tok\t5\n";

}  // namespace

TEST_CASE("replay: a recording plays back names, channels and every reading") {
    const recorded_run run;
    opened_backend b = open_replay(run.path, replay_pace::each_read);
    REQUIRE(b);
    CHECK((*b)->name() == "nvml");
    CHECK((*b)->note() == "played from a recording; split (MIG); 50 %\n");
    REQUIRE(ids(**b) == strings{"a", "tab\there, 100 %\nnew line"});
    const channel& c = (*b)->channels()[0];
    CHECK(c.part == component::gpu);
    CHECK(c.joules_per_count == 1.0 / 65536);
    CHECK(c.wrap_at == std::uint64_t{1} << 32);
    CHECK(c.update_period == 20ms);
    CHECK(c.max_watts == 700);
    CHECK(c.relative_error == 0.05);
    CHECK(c.device == "pci:0000:65:00.0");
    CHECK((*b)->channels()[1].parent == "a");
    CHECK((*b)->channels()[1].kind == reading_kind::power_gauge);
    CHECK((*b)->channels()[1].provenance == quality::derived);
    CHECK(read_all(**b).values == numbers{10, 20});
    CHECK(read_all(**b).status == read_status::retry);
    CHECK(read_all(**b).values == numbers{11, no_value});
    CHECK(read_all(**b).status == read_status::gone);
    CHECK(read_all(**b).values == numbers{1, 2});
    CHECK(read_all(**b).status == read_status::gone);
}

TEST_CASE("replay: by time, it shows each recorded value and ends with the recording") {
    const recorded_run run;
    const auto clock = std::make_shared<manual_clock>();
    opened_backend b = open_replay(run.path, replay_pace::recorded_time, clock);
    REQUIRE(b);
    CHECK(contract_violations(**b) == strings{});
    CHECK(read_all(**b).values == numbers{10, 20});
    clock->advance(99ms);
    CHECK(read_all(**b).values == numbers{10, 20});
    clock->advance(1ms);
    CHECK(read_all(**b).status == read_status::retry);
    clock->advance(250ms);  // skips one, 350 ms
    CHECK(read_all(**b).status == read_status::gone);
    clock->advance(150ms);
    CHECK(read_all(**b).values == numbers{1, 2});
    clock->advance(1ms);
    CHECK(read_all(**b).status == read_status::gone);
}

TEST_CASE("recorder: writes the documented format") {
    const recorded_run run;
    CHECK(text_of(run.path) ==
          "joulery-recording\t1\n"
          "backend\tnvml\n"
          "note\tsplit (MIG); 50 %25%0A\n"
          "channel\ta\tgpu\tenergy_counter\tmeasured\t1.52587890625e-05\t4294967296\t20000000\t\t"
          "700\t0\t0.05\tpci:0000:65:00.0\n"
          "channel\ttab%09here, 100 %25%0Anew line\tgpu\tpower_gauge\tderived\t1.52587890625e-05\t0"
          "\t20000000\ta\t700\t0\t0.05\tpci:0000:65:00.0\n"
          "read\t0\tok\t10\t20\n"
          "read\t100000000\tretry\n"
          "read\t200000000\tok\t11\t-\n"
          "read\t300000000\tgone\n"
          "read\t400000000\tok\t1\t2\n");
}

TEST_CASE("recorder: an unwritable file is reported, and a full disk does not stop the meter") {
    CHECK(contains(record(device(), "/nonexistent/folder/x").error().reason, "No such file"));
    CHECK(contains(record(nullptr, "/dev/null").error().reason, "no backend"));
    if (!system_root{}.exists("/dev/full")) return;
    opened_backend b = record(device(), "/dev/full");
    REQUIRE(b);
    CHECK(read_all(**b).values == numbers{10, 20});
    CHECK((*b)->note() == "split (MIG); 50 %\n; recording to /dev/full broke off");
}

TEST_CASE("replay: a truncated recording plays up to its last whole line") {
    const result<recording> r = parse_recording(small + "read\t100\tok\t12");
    REQUIRE(r);
    REQUIRE(r->reads.size() == 1);
    CHECK(r->reads[0].values == numbers{5});
}

TEST_CASE("replay: errors name their line") {
    const auto reason = [](const std::string& text) {
        return parse_recording(text).error().reason;
    };
    CHECK(contains(reason("something else\n"), "line 1 of the recording: is not that of"));
    CHECK(reason("joulery-recording\t1\n") == "the recording has no channels");
    CHECK(contains(reason(small.substr(0, small.find("read"))), "no reads"));
    CHECK(contains(reason(small + "read\t1\tok\t1\t2\n"), "line 5 of the recording: a good read"));
    CHECK(contains(reason(small + "read\t1\tretry\t1\n"), "another none"));
    CHECK(contains(reason(small + "read\t1\tfine\t1\n"), "status is ok, retry"));
    CHECK(contains(reason(small + "read\t1\tok\tx\n"), "not a number"));
    CHECK(contains(reason(small + "read\t9\tok\t1\nread\t8\tok\t1\n"), "time goes backwards"));
    CHECK(contains(reason(small + "channel\ta\n"), "12 fields"));
    CHECK(contains(reason(small + "what\n"), "not a known entry"));
    std::string zero = small;
    zero.replace(zero.find("1e-06"), 5, "0");
    CHECK(contains(reason(zero), "line 3 of the recording: a field of the channel"));
    fake_system m;
    m.file("/odd", "x\n");
    CHECK(contains(open_replay(m.path("/odd")).error().reason, "/odd: line 1"));
    CHECK(contains(open_replay(m.path("/none")).error().reason, "No such file"));
}

TEST_CASE("replay: a damaged recording is refused or played, and does no harm") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    const std::string whole = text_of(recorded_run().path);
    int good = 0;
    for (int i = 0; i < 5'000; ++i) {
        std::string text = whole;
        for (int k = 0; k < 2; ++k) text[random() % text.size()] = "\t\n-%09aexr"[random() % 10];
        result<recording> r = parse_recording(text);
        if (!r) continue;
        ++good;
        for (const recorded_read& one : r->reads)
            REQUIRE(one.values.size() == (one.status == read_status::ok ? r->channels.size() : 0));
    }
    CHECK(good > 0);
}

TEST_CASE("recorder: programs started by the host do not inherit the file") {
    const fake_system folder;
    const std::string path = folder.path("/run.joules");
    opened_backend b = record(device(), path);
    REQUIRE(b);
    int found = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        if (std::filesystem::read_symlink(entry.path(), gone) != path) continue;
        ++found;
        CHECK((::fcntl(std::stoi(entry.path().filename()), F_GETFD) & FD_CLOEXEC) != 0);
    }
    CHECK(found == 1);
}
