// Prints the build key by which baselines separate builds, and the sanitizer that is active.
#include "joulery/assertions/build_key.hpp"

#include <cstdio>

int main(int argc, char**) {
    int sum = argc;
    sum += argc;  // under the undefined-behavior sanitizer
    const std::string key =
        joulery::testing::build_key(JOULERY_DETAIL_BUILD, JOULERY_DETAIL_INSTRUCTIONS);
    std::printf("%s\n%s\n", key.c_str(),
                joulery::testing::instrumentation(JOULERY_DETAIL_SANITIZER).c_str());
    return sum == 2 ? 0 : 1;
}
