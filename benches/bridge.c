/* The library as a tiny extension module, so that a benchmark's call costs what a C extension's call costs.
 * LIBRARY is the path of libcloudpickle.so, given by the compile command. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <dlfcn.h>

#include <cloudpickle.h>

static PyObject *(*dumps_bytes)(PyObject *, int);
static PyObject *(*loads_bytes)(PyObject *);

/* dumps(obj, protocol), with both arguments by position: as pickle.dumps and cloudpickle.dumps are called. */
static PyObject *dumps(PyObject *self, PyObject *const *args, Py_ssize_t n_args) {
    (void)self;
    if (n_args != 2)
        return PyErr_Format(PyExc_TypeError, "dumps takes an object and a protocol, not %zd arguments", n_args);
    long protocol = PyLong_AsLong(args[1]);
    if (protocol == -1 && PyErr_Occurred())
        return NULL;
    return dumps_bytes(args[0], (int)protocol);
}

static PyObject *loads(PyObject *self, PyObject *data) {
    (void)self;
    return loads_bytes(data);
}

static PyMethodDef methods[] = {
    {"dumps", (PyCFunction)(void (*)(void))dumps, METH_FASTCALL, NULL},
    {"loads", loads, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "bridge", .m_size = -1, .m_methods = methods};

PyMODINIT_FUNC PyInit_bridge(void) {
    void *library = dlopen(LIBRARY, RTLD_LAZY | RTLD_LOCAL);
    if (!library)
        return PyErr_Format(PyExc_ImportError, "%s", dlerror());
    const char *(*version)(void) = (const char *(*)(void))dlsym(library, "cp_version");
    dumps_bytes = (PyObject * (*)(PyObject *, int)) dlsym(library, "cp_dumps_bytes");
    loads_bytes = (PyObject * (*)(PyObject *)) dlsym(library, "cp_loads_bytes");
    if (!version || !dumps_bytes || !loads_bytes)
        return PyErr_Format(PyExc_ImportError, "%s lacks cp_version, cp_dumps_bytes or cp_loads_bytes", LIBRARY);
    PyObject *module = PyModule_Create(&definition);
    if (module && PyModule_AddStringConstant(module, "version", version()) < 0)
        Py_CLEAR(module);
    return module;
}
