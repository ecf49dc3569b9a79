// loaded_plug_in.hpp - plug_in.cpp as a program loads it: its symbols stay private.
#pragma once

#include "check.hpp"

#include <dlfcn.h>

#include <cstdlib>

class loaded_plug_in {
 public:
    explicit loaded_plug_in(const char* file) : library_(::dlopen(file, RTLD_NOW | RTLD_LOCAL)) {
        if (library_ == nullptr) {
            std::printf("%s\n", ::dlerror());
            std::exit(1);
        }
        run = symbol<decltype(run)>("plug_in_run");
        sees = symbol<decltype(sees)>("plug_in_sees");
        own_meter = symbol<decltype(own_meter)>("plug_in_own_meter");
    }
    void close() { check(::dlclose(library_) == 0, "a plug-in can be unloaded"); }

    unsigned long (*run)(int times);
    unsigned long (*sees)(const char* path);
    unsigned long (*own_meter)(int times);

 private:
    template <class Function>
    Function symbol(const char* name) {
        return reinterpret_cast<Function>(::dlsym(library_, name));
    }
    void* library_;
};
