/* c_calls.c - joulery.h as C programs use it; compiled as C99 and as C11, under two names. */
#include <joulery/joulery.h>

#define JOIN_OF(a, b) a##b
#define JOIN(a, b) JOIN_OF(a, b)

static void step(const char* name) {
    joulery_begin(name);
    joulery_add_items(2, "token");
    joulery_end();
}

/* Opens scopes of every kind; returns what joulery_write_report says of `file`. */
int JOIN(run_calls_of_, C_STANDARD)(const char* file) {
    char name[16] = "first";
    int i;
    for (i = 0; i < 3; ++i) {
        JOULERY_C_SCOPE("train/step");
        joulery_begin("forward");
        joulery_add_items(32, "sample");
        joulery_end();
    }
    joulery_begin(name); /* one buffer, two names */
    joulery_end();
    strcpy(name, "second");
    joulery_begin(name);
    joulery_end();
    step("a");
    step("b");
    return joulery_write_report(file);
}

/* Ends without begins, items outside, and more begins than anybody nests. */
void JOIN(nest_wrongly_in_, C_STANDARD)(void) {
    int i;
    joulery_end();
    joulery_end();
    joulery_add_items(1, "item");
    joulery_begin(NULL);
    for (i = 0; i < 1000; ++i) joulery_begin("deep");
    for (i = 0; i < 1000; ++i) joulery_end();
    joulery_end();
    joulery_begin("after");
    joulery_end();
}
