/* The life of an interpreter that this library starts: users, threads, signals, calls while it ends, starting again. */
#include "check.h"

#include <dlfcn.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static cp_error *err;

static void *initialize(void *unused) {
    (void)unused;
    OK(cp_initialize(NULL, &err));
    return NULL;
}

static void *finalize(void *unused) {
    (void)unused;
    OK(cp_finalize(&err));
    return NULL;
}

static void elsewhere(void *(*body)(void *), void *ctx) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, ctx) == 0 && pthread_join(thread, NULL) == 0);
}

static void use(void) {
    struct _object *object = value("[i * i for i in range(100)]", NULL), *copy;
    cp_buffer out;
    OK(cp_dumps(object, NULL, &out, &err));
    OK(cp_loads(out.data, out.len, NULL, &copy, NULL, &err));
    CHECK(holds("args[0][99] == 9801", copy));
    cp_buffer_release(&out);
    cp_decref(object);
    cp_decref(copy);
}

/* ------------------------------------------------------------------------------------------------------- signals */

static volatile sig_atomic_t interrupted;
static void on_interrupt(int signal) {
    (void)signal;
    interrupted++;
}

static void (*disposition(int signal))(int) {
    struct sigaction now;
    sigaction(signal, NULL, &now);
    return now.sa_handler;
}

/* The host's dispositions stay, whatever they are. */
static void signals(void (*interrupt)(int), void (*pipe)(int)) {
    struct _object *module = NULL;
    signal(SIGINT, interrupt);
    signal(SIGPIPE, pipe);
    OK(cp_initialize(NULL, &err));
    OK(cp_import("signal", &module, &err));
    cp_decref(module);
    CHECK(disposition(SIGINT) == interrupt && disposition(SIGPIPE) == pipe);
    use();
    OK(cp_finalize(&err));
    CHECK(disposition(SIGINT) == interrupt && disposition(SIGPIPE) == pipe);
}

static void python_signals(void) {
    cp_init_options options = CP_INIT_OPTIONS_INIT;
    options.flags = CP_INIT_SIGNALS | CP_INIT_THIS_THREAD;
    signal(SIGINT, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    OK(cp_initialize(&options, &err));
    CHECK(disposition(SIGINT) != SIG_DFL && disposition(SIGPIPE) == SIG_IGN);
    raise(SIGINT);
    struct _object *object = NULL;
    CHECK(cp_eval("[i for i in range(10**6)]", NULL, &object, &err) == CP_ERR_PYTHON);
    CHECK(strcmp(cp_error_python_type(err), "builtins.KeyboardInterrupt") == 0);
    cp_error_free(err);
    OK(cp_finalize(&err));
    CHECK(disposition(SIGINT) == SIG_DFL && disposition(SIGPIPE) == SIG_DFL);
}

/* --------------------------------------------------------------------------------------------- calls while it ends */

struct meeting {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int inside, go_on;
};

static void wait_for(struct meeting *meeting, int *what) {
    pthread_mutex_lock(&meeting->mutex);
    while (!*what)
        pthread_cond_wait(&meeting->changed, &meeting->mutex);
    pthread_mutex_unlock(&meeting->mutex);
}

static void announce(struct meeting *meeting, int *what) {
    pthread_mutex_lock(&meeting->mutex);
    *what = 1;
    pthread_cond_broadcast(&meeting->changed);
    pthread_mutex_unlock(&meeting->mutex);
}

static int write_slowly(void *ctx, const uint8_t *data, size_t len) {
    (void)data, (void)len;
    announce(ctx, &((struct meeting *)ctx)->inside);
    wait_for(ctx, &((struct meeting *)ctx)->go_on);
    return 0;
}

static void *dump_slowly(void *ctx) {
    cp_dump_options options = CP_DUMP_OPTIONS_INIT;
    cp_error *mine = NULL;
    struct _object *object = value("'text'", NULL);
    options.flags = CP_RELEASE_GIL;
    CHECK(cp_dump(object, write_slowly, ctx, &options, &mine) == CP_OK && mine == NULL);
    return NULL;
}

static void calls_while_it_ends(void) {
    struct meeting meeting = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};
    pthread_t dumper, finalizer;
    struct _object *object;

    OK(cp_initialize(NULL, &err));
    CHECK(pthread_create(&dumper, NULL, dump_slowly, &meeting) == 0);
    wait_for(&meeting, &meeting.inside);
    CHECK(pthread_create(&finalizer, NULL, finalize, NULL) == 0);
    while (cp_state() != 3)
        usleep(1000);
    /* It waits for the dump, and refuses what is new. */
    for (int i = 0; i < 20; i++) {
        CHECK(cp_state() == 3);
        cp_error *mine = NULL;
        CHECK(cp_eval("1", NULL, &object, &mine) == CP_ERR_FINALIZING && object == NULL);
        CHECK(cp_error_status(mine) == CP_ERR_FINALIZING);
        cp_error_free(mine);
        CHECK(cp_initialize(NULL, NULL) == CP_ERR_FINALIZING && cp_finalize(NULL) == CP_ERR_FINALIZING);
        CHECK(cp_from_int64(1) == NULL);
        usleep(1000);
    }
    announce(&meeting, &meeting.go_on);
    CHECK(pthread_join(dumper, NULL) == 0 && pthread_join(finalizer, NULL) == 0);
    CHECK(cp_state() == 0 && cp_eval("1", NULL, &object, NULL) == CP_ERR_NOT_INITIALIZED);
}

