// The Windows parts compile and link there (by mingw-w64), with <windows.h> before and after the
// library.
#if defined(FIRST)
#include <windows.h>
#endif
#include "joulery/detail/backends/gpu/level_zero.hpp"
#include "joulery/detail/backends/gpu/nvml.hpp"
#include "joulery/detail/backends/windows/windows_emi.hpp"
#if !defined(FIRST)
#include <windows.h>
#endif

int main() {
    const joulery::system_root root;
    return joulery::open_windows_emi(root) || joulery::open_nvml(root) ||
                   joulery::open_level_zero(root)
               ? 0
               : 1;
}
