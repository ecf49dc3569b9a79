#include "joulery/assertions/checks.hpp"

#include <cstring>

#define RUNNER_TEST(name) static void name()
#include "runners/checks.hpp"

int main(int argc, char** argv) {
    const struct {
        const char* name;
        void (*run)();
    } tests[] = {{"holding", holding},
                 {"failing", failing},
                 {"inconclusive", inconclusive},
                 {"skipping", skipping},
                 {"baseline", baseline}};
    for (const auto& test : tests)
        if (argc > 1 && std::strcmp(argv[1], test.name) == 0) test.run();
    return joulery::testing::exit_code();
}
