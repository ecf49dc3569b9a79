// scopes_alone.cpp - a program none of whose files knows more than scopes: linked with the compiled
// library they are measured all the same.
#include "check.hpp"

#include <joulery/scope.hpp>

int main() {
    joulery::scope s{"alone"};
    check(static_cast<bool>(s), "a scope is measured where only scope.hpp is included");
    return failures;
}
