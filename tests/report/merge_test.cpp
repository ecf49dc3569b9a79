#include "joulery/detail/report/merge.hpp"
#include "joulery/detail/report/run_ledger.hpp"
#include "joulery/report_io.hpp"

#include "approx.hpp"
#include "joulery/detail/report/fields.hpp"
#include "report/sample_report.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <map>
#include <random>

using namespace joulery;
using sample::j;

namespace {

/// A run with one channel "cpu0/package": `joules` from `begin` to `end`, three quarters of them in
/// one scope.
report run(const std::string& id, const std::string& machine, double begin, double end,
           double joules) {
    report r;
    r.context = sample::context();
    r.context.run_id = id;
    r.context.machine = machine;
    r.context.host = "host-" + machine;
    r.context.started = wall_time::from_unix_seconds(begin);
    r.context.duration = seconds(end - begin);
    r.channels = {sample::channel("cpu0/package", joules, joules / 4)};
    scope_row row;
    row.path = row.name = "train";
    row.calls = 1;
    row.time = seconds(end - begin);
    row.total = row.self = j(joules * 0.75);
    row.by_channel = {row.total};
    row.uncertainty = j(joules * 0.03);
    row.co2e = r.context.carbon.of(row.total);
    row.items = 10;
    row.item_name = "sample";
    r.scopes = {row};
    r.total = j(joules);
    r.unscoped = j(joules / 4);
    r.co2e = r.context.carbon.of(r.total);
    r.runs = {{id, machine, "", begin, end, {j(joules)}}};
    return r;
}

bool close(double a, double b) {
    return std::fabs(a - b) <= 1e-9 * std::max({1.0, std::fabs(a), std::fabs(b)});
}

/// Own sums + unscoped == total, for each channel and overall; children fit inside parents.
void check_conserved(const report& r) {
    double summed = 0, selves = 0;
    for (std::size_t c = 0; c < r.channels.size(); ++c) {
        double inside = r.channels[c].unscoped.joules();
        for (const scope_row& row : r.scopes)
            if (row.parent == scope_row::no_parent) inside += row.by_channel[c].joules();
        CHECK(close(inside, r.channels[c].total.joules()));
        if (r.channels[c].summed) summed += r.channels[c].total.joules();
    }
    for (const scope_row& row : r.scopes) selves += row.self.joules();
    CHECK(close(summed, r.total.joules()));
    CHECK(close(selves + r.unscoped.joules(), r.total.joules()));
}

/// The figures of a report by name, in any order of rows.
std::map<std::string, double> figures(const report& r) {
    std::map<std::string, double> f;
    f["total"] = r.total.joules();
    f["unscoped"] = r.unscoped.joules();
    f["co2e"] = r.co2e.grams();
    f["duration"] = r.context.duration.count();
    f["cpu share"] = r.overhead.share_of_cpu;
    f["attribution"] = r.overhead.attribution.count();
    f["samples"] = static_cast<double>(r.overhead.samples);
    f["warnings"] = static_cast<double>(r.warnings.size());
    f["runs"] = static_cast<double>(r.runs.size());
    for (const channel_row& c : r.channels) {
        const std::string key = c.id + (c.summed ? "+" : "-");
        f[key] = c.total.joules();
        f[key + " unscoped"] = c.unscoped.joules();
        f[key + " reads"] = static_cast<double>(c.tally.reads);
    }
    for (const scope_row& s : r.scopes) {
        f[s.path + " calls"] = static_cast<double>(s.calls);
        f[s.path + " total"] = s.total.joules();
        f[s.path + " self"] = s.self.joules();
        f[s.path + " co2e"] = s.co2e.grams();
        f[s.path + " uncertainty"] = s.uncertainty.joules();
        for (std::size_t c = 0; c < s.by_channel.size(); ++c)
            f[s.path + " " + r.channels[c].id + (r.channels[c].summed ? "+" : "-")] =
                s.by_channel[c].joules();
    }
    return f;
}

void check_same(const report& a, const report& b) {
    const auto x = figures(a), y = figures(b);
    REQUIRE(x.size() == y.size());
    for (const auto& figure : x) {  // no structured binding: clang 14 can't capture one
        const auto& name = figure.first;
        const auto& value = figure.second;
        CAPTURE(name);
        REQUIRE(y.count(name) == 1);
        CHECK_MESSAGE(close(value, y.at(name)), value << " != " << y.at(name));
    }
    CHECK(a.context.host == b.context.host);
    CHECK(a.context.run_id == b.context.run_id);
}

struct maker {
    std::mt19937 random;
    int next_id = 0;
    double real(double low, double high) {
        return std::uniform_real_distribution<double>(low, high)(random);
    }
    int whole(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); }

