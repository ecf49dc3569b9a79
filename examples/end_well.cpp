// end_well.cpp - three ways to end well when something else ends the program.
// SPDX-License-Identifier: MIT
//
// JOULERY_REPORT=run.json ./end_well flag|sigwait|terminate
#include <joulery/joulery.hpp>

#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>

#include <signal.h>

namespace {

volatile std::sig_atomic_t asked_to_end = 0;
volatile double sum = 0;

void train_an_epoch() {
    JOULERY_SCOPE("epoch");
    for (int i = 0; i < 100'000; ++i) sum = sum + std::sin(i);
    static const int first = std::puts("at work") + std::fflush(stdout);
    (void)first;
}

// A loop that checks a flag.
int train_until_asked() {
    std::signal(SIGTERM, [](int) { asked_to_end = 1; });
    std::signal(SIGINT, [](int) { asked_to_end = 1; });
    while (!asked_to_end) train_an_epoch();
    return 0;  // the report is written after main
}

// A server: its threads block the signals, and this one waits for them.
int serve_until_asked() {
    sigset_t endings;
    sigemptyset(&endings);
    sigaddset(&endings, SIGTERM);
    sigaddset(&endings, SIGINT);
    pthread_sigmask(SIG_BLOCK, &endings, nullptr);  // before any other thread begins
    std::thread server([] {
        while (true) train_an_epoch();
    });
    int signal = 0;
    sigwait(&endings, &signal);
    joulery::stop();  // writes the report
    std::_Exit(0);    // without waiting for the server
}

// An exception that is not caught.
int fail() {
    std::set_terminate([] {
        joulery::stop();  // writes the report
        std::abort();
    });
    train_an_epoch();
    throw std::runtime_error("nobody catches this");
}

}  // namespace

int main(int argc, char** argv) {
    const std::string way = argc > 1 ? argv[1] : "";
    if (way == "flag") return train_until_asked();
    if (way == "sigwait") return serve_until_asked();
    if (way == "terminate") return fail();
    std::fprintf(stderr, "usage: end_well flag|sigwait|terminate\n");
    return 2;
}
