/* What hosts without the CPython API use, from many threads at once: objects that one thread made are used and dropped by
 * others, none of which has a thread state of its own. */
#include "check.h"

#include <pthread.h>

enum { THREADS = 8, ROUNDS = 60, STARTS = 5 };

static struct _object *shared, *add, *pack;

static void *work(void *number) {
    cp_error *err = NULL;
    int64_t mine = (int64_t)(intptr_t)number;
    for (int i = 0; i < ROUNDS; i++) {
        struct _object *items[2], *sum, *object;
        cp_buffer text, pickle, view;
        int64_t integer;
        double real;

        items[0] = cp_from_int64(mine << 40);
        items[1] = cp_incref(shared);
        OK(cp_call(add, items, 2, &sum, &err));
        OK(cp_as_int64(sum, &integer, &err));
        CHECK(integer == (mine << 40) + 1000);
        cp_decref(items[0]), cp_decref(items[1]);
        OK(cp_as_double(sum, &real, &err));
        CHECK(real == (double)integer);
        OK(cp_str(sum, &text, &err));
        CHECK(strtoll((const char *)text.data, NULL, 10) == integer);
        cp_buffer_release(&text);
        cp_decref(sum);

        object = cp_from_double((double)mine + 0.5);
        OK(cp_repr(object, &text, &err));
        CHECK(strtod((const char *)text.data, NULL) == (double)mine + 0.5);
        cp_buffer_release(&text);
        cp_decref(object);
        object = cp_from_utf8("sn\xc3\xb6", 4);
        OK(cp_call(pack, &object, 1, &sum, &err));
        OK(cp_dumps(sum, NULL, &pickle, &err));
        cp_decref(object), cp_decref(sum);
        OK(cp_loads(pickle.data, pickle.len, NULL, &object, NULL, &err));
        OK(cp_repr(object, &text, &err));
        CHECK(strcmp((const char *)text.data, "('sn\xc3\xb6',)") == 0);
        cp_buffer_release(&text), cp_buffer_release(&pickle);
        cp_decref(object);
        object = cp_from_bytes(&mine, sizeof mine);
        OK(cp_as_buffer(object, &view, &err));
        cp_decref(object);
        CHECK(view.len == sizeof mine && memcmp(view.data, &mine, sizeof mine) == 0);
        cp_buffer_release(&view);
        OK(cp_import("math:pi", &object, &err));
        cp_decref(object);
        cp_status status = cp_eval("args[0]", NULL, &object, &err);
        CHECK(status == CP_ERR_PYTHON && strcmp(cp_error_python_type(err), "builtins.IndexError") == 0);
        cp_error_free(err);
        err = NULL;
    }
    return NULL;
}

/* The first calls of an interpreter come from all threads at once, too. */
static void one_interpreter(void) {
    cp_error *err = NULL;
    pthread_t threads[THREADS];
    OK(cp_initialize(NULL, &err));
    shared = cp_from_int64(1000);
    pack = value("lambda *args: args", NULL);
    OK(cp_import("operator:add", &add, &err));
    int64_t before = references(shared);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, work, (void *)(intptr_t)(i + 1)) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(references(shared) == before);
    cp_decref(shared), cp_decref(add), cp_decref(pack);
    OK(cp_finalize(&err));
}

int main(void) {
    for (int i = 0; i < STARTS; i++)
        one_interpreter();
    puts("ok");
    return 0;
}
