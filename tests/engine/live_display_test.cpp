#include "joulery/detail/session/progress_line.hpp"

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

TEST_CASE("live display: the line overwrites itself, fits the terminal, and is cleared") {
    ::setenv("TERM", "xterm", 1);
    engine_test::pseudo_terminal terminal(30);
    REQUIRE(terminal.is_there());
    {
        const progress_display display(some_figures, terminal.program(),
                                       std::chrono::milliseconds(1));
        CHECK(display.is_drawing());
        terminal.read_until("\x1b[K\r\r0 %");
    }
    REQUIRE(::write(terminal.program(), "end", 3) == 3);
    const std::string seen = terminal.read_until("end");
    const std::string drawn = "\r0 % (train)  40 W  60 J\x1b[K\r";
    CHECK(seen.substr(0, 2 * drawn.size()) == drawn + drawn);
    const std::string last = "\r\x1b[Kend";
    CHECK(seen.substr(seen.size() - last.size()) == last);
    CHECK(seen.find('\n') == std::string::npos);
}

TEST_CASE("live display: draws at most four times a second") {
    CHECK(progress_display::period == std::chrono::milliseconds(250));
}

TEST_CASE("live display: a pipe, a dumb terminal and one without a name get no line") {
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

TEST_CASE("live display: a stopped terminal blocks no thread") {
    ::setenv("TERM", "xterm", 1);
    engine_test::pseudo_terminal terminal(80);
    REQUIRE(terminal.is_there());
    {
        const progress_display display(some_figures, terminal.program(),
                                       std::chrono::milliseconds(1));
        terminal.read_until("60 J");
        REQUIRE(::tcflow(terminal.program(), TCOOFF) == 0);
    }
    CHECK(::tcflow(terminal.program(), TCOON) == 0);
}

TEST_CASE("live display: program output begins in the first column, and a call clears the line") {
    ::setenv("TERM", "xterm", 1);
    engine_test::pseudo_terminal terminal(80);
    REQUIRE(terminal.is_there());
    progress_display display(some_figures, terminal.program(), std::chrono::hours(1));
    display.clear();  // nothing is drawn yet
    progress_display drawing(some_figures, terminal.program(), std::chrono::milliseconds(1));
    const std::string drawn = terminal.read_until("\x1b[K\r\r0 %");  // ends where it began
    CHECK(drawn.find("\r\x1b[K") == std::string::npos);
    drawing.clear();
    const std::string seen = terminal.read_until("\r\x1b[K\r0 %");  // cleared, then drawn again
    CHECK(seen.find("\x1b[K\r\r\x1b[K\r0 %") != std::string::npos);
}
