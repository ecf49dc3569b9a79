// plug_in.cpp - a plug-in with the implementation that exports only these symbols.
#define JOULERY_IMPLEMENTATION
#include <joulery/joulery.h>
#include <joulery/joulery.hpp>

#include <utility>

namespace {

unsigned long calls_of(const joulery::report& r, const char* path) {
    const joulery::scope_row* row = r.find(path);
    return row != nullptr ? static_cast<unsigned long>(row->calls) : 0;
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) unsigned long plug_in_run(int times) {
    for (int i = 0; i < times; ++i) {
        joulery::scope s{"plug_in"};
        s.add_items(2, "item");
    }
    const joulery::report r = joulery::snapshot();
    return r.scopes.size();
}

/// The process's report, seen from this copy of the implementation.
__attribute__((visibility("default"))) unsigned long plug_in_sees(const char* path) {
    return calls_of(joulery::snapshot(), path);
}

/// The plug-in's own meter, with its scopes among those of the process; returns the calls in both.
__attribute__((visibility("default"))) unsigned long plug_in_own_meter(int times) {
    joulery::options chosen;
    chosen.backends = joulery::no_backends();
    joulery::meter own{std::move(chosen)};
    for (int i = 0; i < times; ++i) {
        joulery::scope before{"of_process"};
        joulery::scope s{own, "of_own"};
        s.add_items(1, "item");
        joulery::scope after{"inside"};
        after.add_items(1, "item");
        joulery_begin("c");
        joulery_end();
    }
    const joulery::report mine = own.snapshot(), all = joulery::snapshot();
    return mine.scopes.size() == 1
               ? calls_of(mine, "of_own") + calls_of(all, "of_process") +
                     calls_of(all, "of_process/inside") + calls_of(all, "of_process/inside/c")
               : 0;
}
}
