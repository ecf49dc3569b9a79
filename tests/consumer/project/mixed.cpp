// mixed.cpp - scopes enabled and disabled at compile time, side by side in one program.
#include "check.hpp"

#include <joulery/joulery.hpp>

void work_on();
void work_off();

int main() {
    {
        joulery::scope s{"program"};
        work_on();
        work_off();
        work_on();
    }
    const joulery::report r = joulery::snapshot();
    const joulery::scope_row* on = r.find("program/on");
    const joulery::scope_row* macro = r.find("program/on/on_by_macro");
    check(on && on->calls == 2, "2 calls of the scope that is compiled in");
    check(macro && macro->calls == 2, "2 calls of the macro that is compiled in");
    check(r.scopes.size() == 3, "no row of the scopes that are compiled out");
    joulery::stop();
    return failures;
}
