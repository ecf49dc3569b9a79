#include "joulery/detail/metering/process_share.hpp"

#include "approx.hpp"
#include "joulery/backend.hpp"
#include "joulery/detail/metering/read_schedule.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/meter.hpp"
#include "joulery/scope.hpp"
#include "joulery/testing/access.hpp"
#include "joulery/testing/fake_system.hpp"
#include "joulery/testing/simulated_machine.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;
using testing::fake_system;
using testing::simulated_counter;
using testing::simulated_machine;

namespace {

// /proc/stat with this many seconds of busy time, at the usual hundred ticks a second.
std::string busy(int seconds) { return "cpu  " + std::to_string(seconds * 100) + " 0 0 900\n"; }
std::string used(int seconds) {
    return "usage_usec " + std::to_string(seconds) + "000000\nuser_usec 1\nsystem_usec 1\n";
}

// A process that never uses any time, in a group at `path` whose cpu.stat is in `folder`.
struct grouped {
    grouped(const std::string& path, const std::string& group) : folder(group) {
        system.file("/proc/stat", busy(100));
        system.file("/proc/self/cgroup", "3:cpu:/old\n0::" + path + "\n");
        system.file(folder + "/cgroup.type", "domain\n");
        system.file(folder + "/cpu.stat", used(10));
    }
    fake_system system;
    std::string folder;
};

}  // namespace

TEST_CASE("process_share: this process's time over the machine's busy time, since the last call") {
    fake_system system;
    double own = 5;
    system.file("/proc/stat", busy(100));
    detail::process_share share(system.root(), [&] { return own; });
    CHECK(share.take() == 1);  // unknown at first
    own += 1;
    system.file("/proc/stat", busy(104));
    CHECK(share.take() == approx(0.25));
    CHECK(share.take() == approx(0.25));  // /proc/stat has not changed
    system.file("/proc/stat", busy(110));
    CHECK(share.take() == 0);
}

TEST_CASE("process_share: in a container, service or job the whole group counts") {
    const std::string pod = "/kubepods.slice/pod1";
    const std::pair<std::string, std::string> places[] = {
        {pod, "/sys/fs/cgroup" + pod},
        {"/system.slice/trainer.service", "/sys/fs/cgroup/unified/system.slice/trainer.service"},
        {"/", "/sys/fs/cgroup"}};  // a container's own view
    for (const auto& place : places) {
        const auto& [path, folder] = place;
        INFO(place.first);
        grouped g(path, folder);
        detail::process_share share(g.system.root());
        g.system.file("/proc/stat", busy(140));
        g.system.file(folder + "/cpu.stat", used(30));  // its workers' time, not this process's
        CHECK(share.take() == approx(0.5));
    }
}

TEST_CASE(
    "process_share: a login session and the machine's root group do not count as this process") {
    grouped session("/user.slice/user-1000.slice/session-2.scope",
                    "/sys/fs/cgroup/user.slice/user-1000.slice/session-2.scope");
    CHECK_FALSE(detail::cpu_group(session.system.root()).exists());
    fake_system machine;
    machine.file("/proc/self/cgroup", "0::/\n");
    machine.file("/sys/fs/cgroup/cpu.stat", used(10));  // without a cgroup.type
    CHECK_FALSE(detail::cpu_group(machine.root()).exists());
    fake_system old;
    old.file("/proc/self/cgroup", "4:memory:/x\n1:cpu:/\n");  // only cgroup v1
    CHECK_FALSE(detail::cpu_group(old.root()).exists());
}

namespace {

// A GPU that knows which process used it.
class shared_gpu final : public backend {
 public:
    explicit shared_gpu(std::unique_ptr<backend> counters) : counters_(std::move(counters)) {}
    std::string_view name() const noexcept override { return "shared-gpu"; }
    const std::vector<channel>& channels() const noexcept override { return counters_->channels(); }
    read_status read(counter_span out) noexcept override { return counters_->read(out); }
    double process_share(std::size_t i) noexcept override { return i == 0 ? 0.75 : unknown_share; }

 private:
    std::unique_ptr<backend> counters_;
};

}  // namespace

TEST_CASE(
    "meter: by process, a device's energy follows its backend's data, else everything or time") {
    simulated_machine machine;
    simulated_counter known, unknown, package;
    known.id = "gpu/0/board", unknown.id = "gpu/1/board";
    known.part = unknown.part = component::gpu;
    options o;
    testing::access::set_clock(o, machine.shared_clock());
    o.backends.push_back(
        std::make_unique<shared_gpu>(machine.make_backend({known, unknown, package})));
    o.attribution = attribution::process;
    testing::access::set_process_share(o, [] { return 0.5; });
    meter m{std::move(o)};
    machine.attach(m);
    machine.draw(100_W);
    {
        scope s{m, "work"};
        machine.run(2s);
    }
    const report r = m.snapshot();
    const scope_row& work = *r.find("work");
    CHECK(work.by_channel[0].joules() == approx(150).epsilon(0.01));
    CHECK(work.by_channel[1].joules() == approx(200).epsilon(0.01));
    CHECK(work.by_channel[2].joules() == approx(100).epsilon(0.01));
    CHECK(r.channels[0].unscoped.joules() == approx(50).epsilon(0.01));
}

TEST_CASE("sampling_share: the samplers' time over that of all processors, since the last call") {
    detail::sampling_share s(4);
    CHECK(s.share(0, 1) == 0);
    CHECK(s.share(0.2, 2) == approx(0.05));
    CHECK(s.share(0.2, 3) == 0);
    CHECK(s.share(0.2, 3) == 0);  // no time has passed
    CHECK(s.share(99, 4) == 1);
}

TEST_CASE("meter: energy used by the samplers is charged to no scope") {
    simulated_machine machine;
    meter m{machine.options_with({simulated_counter{}})};
    machine.attach(m);
    machine.draw(100_W);
    const auto& source = testing::access::engine_of(m).backends()[0];
    const double processors = std::max(std::thread::hardware_concurrency(), 1u);
    {
        scope s{m, "work"};
        for (int i = 0; i < 100; ++i) {
            machine.run(20ms);
            source->sampler_seconds = source->sampler_seconds + 0.002 * processors;  // a tenth
        }
    }
    const report r = m.snapshot();
    CHECK(r.total.joules() == approx(200).epsilon(0.01));
    CHECK(r.find("work")->total.joules() == approx(180).epsilon(0.02));
    CHECK(r.unscoped.joules() == approx(20).epsilon(0.1));
}
