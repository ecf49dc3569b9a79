#include "joulery/detail/core/dynamic_library.hpp"

#include "backends/fake_library.hpp"

using joulery::dynamic_library;
using joulery::library_search;
using joulery::system_root;

TEST_CASE("dynamic library: a library in a given folder is opened and its symbols are bound") {
    const library_folder folder("libnothing", "libvendor.so.7");
    const dynamic_library library({"libvendor.so.8", "libvendor.so.7"}, folder.search());
    REQUIRE(library.is_open());
    CHECK(library.path().find("/libvendor.so.7") != std::string::npos);
    CHECK(library.error().empty());
    int (*nothing)() = nullptr;
    REQUIRE(library.bind(nothing, "joulery_nothing"));
    CHECK(nothing() == 0);
    CHECK_FALSE(library.bind(nothing, "joulery_something"));
    CHECK((nothing == nullptr));
}

TEST_CASE("dynamic library: a missing library says so and binds nothing") {
    const dynamic_library library({"libjoulery-not-there.so.1"}, library_search{});
    CHECK_FALSE(library.is_open());
    CHECK(library.error().find("libjoulery-not-there.so.1") != std::string::npos);
    int (*nothing)() = nullptr;
    CHECK_FALSE(library.bind(nothing, "joulery_nothing"));
    CHECK_FALSE(dynamic_library{}.is_open());
    const dynamic_library nowhere({"libc.so.6"}, library_search{{}, false});
    CHECK_FALSE(nowhere.is_open());
    CHECK(nowhere.error() == "libc.so.6: not found");
}

TEST_CASE("dynamic library: of several failures, that of the existing library is reported") {
    joulery::testing::fake_system place;
    place.file("/libvendor.so.2", "this is no library");
    const dynamic_library library({"libvendor.so.3", "libvendor.so.2", "libvendor.so.1"},
                                  {{place.path("")}, true});
    CHECK_FALSE(library.is_open());
    CHECK(library.error().find("libvendor.so.2: ") != std::string::npos);
}

TEST_CASE("dynamic library: under another root, libraries load only in tests that ask for it") {
    CHECK(library_search::of(system_root{}).folders.empty());
    // JOULERY_SYSROOT sets such a root: it decides only which files are read.
    CHECK(library_search::of(system_root("/fake")).folders.empty());
    const library_search where = library_search::of(system_root::with_libraries("/fake"));
    REQUIRE(where.folders.size() == 5);
    CHECK(where.folders[0] == "/fake/usr/lib");
    CHECK(where.system);
}
