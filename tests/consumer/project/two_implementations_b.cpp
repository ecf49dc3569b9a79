// two_implementations_b.cpp - see two_implementations_a.cpp.
#define JOULERY_IMPLEMENTATION
#include <joulery/joulery.hpp>

void other_file() { joulery::scope s{"other"}; }