    /// A run with random channels, tree and time on one of three machines.
    report make() {
        const std::string machine = "m" + std::to_string(whole(0, 2));
        const double begin = whole(0, 20), end = begin + whole(1, 10);
        report r = run("run" + std::to_string(next_id++), machine, begin, end, 0);
        r.channels.clear();
        r.scopes.clear();
        r.context.host = "host-" + machine;
        const int count = whole(1, 3);
        for (int c = 0; c < count; ++c)
            r.channels.push_back(sample::channel("cpu" + std::to_string(c) + "/package", 0, 0));
        if (whole(0, 1) == 1)
            r.channels.push_back(sample::channel("cpu0/core", 0, 0, "cpu0/package"));
        for (const char* path : {"a", "a/x", "a/y", "b"}) {
            scope_row row;
            row.path = path;
            row.name = row.path.back();
            if (row.path.size() > 1) row.parent = 0;
            row.calls = static_cast<std::uint64_t>(whole(1, 9));
            row.by_channel.resize(r.channels.size());
            r.scopes.push_back(row);
        }
        r.total = r.unscoped = energy();
        for (std::size_t c = 0; c < r.channels.size(); ++c) share_out(r, c);
        for (scope_row& row : r.scopes) {
            row.self = row.total;
            row.co2e = r.context.carbon.of(row.total);
            row.uncertainty = row.total * 0.1;
        }
        r.scopes[0].self = r.scopes[0].total - r.scopes[1].total - r.scopes[2].total;
        r.co2e = r.context.carbon.of(r.total);
        r.overhead.sampler = seconds(real(0, 1));
        r.overhead.attribution = r.overhead.sampler * real(0, 1);
        r.overhead.share_of_cpu = real(0.01, 0.1);
        r.overhead.samples = static_cast<std::uint64_t>(whole(1, 99));
        r.warnings = {"warning " + std::to_string(whole(0, 2))};
        r.runs[0].by_channel.clear();
        for (const channel_row& c : r.channels) r.runs[0].by_channel.push_back(c.total);
        return r;
    }

    void share_out(report& r, std::size_t c) {
        const double x = real(0, 10), y = real(0, 10), self = real(0, 10), b = real(0, 10);
        const double parts[] = {x + y + self, x, y, b};
        r.channels[c].unscoped = j(real(0, 10));
        r.channels[c].total = j(x + y + self + b) + r.channels[c].unscoped;
        for (std::size_t i = 0; i < 4; ++i) {
            r.scopes[i].by_channel[c] = j(parts[i]);
            if (r.channels[c].summed) r.scopes[i].total += j(parts[i]);
        }
        if (!r.channels[c].summed) return;
        r.total += r.channels[c].total;
        r.unscoped += r.channels[c].unscoped;
    }
};

}  // namespace

TEST_CASE("union: consecutive spans add up, overlapping ones count once by the longest") {
    CHECK(union_joules({{0, 10, 100, "a"}, {20, 30, 50, "c"}}) == approx(150));
    CHECK(union_joules({{0, 10, 100, "a"}, {0, 10, 104, "b"}}) == approx(100));
    CHECK(union_joules({{0, 10, 100, "b"}, {0, 10, 104, "a"}}) == approx(104));
    CHECK(union_joules({{0, 10, 100, "a"}, {8, 12, 80, "b"}}) == approx(140));
    CHECK(union_joules({{2, 4, 500, "a"}, {0, 10, 100, "b"}, {3, 9, 999, "c"}}) == approx(100));
    CHECK(union_joules({{0, 10, 100, "a"}, {5, 5, 7, "b"}, {12, 12, 7, "c"}, {12, 12, 8, "d"}}) ==
          approx(107));
    CHECK(union_joules({{0, 10, 0, "a"}, {2, 4, 6, "b"}}) == approx(6));
    CHECK(union_joules({{0, NAN, 5, "a"}, {3, 1, 5, "b"}, {0, 1, INFINITY, "c"}}) == 0);
    CHECK(union_joules({}) == 0);
}

