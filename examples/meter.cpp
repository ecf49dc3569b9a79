// meter.cpp - a meter of your own, without the process-wide one: read it, and open scopes in it.
#include <joulery/joulery.hpp>

#include <cmath>
#include <cstdio>

namespace {

double solve() {
    double x = 0;
    for (int i = 0; i < 20'000'000; ++i) x = std::cos(x + i);
    return x;
}

}  // namespace

int main() {
    joulery::meter m{joulery::options{}};  // reads what the machine has

    const joulery::reading a = m.read();
    double x = 0;
    {
        joulery::scope s{m, "solve"};
        x = solve();
    }
    const joulery::reading b = m.read();

    const joulery::energy e = (b - a).total();
    std::printf("x = %.6f; %.3f J at %.1f W (%s)\n\n", x, e.joules(), (b - a).mean_power().watts(),
                to_text((b - a).provenance()).data());
    std::printf("%s", to_text(m.snapshot()).c_str());
}
