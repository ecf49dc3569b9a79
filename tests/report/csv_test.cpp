#include "joulery/writers/csv.hpp"
#include "joulery/writers/codecarbon_csv.hpp"

#include "approx.hpp"
#include "report/golden.hpp"
#include "report/hostile.hpp"
#include "report/sample_report.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <sstream>
#include <string>
#include <vector>

using namespace joulery;

TEST_CASE("csv: the full sample matches the golden file") {
    check_golden("full.csv", to_csv(sample::full()));
}

TEST_CASE("csv: quotes and commas are quoted, control characters are made visible") {
    const std::string text = to_csv(sample::full());
    CHECK(text.find("\"evil\\x1b[31m\\x0aname,\"\"quoted\"\"\",scope,0,0,") != std::string::npos);
    CHECK(text.substr(0, 27) == "path,row,depth,calls,time_s");
    CHECK(text.substr(text.size() - 2) == "\r\n");
}

TEST_CASE("csv: names with invalid UTF-8 become valid text, quoted or not") {
    report r;
    r.scopes = {sample::scope("a\xFF", sample::top, 1, 1, {1, 0, 0}, 1),
                sample::scope("b,\xFE", sample::top, 1, 1, {1, 0, 0}, 1)};
    CHECK(to_csv(r).find("\r\na\xEF\xBF\xBD,scope,0,1,") != std::string::npos);
    CHECK(to_csv(r).find("\r\n\"b,\xEF\xBF\xBD\",scope,0,1,") != std::string::npos);
}

TEST_CASE("csv: what a spreadsheet would evaluate becomes text, in any column") {
    for (const char* name : {"=1+1", "+1", "-1", "@SUM(A1)",
                             "\xEF\xBC\x9D"
                             "1+1",
                             "-"}) {
        CAPTURE(name);
        report r;
        r.scopes = {sample::scope(name, sample::top, 1, 1, {1, 0, 0}, 1)};
        r.scopes[0].item_name = name;
        CHECK(to_csv(r).find("\r\n'" + std::string(name) + ",scope,0,1,") != std::string::npos);
        CHECK(to_csv(r).find(",'" + std::string(name) + ",") != std::string::npos);
        r.context.run_name = name;
        CHECK(to_codecarbon_csv(r).find(",'" + std::string(name) + ",") != std::string::npos);
    }
    report r;
    r.scopes = {sample::scope("a;=1+1", sample::top, 1, 1, {-1, 0, 0}, 1)};
    CHECK(to_csv(r).find("\r\n\"a;=1+1\",scope,0,1,1,-1,") !=
          std::string::npos);  // numbers stay numbers
}

TEST_CASE("csv: a missing number is an empty field") {
    report r;
    scope_row row;
    row.path = row.name = "p";
    row.total = energy::from_joules(std::numeric_limits<double>::quiet_NaN());
    row.self = energy::from_joules(std::numeric_limits<double>::infinity());
    r.scopes = {row};
    r.total = energy::from_joules(1);
    CHECK(to_csv(r).find("\r\np,scope,0,0,0,,,0,0,0,,,not measured,,\r\n") != std::string::npos);
}

TEST_CASE("csv: hostile names and numbers lose no scope, and no locale changes a byte") {
    check_hostile([](const report& r) { return to_csv(r); });
}

TEST_CASE("csv: own energies of all rows add up to the run's, and sums are labeled") {
    report r = sample::full();
    r.context.hardware = "a machine without a comma";
    std::istringstream lines(to_csv(r));
    double own = 0;
    std::string kinds;
    for (std::string line; std::getline(lines, line);) {
        if (line.find(",self_j,") != std::string::npos || line.find('"') != std::string::npos)
            continue;  // the header, and the one name with a comma: 32 J of its own
        std::vector<std::string> fields;
        std::istringstream cells(line);
        for (std::string cell; std::getline(cells, cell, ',');) fields.push_back(cell);
        kinds += fields[1] + " ";
        own += std::stod(fields[6]);
    }
    CHECK(kinds == "scope scope scope scope outside total ");
    CHECK(own + 32 == approx(1050));
}