TEST_CASE("merge: the ranks of one node count its energy once") {
    const report r =
        merge(std::vector<report>{run("a", "m", 0, 10, 100), run("b", "m", 0, 9, 90),
                                  run("c", "m", 1, 10, 90), run("d", "m", 0, 10, 100)});
    CHECK(r.total.joules() == approx(100));
    CHECK(r.unscoped.joules() == approx(25));
    REQUIRE(r.channels.size() == 1);
    CHECK(r.channels[0].id == "cpu0/package");
    CHECK(r.scopes[0].total.joules() == approx(75));
    CHECK(r.scopes[0].calls == 4);
    CHECK(r.scopes[0].items == 40);
    CHECK(r.scopes[0].time.count() == approx(38));
    CHECK(r.co2e.grams() == approx(100 / 3.6e6 * 472.94));
    CHECK(r.context.duration.count() == approx(10));
    CHECK(r.context.run_id == "mixed");
    CHECK(r.context.host == "host-m");
    check_conserved(r);
}

TEST_CASE("merge: merging reports one at a time gives the same as all at once") {
    const std::vector<report> all = {run("a", "m", 0, 10, 100), run("b", "m", 2, 9, 90),
                                     run("c", "n", 1, 8, 70)};
    std::size_t given = 0;
    const report one_by_one = merge([&](report& next) {
        CHECK(next == report{});  // nothing of the previous one is left in it
        if (given == all.size()) return false;
        next = all[given++];
        return true;
    });
    CHECK(given == 3);
    CHECK(one_by_one.total.joules() == approx(merge(all).total.joules()));
    CHECK(one_by_one.scopes.size() == merge(all).scopes.size());
}

TEST_CASE("merge: consecutive runs add up") {
    const report r = merge(run("a", "m", 0, 10, 100), run("b", "m", 20, 30, 50));
    CHECK(r.total.joules() == approx(150));
    CHECK(r.scopes[0].total.joules() == approx(112.5));
    CHECK(r.scopes[0].uncertainty.joules() == approx(std::hypot(3, 1.5)));
    CHECK(r.context.duration.count() == approx(20));
}

TEST_CASE("merge: machines stay separate, with a single prefix however often they are merged") {
    const report a = run("a", "m1", 0, 10, 100), b = run("b", "m2", 0, 10, 60);
    const report c = run("c", "m1", 20, 30, 40);
    const report r = merge(merge(a, b), c);
    REQUIRE(r.channels.size() == 2);
    CHECK(r.channels[0].id == "host-m1:cpu0/package");
    CHECK(r.channels[1].id == "host-m2:cpu0/package");
    CHECK(r.channels[0].total.joules() == approx(140));
    CHECK(r.channels[1].total.joules() == approx(60));
    CHECK(r.total.joules() == approx(200));
    CHECK(r.context.host == "mixed");
    CHECK(r.runs.size() == 3);
    check_conserved(r);
}

TEST_CASE("merge: machines with the same host name are separated by their id") {
    report a = run("a", "m1", 0, 10, 100), b = run("b", "m2", 0, 10, 60);
    a.context.host = b.context.host = "localhost";
    const report r = merge(a, b);
    CHECK(r.channels[0].id == "m1:cpu0/package");
    CHECK(r.channels[1].id == "m2:cpu0/package");
}

TEST_CASE("merge: a run merged with itself, or with its earlier state, is unchanged") {
    const report early = run("a", "m", 0, 5, 40), late = run("a", "m", 0, 10, 100);
    CHECK(merge(late, late) == late);
    CHECK(merge(early, late) == late);
    CHECK(merge(late, early) == late);
    const report other = run("b", "m", 20, 30, 50), both = merge(late, other);
    CHECK(merge(both, other) == both);
    CHECK(merge(late, both) == both);
}

TEST_CASE("merge: a run in both of two merged reports counts once, with a warning") {
    const report a = run("a", "m", 0, 10, 100), b = run("b", "m", 20, 30, 50),
                 c = run("c", "m", 40, 50, 10);
    const report r = merge(merge(a, b), merge(b, c));
    CHECK(r.total.joules() == approx(160));
    CHECK(r.runs.size() == 3);
    CHECK(r.warnings.back().find("more than one of the merged reports") != std::string::npos);
    check_conserved(r);
}

