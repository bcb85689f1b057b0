/* The exception state of a caller that holds the GIL, as the header promises it; and callbacks that raise. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "check.h"

static cp_error *err;

/* The exception that is set is of this type and says this; it is taken. Its __context__ is returned. */
static PyObject *take(PyObject *type, const char *words) {
    PyObject *t, *v, *tb;
    CHECK(PyErr_Occurred() && PyErr_ExceptionMatches(type));
    PyErr_Fetch(&t, &v, &tb);
    PyErr_NormalizeException(&t, &v, &tb);
    PyObject *text = PyObject_Str(v), *context = PyException_GetContext(v);
    if (!strstr(PyUnicode_AsUTF8(text), words)) {
        fprintf(stderr, "the exception says %s, not %s\n", PyUnicode_AsUTF8(text), words);
        exit(1);
    }
    Py_DECREF(text);
    Py_XDECREF(t);
    Py_XDECREF(v);
    Py_XDECREF(tb);
    return context;
}

static int write_raises(void *ctx, const uint8_t *data, size_t len) {
    (void)data, (void)len;
    PyErr_SetString(PyExc_KeyError, "of the host's own");
    return *(int *)ctx;
}

static int write_plainly(void *ctx, const uint8_t *data, size_t len) {
    (void)ctx, (void)data, (void)len;
    return 5;
}

static ptrdiff_t read_raises(void *ctx, uint8_t *data, size_t len) {
    (void)ctx, (void)data, (void)len;
    PyErr_SetString(PyExc_KeyError, "of the host's own");
    return -3;
}

/* A callback that calls the library, and finds the outer call's state untouched. */
static int write_calls(void *ctx, const uint8_t *data, size_t len) {
    cp_buffer inner;
    (void)data, (void)len;
    CHECK(PyGILState_Check() == 1);
    CHECK(cp_dumps(ctx, NULL, &inner, NULL) == CP_OK && !PyErr_Occurred());
    cp_buffer_release(&inner);
    CHECK(cp_finalize(NULL) == CP_ERR_INVALID_ARGUMENT);
    CHECK(cp_dumps(NULL, NULL, &inner, NULL) == CP_ERR_INVALID_ARGUMENT);
    Py_XDECREF(take(PyExc_ValueError, "obj is NULL"));
    return 0;
}

static int write_without_gil(void *ctx, const uint8_t *data, size_t len) {
    cp_buffer inner;
    cp_error *inside = NULL;
    (void)data, (void)len;
    CHECK(PyGILState_Check() == 0);
    CHECK(cp_dumps(ctx, NULL, &inner, &inside) == CP_OK); /* takes it for itself */
    cp_buffer_release(&inner);
    CHECK(cp_finalize(&inside) == CP_ERR_INVALID_ARGUMENT && strstr(cp_error_message(inside), "callback"));
    cp_error_free(inside);
    CHECK(PyGILState_Check() == 0);
    return 0;
}

