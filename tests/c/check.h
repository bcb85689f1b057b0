/* What the test programs share: they end at the first thing that is not as it should be. */
#ifndef CHECK_H
#define CHECK_H

#include "lost.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) check_(!!(condition), #condition, __FILE__, __LINE__)
static inline void check_(int holds, const char *condition, const char *file, int line) {
    if (!holds) {
        fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
        exit(1);
    }
}

/* The call went well, and its report is NULL. */
#define OK(status) ok_(status, &err, #status, __FILE__, __LINE__)
static inline void ok_(cp_status status, cp_error **err, const char *call, const char *file, int line) {
    if (status != CP_OK || *err != NULL) {
        fprintf(stderr, "%s:%d: %s: %s: %s\n%s", file, line, call, cp_status_name(status), cp_error_message(*err),
                cp_error_traceback(*err) ? cp_error_traceback(*err) : "");
        exit(1);
    }
}

/* The call failed with this status, and a report of it whose message contains these words; ends the report. */
#define FAILS(status, call, words) fails_(call, status, words, &err, #call, __FILE__, __LINE__)
static inline void fails_(cp_status got, cp_status status, const char *words, cp_error **err, const char *call,
                          const char *file, int line) {
    if (got != status || *err == NULL || cp_error_status(*err) != status || !strstr(cp_error_message(*err), words)) {
        fprintf(stderr, "%s:%d: %s: %s, not %s: %s\n", file, line, call, cp_status_name(got), cp_status_name(status),
                cp_error_message(*err));
        exit(1);
    }
    cp_error_free(*err);
    *err = NULL;
}

/* The value of an expression, a new reference. */
static inline struct _object *value(const char *expression, struct _object *args) {
    struct _object *object = NULL;
    cp_error *err = NULL;
    OK(cp_eval(expression, args, &object, &err));
    CHECK(object != NULL);
    return object;
}

/* Is this expression true of an object, which it finds as args[0]? */
static inline int holds(const char *expression, struct _object *object) {
    struct _object *pack = value("lambda *args: args", NULL), *args = NULL, *answer;
    cp_error *err = NULL;
    int64_t truth = 0;
    OK(cp_call(pack, &object, 1, &args, &err));
    answer = value(expression, args);
    OK(cp_as_int64(answer, &truth, &err));
    cp_decref(pack);
    cp_decref(args);
    cp_decref(answer);
    return truth == 1;
}

/* What sys.getrefcount says of an object, less the references that asking takes. */
static inline int64_t references(struct _object *object) {
    struct _object *count = NULL, *function = NULL;
    cp_error *err = NULL;
    int64_t number = 0;
    OK(cp_import("sys:getrefcount", &function, &err));
    OK(cp_call(function, &object, 1, &count, &err));
    OK(cp_as_int64(count, &number, &err));
    cp_decref(function);
    cp_decref(count);
    return number;
}

#endif
