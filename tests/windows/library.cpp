// The whole library compiles for Windows, after <windows.h> with all its macros except min and max.
#include <windows.h>

#include "joulery/joulery.hpp"

int main() {
    const joulery::scope s{"main"};
    return joulery::snapshot().scopes.empty() ? 1 : 0;
}
