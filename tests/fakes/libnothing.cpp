// A library that has none of the symbols that tests look up.
extern "C" int joulery_nothing() { return 0; }
