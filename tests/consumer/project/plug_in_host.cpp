// plug_in_host.cpp - a program with the implementation loads a plug-in that has it, too, and neither
// shares its symbols with the other: one meter measures both all the same.
#include "check.hpp"

#include <joulery/joulery.hpp>

#include <dlfcn.h>

#include <thread>

int main(int, char** arguments) {
    void* plug_in = ::dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    if (plug_in == nullptr) {
        std::printf("%s\n", ::dlerror());
        return 1;
    }
    const auto run = reinterpret_cast<unsigned long (*)(int)>(::dlsym(plug_in, "run_plug_in"));
    unsigned long rows = 0;
    {
        joulery::scope s{"program"};
        rows = run(3);
    }
    std::thread([&] { run(2); }).join();
    const joulery::report r = joulery::snapshot();
    const joulery::scope_row* nested = r.find("program/plug_in");
    const joulery::scope_row* alone = r.find("plug_in");
    check(nested && nested->calls == 3 && nested->items == 6, "3 calls inside the program's scope");
    check(alone && alone->calls == 2, "2 calls on a thread of its own");
    check(rows == 2, "the plug-in sees the program's scopes");
    joulery::set_enabled(false);
    run(5);
    joulery::set_enabled(true);
    run(1);
    check(joulery::snapshot().find("plug_in")->calls == 3, "switched off for both");
    joulery::stop();
    joulery::start();
    run(1);
    check(joulery::snapshot().find("plug_in")->calls == 1, "a new run has both");
    joulery::stop();
    return failures;
}
