// program.cpp - what most users write: options, a scope, the report, a few units.
#include "check.hpp"

#include <joulery/joulery.hpp>

#include <cstdlib>
#include <string>

using namespace joulery::literals;

void work() { JOULERY_FUNCTION(); }

int main() {
    joulery::options chosen;
    chosen.run_name = "consumer";
    chosen.carbon.grid = joulery::stated_intensity(56_g_per_kWh);
    joulery::start(std::move(chosen));
    {
        joulery::scope s{std::string("dynamic name")};
        work();
    }
    const joulery::report r = joulery::snapshot();
    const joulery::scope_row* row = r.find("dynamic name");
    check(row && row->calls == 1, "1 call of a scope with a dynamic name");
    check(r.scopes.size() == 2, "a row for the scope and one for the function in it");
    check(r.context.run_name == "consumer", "the run has its name");
    check(r.context.carbon.grid.intensity == 56_g_per_kWh, "the intensity is the one stated");
    check(to_text(r).find("dynamic name") != std::string::npos, "the table names the scope");
    check(to_json(r).find("\"dynamic name\"") != std::string::npos, "so does the JSON");
    // The rarer writers are not in joulery::joulery: a warning names the header to include.
    ::setenv("GITHUB_STEP_SUMMARY", "/dev/null", 1);
    for (const char* target : {"github", "run.md"}) {
        const auto written = write_report(r, target);
        check(!written && written.error().remedy.find("<joulery/writers/markdown.hpp>") == 8,
              "a report without its writer names the header");
    }
    joulery::stop();
    return failures;
}
