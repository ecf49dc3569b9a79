// shared_meter.cpp - a program and two shared libraries report to one meter.
#include "check.hpp"

#include <joulery/joulery.hpp>

extern "C" {
void run_phase_a(int times);
void run_phase_b(int times);
unsigned long calls_seen_by_a(const char* path);
unsigned long calls_seen_by_b(const char* path);
}

int main() {
    {
        joulery::scope s{"program"};
        run_phase_a(3);
        run_phase_b(4);
    }
    run_phase_b(5);
    const joulery::report r = joulery::snapshot();
    const joulery::scope_row* a = r.find("program/phase_a");
    const joulery::scope_row* b = r.find("program/phase_b");
    const joulery::scope_row* alone = r.find("phase_b");
    check(a && a->calls == 3 && a->items == 6, "3 calls of program/phase_a, 6 items");
    check(b && b->calls == 4 && b->items == 8, "4 calls of program/phase_b, 8 items");
    check(alone && alone->calls == 5, "5 calls of phase_b outside the program's scope");
    check(calls_seen_by_a("program/phase_b") == 4, "library a sees the calls of library b");
    check(calls_seen_by_b("program") == 1, "library b sees the program's scope");
    joulery::stop();
    return failures;
}
