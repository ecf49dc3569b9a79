// The loader before version 1.9: Sysman is reached through zeInit.
#define FAKE_LEVEL_ZERO_WITHOUT_ZESINIT
#include "libze_loader.cpp"
