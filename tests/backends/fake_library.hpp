// Fake vendor libraries, placed where a loader finds them.
#pragma once

#include "joulery/detail/core/dynamic_library.hpp"
#include "joulery/testing/fake_system.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include <dlfcn.h>

/// The built tests/fakes/<name>.cpp.
inline std::string fake_library_path(const std::string& name) {
    const char* moved = std::getenv("JOULERY_FAKES_DIR");
    return (moved != nullptr ? std::string(moved) : std::string(JOULERY_FAKES_DIR)) + "/" + name +
           ".so";
}

/// A folder that contains the fake under the vendor's file name.
class library_folder {
 public:
    library_folder() = default;
    library_folder(const std::string& fake, const std::string& as) { add(fake, as); }
    library_folder& add(const std::string& fake, const std::string& as) {
        const std::string source = fake_library_path(fake);
        REQUIRE_MESSAGE(joulery::system_root{}.exists(source), source << " was not built");
        std::filesystem::create_symlink(source, place_.path("/" + as));
        return *this;
    }
    [[nodiscard]] joulery::library_search search() const { return {{place_.path("")}, false}; }

 private:
    joulery::testing::fake_system place_;
};

/// The control structure of a fake, shared by all its users in the process.
template <class Control>
Control& control_of(const std::string& fake, const char* symbol) {
    void* const library = ::dlopen(fake_library_path(fake).c_str(), RTLD_NOW | RTLD_LOCAL);
    REQUIRE((library != nullptr));
    auto* const control = reinterpret_cast<Control* (*)()>(::dlsym(library, symbol));
    REQUIRE((control != nullptr));
    return *control();
}
