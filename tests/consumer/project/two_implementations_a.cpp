// two_implementations_a.cpp - one of two files of a program that both define JOULERY_IMPLEMENTATION.
#define JOULERY_IMPLEMENTATION
#include "check.hpp"

#include <joulery/joulery.hpp>

void other_file();

int main() {
    {
        joulery::scope s{"program"};
        other_file();
    }
    const joulery::report r = joulery::snapshot();
    check(r.find("program/other") != nullptr, "both files report to one meter");
    joulery::stop();
    return failures;
}
