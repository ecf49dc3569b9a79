#include "joulery/detail/session/progress_display.hpp"

#include "engine/pseudo_terminal.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <string>

using namespace joulery;
using namespace joulery::literals;
using joulery::detail::progress_display;

namespace {

progress_figures some_figures() {
    progress_figures f;
    f.time = seconds(1.5);
    f.now = 40_W;
    f.total = 60_J;
    f.co2e = 8_g;
    f.progress.path = "train";
    f.progress.total = 10;
    return f;
}

}  // namespace

TEST_CASE("live display: the line is drawn over itself, cut to the terminal, and cleared") {
    ::setenv("TERM", "xterm", 1);
    engine_test::pseudo_terminal terminal(30);
    REQUIRE(terminal.is_there());
    {
        const progress_display display(some_figures, terminal.program(),
                                       std::chrono::milliseconds(1));
        CHECK(display.is_drawing());
        terminal.read_until("\x1b[K\r1.5 s");
    }
    REQUIRE(::write(terminal.program(), "end", 3) == 3);
    const std::string seen = terminal.read_until("end");
    const std::string drawn = "\r1.5 s  40 W  60 J  8 g CO2e \xE2\x80\xA6\x1b[K";
    CHECK(seen.substr(0, 2 * drawn.size()) == drawn + drawn);
    const std::string last = "\r\x1b[Kend";
    CHECK(seen.substr(seen.size() - last.size()) == last);
    CHECK(seen.find('\n') == std::string::npos);
}

TEST_CASE("live display: four drawings a second are the most") {
    CHECK(progress_display::period == std::chrono::milliseconds(250));
}

TEST_CASE("live display: a pipe, a dumb terminal and one without a name get nothing") {
    int pipe_ends[2];
    REQUIRE(::pipe(pipe_ends) == 0);
    ::setenv("TERM", "xterm", 1);
    CHECK_FALSE(progress_display(some_figures, pipe_ends[1]).is_drawing());
    ::close(pipe_ends[0]);
    ::close(pipe_ends[1]);
    engine_test::pseudo_terminal terminal(80);
    REQUIRE(terminal.is_there());
    ::setenv("TERM", "dumb", 1);
    CHECK_FALSE(progress_display(some_figures, terminal.program()).is_drawing());
    ::unsetenv("TERM");
    CHECK_FALSE(progress_display(some_figures, terminal.program()).is_drawing());
}

TEST_CASE("live display: a stopped terminal holds nobody up") {
    ::setenv("TERM", "xterm", 1);
    engine_test::pseudo_terminal terminal(80);
    REQUIRE(terminal.is_there());
    {
        const progress_display display(some_figures, terminal.program(),
                                       std::chrono::milliseconds(1));
        terminal.read_until("8 g CO2e");
        REQUIRE(::tcflow(terminal.program(), TCOOFF) == 0);
    }
    CHECK(::tcflow(terminal.program(), TCOON) == 0);
}
