#include <joulery/joulery.hpp>
#include <cmath>
#include <iostream>

int main() {
    double sum = 0;
    {
        joulery::scope s{"sines"};
        for (int i = 0; i < 50'000'000; ++i) sum += std::sin(i);
    }
    std::cout << "sum " << sum << "\n\n" << to_text(joulery::snapshot());
}
