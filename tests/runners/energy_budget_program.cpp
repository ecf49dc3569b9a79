// Draws 50 W for a tenth of a second: slightly more than 5 J. Exits with the given code.
#include "runners/clock_meter.hpp"

#include <joulery/joulery.hpp>

#include <chrono>
#include <cstdlib>
#include <utility>

int main(int argc, char** argv) {
    joulery::options o = fifty_watts();
    if (argc > 2) o.backends.clear();
    joulery::start(std::move(o));
    {
        joulery::scope s{"work"};
        const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
        while (std::chrono::steady_clock::now() < end) {
        }
    }
    return argc > 1 ? std::atoi(argv[1]) : 0;
}
