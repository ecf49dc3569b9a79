// A meter on a machine that draws exactly 50 W: joules are elapsed seconds times fifty.
#pragma once

#include "joulery/backend.hpp"
#include "joulery/meter.hpp"

#include <chrono>

inline joulery::options fifty_watts() {
    joulery::channel c;
    c.id = "test/clock";
    c.joules_per_count = 1e-9;
    const auto start = std::chrono::steady_clock::now();
    joulery::options o;
    o.carbon = joulery::carbon_model{joulery::carbon_intensity::from_grams_per_kwh(360)};
    o.backends.push_back(joulery::make_backend("clock", c, [start] {
        return 50 * std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }));
    return o;
}
