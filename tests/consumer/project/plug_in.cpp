// plug_in.cpp - a plug-in with bodies of its own and no symbol that anybody else sees but one.
#define JOULERY_IMPLEMENTATION
#include <joulery/joulery.hpp>

extern "C" __attribute__((visibility("default"))) unsigned long run_plug_in(int times) {
    for (int i = 0; i < times; ++i) {
        joulery::scope s{"plug_in"};
        s.add_items(2, "item");
    }
    const joulery::report r = joulery::snapshot();
    return r.scopes.size();
}
