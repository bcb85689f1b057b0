/* An extension module that calls the library: with the GIL held and without a cp_error, a failure is the Python exception
 * that the caller sees.
 *
 *   cc -shared -fPIC extension.c -o extension$(python3-config --extension-suffix) \
 *      $(python3-config --includes) -lcloudpickle
 *   python3 -c 'import extension; print(extension.copy(lambda x: x + 1)(41))'
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <cloudpickle.h>

/* dumps(obj, protocol=-1) -> bytes */
static PyObject *extension_dumps(PyObject *module, PyObject *args) {
    PyObject *object;
    int protocol = CP_PROTOCOL_DEFAULT;
    (void)module;
    if (!PyArg_ParseTuple(args, "O|i:dumps", &object, &protocol))
        return NULL;
    return cp_dumps_bytes(object, protocol);
}

/* loads(data) -> object */
static PyObject *extension_loads(PyObject *module, PyObject *data) {
    (void)module;
    return cp_loads_bytes(data);
}

/* copy(obj) -> object: through memory that never becomes a Python object */
static PyObject *extension_copy(PyObject *module, PyObject *object) {
    cp_buffer pickle;
    PyObject *copy = NULL;
    (void)module;
    if (cp_dumps(object, NULL, &pickle, NULL) != CP_OK)
        return NULL;
    if (cp_loads(pickle.data, pickle.len, NULL, &copy, NULL, NULL) != CP_OK)
        copy = NULL;
    cp_buffer_release(&pickle);
    return copy;
}

static int count(void *ctx, const uint8_t *data, size_t len) {
    (void)data;
    *(size_t *)ctx += len;
    if (*(size_t *)ctx <= 1000000)
        return 0;
    PyErr_SetString(PyExc_OverflowError, "larger than a million bytes");
    return 1;
}

/* size(obj) -> int: of the pickle, which is not kept. An exception of the callback is the call's. */
static PyObject *extension_size(PyObject *module, PyObject *object) {
    size_t size = 0;
    (void)module;
    if (cp_dump(object, count, &size, NULL, NULL) != CP_OK)
        return NULL;
    return PyLong_FromSize_t(size);
}

static PyMethodDef methods[] = {{"dumps", extension_dumps, METH_VARARGS, NULL},
                                {"loads", extension_loads, METH_O, NULL},
                                {"copy", extension_copy, METH_O, NULL},
                                {"size", extension_size, METH_O, NULL},
                                {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "extension", .m_methods = methods};

PyMODINIT_FUNC PyInit_extension(void);
PyMODINIT_FUNC PyInit_extension(void) {
    return PyModuleDef_Init(&definition);
}
