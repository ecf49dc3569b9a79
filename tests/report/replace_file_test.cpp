// How files are replaced; writing neither hangs nor ends a program.
#include "joulery/detail/core/atomic_file.hpp"

#include "engine/child_process.hpp"
#include "report/golden.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>

using namespace joulery;
using engine_test::folder;
using engine_test::in_child;

namespace {

struct stat about(const std::string& path) {
    struct stat s {};
    REQUIRE(::lstat(path.c_str(), &s) == 0);
    return s;
}
unsigned mode_of(const std::string& path) { return about(path).st_mode & 07777u; }

std::size_t files_in(const folder& f) {
    std::size_t n = 0;
    for (const auto& entry : std::filesystem::directory_iterator(f.path(""))) n += entry.exists();
    return n;
}

volatile std::sig_atomic_t signals_seen = 0;

}  // namespace

TEST_CASE("replace_file: an existing file keeps its mode, a new one gets the umask's") {
    const folder f;
    const std::string path = f.path("run.json");
    const mode_t before = ::umask(027);
    REQUIRE(replace_file(path, "one"));
    ::umask(before);
    CHECK(mode_of(path) == 0640);
    for (const mode_t mode : {mode_t{0600}, mode_t{0664}, mode_t{0640}}) {
        REQUIRE(::chmod(path.c_str(), mode) == 0);
        REQUIRE(replace_file(path, "two"));
        CHECK(mode_of(path) == mode);
    }
    CHECK(f.text("run.json") == "two");
    CHECK(files_in(f) == 1);
}

TEST_CASE("replace_file: another owner's file keeps its owner") {
    if (::geteuid() != 0) return;
    const folder f;
    const std::string path = f.path("run.json");
    REQUIRE(replace_file(path, "one"));
    REQUIRE(::chown(path.c_str(), 4321, 1234) == 0);
    REQUIRE(replace_file(path, "two"));
    CHECK(about(path).st_uid == 4321);
    CHECK(about(path).st_gid == 1234);
    // A user who can't change owners writes in place, if permitted.
    REQUIRE(::chmod(path.c_str(), 0666) == 0);
    REQUIRE(::chmod(f.path("").c_str(), 0777) == 0);
    const auto child = in_child([&] {
        engine_test::must(::setgid(777) == 0 && ::setuid(777) == 0, "gives up root");
        engine_test::must(bool(replace_file(path, "three")), "writes");
        engine_test::must(::chmod(f.path("").c_str(), 0700) != 0, "is not root");
    });
    CHECK(child.exit_code == 0);
    CHECK(child.err.empty());
    CHECK(f.text("run.json") == "three");
    CHECK(about(path).st_uid == 4321);
    CHECK(mode_of(path) == 0666);
    CHECK(files_in(f) == 1);
    // And a read-only file is not replaced, whatever the folder permits.
    REQUIRE(::chmod(path.c_str(), 0644) == 0);
    const auto refused = in_child([&] {
        engine_test::must(::setgid(777) == 0 && ::setuid(777) == 0, "gives up root");
        engine_test::must(!replace_file(path, "four"), "is refused");
    });
    CHECK(refused.err.empty());
    CHECK(f.text("run.json") == "three");
}

TEST_CASE("replace_file: writes in place if only the file is writable") {
    if (::geteuid() != 0) return;
    const folder f;
    const std::string path = f.path("run.json");
    REQUIRE(replace_file(path, "a longer text"));
    REQUIRE(::chmod(path.c_str(), 0666) == 0);
    REQUIRE(::chmod(f.path("").c_str(), 0755) == 0);
    const auto child = in_child([&] {
        engine_test::must(::setgid(777) == 0 && ::setuid(777) == 0, "gives up root");
        engine_test::must(bool(replace_file(path, "two")), "writes");
        engine_test::must(!replace_file(f.path("new.json"), "two"), "may not change the folder");
    });
    CHECK(child.err.empty());
    CHECK(f.text("run.json") == "two");
}

