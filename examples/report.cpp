// examples/report.cpp - reads report.json files: merges, compares, converts them, shows the top
// scopes.
//
//     report run.json                          the table, as wide as the terminal
//     report --all run.json                    every scope, not only the most expensive
//     report --by part run.json                processor, GPU and memory in columns of their own
//     report --top 10 rank*.json               the ten most expensive scopes of all ranks together
//     report -o run.html -o run.csv run.json   other formats: .html .csv .md .emissions.csv
//                                              .card.yaml .annex.md .sci.json and more
//     report --compare before.json after.json  what changed beyond the error bars
#include <joulery/accounting/compare.hpp>
#include <joulery/figures.hpp>
#include <joulery/report_io.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace {

using namespace joulery;

struct arguments {
    std::vector<std::string> files;
    std::vector<std::string> targets;
    std::size_t top = 0;
    bool compare = false;
    text_options table = terminal_options(1);
};

[[noreturn]] void fail(const failure& why) {
    std::fprintf(stderr, "report: %s%s%s\n", why.reason.c_str(), why.remedy.empty() ? "" : "; ",
                 why.remedy.c_str());
    std::exit(1);
}

[[noreturn]] void explain(int status) {
    std::fprintf(status == 0 ? stdout : stderr,
                 "usage: report [--top N | --all] [--by part] [-o FILE]... report.json...\n"
                 "       report --compare before.json after.json\n"
                 "  -o FILE  write the (merged) report; the ending chooses the format, - is the "
                 "table\n"
                 "  --top N  only the N most expensive scopes, by their own energy\n"
                 "  --all    every scope; otherwise 60, and the sum of the others\n"
                 "  --by part  columns for processor, GPU and memory instead of power and time\n");
    std::exit(status);
}

arguments parse(int argc, char** argv) {
    arguments a;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        const auto value = [&]() -> std::string {
            if (i + 1 >= argc) fail({word + " needs a value", "see report --help"});
            return argv[++i];
        };
        if (word == "--help" || word == "-h") explain(0);
        if (word == "--compare") {
            a.compare = true;
        } else if (word == "--all") {
            a.table.max_rows = 0;
        } else if (word == "--by") {
            const std::string what = value();
            if (what != "part") fail({"--by accepts part, not " + what, ""});
            a.table.by_part = true;
        } else if (word == "-o") {
            a.targets.push_back(value());
        } else if (word == "--top") {
            const std::string text = value();
            char* end = nullptr;
            const long n = std::strtol(text.c_str(), &end, 10);
            if (text.empty() || *end != 0 || n < 1)
                fail({"--top needs a number of at least 1, not " + text, ""});
            a.top = static_cast<std::size_t>(n);
        } else if (word.size() > 1 && word[0] == '-') {
            fail({"unknown option " + word, "see report --help"});
        } else {
            a.files.push_back(word);
        }
    }
    if (a.files.empty()) explain(1);
    if (a.compare && a.files.size() != 2)
        fail({"--compare needs two files, got " + std::to_string(a.files.size()), ""});
    return a;
}

report read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) fail({path + ": can't be opened", "check the name and its permissions"});
    std::ostringstream text;
    text << in.rdbuf();
    result<report> r = from_json(text.str());
    if (!r) fail({path + ": " + r.error().reason, r.error().remedy});
    return *std::move(r);
}

void show_top(report r, const arguments& asked) {
    std::stable_sort(r.scopes.begin(), r.scopes.end(),
                     [](const scope_row& a, const scope_row& b) { return a.self > b.self; });
    text_grid grid(
        {{"scope", 0}, {"own energy", 9}, {"share", 8}, {"calls", 2}, {"quality", 7, true}});
    for (std::size_t i = 0; i < std::min(asked.top, r.scopes.size()); ++i) {
        const scope_row& s = r.scopes[i];
        grid.add({escape_control(s.path), with_quality_prefix(to_text(s.self), s.provenance),
                  percent_text(s.self / r.total), count_text(static_cast<double>(s.calls)),
                  std::string(to_text(s.provenance))});
    }
    std::fputs(grid.render(asked.table.width, false).c_str(), stdout);
}

/// One line per scope: joules per item if both count the same items, else of the whole scope.
void show_comparison(const report& before, const report& after, std::size_t width) {
    text_grid grid({{"scope", 0},
                    {"before", 9},
                    {"after", 9},
                    {"per", 7, true},
                    {"change", 9},
                    {"verdict", 8, true}});
    const comparison c = joulery::compare(before, after);
    for (const compared_scope& s : c.scopes) {
        const auto cost = [&](const scope_row* row) {
            if (row == nullptr) return std::string();
            return with_quality_prefix(to_text(s.per_item ? row->total / row->items : row->total),
                                       row->provenance);
        };
        const double change = s.ratio - 1;
        grid.add({escape_control(s.path), cost(s.a), cost(s.b),
                  s.per_item ? escape_control(s.a->item_name) : "run",
                  s.ratio > 0 ? (change > 0 ? "+" : "") + percent_text(change) : "",
                  std::string(to_text(s.verdict))});
    }
    std::fputs(grid.render(width, false).c_str(), stdout);
    for (const std::string& note : c.notes) std::printf("note: %s\n", escape_control(note).c_str());
}

}  // namespace

int main(int argc, char** argv) {
    const arguments a = parse(argc, argv);
    if (a.compare) {
        const report before = read(a.files[0]), after = read(a.files[1]);
        show_comparison(before, after, a.table.width);
        return 0;
    }
    std::size_t count = 0;  // one file at a time: memory does not grow with their number
    const report r = merge([&](report& next) {
        if (count == a.files.size()) return false;
        next = read(a.files[count++]);
        return true;
    });
    for (const std::string& target : a.targets) {
        if (const auto done = write_report(r, target); !done) fail(done.error());
    }
    if (a.top > 0)
        show_top(r, a);
    else if (a.targets.empty())
        std::fputs(to_text(r, a.table).c_str(), stdout);
}
