// mixed_on.cpp - a translation unit with its scopes enabled.
#include <joulery/macros.hpp>

static_assert(sizeof(joulery::scope) > 1, "a scope that measures has state");

void work_on() {
    joulery::scope s{"on"};
    s.add_items(1, "item");
    JOULERY_SCOPE("on_by_macro");
}
