/* An extension module in C: order.prices(pickle) runs a function that was pickled on rows of C's. With the GIL held and
 * no place for a report, a failure of the library is the Python exception that the caller sees. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <cloudpickle.h>

static const struct row {
    const char *name;
    long long count;
    double each;
} rows[] = {{"tea", 3, 2.5}, {"coffee", 10, 4.0}, {"milk", 2, 1.25}};

/* 0, or -1 with an exception set. */
static int price_of(PyObject *order, const struct row *row, double *price) {
    PyObject *answer = PyObject_CallFunction(order, "sLd", row->name, row->count, row->each);
    if (!answer)
        return -1;
    *price = PyFloat_AsDouble(answer);
    Py_DECREF(answer);
    return *price == -1 && PyErr_Occurred() ? -1 : 0;
}

/* A new reference. The bytes are read where they lie. */
static PyObject *function_in(const Py_buffer *pickle) {
    PyObject *order = NULL;
    return cp_loads(pickle->buf, (size_t)pickle->len, NULL, &order, NULL, NULL) == CP_OK ? order : NULL;
}

/* prices(pickle) -> dict of name and price */
static PyObject *order_prices(PyObject *module, PyObject *args) {
    Py_buffer pickle;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*:prices", &pickle))
        return NULL;
    PyObject *order = function_in(&pickle);
    PyObject *prices = order ? PyDict_New() : NULL;
    for (size_t i = 0; prices && i < sizeof rows / sizeof *rows; i++) {
        double price;
        PyObject *number = price_of(order, &rows[i], &price) == 0 ? PyFloat_FromDouble(price) : NULL;
        if (!number || PyDict_SetItemString(prices, rows[i].name, number) < 0)
            Py_CLEAR(prices);
        Py_XDECREF(number);
    }
    Py_XDECREF(order);
    PyBuffer_Release(&pickle);
    return prices;
}

/* price(pickle, name, count, each) -> float */
static PyObject *order_price(PyObject *module, PyObject *args) {
    Py_buffer pickle;
    struct row row;
    double price;
    (void)module;
    if (!PyArg_ParseTuple(args, "y*sLd:price", &pickle, &row.name, &row.count, &row.each))
        return NULL;
    PyObject *order = function_in(&pickle);
    PyObject *number = order && price_of(order, &row, &price) == 0 ? PyFloat_FromDouble(price) : NULL;
    Py_XDECREF(order);
    PyBuffer_Release(&pickle);
    return number;
}

/* totals(prices) -> the pickle of a function that knows them */
static PyObject *order_totals(PyObject *module, PyObject *prices) {
    PyObject *make = NULL, *function, *pickle;
    (void)module;
    if (cp_eval("lambda totals: lambda name: totals[name]", NULL, &make, NULL) != CP_OK)
        return NULL;
    function = PyObject_CallFunctionObjArgs(make, prices, NULL);
    Py_DECREF(make);
    if (!function)
        return NULL;
    pickle = cp_dumps_bytes(function, CP_PROTOCOL_DEFAULT);
    Py_DECREF(function);
    return pickle;
}

static PyMethodDef methods[] = {{"prices", order_prices, METH_VARARGS, NULL},
                                {"price", order_price, METH_VARARGS, NULL},
                                {"totals", order_totals, METH_O, NULL},
                                {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {.m_base = PyModuleDef_HEAD_INIT, .m_name = "order", .m_methods = methods};

PyMODINIT_FUNC PyInit_order(void);
PyMODINIT_FUNC PyInit_order(void) {
    return PyModuleDef_Init(&definition);
}
