/* from_c PYTHON FOLDER SECONDS [quick]: what a dump and a load cost a C program, by this library and by what such
 * programs do without it: import cloudpickle, call its dumps, copy the bytes out. Both in turn, round by round, on the
 * objects of FOLDER/c_objects.py; a line for each round:
 *   object TAB way TAB nanoseconds by this library TAB nanoseconds by cloudpickle
 * Processor time of the thread, but for the way with threads, where time passes. */
#define _GNU_SOURCE
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cloudpickle.h>

#define THREADS 8
#define BATCH_NS 300000.0

static void die(const char *what) {
    if (PyGILState_Check() && PyErr_Occurred())
        PyErr_Print();
    fprintf(stderr, "from_c: %s\n", what);
    exit(1);
}

static void check(cp_status status, cp_error *err, const char *what) {
    if (status != CP_OK) {
        fprintf(stderr, "from_c: %s: %s\n", what, cp_error_message(err));
        exit(1);
    }
}

static double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

/* What both sides work on: one object, its pickle, memory to write to, a file. */
static PyObject *object, *dumps, *loads;
static unsigned char *pickled, *arena;
static size_t pickled_len, arena_at;
static int file;

static int collect(void *ctx, const uint8_t *data, size_t len) {
    (void)ctx;
    memcpy(arena + arena_at, data, len);
    arena_at += len;
    return 0;
}

/* The bytes object that cloudpickle.dumps(object) returns, with the GIL. */
static PyObject *by_cloudpickle(void) {
    PyObject *bytes = PyObject_CallOneArg(dumps, object);
    if (!bytes || !PyBytes_Check(bytes))
        die("cloudpickle.dumps");
    return bytes;
}

static void ours_to_memory(void) {
    cp_buffer out;
    cp_error *err = NULL;
    check(cp_dumps(object, NULL, &out, &err), err, "cp_dumps");
    cp_buffer_release(&out);
}

static void theirs_to_memory(void) {
    PyObject *bytes = by_cloudpickle();
    size_t len = (size_t)PyBytes_GET_SIZE(bytes);
    void *copy = malloc(len);
    if (!copy)
        die("no memory");
    memcpy(copy, PyBytes_AS_STRING(bytes), len);
    Py_DECREF(bytes);
    free(copy);
}

static void ours_to_callback(void) {
    cp_error *err = NULL;
    arena_at = 0;
    check(cp_dump(object, collect, NULL, NULL, &err), err, "cp_dump");
}

