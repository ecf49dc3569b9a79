// plug_ins_visible.cpp - two plug-ins with the implementation whose symbols are visible: g++ makes
// their variables one (STB_GNU_UNIQUE), and the second one is closed.
#include "check.hpp"
#include "loaded_plug_in.hpp"

#include <initializer_list>
#include <thread>

int main(int, char** arguments) {
    loaded_plug_in first(arguments[1]);
    unsigned long calls = 0;
    for (int round = 0; round < 3; ++round) {
        loaded_plug_in second(arguments[2]);
        for (loaded_plug_in* p : {&first, &second}) std::thread([&] { p->run(1); }).join();
        second.close();
        std::thread([&] { first.run(1); }).join();  // a thread that was never seen before
        calls += 3;
    }
    std::thread([&] { check(first.sees("plug_in") == calls, "one meter for both"); }).join();
    return failures;
}
