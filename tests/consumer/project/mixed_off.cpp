// mixed_off.cpp - built with JOULERY_DISABLE: the same lines without any scope.
#include <joulery/macros.hpp>

#include <type_traits>

static_assert(std::is_empty_v<joulery::scope>, "compiled out, a scope is an empty type");

void work_off() {
    joulery::scope s{"off"};
    s.add_items(1, "item");
    JOULERY_SCOPE("off_by_macro");
}
