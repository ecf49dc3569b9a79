#include "joulery/detail/core/atomic_file.hpp"
#include "joulery/report_io.hpp"
#include "joulery/writers/csv.hpp"

#include "engine/pseudo_terminal.hpp"
#include "report/golden.hpp"
#include "report/sample_report.hpp"

#include <doctest/doctest.h>

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

using namespace joulery;

namespace {
/// A folder that is removed with its contents.
struct temporary_folder {
    std::string path = std::string(JOULERY_BINARY_DIR) + "/write_test.XXXXXX";
    temporary_folder() { REQUIRE(mkdtemp(path.data()) != nullptr); }
    ~temporary_folder() {
        for (const std::string& name : names()) ::unlink((path + "/" + name).c_str());
        ::rmdir(path.c_str());
    }
    std::vector<std::string> names() const {
        std::vector<std::string> out;
        DIR* d = ::opendir(path.c_str());
        while (dirent* e = ::readdir(d))
            if (e->d_name[0] != '.') out.emplace_back(e->d_name);
        ::closedir(d);
        return out;
    }
};
bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}
}  // namespace

TEST_CASE("write: the file extension chooses the format") {
    const temporary_folder folder;
    const report r = sample::full();
    REQUIRE(write_report(r, folder.path + "/a.json"));
    CHECK(read_whole(folder.path + "/a.json") == to_json(r));
    REQUIRE(write_report(r, folder.path + "/a.csv"));
    CHECK(read_whole(folder.path + "/a.csv") == to_csv(r));
    CHECK(folder.names().size() == 2);  // no temporary file is left
}

TEST_CASE("write: the longest extension wins, and a bare extension is not a name") {
    CHECK(find_format("run.json")->ending == ".json");
    CHECK(find_format("run.trace.json")->ending == ".trace.json");
    CHECK(find_format("a.speedscope.json")->ending == ".speedscope.json");
    CHECK(find_format("trace.json")->ending == ".json");
    CHECK(find_format(".json") == nullptr);
    CHECK(find_format("json") == nullptr);
    CHECK(find_format("run.JSON") == nullptr);
}

TEST_CASE("write: an unknown extension lists the known ones") {
    const auto done = write_report(sample::full(), "run.xls");
    REQUIRE_FALSE(done);
    CHECK(done.error().reason == "report not written to run.xls: its ending names no known format");
    CHECK(has(done.error().remedy,
              "- (the table on stderr), github (the step's summary), .json, .csv"));
}

TEST_CASE("write: disclosures have their own extensions") {
    const temporary_folder folder;
    report r = sample::full();
    r.scopes[1].items = 38400;
    for (const char* name : {"a.emissions.csv", "a.card.yaml", "a.annex.md", "a.sci.json"})
        REQUIRE(write_report(r, folder.path + "/" + name));
    CHECK(read_whole(folder.path + "/a.emissions.csv").find("timestamp,project_name,run_id,") == 0);
    const std::string card = read_whole(folder.path + "/a.card.yaml");
    CHECK(card.find("co2_eq_emissions:\n  emissions: 0.13") == 0);
    CHECK_FALSE(has(card, "training_type"));
    CHECK(has(read_whole(folder.path + "/a.annex.md"), "## Energy consumption (EU AI Act"));
    const std::string sci = read_whole(folder.path + "/a.sci.json");
    CHECK(has(sci, "\"scope\": \"train/forward\",\n      \"functional_unit\": \"sample\""));
    CHECK(has(sci, "\"embodied_g\": null"));
    CHECK(has(sci, "\"conformant\": false"));
    for (const char* name : {"a.card.yaml", "a.annex.md", "a.sci.json"})
        CHECK(has(read_whole(folder.path + "/" + name), "3 x Some GPU 80GB"));
}

TEST_CASE("write: a GitHub Actions summary is appended to, and only if it exists") {
    const temporary_folder folder;
    const std::string summary = folder.path + "/summary";
    ::unsetenv("GITHUB_STEP_SUMMARY");
    const auto without = write_report(sample::full(), "github");
    REQUIRE_FALSE(without);
    CHECK(has(without.error().reason, "GITHUB_STEP_SUMMARY is not set"));
    ::setenv("GITHUB_STEP_SUMMARY", summary.c_str(), 1);
    REQUIRE(write_report(sample::full(), "github"));
    REQUIRE(write_report(sample::full(), "github"));
    const std::string text = read_whole(summary);
    const std::string once = "### Energy of digits";
    CHECK(text.find(once) == 0);
    CHECK(text.find("\n" + once) != std::string::npos);  // the first is still there
    ::setenv("GITHUB_STEP_SUMMARY", (folder.path + "/no/such").c_str(), 1);
    CHECK_FALSE(write_report(sample::full(), "github"));
    ::unsetenv("GITHUB_STEP_SUMMARY");
}

