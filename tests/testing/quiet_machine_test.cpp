#include "joulery/assertions/quiet_machine.hpp"

#include "approx.hpp"
#include "joulery/testing/fake_system.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

using namespace joulery;
using namespace joulery::testing;
using namespace std::chrono_literals;

namespace {

struct lock_file {
    lock_file() {
        char name[] = "/tmp/joulery-lock-XXXXXX";
        folder = ::mkdtemp(name);
        path = folder + "/lock";
    }
    ~lock_file() {
        std::remove(path.c_str());
        ::rmdir(folder.c_str());
    }
    std::string folder, path;
};

// Whether another process can take the lock immediately.
bool another_gets(const std::string& path) {
    const ::pid_t child = ::fork();
    if (child == 0) {
        const measuring_lock lock(path, 0ms);
        ::_exit(lock.held() ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// /proc/stat of a machine with that many seconds of busy time.
std::string stat_text(double busy) {
    return "cpu  " + std::to_string(static_cast<long>(busy * 100)) + " 0 0 1000 0 0 0 0 0 0\n";
}

}  // namespace

TEST_CASE("measuring lock: one process holds it at a time") {
    const lock_file f;
    {
        const measuring_lock lock(f.path, 0ms);
        CHECK(lock.held());
        CHECK_FALSE(another_gets(f.path));
    }
    CHECK(another_gets(f.path));
}

TEST_CASE("measuring lock: other users may take it too, whatever the umask") {
    const lock_file f;
    const ::mode_t before = ::umask(077);
    const measuring_lock lock(f.path, 0ms);
    ::umask(before);
    struct stat about {};
    REQUIRE(::stat(f.path.c_str(), &about) == 0);
    CHECK((about.st_mode & 0777) == 0666);
}

TEST_CASE("measuring lock: if it can't be had, measuring goes on without it, in bounded time") {
    CHECK_FALSE(measuring_lock("/proc/nowhere/lock", 1h).held());
    CHECK_FALSE(measuring_lock("", 1h).held());
    const lock_file f;
    REQUIRE(::symlink("/etc/passwd", f.path.c_str()) == 0);  // planted by another user
    CHECK_FALSE(measuring_lock(f.path, 1h).held());
    std::remove(f.path.c_str());
    const measuring_lock first(f.path, 0ms);
    CHECK_FALSE(measuring_lock(f.path, 30ms).held());
}

TEST_CASE("measuring lock: the environment sets another file, or none") {
    ::setenv("JOULERY_ENERGY_LOCK", "/run/user/1000/energy.lock", 1);
    CHECK(measuring_lock_path() == "/run/user/1000/energy.lock");
    ::setenv("JOULERY_ENERGY_LOCK", "off", 1);
    CHECK(measuring_lock_path().empty());
    ::unsetenv("JOULERY_ENERGY_LOCK");
    CHECK(measuring_lock_path() == "/tmp/joulery-energy.lock");
}

TEST_CASE("other load: is the share of processor time of other processes") {
    fake_system machine;
    double ours = 5;
    machine.file("/proc/stat", stat_text(100));
    const other_load load(machine.root(), [&] { return ours; });
    CHECK(load.share(0) == 0);
    ours += 3;
    machine.file("/proc/stat", stat_text(103));
    CHECK(load.share(2) == 0);
    machine.file("/proc/stat",
                 stat_text(104));  // one second of others beside three of this process
    CHECK(load.share(2) == approx(0.97 / 4));
}

TEST_CASE("other load: a little work beside code that waits for a device is negligible") {
    fake_system machine;
    machine.file("/proc/stat", stat_text(100));
    const other_load load(machine.root(), [] { return 0.0; });
    machine.file("/proc/stat", stat_text(100.1));
    CHECK(load.share(2) == approx(0.07 / 2));
    CHECK(load.share(2) < other_load::most);
    machine.file("/proc/stat", stat_text(100.03));  // /proc/stat may be off by three ticks
    CHECK(load.share(0.1) < 1e-6);
}

TEST_CASE("other load: is zero without /proc/stat") {
    fake_system machine;
    CHECK(other_load(machine.root(), [] { return 0.0; }).share(1) == 0);
}

TEST_CASE("other load: children that were waited for belong to this process") {
    const double before = own_processor_seconds();
    const ::pid_t child = ::fork();
    if (child == 0) {
        while (own_processor_seconds() < 0.05) {
        }
        ::_exit(0);
    }
    ::waitpid(child, nullptr, 0);
    CHECK(own_processor_seconds() - before >= 0.05);
}

TEST_CASE("suite time: a hundred measurements all get their turn within it") {
    suite_time all(60s);
    std::chrono::nanoseconds used{};
    for (int i = 0; i < 100; ++i) {
        const auto mine = all.grant({});
        CHECK(mine >= 30ms);
        CHECK(mine <= 2s);
        all.spend(mine);
        used += mine;
    }
    CHECK(used <= 60s);
}

TEST_CASE("suite time: a measurement with a stated duration gets it while time is left") {
    suite_time all(15s);
    CHECK(all.grant(10s) == 10s);
    all.spend(10s);
    CHECK(all.grant(10s) == 5s);
    all.spend(6s);
    CHECK(all.grant(10s) == 0s);
    CHECK(all.grant({}) == 0s);
}
