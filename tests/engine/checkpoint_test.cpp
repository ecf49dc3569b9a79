// What every kind of end leaves of a run, and the notes about missing reports.
#include "joulery/session.hpp"

#include "engine/child_process.hpp"
#include "joulery/macros.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace joulery;
using engine_test::child_result;
using engine_test::folder;
using engine_test::in_child;
using nlohmann::json;

namespace {

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// Waits until the file contains `part`; another thread writes it.
void await_text(const folder& f, const std::string& name, const std::string& part) {
    for (int i = 0; i < 20'000 && !contains(f.text(name), part); ++i) ::poll(nullptr, 0, 1);
}

bool is_finished(const json& report) {
    for (const json& w : report["warnings"])
        if (contains(w.get<std::string>(), "still running as of ")) return false;
    return true;
}

int threads_here() {
    int n = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task"))
        n += entry.exists() ? 1 : 0;
    return n;
}

}  // namespace

TEST_CASE("checkpoint: however a process ends, the last checkpoint of its report exists") {
    const std::vector<std::pair<const char*, std::function<void()>>> ends = {
        {"SIGKILL", [] { std::raise(SIGKILL); }},
        {"SIGTERM", [] { std::raise(SIGTERM); }},
        {"SIGINT", [] { std::raise(SIGINT); }},
        {"SIGSEGV", [] { std::raise(SIGSEGV); }},
        {"abort", [] { std::abort(); }},
        {"terminate", [] { std::terminate(); }},
        {"_exit", [] { ::_exit(3); }},
        {"quick_exit", [] { std::quick_exit(3); }}};
    for (const auto& kind : ends) {
        const char* const name = kind.first;
        const std::function<void()>& end = kind.second;
        CAPTURE(name);
        const folder f;
        const child_result r = in_child(
            [&f, end = end] {
                for (const int s : {SIGTERM, SIGINT, SIGSEGV, SIGABRT}) std::signal(s, SIG_DFL);
                { JOULERY_SCOPE("epoch"); }
                JOULERY_SCOPE("next epoch");
                await_text(f, "run.json", "next epoch");
                end();
            },
            {{"JOULERY_REPORT", f.path("run.json")}, {"JOULERY_CHECKPOINT", "5ms"}});
        CHECK(r.exit_code != 0);
        const json report = json::parse(f.text("run.json"), nullptr, false);
        REQUIRE(report.is_object());
        CHECK_FALSE(is_finished(report));
        CHECK(report["scopes"][0]["path"] == "epoch");
        CHECK(report["scopes"][0]["calls"] == 1);
        // No other file is left beside it.
        std::size_t files = 0;
        for (const auto& entry : std::filesystem::directory_iterator(f.path("")))
            files += entry.path().filename() == "run.json" ? 0 : 1;
        CHECK(files <= 1);  // one, if it was killed while writing
    }
}

TEST_CASE("checkpoint: a run that ends normally leaves a report that is not marked as running") {
    const folder f;
    const child_result r = in_child(
        [&f] {
            { JOULERY_SCOPE("work"); }
            await_text(f, "run.json", "still running");
        },
        {{"JOULERY_REPORT", f.path("run.json")}, {"JOULERY_CHECKPOINT", "1ms"}});
    CHECK(r.exit_code == 0);
    CHECK(r.err.empty());
    CHECK(is_finished(json::parse(f.text("run.json"))));
}

TEST_CASE("checkpoint: the default is ten seconds, and 0 needs no thread") {
    CHECK(options{}.checkpoint == std::chrono::seconds(10));
    const folder f;
    const auto threads_with = [&](const char* period) {
        const child_result r = in_child(
            [] {
                { JOULERY_SCOPE("work"); }
                std::printf("%d", threads_here());
            },
            {{"JOULERY_REPORT", f.path("run.json")}, {"JOULERY_CHECKPOINT", period}});
        CHECK(is_finished(json::parse(f.text("run.json"))));
        return std::atoi(r.out.c_str());
    };
    CHECK(threads_with("0") + 1 == threads_with("10s"));
}

TEST_CASE("checkpoint: pipes and the table on stderr are written only at the end") {
    const folder f;
    REQUIRE(::mkfifo(f.path("run.json").c_str(), 0600) == 0);
    const child_result r = in_child(
        [] {
            { JOULERY_SCOPE("work"); }
            std::printf("%d", threads_here());
        },
        {{"JOULERY_REPORT", "-," + f.path("run.json")}, {"JOULERY_CHECKPOINT", "1ms"}});
    CHECK(r.exit_code == 0);
    CHECK(contains(r.err, "a pipe without a reader"));
    CHECK(r.err.find("work") == r.err.rfind("work"));  // one table
}

TEST_CASE(
    "checkpoint: a forked child leaves its parent's files alone and gets its own by start()") {
    const folder f;
    const child_result r = in_child(
        [&f] {
            { JOULERY_SCOPE("parent"); }
            await_text(f, "run.json", "parent");
            int pid = 0;
            for (const bool measures : {false, true}) {
                if (measures && !engine_test::child_of_threads_may_start_threads) continue;
                const pid_t child = ::fork();
                if (child == 0) {
                    if (measures) start();
                    { JOULERY_SCOPE("child"); }
                    std::exit(0);
                }
                ::waitpid(child, nullptr, 0);
                pid = static_cast<int>(child);
            }
            std::printf("%d", pid);
        },
        {{"JOULERY_REPORT", f.path("run.json")}, {"JOULERY_CHECKPOINT", "5ms"}});
    const json parents = json::parse(f.text("run.json"), nullptr, false);
    REQUIRE(parents.is_object());
    CHECK(parents["scopes"].size() == 1);
    CHECK(parents["scopes"][0]["path"] == "parent");
    if (!engine_test::child_of_threads_may_start_threads) return;
    const json childs = json::parse(f.text("run." + r.out + ".json"), nullptr, false);
    REQUIRE(childs.is_object());
    CHECK(childs["scopes"][0]["path"] == "child");
}

TEST_CASE("missed reports: one line gives the reason when there is no report") {
    // A separate program, as part of it runs before main.
    const char* const role = std::getenv("JOULERY_TEST_ROLE");
    if (role != nullptr) {
        set_enabled(role != std::string("switched off"));
        if (role != std::string("idle")) JOULERY_SCOPE("work");
        std::exit(0);
    }
    struct situation {
        const char *role, *variable, *value, *reason;
    };
    for (const situation& s :
         {situation{"works", "JOULERY", "off", ": not written, as JOULERY=off"},
          situation{"works", "JOULERY_BACKENDS", "none",
                    ": times but no energy: JOULERY_BACKENDS=none"},
          situation{"idle", "JOULERY", "on", ": not written, as no scope was opened"},
          situation{"switched off", "JOULERY", "on",
                    ": not written, as measuring was switched off by set_enabled(false)"}}) {
        CAPTURE(s.reason);
        const folder f;
        const child_result r = in_child(
            [] { ::execl("/proc/self/exe", "program", "-tc=missed reports: one line*", nullptr); },
            {{"JOULERY_TEST_ROLE", s.role},
             {s.variable, s.value},
             {"JOULERY_REPORT", f.path("run.json")}});
        CHECK(r.exit_code == 0);
        CHECK(r.err == "joulery: " + f.path("run.json") + s.reason + "\n");
    }
}

TEST_CASE("last words: a closed pipe does not kill the program") {
    for (const bool full : {false, true}) {
        const child_result r = in_child(
            [&] {
                int ends[2];
                engine_test::must(::pipe(ends) == 0, "pipe");
                // A pipe that is not read fills up; one without a reader accepts nothing.
                if (full) ::fcntl(ends[1], F_SETFL, O_NONBLOCK);
                while (full && ::write(ends[1], "x", 1) == 1) {
                }
                if (full) ::fcntl(ends[1], F_SETFL, 0);
                if (!full) ::close(ends[0]);
                ::dup2(ends[1], STDERR_FILENO);
                { JOULERY_SCOPE("work"); }
                stop();
                std::printf("went on");
            },
            {{"JOULERY_REPORT", "-"}});
        CHECK(r.exit_code == 0);
        CHECK(r.out == "went on");
    }
}
