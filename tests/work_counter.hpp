// tests/work_counter.hpp - how much of the program has run, in basic blocks. A test that includes
// it is compiled with -fsanitize-coverage=trace-pc (tests/CMakeLists.txt).
#pragma once

#include <cstdint>

namespace work_counter {
std::uint64_t blocks() noexcept;
}
