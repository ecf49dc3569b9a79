// Names of report files, and several runs that write to the same file.
#include "joulery/detail/session/report_files.hpp"

#include "engine/child_process.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace joulery;
using detail::report_files;
using detail::run_names;
using engine_test::folder;
using strings = std::vector<std::string>;

namespace {

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

run_names process(const char* number) {
    run_names names;
    names.process = number;
    names.host = "node1";
    names.run = "run-" + names.process;
    return names;
}

report of(const char* name) {
    report r;
    r.context.run_name = name;
    return r;
}

strings write_last(report_files& files, const char* name) {
    strings said;
    files.write_last(of(name), [&](const std::string& text) { said.push_back(text); });
    return said;
}

}  // namespace

TEST_CASE("report files: %p, %h and %r stand for process, host and run") {
    const run_names names = process("42");
    CHECK(names.fill("/x/%h/run.%p.json") == "/x/node1/run.42.json");
    CHECK(names.fill("%r.csv") == "run-42.csv");
    CHECK(names.fill("100%%.%x%.txt%") == "100%.%x%.txt%");
    const run_names own = run_names::of("a/b c");
    CHECK(own.process == std::to_string(::getpid()));
    CHECK(own.run.substr(0, 6) == "a-b-c-");
    CHECK(own.run.find('/') == std::string::npos);
    CHECK(own.run.find(own.process) != std::string::npos);
}

TEST_CASE("report files: a file in use by another run is left to it, and both report that") {
    const folder f;
    const std::string path = f.path("run.json");
    report_files first({path}, process("1"));
    first.write_checkpoint(of("first"));
    report_files second({path}, process("2"));
    report_files in_a_container({path}, process("2"));
    CHECK(first.notes().empty());
    CHECK(second.notes() == strings{path +
                                    " is in use by another run; this "
                                    "run's report is in " +
                                    f.path("run.2.json")});
    CHECK(write_last(second, "second").empty());
    CHECK(write_last(in_a_container, "third").empty());
    CHECK(contains(f.text("run.json"), "\"first\""));
    CHECK(contains(f.text("run.2.json"), "\"second\""));
    CHECK(contains(f.text("run.2.json"), "is in use by another run"));
    CHECK(contains(f.text("run.node1.2.json"), "\"third\""));
    // The first run learns of the others at its end, although they have ended.
    std::ofstream(f.path("run.7.json")) << "a file of somebody else";
    const strings said = write_last(first, "first");
    REQUIRE(said.size() == 2);
    CHECK(contains(said[0], "was requested by another run"));
    CHECK(contains(said[0], f.path("run.2.json")));
    CHECK(contains(f.text("run.json"), f.path("run.2.json")));
    CHECK(contains(f.text("run.json"), f.path("run.node1.2.json")));
}

TEST_CASE("report files: once its run ends, the file name is free for the next") {
    const folder f;
    const std::string path = f.path("run.csv");
    for (const char* name : {"1", "2"}) {
        report_files run({path}, process(name));
        CHECK(run.notes().empty());
        run.write_checkpoint(of(name));
    }
    report_files third({path}, process("3"));
    CHECK(write_last(third, "third").empty());
    CHECK(std::distance(std::filesystem::directory_iterator(f.path("")), {}) == 1);
}

TEST_CASE("report files: reserving a file changes nothing until it is written") {
    const folder f;
    std::ofstream(f.path("old.json")) << "old";
    {
        const report_files run({f.path("old.json"), f.path("new.json"), "-", f.path("x.unknown")},
                               process("1"));
        CHECK(run.has_files());
        CHECK(f.text("old.json") == "old");
    }
    CHECK(f.text("old.json") == "old");
    CHECK_FALSE(std::filesystem::exists(f.path("new.json")));
    CHECK_FALSE(std::filesystem::exists(f.path("x.unknown")));
    CHECK_FALSE(report_files({"-"}, process("1")).has_files());
}

TEST_CASE("report files: a name listed twice is written once") {
    const folder f;
    report_files run({f.path("run.json"), f.path("run.json")}, process("1"));
    CHECK(run.notes().empty());
    CHECK(write_last(run, "one").empty());
    CHECK(std::distance(std::filesystem::directory_iterator(f.path("")), {}) == 1);
}

TEST_CASE("report files: a folder created after the start is accepted") {
    const folder f;
    report_files run({f.path("out/run.json")}, process("1"));
    run.write_checkpoint(of("early"));
    std::filesystem::create_directory(f.path("out"));
    CHECK(write_last(run, "one").empty());
    CHECK(contains(f.text("out/run.json"), "\"one\""));
}

TEST_CASE("report files: a host that closes all descriptors and opens others keeps those") {
    const folder f;
    const auto child = engine_test::in_child([&] {
        report_files run({f.path("run.json")}, process("1"));
        const int lock = ::open("/dev/null", O_RDONLY) - 1;  // the reservation's
        ::close(lock);
        const int hosts = ::open(f.path("host").c_str(), O_CREAT | O_RDWR, 0600);
        engine_test::must(hosts == lock, "the host's file has the number of the reservation");
        run.write_checkpoint(of("one"));
        engine_test::must(::write(hosts, "x", 1) == 1, "the host's file is still open");
        engine_test::must(write_last(run, "one").empty(), "the report is written");
        engine_test::must(::write(hosts, "x", 1) == 1, "and still");
    });
    CHECK(child.err.empty());
    CHECK(child.exit_code == 0);
    CHECK(f.text("host") == "xx");
}