TEST_CASE("write: an old file is replaced as a whole, or kept if that fails") {
    const temporary_folder folder;
    const std::string path = folder.path + "/a.json";
    REQUIRE(replace_file(path, "old"));
    REQUIRE(write_report(sample::full(), path));
    CHECK(from_json(read_whole(path)));
    const auto done = replace_file(folder.path + "/none/a.json", "x");
    REQUIRE_FALSE(done);
    CHECK(has(done.error().reason, "/none/a.json: No such file or directory"));
    CHECK(done.error().remedy == "create the folder: mkdir -p '" + folder.path + "/none'");
}

TEST_CASE("write: a folder is refused") {
    const temporary_folder folder;
    const std::string inner = folder.path + "/x.json";
    REQUIRE(::mkdir(inner.c_str(), 0755) == 0);
    const auto done = write_report(sample::full(), inner);
    REQUIRE_FALSE(done);
    CHECK(has(done.error().reason, "x.json: Is a directory"));
    ::rmdir(inner.c_str());
}

TEST_CASE("write: a full disk is reported") {
    if (::access("/dev/full", W_OK) != 0) return;
    const auto done = replace_file("/dev/full", "x");
    REQUIRE_FALSE(done);
    CHECK(has(done.error().reason, "/dev/full: No space left on device"));
    CHECK(has(done.error().remedy, "free space"));
}

TEST_CASE("write: a failed write leaves no new file, and the old one unchanged") {
    const temporary_folder folder;
    const std::string path = folder.path + "/a.json";
    REQUIRE(replace_file(path, "old"));
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{4, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    const auto done = replace_file(path, "longer than four bytes");
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    REQUIRE_FALSE(done);
    CHECK(has(done.error().reason, "a.json: File too large"));
    CHECK(read_whole(path) == "old");
    CHECK(folder.names() == std::vector<std::string>{"a.json"});
}

TEST_CASE("write: every format writes the file that its extension names") {
    const temporary_folder folder;
    for (const report_format& format : report_formats()) {
        const std::string path = folder.path + "/full" + std::string(format.ending);
        REQUIRE(write_report(sample::full(), path));
        CHECK(read_whole(path) == read_whole(golden_path("full" + std::string(format.ending))));
    }
}

TEST_CASE("write: without a terminal the table is 100 columns wide and plain") {
    if (::isatty(STDERR_FILENO) != 0) return;
    CHECK(stderr_options().width == 100);
    CHECK_FALSE(stderr_options().color);
}

TEST_CASE("write: a terminal has colors and its own width, unless NO_COLOR or TERM say otherwise") {
    engine_test::pseudo_terminal terminal(72);
    if (!terminal.is_there()) {
        MESSAGE("this system has no pseudo terminals");
        return;
    }
    const int before = ::dup(STDERR_FILENO);
    REQUIRE(::dup2(terminal.program(), STDERR_FILENO) == STDERR_FILENO);
    const auto options_with = [](const char* no_color, const char* term) {
        no_color != nullptr ? ::setenv("NO_COLOR", no_color, 1) : ::unsetenv("NO_COLOR");
        term != nullptr ? ::setenv("TERM", term, 1) : ::unsetenv("TERM");
        return stderr_options();
    };
    const text_options plain_terminal = options_with(nullptr, "xterm");
    const bool with_no_color = options_with("1", "xterm").color;
    const bool with_empty = options_with("", "xterm").color;
    const bool with_dumb = options_with(nullptr, "dumb").color;
    const bool with_none = options_with(nullptr, nullptr).color;
    ::dup2(before, STDERR_FILENO);
    ::close(before);
    CHECK(plain_terminal.color);
    CHECK(plain_terminal.width == 72);
    CHECK_FALSE(with_no_color);
    CHECK(with_empty);  // an empty value counts as unset (no-color.org)
    CHECK_FALSE(with_dumb);
    CHECK_FALSE(with_none);
}