TEST_CASE("replace_file: the target of a symlink is written, and the link stays") {
    const folder f;
    std::filesystem::create_directory(f.path("real"));
    REQUIRE(replace_file(f.path("real/run.json"), "one"));
    REQUIRE(::symlink("real/run.json", f.path("inner.json").c_str()) == 0);
    REQUIRE(::symlink(f.path("inner.json").c_str(), f.path("run.json").c_str()) == 0);
    REQUIRE(replace_file(f.path("run.json"), "two"));
    CHECK(S_ISLNK(about(f.path("run.json")).st_mode));
    CHECK(S_ISLNK(about(f.path("inner.json")).st_mode));
    CHECK(f.text("real/run.json") == "two");
    // Also if the target does not exist yet.
    REQUIRE(::symlink("real/new.json", f.path("new.json").c_str()) == 0);
    REQUIRE(replace_file(f.path("new.json"), "three"));
    CHECK(S_ISLNK(about(f.path("new.json")).st_mode));
    CHECK(f.text("real/new.json") == "three");
    // A link to itself is a failure, not a loop.
    REQUIRE(::symlink("loop.json", f.path("loop.json").c_str()) == 0);
    CHECK_FALSE(replace_file(f.path("loop.json"), "four"));
}

TEST_CASE("replace_file: temporary files left by a killed run block no write") {
    const folder f;
    const std::string path = f.path("run.json");
    for (int i = 0; i < 300; ++i)
        REQUIRE(
            ::symlink(
                "/nonexistent",
                (path + ".tmp" + std::to_string(::getpid()) + "." + std::to_string(i)).c_str()) ==
            0);
    REQUIRE(replace_file(path, "one"));
    CHECK(f.text("run.json") == "one");
    CHECK(detail::random_letters() != detail::random_letters());
}

TEST_CASE("replace_file: a file name of the maximum length can be written") {
    const folder f;
    const std::string name = std::string(250, 'n') + ".json";
    REQUIRE(replace_file(f.path(name), "one"));
    CHECK(f.text(name) == "one");
}

TEST_CASE("replace_file: a FIFO without a reader fails at once") {
    const folder f;
    const std::string path = f.path("run.json");
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    const auto child = in_child([&] {
        ::alarm(20);
        const auto done = replace_file(path, "one");
        std::printf("%s", done ? "written" : done.error().reason.c_str());
    });
    CHECK(child.exit_code == 0);
    CHECK(child.out == "report not written to " + path + ": a pipe without a reader");
    CHECK(S_ISFIFO(about(path).st_mode));
}

TEST_CASE(
    "replace_file: a FIFO with a reader gets the bytes, and one that never reads blocks nothing") {
    const folder f;
    const std::string path = f.path("run.json");
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    const detail::descriptor reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK));
    REQUIRE(replace_file(path, "one"));
    char got[8] = "";
    CHECK(::read(reader.get(), got, sizeof got) == 3);
    CHECK(std::string(got) == "one");
    const detail::descriptor writer(::open(path.c_str(), O_WRONLY | O_NONBLOCK));
    const std::string large(1 << 20, 'x');  // more than a pipe holds
    CHECK(detail::write_all(writer.get(), large, std::chrono::milliseconds(20)) == ETIMEDOUT);
}

TEST_CASE("writing: a closed pipe ends no program and reaches no signal handler") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    ::close(ends[0]);
    const auto before = std::signal(SIGPIPE, [](int) { signals_seen = signals_seen + 1; });
    signals_seen = 0;
    CHECK(detail::write_all(ends[1], "x") == EPIPE);
    CHECK(signals_seen == 0);
    // A pending signal that the host keeps blocked is still pending afterwards.
    ::sigset_t pipe_signal, old, pending;
    ::sigemptyset(&pipe_signal);
    ::sigaddset(&pipe_signal, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &old);
    ::pthread_kill(::pthread_self(), SIGPIPE);
    CHECK(detail::write_all(ends[1], "x") == EPIPE);
    ::sigpending(&pending);
    CHECK(::sigismember(&pending, SIGPIPE) == 1);
    ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
    CHECK(signals_seen == 1);
    std::signal(SIGPIPE, before);
    ::close(ends[1]);
}

TEST_CASE("writing: stderr as a closed pipe ends no program") {
    const auto child = in_child([] {
        int ends[2];
        engine_test::must(::pipe(ends) == 0, "pipe");
        ::close(ends[0]);
        ::dup2(ends[1], STDERR_FILENO);
        std::printf("%d", detail::write_to_stderr("x"));
    });
    CHECK(child.exit_code == 0);
    CHECK(child.out == std::to_string(EPIPE));
}

TEST_CASE("writing: exceeding the file size limit is a failure without a signal") {
    const folder f;
    const std::string path = f.path("run.json");
    REQUIRE(replace_file(path, "old"));
    const auto child = in_child([&] {
        const rlimit small{4, 4};
        ::setrlimit(RLIMIT_FSIZE, &small);
        const auto done = replace_file(path, "longer than four bytes");
        ::_exit(done ? 1 : 0);
    });
    CHECK(child.exit_code == 0);
    CHECK(f.text("run.json") == "old");
    CHECK(files_in(f) == 1);
}