TEST_CASE("report files: if no file can be written, the table is printed instead, once") {
    const auto child = engine_test::in_child([] {
        report_files run({"/nonexistent/a.json", "/nonexistent/b.json"}, process("1"));
        for (const std::string& s : write_last(run, "one")) std::printf("%s\n", s.c_str());
    });
    CHECK(contains(child.out, "report not written to /nonexistent/a.json"));
    CHECK(contains(child.out, "report not written to /nonexistent/b.json"));
    CHECK(child.err.find("(outside)") == child.err.rfind("(outside)"));
    CHECK(contains(child.err, "(outside)"));
}

TEST_CASE("report files: a program at its limit of open files still writes its report") {
    const folder f;
    const auto child = engine_test::in_child([&] {
        const rlimit few{64, 64};
        ::setrlimit(RLIMIT_NOFILE, &few);
        report_files run({f.path("run.json")}, process("1"));
        run.write_checkpoint(of("a name that is longer than the last one"));
        while (::open("/dev/null", O_RDONLY) >= 0) {
        }
        engine_test::must(write_last(run, "last").empty(), "the report is written");
    });
    CHECK(child.err.empty());
    CHECK(child.exit_code == 0);
    CHECK(contains(f.text("run.json"), "\"last\""));
    CHECK(f.text("run.json").back() == '\n');
    CHECK_FALSE(contains(f.text("run.json"), "still running"));
}

TEST_CASE("report files: the cost of checkpoints is part of the measuring cost") {
    const folder f;
    report_files run({f.path("run.json")}, process("1"));
    run.set_cost(seconds(6));
    report r = of("one");
    r.overhead.sampler = seconds(1);
    r.overhead.edges = seconds(1);
    r.overhead.share_of_wall = 0.01;
    r.overhead.joules = energy::from_joules(5);
    run.write_checkpoint(r);
    const auto read = from_json(f.text("run.json"));
    REQUIRE(read);
    CHECK(read->overhead.sampler.count() == 7);
    CHECK(read->overhead.edges.count() == 1);
    CHECK(read->overhead.share_of_wall == 0.04);
    CHECK(read->overhead.joules.joules() == 20);
}

TEST_CASE("report files: relative names keep the folder in which the run started") {
    const folder f;
    const auto child = engine_test::in_child([&] {
        engine_test::must(::chdir(f.path("").c_str()) == 0, "in the folder");
        report_files run({"run.json", "run.jsonl", "./run.json", f.path("run.json")}, process("1"));
        run.write_checkpoint(of("early"));
        run.append_line(of("early"));
        engine_test::must(::mkdir("elsewhere", 0700) == 0 && ::chdir("elsewhere") == 0, "left");
        engine_test::must(run.notes().empty(), "one file under three names is one file");
        engine_test::must(write_last(run, "last").empty(), "all is written");
    });
    CHECK(child.err.empty());
    CHECK(child.exit_code == 0);
    CHECK(contains(f.text("run.json"), "\"last\""));
    CHECK(contains(f.text("run.jsonl"), "\"last\":true"));
    CHECK(std::filesystem::is_empty(f.path("elsewhere")));
}

TEST_CASE("report files: a run names only recent other reports beside its own, and at most a few") {
    const folder f;
    const auto redirected = [&](int process) {
        const std::string name = f.path("run." + std::to_string(process) + ".json");
        std::ofstream(name) << "run.json is in use by another run";
        return name;
    };
    report_files run({f.path("run.json")}, process("1"));
    std::filesystem::last_write_time(
        redirected(1), std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
    CHECK(write_last(run, "alone").empty());
    report_files parent({f.path("run.json")}, process("1"));
    for (int child = 2; child < 100; ++child) (void)redirected(child);
    const strings said = write_last(parent, "parent");
    REQUIRE(said.size() == 4);
    CHECK(contains(said.back(), "requested by 95 more runs"));
}

TEST_CASE("report files: an unwritable file is reported once, at the start or at a checkpoint") {
    const folder f;
    std::filesystem::create_symlink(f.path("it's not there/run.json"), f.path("link.json"));
    report_files run({"-", f.path("run.what"), f.path("link.json"), f.path("~/a.jsonl")},
                     process("1"));
    REQUIRE(run.unusable_targets().size() == 1);
    CHECK(contains(run.unusable_targets()[0], "run.what: its ending names no known format; use one of"));
    const strings said = run.write_checkpoint(of("one"));
    REQUIRE(said.size() == 1);
    CHECK(contains(said[0], "mkdir -p '" + f.path("it'\\''s not there") + "'"));
    CHECK(run.write_checkpoint(of("one")).empty());
    const strings lines = run.append_line(of("one"));
    REQUIRE(lines.size() == 1);
    CHECK(contains(lines[0], "only a shell replaces ~"));
    CHECK(run.append_line(of("one")).empty());
}
