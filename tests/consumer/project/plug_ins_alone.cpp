// plug_ins_alone.cpp - a program without the implementation loads two plug-ins that have it: the
// first one serves both, even after the program has closed it. A plug-in closed earlier leaves
// nothing behind.
#include "check.hpp"
#include "loaded_plug_in.hpp"

#include <joulery/scope.hpp>

#include <thread>

int main(int, char** arguments) {
    loaded_plug_in gone(arguments[3]);
    std::thread([&] { gone.run(1); }).join();
    gone.close();

    loaded_plug_in first(arguments[1]);
    // On threads that end, so that none of their data keeps a library loaded.
    std::thread([&] {
        joulery::scope s{"program"};
        check(!s, "the program's own scopes have no implementation");
        first.run(1);
    }).join();
    loaded_plug_in second(arguments[2]);
    std::thread([&] {
        second.run(2);
        check(first.sees("plug_in") == 3 && second.sees("plug_in") == 3, "one meter for both");
    }).join();
    first.close();
    std::thread([&] {
        second.run(7);
        check(second.sees("plug_in") == 10, "closed, the first one still measures for the second");
    }).join();
    second.close();
    return failures;
}
