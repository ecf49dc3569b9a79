// plug_in_host.cpp - a program with the implementation loads a plug-in that has it, too, without
// sharing symbols: still, one meter measures both.
#include "check.hpp"
#include "loaded_plug_in.hpp"

#include <joulery/joulery.hpp>

#include <string>
#include <thread>

static bool tells_of_other_version() {
    const joulery::report r = joulery::snapshot();
    for (const std::string& w : r.warnings)
        if (w.find("libother_version.so has another version of joulery") != std::string::npos)
            return true;
    return false;
}

int main(int, char** arguments) {
    loaded_plug_in plug_in(arguments[1]);
    unsigned long rows = 0;
    {
        joulery::scope s{"program"};
        rows = plug_in.run(3);
    }
    std::thread([&] { plug_in.run(2); }).join();
    const joulery::report r = joulery::snapshot();
    const joulery::scope_row* nested = r.find("program/plug_in");
    const joulery::scope_row* alone = r.find("plug_in");
    check(nested && nested->calls == 3 && nested->items == 6, "3 calls inside the program's scope");
    check(alone && alone->calls == 2, "2 calls on a thread of its own");
    check(rows == 2, "the plug-in sees the program's scopes");
    joulery::set_enabled(false);
    plug_in.run(5);
    joulery::set_enabled(true);
    plug_in.run(1);
    check(joulery::snapshot().find("plug_in")->calls == 3, "switched off for both");
    joulery::stop();
    joulery::start();
    plug_in.run(1);
    check(joulery::snapshot().find("plug_in")->calls == 1, "a new run has both");
    check(plug_in.own_meter(4) == 16, "a meter of the plug-in's own beside the process's");
    {
        joulery::scope s{"program"};
        plug_in.run(1);
    }
    check(joulery::snapshot().find("program/plug_in")->calls == 1,
          "and afterwards all is as before");
    plug_in.close();
    { joulery::scope s{"program"}; }
    check(joulery::snapshot().find("program")->calls == 2,
          "the plug-in has gone, the meter has not");
    loaded_plug_in again(arguments[1]);
    again.run(2);
    check(again.sees("plug_in") == 3, "it comes back, and goes on where it was");
    check(!tells_of_other_version(), "there is one version so far");
    check(::dlopen(arguments[2], RTLD_NOW | RTLD_LOCAL) != nullptr, "another version is loaded");
    check(tells_of_other_version(), "the report says that another version measures separately");
    joulery::stop();
    return failures;
}
