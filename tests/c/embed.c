/* A program without a Python: `embed [program=…] [libpython=…] [home=…] [before]` starts one, uses it and says which one it is, or
 * why there is none. With "before", threads call at all times, also before there is one. */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>

static atomic_int stop, refused, served;

/* Each call is refused as long as no Python runs, and then served; nothing in between. */
static void *call(void *unused) {
    (void)unused;
    while (!stop) {
        struct _object *object = (struct _object *)&stop;
        cp_error *err = NULL;
        cp_buffer out;
        cp_status status = cp_eval("'text'", NULL, &object, &err);
        if (status == CP_OK) {
            CHECK(err == NULL && object != NULL);
            OK(cp_dumps(object, NULL, &out, &err));
            cp_buffer_release(&out);
            cp_decref(object);
            served++;
        } else {
            CHECK(status == CP_ERR_NOT_INITIALIZED && object == NULL && cp_error_status(err) == status);
            CHECK(strcmp(cp_error_message(err), "no Python runs in this process") == 0);
            CHECK(cp_error_python_type(err) == NULL && cp_error_traceback(err) == NULL);
            cp_error_free(err);
            refused++;
        }
    }
    return NULL;
}

static void *initialize(void *options) {
    cp_error *err = NULL;
    OK(cp_initialize(options, &err));
    return NULL;
}

int main(int argc, char **argv) {
    cp_init_options options = CP_INIT_OPTIONS_INIT;
    cp_error *err = NULL;
    int before = 0;
    pthread_t callers[3], starters[3];

    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "program=", 8) == 0)
            options.program = argv[i] + 8;
        else if (strncmp(argv[i], "libpython=", 10) == 0)
            options.libpython = argv[i] + 10;
        else if (strncmp(argv[i], "home=", 5) == 0)
            options.home = argv[i] + 5;
        else
            before = strcmp(argv[i], "before") == 0;
    }
    if (before) {
        for (int i = 0; i < 3; i++)
            CHECK(pthread_create(&callers[i], NULL, call, NULL) == 0);
        while (refused < 100)
            sched_yield();
        for (int i = 0; i < 3; i++)
            CHECK(pthread_create(&starters[i], NULL, initialize, &options) == 0);
        for (int i = 0; i < 3; i++)
            CHECK(pthread_join(starters[i], NULL) == 0);
        while (served < 100)
            sched_yield();
        stop = 1;
        for (int i = 0; i < 3; i++)
            CHECK(pthread_join(callers[i], NULL) == 0);
        OK(cp_finalize(&err));
        OK(cp_finalize(&err));
    } else if (cp_initialize(&options, &err) != CP_OK) {
        printf("%s: %s\n", cp_status_name(cp_error_status(err)), cp_error_message(err));
        CHECK(cp_state() == 0 && cp_finalize(NULL) == CP_ERR_NOT_INITIALIZED);
        cp_error_free(err);
        return 3;
    }
    struct _object *said = value("(lambda s: '%s|%s|%s' % (s.version.split()[0], s.prefix, s.executable))(__import__('sys'))",
                                 NULL);
    cp_buffer text;
    OK(cp_str(said, &text, &err));
    printf("ok|%s\n", (const char *)text.data);
    cp_buffer_release(&text);
    cp_decref(said);
    struct _object *json = NULL;
    OK(cp_import("_json", &json, &err));
    cp_decref(json);
    OK(cp_finalize(&err));
    CHECK(cp_state() == 0);
    return 0;
}
