/* count(call, arguments, name): calls once, with callgrind counting, and has it write what it counted under the name.
 * What the call gives is dropped while it counts, as a caller's would be at some time. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <valgrind/callgrind.h>

static PyObject *count(PyObject *self, PyObject *const *args, Py_ssize_t n_args) {
    (void)self;
    const char *name = n_args == 3 && PyTuple_Check(args[1]) ? PyUnicode_AsUTF8(args[2]) : NULL;
    if (!name)
        return PyErr_Format(PyExc_TypeError, "count takes a callable, a tuple of its arguments and a name");
    PyObject *const *arguments = &PyTuple_GET_ITEM(args[1], 0);
    size_t n_arguments = (size_t)PyTuple_GET_SIZE(args[1]);
    CALLGRIND_START_INSTRUMENTATION;
    PyObject *result = PyObject_Vectorcall(args[0], arguments, n_arguments, NULL);
    int failed = !result;
    Py_XDECREF(result);
    CALLGRIND_STOP_INSTRUMENTATION;
    CALLGRIND_DUMP_STATS_AT(name);
    if (failed)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"count", (PyCFunction)(void (*)(void))count, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "count", .m_size = -1, .m_methods = methods};

PyMODINIT_FUNC PyInit_count(void) { return PyModule_Create(&definition); }
