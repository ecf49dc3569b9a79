// scopes_alone.cpp - a program whose files include only scope.hpp: linked with the compiled
// library, it is still measured.
#include "check.hpp"

#include <joulery/scope.hpp>

int main() {
    joulery::scope s{"alone"};
    check(static_cast<bool>(s), "a scope is measured where only scope.hpp is included");
    return failures;
}