TEST_CASE("merge: overlapping runs with different channels give a warning") {
    report a = run("a", "m", 0, 10, 100), b = run("b", "m", 0, 10, 90);
    b.channels[0].id = "estimate/cpu";
    const report r = merge(a, b);
    REQUIRE(r.warnings.size() == 1);
    CHECK(r.warnings[0].find("different channels") != std::string::npos);
    b.runs[0].begin = 10;
    b.runs[0].end = 20;
    CHECK(merge(a, b).warnings.empty());
}

TEST_CASE("merge: a channel summed in one run and contained in another is not lost") {
    report a = run("a", "m", 0, 10, 100), b = run("b", "m", 20, 30, 90);
    b.channels.push_back(sample::channel("psys", 120, 30));
    b.channels[0].summed = false;
    b.channels[0].parent = "psys";
    b.scopes[0].by_channel.push_back(j(90));
    b.scopes[0].total = j(90);
    b.total = j(120);
    b.unscoped = j(30);
    b.runs[0].by_channel.push_back(j(120));
    const report r = merge(a, b);
    CHECK(r.total.joules() == approx(220));
    CHECK(r.channels.size() == 3);
    check_conserved(r);
}

TEST_CASE("merge: different grid factors give the intensity of the mix") {
    report a = run("a", "m1", 0, 10, 3.6e6), b = run("b", "m2", 0, 10, 3.6e6);
    b.context.carbon.grid = stated_intensity(carbon_intensity::from_grams_per_kwh(100));
    b.co2e = b.context.carbon.of(b.total);
    const report r = merge(a, b);
    CHECK(r.co2e.grams() == approx(572.94));
    CHECK(r.context.carbon.grid.place == "mixed");
    CHECK(r.context.carbon.grid.intensity.grams_per_kwh() == approx(286.47));
}

TEST_CASE("merge: reports without runs, channels or anything else can be merged") {
    report a, b;
    a.context.run_id = "a";
    b.context.run_id = "b";
    a.total = j(5);
    b.total = j(7);
    const report r = merge(a, b);
    CHECK(r.total.joules() == 12);
    CHECK(merge(std::vector<report>{}) == report{});
}

TEST_CASE("merge: is associative, commutative and conserves energy over random runs") {
    for (unsigned seed = 1; seed <= 300; ++seed) {
        INFO("seed " << seed);
        maker m{std::mt19937(seed)};
        const report a = m.make(), b = m.make(), c = m.make(), d = m.make();
        check_conserved(a);
        check_same(merge(a, b), merge(b, a));
        const report left = merge(merge(merge(a, b), c), d);
        check_conserved(left);
        check_same(left, merge(a, merge(b, merge(c, d))));
        check_same(left, merge(merge(d, a), merge(c, b)));
        check_same(left, merge(std::vector<report>{c, a, d, b}));
        report_merger one_by_one;
        for (const report* r : {&d, &b, &a, &c}) one_by_one.add(*r);
        check_same(left, one_by_one.finish());
    }
}

TEST_CASE("merge: thousands of reports are merged one by one") {
    report_merger all;
    report r = run("", "m", 0, 10, 100);
    r.scopes.resize(1);
    for (int s = 0; s < 99; ++s) {
        r.scopes.push_back(r.scopes[0]);
        r.scopes.back().name = "layer" + std::to_string(s);
        r.scopes.back().path = "train/" + r.scopes.back().name;
        r.scopes.back().parent = 0;
        r.scopes.back().total = r.scopes.back().by_channel[0] = j(0.5);
    }
    for (int i = 0; i < 2000; ++i) {
        r.runs[0].run_id = r.context.run_id = "run" + std::to_string(i);
        r.runs[0].machine = r.context.machine = "m" + std::to_string(i % 500);
        r.runs[0].begin = 100.0 * i;
        r.runs[0].end = 100.0 * i + 10;
        all.add(r);
    }
    const report merged = all.finish();
    CHECK(merged.total.joules() == approx(200000));
    CHECK(merged.scopes.size() == 100);
    CHECK(merged.channels.size() == 500);
    CHECK(merged.runs.size() == 2000);
    CHECK(merged.scopes[1].total.joules() == approx(1000));
}
