#include "joulery/accounting/ledger.hpp"

#include "approx.hpp"
#include "joulery/accounting/ledger_total.hpp"
#include "joulery/carbon/carbon_for.hpp"
#include "joulery/detail/core/shared_file.hpp"

#include <doctest/doctest.h>

#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

using namespace joulery;
using namespace joulery::literals;

namespace {

struct temporary_file {
    std::string path;
    temporary_file() {
        static int count = 0;
        path = std::string(JOULERY_BINARY_DIR) + "/ledger_" + std::to_string(getpid()) + "_" +
               std::to_string(++count) + ".jsonl";
        std::remove(path.c_str());
    }
    ~temporary_file() { std::remove(path.c_str()); }
    std::string text() const {
        std::ifstream in(path);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    void write(const std::string& bytes) const { std::ofstream(path) << bytes; }
};

ledger_entry entry(const std::string& run, const std::string& phase, const std::string& model,
                   double unix_seconds, double kwh) {
    ledger_entry e;
    e.run_id = run;
    e.phase = phase;
    e.model = model;
    e.started = wall_time::from_unix_seconds(unix_seconds);
    e.it = energy::from_kilowatt_hours(kwh);
    e.facility = e.it * 1.1;
    e.co2e = emissions::from_grams(kwh * 100);
    return e;
}

void add(const std::string& path, const ledger_entry& e) {
    const auto done = append_to_ledger(path, e);
    REQUIRE_MESSAGE(done, done.error().reason);
}

const double november = 1762000000, december = 1765000000;  // 2025

}  // namespace

TEST_CASE("ledger: an entry reads back as it was written") {
    report r;
    r.context.run_id = "m/1\n\"x\"";
    r.context.run_name = "digits \xC3\xBC";
    r.context.carbon = *carbon_for("aws:us-east-1");
    r.context.carbon.market = contractual_intensity(20_g_per_kWh, "contract");
    r.context.carbon.embodied = {36_g, "server"};
    r.context.duration = seconds(100);
    r.context.started = wall_time::from_unix_seconds(november);
    r.total = 2_kWh;
    r.co2e = 600_g;
    const auto e = make_ledger_entry(r, {"bert", "training", ""});
    REQUIRE(e);
    const std::string line = to_json_line(*e);
    CHECK(line.find('\n') == std::string::npos);
    const auto back = parse_ledger_line(line);
    REQUIRE_MESSAGE(back, back.error().reason);
    CHECK(to_json_line(*back) == line);
    CHECK(back->run_id == "m/1\n\"x\"");
    CHECK(back->it.kilowatt_hours() == approx(2));
    CHECK(back->facility.kilowatt_hours() == approx(2.3));
    CHECK(back->co2e.grams() == 600);
    CHECK(back->market.grams() == approx(46));
    CHECK(back->embodied.grams() == approx(1));
    CHECK(back->intensity.grams_per_kwh() == approx(600 / 2.3));
    CHECK(back->month() == "2025-11");
    CHECK(back->year == 2023);
    CHECK_FALSE(make_ledger_entry(r, {"bert", "training", "no/such"}));
}

TEST_CASE("ledger: runs add up by phase, model and month, and filters apply") {
    const temporary_file f;
    add(f.path, entry("1", "training", "a", november, 10));
    add(f.path, entry("2", "training", "b", november, 20));
    add(f.path, entry("3", "inference", "a", december, 5));
    const auto t = ledger_total(f.path);
    REQUIRE(t);
    CHECK(t->total.runs == 3);
    CHECK(t->total.it.kilowatt_hours() == approx(35));
    CHECK(t->total.facility.kilowatt_hours() == approx(38.5));
    CHECK(t->by_phase.at("training").co2e.grams() == approx(3000));
    CHECK(t->by_phase.at("inference").co2e.grams() == approx(500));
    CHECK(t->by_model.at("a").it.kilowatt_hours() == approx(15));
    CHECK(t->by_month.at("2025-12").runs == 1);
    ledger_filter only;
    only.phase = "training";
    only.model = "a";
    CHECK(ledger_total(f.path, only)->total.it.kilowatt_hours() == approx(10));
    only = {};
    only.from_month = "2025-12";
    CHECK(ledger_total(f.path, only)->total.runs == 1);
    only.until_month = "2025-11";
    CHECK(ledger_total(f.path, only)->total.runs == 0);
    only.from_month = only.until_month = "2025-12";  // both months are included
    CHECK(ledger_total(f.path, only)->total.runs == 1);
    CHECK(to_text(*t).find("  training") != std::string::npos);
}

TEST_CASE(
    "ledger: market-based figures are summed separately, with the number of runs that state one") {
    const temporary_file f;
    ledger_entry e = entry("1", "training", "a", november, 10);
    e.market = emissions::from_grams(300);
    e.market_source = "contract";
    add(f.path, e);
    add(f.path, entry("2", "training", "a", november, 20));
    const auto t = ledger_total(f.path);
    CHECK(t->total.with_market == 1);
    CHECK(t->total.market.grams() == approx(300));
    CHECK(t->total.co2e.grams() == approx(3000));
    CHECK(to_text(*t).find("market-based: 300 g CO2e, of the 1 run(s)") != std::string::npos);
}

TEST_CASE("ledger: a run added twice counts once, with its last figures") {
    const temporary_file f;
    add(f.path, entry("1", "training", "a", november, 10));
    add(f.path, entry("1", "training", "a", november, 12));
    add(f.path, entry("1", "inference", "a", november, 1));
    const auto t = ledger_total(f.path);
    CHECK(t->total.it.kilowatt_hours() == approx(13));
    CHECK(t->superseded == 1);
}

TEST_CASE("ledger: a torn last line is ended, kept and skipped; nothing is lost or rewritten") {
    const temporary_file f;
    const std::string whole = to_json_line(entry("1", "training", "a", november, 10));
    for (std::size_t cut = 1; cut < whole.size(); cut += 7) {
        const std::string before = whole + "\n" + whole.substr(0, cut);
        f.write(before);
        add(f.path, entry("2", "training", "a", november, 5));
        const std::string after = f.text();
        REQUIRE(after.compare(0, before.size(), before) == 0);
        const auto t = ledger_total(f.path);
        REQUIRE(t);
        REQUIRE(t->total.runs == 2);
        REQUIRE(t->total.it.kilowatt_hours() == approx(15));
        REQUIRE(t->warnings.size() == 1);
        REQUIRE(t->warnings[0].find("line 2 left out") == 0);
    }
    f.write(whole);  // only the newline is missing: the entry is complete
    add(f.path, entry("2", "training", "a", november, 5));
    CHECK(ledger_total(f.path)->total.runs == 2);
    CHECK(ledger_total(f.path)->warnings.empty());
}

TEST_CASE("ledger: processes that append at the same time lose nothing") {
    const temporary_file f;
    const int writers = 4, lines = 50;
    std::vector<pid_t> children;
    for (int w = 0; w < writers; ++w) {
        const pid_t child = fork();
        if (child == 0) {
            bool good = true;
            for (int i = 0; i < lines; ++i) {
                ledger_entry e =
                    entry(std::to_string(w) + "." + std::to_string(i), "training",
                          std::string(static_cast<std::size_t>(20 + 97 * w), 'm'), november, 1);
                good = good && append_to_ledger(f.path, e);
            }
            _exit(good ? 0 : 1);
        }
        REQUIRE(child > 0);
        children.push_back(child);
    }
    for (pid_t child : children) {
        int status = 0;
        REQUIRE(waitpid(child, &status, 0) == child);
        CHECK(status == 0);
    }
    const auto t = ledger_total(f.path);
    REQUIRE(t);
    CHECK(t->warnings.empty());
    CHECK(t->total.runs == 200);
    CHECK(t->total.it.kilowatt_hours() == approx(200));
    CHECK(t->by_model.size() == 4);
}

TEST_CASE("ledger: a writer waits for another one that is in the middle of its line") {
    const temporary_file f;
    const std::string line = to_json_line(entry("1", "training", "a", november, 10)) + "\n";
    int go[2], ready[2];
    REQUIRE(pipe(go) == 0);
    REQUIRE(pipe(ready) == 0);
    const pid_t child = fork();  // before the lock, which the child would inherit
    if (child == 0) {
        char byte = 0;
        const bool known = read(go[0], &byte, 1) == 1 && write(ready[1], &byte, 1) == 1;
        _exit(known && append_to_ledger(f.path, entry("2", "training", "a", november, 5)) ? 0 : 1);
    }
    REQUIRE(child > 0);
    {
        detail::locked_file first(f.path);
        first.append(line.substr(0, 40));
        char byte = 'x';
        REQUIRE(write(go[1], &byte, 1) == 1);
        REQUIRE(read(ready[0], &byte, 1) == 1);
        bool waits = true;
        for (int i = 0; i < 1000 && waits; ++i) {  // it has plenty of time to write now
            waits = waitpid(child, nullptr, WNOHANG) == 0;
            sched_yield();
        }
        CHECK(waits);
        first.append(line.substr(40));
        if (!waits) return;
    }
    int status = 1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    for (const int end : {go[0], go[1], ready[0], ready[1]}) close(end);
    const auto t = ledger_total(f.path);
    CHECK(t->total.runs == 2);
    CHECK(t->warnings.empty());
}

TEST_CASE("ledger: foreign and damaged lines are reported and skipped") {
    const temporary_file f;
    const std::string head = "\n{\"schema\":\"joulery-ledger\",";
    f.write("{\"a\":1}\nnot json\n\n" + to_json_line(entry("1", "t", "a", november, 1)) + head +
            "\"schema_version\":1,\"it_j\":\"many\"}" + head + "\"schema_version\":2}" + head +
            "\"it_j\":1}\n");
    const auto t = ledger_total(f.path);
    CHECK(t->total.runs == 1);
    REQUIRE(t->warnings.size() == 5);
    CHECK(t->warnings[2].find("line 5 left out: a member has another type") == 0);
    CHECK(t->warnings[3].find("line 6 left out: written by a newer joulery (ledger version 2") ==
          0);
    CHECK(t->warnings[4].find("line 7 left out: \"schema_version\" is missing") == 0);
    CHECK_FALSE(ledger_total("/no/such/ledger"));
    const auto done = append_to_ledger("/no/such/folder/ledger", {});
    REQUIRE_FALSE(done);
    CHECK(done.error().reason.find("/no/such/folder/ledger") != std::string::npos);
}

TEST_CASE("ledger: names are printed in full and can't control a terminal") {
    const temporary_file f;
    add(f.path, entry("1", "training", "organization/model-of-70-billion-base", november, 10));
    add(f.path, entry("2", "training", "organization/model-of-70-billion-chat", november, 10));
    add(f.path, entry("3", "training", "\x1b[31m\n", november, 10));
    const std::string text = to_text(*ledger_total(f.path));
    CHECK(text.find("  organization/model-of-70-billion-base ") != std::string::npos);
    CHECK(text.find("  organization/model-of-70-billion-chat ") != std::string::npos);
    CHECK(text.find("  \\x1b[31m\\x0a ") != std::string::npos);
}

TEST_CASE("ledger: a folder is refused with that reason") {
    const auto t = ledger_total(JOULERY_BINARY_DIR);
    REQUIRE_FALSE(t);
    CHECK(t.error().reason ==
          std::string(JOULERY_BINARY_DIR) + ": cannot be read to its end: Is a directory");
}

TEST_CASE("ledger: a symlink is not followed, and a path that is not a file does not block") {
    const temporary_file f;
    const temporary_file target;
    REQUIRE(symlink(target.path.c_str(), f.path.c_str()) == 0);
    const auto linked = append_to_ledger(f.path, entry("1", "training", "a", november, 1));
    REQUIRE_FALSE(linked);
    CHECK(linked.error().reason == "ledger " + f.path + " not written: it is a symlink");
    CHECK(target.text().empty());
    std::remove(f.path.c_str());
    REQUIRE(mkfifo(f.path.c_str(), 0600) == 0);
    const auto piped = append_to_ledger(f.path, entry("1", "training", "a", november, 1));
    REQUIRE_FALSE(piped);
    CHECK(piped.error().reason == "ledger " + f.path + " not written: it is not a regular file");
}

TEST_CASE("ledger: waiting for another process's lock is bounded") {
    const temporary_file f;
    const detail::locked_file first(f.path);
    REQUIRE(first.error() == 0);
    detail::locked_file second(f.path, std::chrono::milliseconds(20));
    CHECK(second.error() == ETIMEDOUT);
    second.append("lost\n");
    CHECK(f.text().empty());
}
