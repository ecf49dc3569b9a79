// inert.cpp - an instrumented library's scopes in a program without the implementation: nothing is
// measured and nothing breaks; a program that requests a report is warned once.
#include "check.hpp"

#include <joulery/joulery.h>
#include <joulery/macros.hpp>
#include <joulery/span.hpp>

int main() {
    for (int i = 0; i < 3; ++i) {
        joulery::scope s{"step"};
        s.add_items(1, "sample");
        check(!s, "a scope does nothing without the implementation");
        const joulery::scope_handle handle = s.handle();
        check(!handle, "its handle is empty");
        joulery::task_scope t{handle, "task"};
        check(!t, "so is a task for it");
        JOULERY_SCOPE("macro");
        joulery_begin("c");
        joulery_add_items(1, "sample");
        joulery_end();
    }
    check(joulery_write_report("inert.json") != 0, "C reports that no report is written");
    return failures;
}
