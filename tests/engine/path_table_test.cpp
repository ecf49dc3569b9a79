#include "joulery/detail/timing/path_table.hpp"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

using joulery::detail::path_record;
using joulery::detail::path_table;

TEST_CASE("paths: a name inside a parent has one record, however often it is looked up") {
    path_table paths;
    path_record* train = paths.intern(nullptr, "train");
    path_record* step = paths.intern(train, "step");
    CHECK(paths.intern(nullptr, "train") == train);
    CHECK(paths.intern(train, std::string("st") + "ep") == step);
    CHECK(paths.intern(nullptr, "step") != step);
    CHECK(step->path == "train/step");
    CHECK(step->name == "step");
    CHECK(step->parent == train);
    CHECK(step->depth == 1);
    CHECK(step->index == 1);
    CHECK(paths.all().size() == 3);
    CHECK(paths.all()[1] == step);
}

TEST_CASE("paths: a path contains itself and its descendants, nothing else") {
    using joulery::detail::encloses;
    path_table paths;
    path_record* a = paths.intern(nullptr, "a");
    path_record* inner = paths.intern(paths.intern(a, "b"), "c");
    CHECK(encloses(a, a));
    CHECK(encloses(a, inner));
    CHECK_FALSE(encloses(inner, a));
    CHECK_FALSE(encloses(paths.intern(nullptr, "b"), inner));
    CHECK(encloses(nullptr, inner));
    CHECK_FALSE(encloses(inner, nullptr));
}

TEST_CASE("paths: a long name is cut between characters, an empty one is unnamed") {
    path_table paths;
    CHECK(paths.intern(nullptr, "")->path == "(unnamed)");
    CHECK(paths.intern(nullptr, std::string(500, 'x'))->path == std::string(200, 'x'));
    CHECK(paths.intern(nullptr, std::string(200, 'x'))->path == std::string(200, 'x'));
    CHECK(paths.all().size() == 2);
    std::string text = std::string(199, 'x') + "\xC3\xA9" + "y";  // a character would be split here
    CHECK(paths.intern(nullptr, text)->path == std::string(199, 'x'));
}

TEST_CASE("paths: beyond the limit, each parent has one row for the rest") {
    path_table paths;
    path_record* a = paths.intern(nullptr, "a");
    path_record* b = paths.intern(nullptr, "b");
    for (std::size_t i = 2; i < path_table::max_paths; ++i) paths.intern(a, std::to_string(i));
    CHECK(paths.intern(a, "one more")->path == "a/(other)");
    CHECK(paths.intern(b, "one more")->path == "b/(other)");
    CHECK(paths.intern(b, "another") == paths.intern(b, "one more"));
    CHECK(paths.folded());
}

TEST_CASE("paths: the first item name of a path is kept") {
    path_table paths;
    path_record* a = paths.intern(nullptr, "a");
    CHECK(paths.item_name(*a).empty());
    paths.name_items(*a, "sample");
    paths.name_items(*a, "token");
    CHECK(paths.item_name(*a) == "sample");
}

TEST_CASE("paths: threads that look up the same names get the same records") {
    path_table paths;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&paths] {
            for (int i = 0; i < 200; ++i) {
                path_record* outer = paths.intern(nullptr, "outer " + std::to_string(i));
                paths.intern(outer, "inner");
            }
        });
    for (std::thread& t : threads) t.join();
    CHECK(paths.all().size() == 400);
    for (std::size_t i = 0; i < 400; ++i) CHECK(paths.all()[i]->index == i);
}
