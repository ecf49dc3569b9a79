// A separate process, in which nothing else has started the process-wide meter.
#include "joulery/backend.hpp"
#include "joulery/meter.hpp"
#include "joulery/scope.hpp"
#include "joulery/session.hpp"

#include <doctest/doctest.h>

#include <stdlib.h>
#include <utility>

using namespace joulery;

TEST_CASE("session: a user's own meter does not keep scopes from starting the process-wide one") {
    ::setenv("JOULERY_BACKENDS", "none", 1);
    {
        options o;
        channel c;
        c.id = "lab/supply";
        c.kind = reading_kind::power_gauge;
        o.backends.push_back(make_backend("lab", c, [] { return 5.0; }));
        meter m{std::move(o)};
        scope own{m, "own"};
    }
    { scope s{"process-wide"}; }
    const report r = snapshot();
    CHECK(r.find("own") == nullptr);
    REQUIRE(r.find("process-wide") != nullptr);
    CHECK(r.find("process-wide")->calls == 1);
}
