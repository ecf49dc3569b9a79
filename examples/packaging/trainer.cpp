// trainer.cpp - the program that the recipes in this folder build.
#include <joulery/joulery.hpp>

#include <cmath>
#include <cstdio>

int main() {
    double sum = 0;
    {
        joulery::scope s{"train"};
        for (int i = 0; i < 1'000'000; ++i) sum += std::sin(i);
        s.add_items(1'000'000, "sine");
    }
    const joulery::report r = joulery::snapshot();
    std::printf("%g\n%s", sum, to_text(r).c_str());
    return r.find("train") != nullptr ? 0 : 1;
}
