// The library of an old driver that reports only power.
#define FAKE_NVML_OF_AN_OLD_DRIVER
#include "libnvidia-ml.cpp"
