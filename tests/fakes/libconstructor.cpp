// A library whose static constructor calls the function whose address is in the environment.
#include <cstdint>
#include <cstdlib>

namespace {
struct at_load {
    at_load() {
        const char* address = std::getenv("JOULERY_TEST_AT_LOAD");
        if (address == nullptr) return;
        reinterpret_cast<void (*)()>(std::strtoull(address, nullptr, 10))();
    }
} calls_back;
}  // namespace
