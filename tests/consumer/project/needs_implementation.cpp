// needs_implementation.cpp - a program that forgot the implementation; it must not link.
#include <joulery/joulery.hpp>

int main() { joulery::scope s{"step"}; }
