/* A closure leaves a C program: Python code that runs embedded in this program defines it, cp_dumps turns it into bytes
 * in memory, and another process, which has the Python package cloudpickle and nothing of ours, loads it with plain
 * pickle.loads and calls it.
 *
 *   cc roundtrip.c -o roundtrip -lcloudpickle $(python3-config --cflags --embed --ldflags)
 *   ./roundtrip [PYTHON]        PYTHON: the other process's; default: $CP_PYTHON, else python3
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <cloudpickle.h>

static int fail(const char *what, cp_error *err) {
    fprintf(stderr, "%s: %s\n%s", what, cp_error_message(err), cp_error_traceback(err) ? cp_error_traceback(err) : "");
    cp_error_free(err);
    return 1;
}

/* Runs the Python code and returns what it calls "result", a new reference. */
static PyObject *run(const char *code) {
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *result = NULL, *names = PyModule_GetDict(PyImport_AddModule("__main__"));
    PyObject *done = PyRun_String(code, Py_file_input, names, names);
    if (done)
        result = PyDict_GetItemString(names, "result");
    else
        PyErr_Print();
    Py_XINCREF(result);
    Py_XDECREF(done);
    PyGILState_Release(gil);
    return result;
}

/* What the other process does with the bytes that it finds on its standard input. */
static const char child[] =
    "import pickle, sys\n"
    "data = sys.stdin.buffer.read()\n"
    "price = pickle.loads(data)\n"
    "print('loaded   ', price.__name__, 'with pickle.loads in another process: CPython', sys.version.split()[0])\n"
    "answers = [price(n) for n in (1, 10, 100)]\n"
    "print('called   ', [f'price({n}) = {a}' for n, a in zip((1, 10, 100), answers)])\n"
    "sys.exit(0 if answers == [250, 2500, 22500] else 1)\n";

int main(int argc, char **argv) {
    const char *python = argc > 1 ? argv[1] : getenv("CP_PYTHON") ? getenv("CP_PYTHON") : "python3";
    cp_init_options init = CP_INIT_OPTIONS_INIT;
    cp_error *err = NULL;
    cp_buffer pickle;

    init.program = python;
    if (cp_initialize(&init, &err) != CP_OK)
        return fail("cp_initialize", err);
    printf("embedded  CPython %s in a C program, with libcloudpickle %s\n", cp_python_version(), cp_version());

    PyObject *price = run("rebate = 0.9\n"
                          "def tariff(unit, threshold):\n"
                          "    def price(n):\n"
                          "        total = unit * n\n"
                          "        return round(total * rebate) if n > threshold else total\n"
                          "    return price\n"
                          "result = tariff(unit=250, threshold=50)\n");
    if (!price)
        return 1;
    printf("defined   price = tariff(unit=250, threshold=50), a closure that also uses a global\n");

    if (cp_dumps(price, NULL, &pickle, &err) != CP_OK)
        return fail("cp_dumps", err);
    printf("pickled   it by cp_dumps: %zu bytes in memory\n", pickle.len);
    fflush(stdout);
    cp_decref(price);
    if (cp_finalize(&err) != CP_OK)
        return fail("cp_finalize", err);

    /* The buffer outlives Python. */
    char command[4096];
    int length = snprintf(command, sizeof command, "'%s' -c \"%s\"", python, child);
    if (length < 0 || (size_t)length >= sizeof command)
        return fprintf(stderr, "the path of %s is too long\n", python), 1;
    FILE *other = popen(command, "w");
    if (!other || fwrite(pickle.data, 1, pickle.len, other) != pickle.len)
        return perror(python), 1;
    cp_buffer_release(&pickle);
    if (pclose(other) != 0)
        return fprintf(stderr, "the other process did not get what it should\n"), 1;
    return 0;
}
