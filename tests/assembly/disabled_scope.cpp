// With JOULERY_DISABLE, a function with scopes compiles to the same code as without them.
#define JOULERY_DISABLE
#include "joulery/macros.hpp"

extern "C" {
int work(int);

int plain_1(int x) { return work(x) + 1; }
int scoped_1(int x) {
    joulery::scope s{"literal"};
    s.add_items(1, "item");
    return work(x) + 1;
}

int plain_2(int x) { return work(work(x)) * 3; }
int scoped_2(int x) {
    JOULERY_FUNCTION();
    int y = 0;
    {
        JOULERY_SCOPE("inner");
        y = work(x);
    }
    return work(y) * 3;
}

void plain_3() {}
void scoped_3() { JOULERY_SCOPE("empty"); }
}
