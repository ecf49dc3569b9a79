// A library that has none of the symbols anybody looks for.
extern "C" int joulery_nothing() { return 0; }
