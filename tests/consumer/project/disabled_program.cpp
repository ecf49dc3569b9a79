// disabled_program.cpp - built with JOULERY_DISABLE and without the implementation.
#include "check.hpp"

#include <joulery/joulery.hpp>

int main() {
    joulery::start();
    {
        joulery::scope s{"step"};
        s.add_items(1, "sample");
    }
    joulery::set_enabled(true);
    const joulery::report r = joulery::snapshot();
    check(r.scopes.empty() && r.warnings.size() == 1, "the report says that nothing is measured");
    joulery::stop();
    return failures;
}
