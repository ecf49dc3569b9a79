#include "joulery/detail/session/environment.hpp"
#include "joulery/joulery.hpp"

#include "engine/pseudo_terminal.hpp"
#include "engine/support.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

using namespace joulery;

namespace {

options with_a_counter() {
    options o;
    o.backends.push_back(std::make_unique<engine_test::joule_a_read>());
    return o;
}

/// Options from these variables only, whatever the environment says.
options after(const std::map<std::string, std::string>& variables, options o = {}) {
    (void)detail::apply_environment(o, [&](const char* name) {
        const auto at = variables.find(name);
        return at == variables.end() ? std::string() : at->second;
    });
    return o;
}

}  // namespace

TEST_CASE("environment: JOULERY_LIVE switches the live line") {
    CHECK_FALSE(after({}).live);
    CHECK(after({{"JOULERY_LIVE", "1"}}).live);
    CHECK(after({{"JOULERY_LIVE", "on"}}).live);
    options on;
    on.live = true;
    CHECK_FALSE(after({{"JOULERY_LIVE", "0"}}, std::move(on)).live);
    const options odd = after({{"JOULERY_LIVE", "maybe"}});
    CHECK_FALSE(odd.live);
    REQUIRE(odd.warnings.size() == 1);
    CHECK(odd.warnings[0] ==
          "JOULERY_LIVE=maybe is not understood: use 1 or 0. There is no progress line");
}

TEST_CASE("environment: a trace among the reports turns on the recording of calls") {
    CHECK(after({{"JOULERY_REPORT", "-,run.json"}}).record_slices == 0);
    CHECK(after({{"JOULERY_REPORT", "-,run.trace.json"}}).record_slices == 65'536);
    options few;
    few.record_slices = 100;
    CHECK(after({{"JOULERY_REPORT", "run.trace.json"}}, std::move(few)).record_slices == 100);
    options named;
    named.reports = {"run.trace.json"};
    CHECK(after({}, std::move(named)).record_slices == 65'536);
}

TEST_CASE("session: a trace requested by the environment contains the calls") {
    const std::string file = std::string(JOULERY_BINARY_DIR) + "/session_live_test.trace.json";
    std::remove(file.c_str());
    ::setenv("JOULERY_REPORT", file.c_str(), 1);
    ::unsetenv("JOULERY_LIVE");
    start(with_a_counter());
    for (int i = 0; i < 3; ++i) {
        scope s{"traced"};
    }
    stop();
    ::unsetenv("JOULERY_REPORT");
    std::ifstream in(file);
    std::stringstream text;
    text << in.rdbuf();
    std::size_t slices = 0;
    for (std::size_t at = 0; (at = text.str().find("\"ph\": \"X\"", at)) != std::string::npos; ++at)
        ++slices;
    CHECK(slices == 3);
    CHECK(text.str().find("\"path\": \"traced\"") != std::string::npos);
    std::remove(file.c_str());
}

TEST_CASE("session: the live line is on stderr during a run and cleared before the table") {
    ::setenv("TERM", "xterm", 1);
    ::setenv("JOULERY_LIVE", "1", 1);
    engine_test::pseudo_terminal terminal(100);
    REQUIRE(terminal.is_there());
    std::fflush(stderr);
    const int before = ::dup(2);
    REQUIRE(::dup2(terminal.program(), 2) == 2);
    start(with_a_counter());
    std::string seen;
    {
        scope s{"live/phase"};
        s.set_total(10);
        s.add_items(3);
        seen = terminal.read_until("(live/phase)");
        clear_live_line();
        seen += terminal.read_until("\r\x1b[K");
    }
    stop();
    REQUIRE(::write(2, "table", 5) == 5);
    REQUIRE(::dup2(before, 2) == 2);
    ::close(before);
    ::unsetenv("JOULERY_LIVE");
    CHECK(seen.find("30 %") != std::string::npos);
    const std::string all = terminal.read_until("table");
    const std::string last = "\r\x1b[Ktable";
    CHECK(all.substr(all.size() - last.size()) == last);
}