int main(void) {
    /* Users are counted; any thread may start it and any other may end it. */
    elsewhere(initialize, NULL);
    CHECK(cp_state() == 1);
    use();
    OK(cp_initialize(NULL, &err));
    elsewhere(finalize, NULL);
    CHECK(cp_state() == 1);
    use();

    /* Python's own threads end first; its locale is the host's; C extensions find libpython's symbols. */
    CHECK(strcmp(setlocale(LC_CTYPE, NULL), "C") == 0);
    struct _object *object = value("__import__('sys').flags.utf8_mode", NULL);
    CHECK(holds("args[0] == 1", object));
    cp_decref(object);
    CHECK(dlsym(RTLD_DEFAULT, "Py_IsInitialized") != NULL);
    OK(cp_import("_json", &object, &err));
    cp_decref(object);
    object = value("__import__('threading').Thread(target=lambda: __import__('time').sleep(0.2), daemon=False).start()", NULL);
    cp_decref(object);
    object = value("__import__('threading').current_thread() is __import__('threading').main_thread()", NULL);
    CHECK(holds("args[0] is False", object));
    cp_decref(object);
    /* The program that it stands for. */
    object = value("__import__('os').path.samefile(__import__('sys').executable, __import__('os').environ['CP_PYTHON'])",
                   NULL);
    CHECK(holds("args[0] is True", object));
    cp_decref(object);
    elsewhere(finalize, NULL);
    CHECK(cp_state() == 0);
    CHECK(cp_finalize(&err) == CP_ERR_NOT_INITIALIZED);
    cp_error_free(err);

    /* And again. */
    for (int i = 0; i < 3; i++) {
        OK(cp_initialize(NULL, &err));
        use();
        OK(cp_finalize(&err));
    }

    signals(SIG_DFL, SIG_DFL);
    signals(SIG_IGN, SIG_IGN);
    signals(on_interrupt, SIG_DFL);
    raise(SIGINT);
    CHECK(interrupted == 1);
    python_signals();
    calls_while_it_ends();

    /* In the calling thread: only that one may end it. */
    cp_init_options options = CP_INIT_OPTIONS_INIT;
    options.flags = CP_INIT_THIS_THREAD | CP_INIT_ISOLATED | CP_INIT_NO_GLOBAL;
    options.program = getenv("CP_PYTHON");
    OK(cp_initialize(&options, &err));
    object = value("__import__('threading').current_thread() is __import__('threading').main_thread()", NULL);
    CHECK(holds("args[0] is True", object));
    cp_decref(object);
    object = value("__import__('sys').flags.isolated, __import__('sys').getfilesystemencoding()", NULL);
    CHECK(holds("args[0] == (1, 'utf-8')", object));
    cp_decref(object);
    use();
    OK(cp_finalize(&err));
    CHECK(cp_state() == 0);
    puts("ok");
    return 0;
}
