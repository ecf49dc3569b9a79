/* joulery.h - scopes and reports for C.
 * SPDX-License-Identifier: MIT
 *
 *     joulery_begin("train/step");
 *     forward(); backward();
 *     joulery_add_items(32, "sample");
 *     joulery_end();
 *     joulery_write_report("run.json");
 *
 * The implementation is C++: one C++ file of the program defines JOULERY_IMPLEMENTATION and includes
 * <joulery/joulery.hpp>. If no file does so, or under JOULERY_DISABLE, these calls do nothing.
 *
 * Units:  the report gives joules, grams of CO2e and seconds by path; paths nest with '/'.
 * Thread: each thread has its own scopes; any number of threads at once.
 * Cost:   with a literal and optimization on, that of a C++ scope plus a call; any other string
 *         costs one more look-up.
 * Fails:  never. An end without a begin, and items outside all scopes, are ignored; a scope without
 *         an end stays open until the enclosing scope ends.
 */
#ifndef JOULERY_JOULERY_H
#define JOULERY_JOULERY_H

#include <stddef.h>
#include <string.h>

#if defined(__GNUC__) && !defined(_WIN32)
#define JOULERY_C_OPTIONAL __attribute__((weak, visibility("default")))
#define JOULERY_C_HAS(function) ((function) != NULL)
#else
#define JOULERY_C_OPTIONAL
#define JOULERY_C_HAS(function) 1
#endif

#ifdef __cplusplus
extern "C" {
#endif

JOULERY_C_OPTIONAL void joulery_c_begin(const char* name, size_t size, int is_literal);
JOULERY_C_OPTIONAL void joulery_c_end(void);
JOULERY_C_OPTIONAL void joulery_c_add_items(double count, const char* item_name);
JOULERY_C_OPTIONAL int joulery_c_write_report(const char* file);

#ifdef __cplusplus
}
#endif

/* Only a literal has a constant length; other names may change. */
#if defined(__GNUC__)
#define JOULERY_C_IS_LITERAL(name) __builtin_constant_p(strlen(name))
#else
#define JOULERY_C_IS_LITERAL(name) 0
#endif

/* Opens the scope `name` inside this thread's innermost open scope. */
static inline void joulery_begin(const char* name) {
#ifndef JOULERY_DISABLE
    if (!JOULERY_C_HAS(joulery_c_begin)) return;
    if (name == NULL) name = "(null)"; /* opened all the same: an end will follow */
    joulery_c_begin(name, strlen(name), JOULERY_C_IS_LITERAL(name));
#else
    (void)name;
#endif
}

/* Ends this thread's innermost open scope. */
static inline void joulery_end(void) {
#ifndef JOULERY_DISABLE
    if (JOULERY_C_HAS(joulery_c_end)) joulery_c_end();
#endif
}

/* Adds functional units to the innermost open scope: the report gives joules per `item_name`, which
 * should be a literal and the same throughout a path. */
static inline void joulery_add_items(double count, const char* item_name) {
#ifndef JOULERY_DISABLE
    if (JOULERY_C_HAS(joulery_c_add_items)) joulery_c_add_items(count, item_name);
#else
    (void)count;
    (void)item_name;
#endif
}

/* Writes everything measured so far to `file`, in the format of its ending; "-" is a table on
 * stderr. Returns 0 if it was written; otherwise the reason is on stderr. */
static inline int joulery_write_report(const char* file) {
#ifndef JOULERY_DISABLE
    if (JOULERY_C_HAS(joulery_c_write_report) && file != NULL) return joulery_c_write_report(file);
#else
    (void)file;
#endif
    return 1;
}

/* Makes the rest of the block the scope `name`, for compilers with cleanup attributes. */
#if defined(__GNUC__)
static inline void joulery_c_end_of_block(const char* begun) {
    (void)begun;
    joulery_end();
}
#define JOULERY_C_JOIN_(a, b) a##b
#define JOULERY_C_JOIN(a, b) JOULERY_C_JOIN_(a, b)
#define JOULERY_C_SCOPE(name)                                                         \
    const char JOULERY_C_JOIN(joulery_scope_, __LINE__)                               \
        __attribute__((cleanup(joulery_c_end_of_block), unused)) = (joulery_begin(name), 0)
#endif

#endif