int main(void) {
    OK(cp_initialize(NULL, &err));
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *lock = value("[__import__('_thread').allocate_lock()]", NULL), *good = value("[1, 2]", NULL), *object;
    Py_ssize_t refs = Py_REFCNT(lock), good_refs = Py_REFCNT(good);
    cp_buffer out;

    /* Without a report and with the GIL: the exception is left. */
    CHECK(cp_dumps(lock, NULL, &out, NULL) == CP_ERR_PICKLING);
    CHECK(take(PyExc_TypeError, "cannot pickle '_thread.lock' object") == NULL);
    CHECK(cp_dumps(NULL, NULL, &out, NULL) == CP_ERR_INVALID_ARGUMENT);
    CHECK(take(PyExc_ValueError, "obj is NULL") == NULL);
    CHECK(cp_dump(good, write_plainly, NULL, NULL, NULL) == CP_ERR_CALLBACK);
    CHECK(take(PyExc_RuntimeError, "write returned 5") == NULL);
    CHECK(cp_dump_fd(good, 9999, NULL, NULL) == CP_ERR_IO);
    CHECK(take(PyExc_OSError, "Bad file descriptor") == NULL);
    CHECK(cp_loads("abc", 3, NULL, &object, NULL, NULL) == CP_ERR_UNPICKLING);
    CHECK(take(PyExc_Exception, "") == NULL);
    CHECK(cp_dumps_bytes(lock, -1) == NULL);
    CHECK(take(PyExc_TypeError, "cannot pickle") == NULL);
    CHECK(cp_dumps_bytes(good, 6) == NULL);
    CHECK(take(PyExc_ValueError, "protocol is 6") == NULL);
    CHECK(cp_dumps_bytes(NULL, 5) == NULL);
    CHECK(take(PyExc_ValueError, "obj is NULL") == NULL);
    CHECK(cp_loads_bytes(good) == NULL);
    CHECK(take(PyExc_TypeError, "bytes-like") == NULL);
    CHECK(cp_from_utf8("\xff", 1) == NULL);
    CHECK(take(PyExc_UnicodeDecodeError, "") == NULL);

    /* With a report: none is left, and the report has it. */
    CHECK(cp_dumps(lock, NULL, &out, &err) == CP_ERR_PICKLING && !PyErr_Occurred());
    CHECK(strcmp(cp_error_python_type(err), "builtins.TypeError") == 0 && strstr(cp_error_traceback(err), "TypeError"));
    cp_error_free(err);
    CHECK(cp_dumps(NULL, NULL, &out, &err) == CP_ERR_INVALID_ARGUMENT && !PyErr_Occurred());
    CHECK(cp_error_python_type(err) == NULL && cp_error_traceback(err) == NULL && cp_error_code(err) == 0);
    cp_error_free(err);

    /* One that was set before: it stays, whatever the call comes to, or is the context of the new one. */
    PyErr_SetString(PyExc_LookupError, "from before");
    OK(cp_dumps(good, NULL, &out, &err));
    cp_buffer_release(&out);
    CHECK(take(PyExc_LookupError, "from before") == NULL);
    PyErr_SetString(PyExc_LookupError, "from before");
    CHECK(cp_dumps(lock, NULL, &out, &err) == CP_ERR_PICKLING);
    CHECK(cp_error_python_type(err) && strcmp(cp_error_python_type(err), "builtins.TypeError") == 0);
    cp_error_free(err);
    CHECK(take(PyExc_LookupError, "from before") == NULL);
    PyErr_SetString(PyExc_LookupError, "from before");
    CHECK(cp_dumps(lock, NULL, &out, NULL) == CP_ERR_PICKLING);
    PyObject *context = take(PyExc_TypeError, "cannot pickle");
    CHECK(context && PyErr_GivenExceptionMatches(context, PyExc_LookupError));
    Py_DECREF(context);
    PyErr_SetString(PyExc_LookupError, "from before");
    CHECK(cp_dumps(NULL, NULL, &out, NULL) == CP_ERR_INVALID_ARGUMENT);
    context = take(PyExc_ValueError, "obj is NULL");
    CHECK(context && PyErr_GivenExceptionMatches(context, PyExc_LookupError));
    Py_DECREF(context);
    PyErr_SetString(PyExc_LookupError, "from before");
    cp_decref(cp_incref(good));
    CHECK(take(PyExc_LookupError, "from before") == NULL);

    /* Exceptions of callbacks, with a result of the callback that says stop, or not. */
    for (int result = 0; result < 2; result++) {
        CHECK(cp_dump(good, write_raises, &result, NULL, NULL) == CP_ERR_CALLBACK);
        CHECK(take(PyExc_KeyError, "of the host's own") == NULL);
        CHECK(cp_dump(good, write_raises, &result, NULL, &err) == CP_ERR_CALLBACK && cp_error_code(err) == result);
        CHECK(strcmp(cp_error_python_type(err), "builtins.KeyError") == 0 && !PyErr_Occurred());
        cp_error_free(err);
    }
    CHECK(cp_load(read_raises, NULL, NULL, &object, NULL) == CP_ERR_CALLBACK && object == NULL);
    CHECK(take(PyExc_KeyError, "of the host's own") == NULL);
    cp_dump_options options = CP_DUMP_OPTIONS_INIT;
    OK(cp_dump(good, write_calls, good, &options, &err));
    options.flags = CP_GIL_HELD;
    OK(cp_dump(good, write_calls, good, &options, &err));
    options.flags = CP_RELEASE_GIL | CP_GIL_HELD;
    OK(cp_dump(good, write_without_gil, good, &options, &err));
    CHECK(PyGILState_Check() == 1 && !PyErr_Occurred());

    /* An exception of the object's own, with its traceback and its causes. */
    object = value("type('Own', (), {'__reduce__': lambda self: {}['missing']})()", NULL);
    CHECK(cp_dumps(object, NULL, &out, &err) == CP_ERR_PYTHON);
    CHECK(strcmp(cp_error_python_type(err), "builtins.KeyError") == 0);
    CHECK(strcmp(cp_error_message(err), "'missing'") == 0 && strstr(cp_error_traceback(err), "<cp_eval>"));
    CHECK(cp_error_path(err) == NULL);
    cp_error_free(err);
    Py_DECREF(object);

    /* The path is known also where the exception has no message to which it could be added. */
    object = value("[0, {'a': type('Own', (), {'__reduce__': lambda self: {}['missing']})()}]", NULL);
    CHECK(cp_dumps(object, NULL, &out, &err) == CP_ERR_PYTHON);
    CHECK(strcmp(cp_error_message(err), "'missing'") == 0 && strcmp(cp_error_path(err), "obj[1]['a']") == 0);
    cp_error_free(err);
    Py_DECREF(object);
    object = value("type('Silent', (), {'__reduce__': lambda self: (_ for _ in ()).throw(ValueError)})()", NULL);
    CHECK(cp_dumps(object, NULL, &out, &err) == CP_ERR_PYTHON && cp_error_message(err)[0] != 0);
    cp_error_free(err);
    Py_DECREF(object);
    object = value("type('Nul', (), {'__reduce__': lambda self: (_ for _ in ()).throw(ValueError('a\\0b\\udc80'))})()",
                   NULL);
    CHECK(cp_dumps(object, NULL, &out, &err) == CP_ERR_PYTHON);
    CHECK(strncmp(cp_error_message(err), "a\\0b\\udc80", 10) == 0);
    cp_error_free(err);
    Py_DECREF(object);
    object = value("type('Full', (), {'__reduce__': lambda self: (_ for _ in ()).throw(MemoryError)})()", NULL);
    CHECK(cp_dumps(object, NULL, &out, &err) == CP_ERR_NO_MEMORY);
    cp_error_free(err);
    Py_DECREF(object);

    CHECK(Py_REFCNT(lock) == refs && Py_REFCNT(good) == good_refs);

    /* The GIL is as it was. Without it nothing is left set anywhere. */
    PyThreadState *state = PyEval_SaveThread();
    CHECK(cp_dumps(lock, NULL, &out, NULL) == CP_ERR_PICKLING);
    CHECK(cp_dump(good, write_raises, &(int){1}, NULL, NULL) == CP_ERR_CALLBACK);
    options.flags = CP_RELEASE_GIL;
    OK(cp_dump(good, write_without_gil, good, &options, &err));
    PyEval_RestoreThread(state);
    CHECK(!PyErr_Occurred());
    /* cp_finalize with the GIL held is refused, without an exception. */
    CHECK(cp_finalize(NULL) == CP_ERR_INVALID_ARGUMENT && !PyErr_Occurred());
    CHECK(cp_finalize(&err) == CP_ERR_INVALID_ARGUMENT && strstr(cp_error_message(err), "GIL"));
    cp_error_free(err);
    Py_DECREF(lock);
    Py_DECREF(good);
    PyGILState_Release(gil);
    OK(cp_finalize(&err));
    puts("ok");
    return 0;
}
