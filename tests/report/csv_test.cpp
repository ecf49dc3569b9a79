#include "joulery/writers/csv.hpp"
#include "joulery/writers/codecarbon_csv.hpp"

#include "report/golden.hpp"
#include "report/hostile.hpp"
#include "report/sample_report.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace joulery;

TEST_CASE("csv: the full sample looks as it was looked at") {
    check_golden("full.csv", to_csv(sample::full()));
}

TEST_CASE("csv: quotes and commas are quoted, what steers a terminal is shown") {
    const std::string text = to_csv(sample::full());
    CHECK(text.find("\"evil\\x1b[31m\\x0aname,\"\"quoted\"\"\",0,0,") != std::string::npos);
    CHECK(text.substr(0, 23) == "path,depth,calls,time_s");
    CHECK(text.substr(text.size() - 2) == "\r\n");
}

TEST_CASE("csv: names that are no UTF-8 become valid text, quoted or not") {
    report r;
    r.scopes = {sample::scope("a\xFF", sample::top, 1, 1, {1, 0, 0}, 1),
                sample::scope("b,\xFE", sample::top, 1, 1, {1, 0, 0}, 1)};
    CHECK(to_csv(r).find("\r\na\xEF\xBF\xBD,0,1,") != std::string::npos);
    CHECK(to_csv(r).find("\r\n\"b,\xEF\xBF\xBD\",0,1,") != std::string::npos);
}

TEST_CASE("csv: what a spreadsheet would compute is text, in whatever column") {
    for (const char* name : {"=1+1", "+1", "-1", "@SUM(A1)",
                             "\xEF\xBC\x9D"
                             "1+1",
                             "-"}) {
        CAPTURE(name);
        report r;
        r.scopes = {sample::scope(name, sample::top, 1, 1, {1, 0, 0}, 1)};
        r.scopes[0].item_name = name;
        CHECK(to_csv(r).find("\r\n'" + std::string(name) + ",0,1,") != std::string::npos);
        CHECK(to_csv(r).find(",'" + std::string(name) + ",") != std::string::npos);
        r.context.run_name = name;
        CHECK(to_codecarbon_csv(r).find(",'" + std::string(name) + ",") != std::string::npos);
    }
    report r;
    r.scopes = {sample::scope("a;=1+1", sample::top, 1, 1, {-1, 0, 0}, 1)};
    CHECK(to_csv(r).find("\r\n\"a;=1+1\",0,1,1,-1,") != std::string::npos);  // numbers stay so
}

TEST_CASE("csv: what is no number is an empty field") {
    report r;
    scope_row row;
    row.path = row.name = "p";
    row.total = energy::from_joules(std::numeric_limits<double>::quiet_NaN());
    row.self = energy::from_joules(std::numeric_limits<double>::infinity());
    r.scopes = {row};
    CHECK(to_csv(r).find("\r\np,0,0,0,,,0,0,0,,,measured,\r\n") != std::string::npos);
}

TEST_CASE("csv: hostile names and numbers lose no scope and change nothing by locale") {
    check_hostile([](const report& r) { return to_csv(r); });
}
