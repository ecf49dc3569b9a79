// dynamic_library.hpp - a vendor's library, loaded if the machine has it.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/system_root.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if JOULERY_POSIX()
#include <dlfcn.h>
#elif defined(_WIN32)
struct HINSTANCE__;  // as <windows.h> declares them, which brings macros that break programs
extern "C" __declspec(dllimport) HINSTANCE__* __stdcall LoadLibraryExA(const char*, void*,
                                                                       unsigned long);
extern "C" __declspec(dllimport) long long(__stdcall* __stdcall GetProcAddress(HINSTANCE__*,
                                                                               const char*))();
#endif

namespace joulery {
inline namespace v1 {

/// Where to look for a library: these folders first, then, if allowed, wherever the system's loader
/// looks. The folders are real paths, also on a fake machine.
///
///     library_search only_here{{"/opt/fakes"}, false};
struct library_search {
    std::vector<std::string> folders;
    bool system = true;

    /// The system's loader; on a fake machine that has libraries, its folders come first.
    [[nodiscard]] static library_search of(const system_root& root) {
        library_search where;
        if (!root.has_libraries()) return where;
        for (const char* folder : {"/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu",
                                   "/usr/lib/aarch64-linux-gnu", "/usr/local/lib"})
            where.folders.push_back(root.path(folder));
        return where;
    }
};

/// A shared library that is opened at run time, so that nothing is needed at build time.
///
/// Once open, it stays loaded, because vendors' libraries start threads and leave handlers behind.
/// Thread: one. Cost: the loader's, milliseconds; microseconds if it is already loaded.
/// Fails:  `is_open()` is false and `error()` says why; `bind` returns false for a missing symbol.
///
///     dynamic_library nvml({"libnvidia-ml.so.1"}, library_search{});
///     int (*init)() = nullptr;
///     if (nvml.bind(init, "nvmlInit_v2")) init();
class dynamic_library {
 public:
    dynamic_library() = default;
    /// Tries each name in each place. A name with a slash is used as it is.
    dynamic_library(std::initializer_list<const char*> names, const library_search& where) {
        for (const char* name : names) {
            const bool whole = std::string_view(name).find('/') != std::string_view::npos;
            for (const std::string& folder : where.folders)
                if (!whole && try_open(concat({folder, "/", name}), false)) return;
            if (where.system && try_open(name, true)) return;
        }
        if (error_.empty())
            error_ = concat(
                {(names.size() > 0 ? std::string(*names.begin()) : std::string("no library")),
                 ": not found"});
    }

    [[nodiscard]] bool is_open() const noexcept { return handle_ != nullptr; }
    /// Why none could be opened: the loader's message for the first one that exists but did not
    /// load, otherwise for the first one.
    [[nodiscard]] const std::string& error() const noexcept { return error_; }
    /// What was opened: a path, or the name that the system's loader found.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

    /// Sets `function` to the symbol; null if there is none.
    template <class Function>
    bool bind(Function*& function, const char* symbol) const noexcept {
        function = reinterpret_cast<Function*>(address(symbol));
        return function != nullptr;
    }

 private:
#if JOULERY_POSIX()
    [[nodiscard]] void* address(const char* symbol) const noexcept {
        return handle_ != nullptr ? ::dlsym(handle_, symbol) : nullptr;
    }

    bool try_open(const std::string& path, bool by_loader) {
        if (!by_loader && !system_root{}.exists(path)) return false;
        handle_ = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (handle_ == nullptr) {
            const char* why = ::dlerror();
            const std::string text = why != nullptr ? why : concat({path, ": cannot be loaded"});
            const bool there = !by_loader || text.find("No such file") == std::string::npos;
            note_failure(text, there);
            return false;
        }
        path_ = path;
        error_.clear();
        return true;
    }
#elif defined(_WIN32)
    [[nodiscard]] void* address(const char* symbol) const noexcept {
        if (handle_ == nullptr) return nullptr;
        return reinterpret_cast<void*>(
            ::GetProcAddress(static_cast<HINSTANCE__*>(handle_), symbol));
    }

    // By name only from the system's folder: a DLL next to the program might be anybody's.
    bool try_open(const std::string& path, bool by_loader) {
        constexpr unsigned long search_system32 = 0x800;
        constexpr unsigned long altered_search_path = 0x8;
        handle_ = ::LoadLibraryExA(path.c_str(), nullptr,
                                   by_loader ? search_system32 : altered_search_path);
        if (handle_ == nullptr) {
            note_failure(concat({path, ": not found"}), false);
            return false;
        }
        path_ = path;
        error_.clear();
        return true;
    }
#else
    [[nodiscard]] void* address(const char*) const noexcept { return nullptr; }
    bool try_open(const std::string&, bool) { return false; }
#endif

    void note_failure(const std::string& text, bool there) {
        if (error_.empty() || (there && !found_broken_)) error_ = text;
        found_broken_ = found_broken_ || there;
    }

    void* handle_ = nullptr;
    bool found_broken_ = false;
    std::string path_;
    std::string error_;
};

}  // namespace v1
}  // namespace joulery
