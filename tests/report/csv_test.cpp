#include "joulery/writers/csv.hpp"

#include "report/golden.hpp"
#include "report/hostile.hpp"
#include "report/sample_report.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace joulery;

TEST_CASE("csv: the full sample looks as it was looked at") {
    check_golden("full.csv", to_csv(sample::full()));
}

TEST_CASE("csv: quotes, commas and line ends are quoted") {
    const std::string text = to_csv(sample::full());
    CHECK(text.find("\"evil\x1b[31m\nname,\"\"quoted\"\"\",0,0,") != std::string::npos);
    CHECK(text.substr(0, 23) == "path,depth,calls,time_s");
    CHECK(text.substr(text.size() - 2) == "\r\n");
}

TEST_CASE("csv: names that are no UTF-8 become valid text, quoted or not") {
    report r;
    r.scopes = {sample::scope("a\xFF", 0, 1, 1, {1, 0, 0}, 1),
                sample::scope("b,\xFE", 0, 1, 1, {1, 0, 0}, 1)};
    CHECK(to_csv(r).find("\r\na\xEF\xBF\xBD,0,1,") != std::string::npos);
    CHECK(to_csv(r).find("\r\n\"b,\xEF\xBF\xBD\",0,1,") != std::string::npos);
}

TEST_CASE("csv: a carriage return alone is quoted, too") {
    report r;
    r.scopes = {sample::scope("a\rb", 0, 1, 1, {1, 0, 0}, 1)};
    CHECK(to_csv(r).find("\r\n\"a\rb\",0,1,") != std::string::npos);
}

TEST_CASE("csv: what is no number is an empty field") {
    report r;
    scope_row row;
    row.path = "p";
    row.total = energy::from_joules(std::numeric_limits<double>::quiet_NaN());
    row.self = energy::from_joules(std::numeric_limits<double>::infinity());
    r.scopes = {row};
    CHECK(to_csv(r).find("\r\np,0,0,0,,,0,0,0,,,measured,\r\n") != std::string::npos);
}

TEST_CASE("csv: hostile names and numbers lose no scope and change nothing by locale") {
    check_hostile([](const report& r) { return to_csv(r); }, 8,
                  false);  // its names are as they are
}
