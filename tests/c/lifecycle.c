/* What cp_initialize and cp_finalize promise beyond the ordinary: who may end Python and when, what the end waits for, what
 * runs in its last moments, and calls from all sides while Python comes and goes. */
#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

static cp_error *err;

static void *finalize_elsewhere(void *unused) {
    (void)unused;
    FAILS(CP_ERR_INVALID_ARGUMENT, cp_finalize(&err), "another thread");
    return NULL;
}

static void elsewhere(void *(*body)(void *)) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, NULL) == 0 && pthread_join(thread, NULL) == 0);
}

/* With CP_INIT_THIS_THREAD only this thread may end it. */
static void this_thread_only(void) {
    cp_init_options options = CP_INIT_OPTIONS_INIT;
    options.flags = CP_INIT_THIS_THREAD;
    OK(cp_initialize(&options, &err));
    elsewhere(finalize_elsewhere);
    CHECK(cp_state() == 1);
    OK(cp_finalize(&err));
    CHECK(cp_state() == 0);
}

static int end_it(void *ctx, const uint8_t *data, size_t len) {
    (void)data, (void)len;
    cp_error *mine = NULL;
    CHECK(cp_finalize(&mine) == CP_ERR_INVALID_ARGUMENT && strstr(cp_error_message(mine), "callback"));
    cp_error_free(mine);
    ++*(int *)ctx;
    return 0;
}

/* Not in a callback, with or without the GIL; and a second user keeps it. */
static void not_in_a_callback(void) {
    cp_dump_options options = CP_DUMP_OPTIONS_INIT;
    int called = 0;
    OK(cp_initialize(NULL, &err));
    struct _object *object = cp_from_int64(3);
    OK(cp_dump(object, end_it, &called, NULL, &err));
    options.flags = CP_RELEASE_GIL;
    OK(cp_dump(object, end_it, &called, &options, &err));
    CHECK(called == 2 && cp_state() == 1);
    cp_decref(object);
    /* Options are checked also where they are not used. */
    cp_init_options init = CP_INIT_OPTIONS_INIT;
    init.flags = 0x4000;
    FAILS(CP_ERR_INVALID_ARGUMENT, cp_initialize(&init, &err), "flags");
    init.flags = 0;
    init.home = "/nonexistent";
    OK(cp_initialize(&init, &err));
    OK(cp_finalize(&err));
    CHECK(cp_state() == 1);
    OK(cp_finalize(&err));
    CHECK(cp_state() == 0);
}

/* The end waits for Python's threads that are no daemons, and runs what was registered for it, which may call this library. */
static void last_moments(void) {
    int ends[2];
    char said[64] = "";
    CHECK(pipe(ends) == 0);
    OK(cp_initialize(NULL, &err));
    struct _object *fd = cp_from_int64(ends[1]), *run, *result;
    struct _object *code = value("'import atexit, ctypes, os, threading, time\\n'"
                                 "'library = ctypes.PyDLL(None)\\n'"
                                 "'library.cp_dumps_bytes.restype = ctypes.py_object\\n'"
                                 "'def last():\\n'"
                                 "'    data = library.cp_dumps_bytes(ctypes.py_object(lambda: 1), -1)\\n'"
                                 "'    os.write(fd, b\"pickled\" if data[-1:] == b\".\" else b\"not\")\\n'"
                                 "'atexit.register(last)\\n'"
                                 "'def wait():\\n'"
                                 "'    time.sleep(0.3)\\n'"
                                 "'    os.write(fd, b\"waited,\")\\n'"
                                 "'threading.Thread(target=wait, daemon=False).start()\\n'"
                                 "'threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()\\n'",
                                 NULL);
    run = value("lambda code, fd: exec(code, {'fd': fd})", NULL);
    struct _object *arguments[] = {code, fd};
    OK(cp_call(run, arguments, 2, &result, &err));
    cp_decref(result), cp_decref(code), cp_decref(fd), cp_decref(run);
    OK(cp_finalize(&err));
    CHECK(read(ends[0], said, sizeof said - 1) > 0 && strcmp(said, "waited,pickled") == 0);
    close(ends[0]), close(ends[1]);
}

/* Output that cannot be written is said, and Python has ended all the same. */
static void no_room_for_output(void) {
    fflush(stdout);
    int before = dup(1), full = open("/dev/full", O_WRONLY);
    CHECK(before >= 0 && full >= 0 && dup2(full, 1) == 1);
    OK(cp_initialize(NULL, &err));
    struct _object *object = value("setattr(__import__('sys'), 'stdout', open(1, 'w', closefd=False)) or print('lost')", NULL);
    cp_decref(object);
    FAILS(CP_ERR_PYTHON, cp_finalize(&err), "flush");
    CHECK(cp_state() == 0);
    dup2(before, 1);
    close(before), close(full);
}

static pthread_key_t at_the_end;

static void last_call(void *called) {
    cp_error *mine = NULL;
    struct _object *object = cp_from_int64(5);
    CHECK(object != NULL && cp_dump(object, end_it, called, NULL, &mine) == CP_OK && mine == NULL);
    cp_decref(object);
}

static void *end_with_a_call(void *called) {
    struct _object *object = cp_from_int64(4);
    CHECK(object != NULL && pthread_setspecific(at_the_end, called) == 0);
    cp_decref(object);
    return NULL;
}

/* What a thread calls when its own variables are gone is a call like any other. */
static void a_thread_that_ends(void) {
    int called = 0;
    pthread_t thread;
    CHECK(pthread_key_create(&at_the_end, last_call) == 0);
    OK(cp_initialize(NULL, &err));
    for (int i = 0; i < 50; i++)
        CHECK(pthread_create(&thread, NULL, end_with_a_call, &called) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(called == 50);
    /* None of them is taken to be still inside. */
    OK(cp_finalize(&err));
    CHECK(cp_state() == 0);
    pthread_key_delete(at_the_end);
}

static atomic_int stop, served, refused;

static int known(cp_status status) {
    return status == CP_OK || status == CP_ERR_NOT_INITIALIZED || status == CP_ERR_FINALIZING;
}

static void *call_always(void *unused) {
    (void)unused;
    while (!stop) {
        cp_error *mine = NULL;
        struct _object *object = NULL;
        cp_status status = cp_eval("[b'abc' * 100, 'x', 1.5]", NULL, &object, &mine);
        CHECK(known(status) && cp_error_status(mine) == status && (object != NULL) == (status == CP_OK));
        cp_error_free(mine);
        if (status != CP_OK) {
            refused++;
            usleep(100);
            continue;
        }
        /* From here on the object may be gone at any time with its interpreter, so only what makes its own is called. */
        served++;
        CHECK(known(cp_import("sys", &object, NULL)) && cp_state() >= 0 && cp_state() <= 3);
        cp_from_bytes("abc", 3);
    }
    return NULL;
}

/* Calls from threads of the host's while Python comes and goes: served or refused, never lost. */
static void comes_and_goes(void) {
    pthread_t callers[3];
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&callers[i], NULL, call_always, NULL) == 0);
    for (int i = 0; i < 8; i++) {
        int before = served;
        OK(cp_initialize(NULL, &err));
        while (served < before + 50)
            usleep(200);
        OK(cp_finalize(&err));
    }
    stop = 1;
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(callers[i], NULL) == 0);
    CHECK(cp_state() == 0 && refused > 0);
}

int main(void) {
    this_thread_only();
    not_in_a_callback();
    no_room_for_output();
    a_thread_that_ends();
    comes_and_goes();
    last_moments();
    puts("ok");
    return 0;
}