static void theirs_to_callback(void) {
    PyObject *bytes = by_cloudpickle();
    arena_at = 0;
    collect(NULL, (const uint8_t *)PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    Py_DECREF(bytes);
}

static void ours_to_file(void) {
    cp_error *err = NULL;
    lseek(file, 0, SEEK_SET);
    check(cp_dump_fd(object, file, NULL, &err), err, "cp_dump_fd");
}

static void theirs_to_file(void) {
    PyObject *bytes = by_cloudpickle();
    const char *at = PyBytes_AS_STRING(bytes);
    size_t left = (size_t)PyBytes_GET_SIZE(bytes);
    lseek(file, 0, SEEK_SET);
    while (left) {
        ssize_t n;
        Py_BEGIN_ALLOW_THREADS n = write(file, at, left);
        Py_END_ALLOW_THREADS if (n < 0) die("write");
        at += n, left -= (size_t)n;
    }
    Py_DECREF(bytes);
}

static void ours_loads(void) {
    PyObject *loaded;
    cp_error *err = NULL;
    check(cp_loads(pickled, pickled_len, NULL, &loaded, NULL, &err), err, "cp_loads");
    Py_DECREF(loaded);
}

static void theirs_loads(void) {
    PyObject *bytes = PyBytes_FromStringAndSize((const char *)pickled, (Py_ssize_t)pickled_len);
    PyObject *loaded = bytes ? PyObject_CallOneArg(loads, bytes) : NULL;
    if (!loaded)
        die("cloudpickle.loads");
    Py_DECREF(bytes);
    Py_DECREF(loaded);
}

/* --- threads that hold no GIL; ours takes it by itself */

static int calls_each;

static void *ours_in_thread(void *unused) {
    for (int n = 0; n < calls_each; n++)
        ours_to_memory();
    return unused;
}

static void *theirs_in_thread(void *unused) {
    for (int n = 0; n < calls_each; n++) {
        PyGILState_STATE state = PyGILState_Ensure();
        theirs_to_memory();
        PyGILState_Release(state);
    }
    return unused;
}

static double in_threads(void *(*body)(void *), int calls) {
    pthread_t threads[THREADS];
    double passed;
    calls_each = calls;
    Py_BEGIN_ALLOW_THREADS passed = now(CLOCK_MONOTONIC);
    for (int n = 0; n < THREADS; n++)
        if (pthread_create(&threads[n], NULL, body, NULL) != 0)
            abort();
    for (int n = 0; n < THREADS; n++)
        pthread_join(threads[n], NULL);
    passed = now(CLOCK_MONOTONIC) - passed;
    Py_END_ALLOW_THREADS return passed / (calls * (double)THREADS);
}

static double in_this_thread(void (*body)(void), int calls) {
    double start = now(CLOCK_THREAD_CPUTIME_ID);
    for (int n = 0; n < calls; n++)
        body();
    return (now(CLOCK_THREAD_CPUTIME_ID) - start) / calls;
}

static int enough(double once) { return once > BATCH_NS ? 1 : (int)(BATCH_NS / once) + 1; }

static void rounds(const char *name, const char *way, void (*ours)(void), void (*theirs)(void), double seconds) {
    in_this_thread(ours, 2), in_this_thread(theirs, 2);
    int ours_calls = enough(in_this_thread(ours, 1)), theirs_calls = enough(in_this_thread(theirs, 1));
    double end = now(CLOCK_MONOTONIC) + seconds * 1e9;
    for (int n = 0; n < 3 || now(CLOCK_MONOTONIC) < end; n++) {
        double a = in_this_thread(ours, ours_calls), b = in_this_thread(theirs, theirs_calls);
        printf("%s\t%s\t%.1f\t%.1f\n", name, way, a, b);
    }
}

static void rounds_in_threads(const char *name, double seconds) {
    int calls = enough(10 * in_this_thread(ours_to_memory, 2));
    double end = now(CLOCK_MONOTONIC) + seconds * 1e9;
    for (int n = 0; n < 3 || now(CLOCK_MONOTONIC) < end; n++) {
        double a = in_threads(ours_in_thread, calls), b = in_threads(theirs_in_thread, calls);
        printf("%s\tdumps, %d threads\t%.1f\t%.1f\n", name, THREADS, a, b);
    }
}

/* Each way of ours must have written what cloudpickle writes. */
static void compare(const char *name) {
    cp_buffer out;
    cp_error *err = NULL;
    check(cp_dumps(object, NULL, &out, &err), err, "cp_dumps");
    if (out.len != pickled_len || memcmp(out.data, pickled, pickled_len) != 0)
        die(name);
    cp_buffer_release(&out);
    memset(arena, 0, pickled_len);
    ours_to_callback();
    if (arena_at != pickled_len || memcmp(arena, pickled, pickled_len) != 0)
        die(name);
    memset(arena, 0, pickled_len);
    ours_to_file();
    size_t at = 0;
    for (ssize_t n = 1; at < pickled_len && n > 0; at += (size_t)n)
        n = pread(file, arena + at, pickled_len - at, (off_t)at);
    if (memcmp(arena, pickled, pickled_len) != 0)
        die(name);
}

static void measure(const char *name, double seconds) {
    PyObject *bytes = by_cloudpickle();
    pickled_len = (size_t)PyBytes_GET_SIZE(bytes);
    pickled = malloc(pickled_len);
    arena = malloc(pickled_len);
    file = memfd_create("from_c", 0);
    if (!pickled || !arena || file < 0)
        die("no memory, or no memfd");
    memcpy(pickled, PyBytes_AS_STRING(bytes), pickled_len);
    Py_DECREF(bytes);
    compare(name);
    rounds(name, "dumps to memory", ours_to_memory, theirs_to_memory, seconds);
    rounds(name, "dump to a callback", ours_to_callback, theirs_to_callback, seconds);
    rounds(name, "dump to a file descriptor", ours_to_file, theirs_to_file, seconds);
    rounds_in_threads(name, seconds);
    rounds(name, "loads", ours_loads, theirs_loads, seconds);
    free(pickled), free(arena), close(file);
}

int main(int argc, char **argv) {
    if (argc < 4)
        return 2;
    cp_init_options options = CP_INIT_OPTIONS_INIT;
    cp_error *err = NULL;
    options.program = argv[1];
    check(cp_initialize(&options, &err), err, "cp_initialize");
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *folder = PyUnicode_FromString(argv[2]);
    if (!folder || PyList_Append(PySys_GetObject("path"), folder) < 0)
        die("no path");
    PyObject *module = PyImport_ImportModule("cloudpickle"), *made = PyImport_ImportModule("c_objects");
    if (!module || !made)
        die("cloudpickle or c_objects does not import");
    dumps = PyObject_GetAttrString(module, "dumps");
    loads = PyObject_GetAttrString(module, "loads");
    PyObject *objects = PyObject_CallMethod(made, "objects", "i", argc > 4), *name;
    if (!dumps || !loads || !objects)
        die("no objects");
    PyObject *collector = PyImport_ImportModule("gc"), *off = collector ? PyObject_CallMethod(collector, "disable", NULL) : NULL;
    if (!off)
        die("gc");
    for (Py_ssize_t at = 0; PyDict_Next(objects, &at, &name, &object);)
        measure(PyUnicode_AsUTF8(name), atof(argv[3]));
    Py_DECREF(off), Py_DECREF(collector), Py_DECREF(objects), Py_DECREF(dumps), Py_DECREF(loads);
    Py_DECREF(module), Py_DECREF(made), Py_DECREF(folder);
    PyGILState_Release(state);
    check(cp_finalize(&err), err, "cp_finalize");
    return 0;
}
