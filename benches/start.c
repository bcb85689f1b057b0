/* start PYTHON ours LIBRARY | start PYTHON cloudpickle: what the first dump costs a C program whose Python runs already.
 * Prints the milliseconds of processor time of loading the library, or of importing cloudpickle, and of the first dump, of a lambda. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cloudpickle.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int start_python(const char *program) {
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    PyStatus status = PyConfig_SetBytesString(&config, &config.program_name, program);
    if (!PyStatus_Exception(status))
        status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    return PyStatus_Exception(status) ? -1 : 0;
}

int main(int argc, char **argv) {
    if (argc < 3 || start_python(argv[1]) < 0)
        return 2;
    PyObject *names = PyModule_GetDict(PyImport_AddModule("__main__"));
    PyObject *lambda = PyRun_String("lambda x: x + 1", Py_eval_input, names, names);
    double start = now(), loaded;
    if (strcmp(argv[2], "ours") == 0 && argc == 4) {
        void *library = dlopen(argv[3], RTLD_LAZY | RTLD_LOCAL);
        cp_status (*dumps)(PyObject *, const cp_dump_options *, cp_buffer *, cp_error **) =
            library ? (cp_status(*)(PyObject *, const cp_dump_options *, cp_buffer *, cp_error **))dlsym(library, "cp_dumps") : NULL;
        cp_buffer out;
        loaded = now();
        if (!dumps || dumps(lambda, NULL, &out, NULL) != CP_OK)
            return 1;
    } else {
        PyObject *module = PyImport_ImportModule("cloudpickle");
        PyObject *dumps = module ? PyObject_GetAttrString(module, "dumps") : NULL;
        loaded = now();
        if (!dumps || !PyObject_CallOneArg(dumps, lambda))
            return 1;
    }
    printf("%.4f %.4f\n", loaded - start, now() - loaded);
    return 0;
}
