// The library of a driver that knows power and nothing newer.
#define FAKE_NVML_OF_AN_OLD_DRIVER
#include "libnvidia-ml.cpp"
