/* An interpreter that others started and end, and its sub-interpreters. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "check.h"

#include <pthread.h>

static cp_error *err;

static void start(void) {
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    CHECK(!PyStatus_Exception(PyConfig_SetBytesString(&config, &config.program_name, getenv("CP_PYTHON"))));
    CHECK(!PyStatus_Exception(Py_InitializeFromConfig(&config)));
    PyConfig_Clear(&config);
}

static void *from_a_thread(void *object) {
    cp_buffer out;
    cp_error *mine = NULL;
    CHECK(cp_dumps(object, NULL, &out, &mine) == CP_OK && mine == NULL);
    cp_buffer_release(&out);
    return NULL;
}

#if PY_VERSION_HEX >= 0x030c0000
static void *release_elsewhere(void *buffer) {
    cp_buffer_release(buffer);
    return NULL;
}
#endif

#if PY_VERSION_HEX >= 0x030c0000
/* An interpreter with a GIL of its own, in a thread of its own. */
static void *with_its_own_gil(void *unused) {
    PyInterpreterConfig config = {0};
    PyThreadState *sub = NULL;
    cp_buffer out;
    cp_error *err = NULL;
    (void)unused;
    config.allow_threads = 1;
    config.check_multi_interp_extensions = 1;
    config.gil = PyInterpreterConfig_OWN_GIL;
    PyGILState_STATE state = PyGILState_Ensure();
    PyThreadState *before = PyThreadState_Get();
    CHECK(!PyStatus_Exception(Py_NewInterpreterFromConfig(&sub, &config)) && sub != NULL);
    PyObject *object = value("[lambda x, k=k: x + k for k in range(10)], {'a': [1.5, b'x']}", NULL), *copy;
    for (int i = 0; i < 50; i++) {
        OK(cp_dumps(object, NULL, &out, &err));
        OK(cp_loads(out.data, out.len, NULL, &copy, NULL, &err));
        cp_buffer_release(&out);
        CHECK(i > 0 || holds("args[0][0][9](1) == 10 and args[0][1] == {'a': [1.5, b'x']}", copy));
        Py_DECREF(copy);
    }
    PyObject *lock = value("__import__('threading').Lock()", NULL);
    CHECK(cp_dumps(lock, NULL, &out, NULL) == CP_ERR_PICKLING && PyErr_ExceptionMatches(PyExc_TypeError));
    PyErr_Clear();
    Py_DECREF(lock);
    Py_DECREF(object);
    Py_EndInterpreter(sub);
    PyEval_RestoreThread(before);
    PyGILState_Release(state);
    return NULL;
}
#endif

static void sub_interpreters(void) {
    PyThreadState *main = PyThreadState_Get();
    PyThreadState *sub = Py_NewInterpreter();
    CHECK(sub != NULL);
    cp_dump_options options = CP_DUMP_OPTIONS_INIT;
    cp_buffer out, view, leaked;
    options.flags = CP_GIL_HELD;
    PyObject *text = PyUnicode_FromString("text"), *object = PyList_New(1);
    PyList_SetItem(object, 0, text);
    OK(cp_dumps(object, &options, &out, &err));
    PyObject *bytes = cp_dumps_bytes(object, -1), *copy;
    CHECK(bytes && (size_t)PyBytes_Size(bytes) == out.len && memcmp(PyBytes_AsString(bytes), out.data, out.len) == 0);
    copy = cp_loads_bytes(bytes);
    CHECK(copy && PyObject_RichCompareBool(copy, object, Py_EQ) == 1);
    Py_DECREF(copy);
    Py_DECREF(bytes);
    cp_buffer_release(&out);
#if PY_VERSION_HEX >= 0x030c0000
    /* Nothing special from 3.12 on. The register is the interpreter's own. */
    OK(cp_dumps(object, NULL, &out, &err));
    cp_buffer_release(&out);
    struct _object *names;
    OK(cp_register_by_value_name("sys", &err));
    OK(cp_list_by_value(&names, &err));
    CHECK(PySet_Size(names) == 1);
    cp_decref(names);
    PyThreadState_Swap(main);
    OK(cp_list_by_value(&names, &err));
    CHECK(PySet_Size(names) == 0);
    cp_decref(names);
    PyThreadState_Swap(sub);
    /* A view of an object of this interpreter, released from the other one, and from a thread of neither. */
    PyObject *array = PyByteArray_FromStringAndSize("abc", 3);
    OK(cp_as_buffer(array, &view, &err));
    PyThreadState_Swap(main);
    cp_buffer_release(&view);
    CHECK(PyThreadState_Get() == main);
    PyThreadState_Swap(sub);
    CHECK(PyByteArray_Resize(array, 5) == 0);
    OK(cp_as_buffer(array, &view, &err));
    CHECK(PyByteArray_Resize(array, 6) == -1);
    PyErr_Clear();
    pthread_t thread;
    PyThreadState *saved = PyEval_SaveThread();
    CHECK(pthread_create(&thread, NULL, release_elsewhere, &view) == 0 && pthread_join(thread, NULL) == 0);
    PyEval_RestoreThread(saved);
    CHECK(PyByteArray_Resize(array, 6) == 0);
    Py_DECREF(array);
#else
    (void)view;
#endif
    /* A view that outlives its interpreter is let go of without a touch. */
    OK(cp_dumps(object, &options, &out, &err));
    PyObject *last = PyByteArray_FromStringAndSize("xyz", 3);
    PyObject *picklable = PyPickleBuffer_FromObject(last);
    cp_buffers *list;
    OK(cp_dumps_oob(picklable, &options, &leaked, &list, &err));
    cp_buffer_release(&leaked);
    Py_DECREF(picklable);
    Py_DECREF(last);
    Py_DECREF(object);
    Py_EndInterpreter(sub);
    PyThreadState_Swap(main);
    CHECK(cp_buffers_len(list) == 1);
    cp_buffers_free(list);
    cp_buffer_release(&out);
}

int main(void) {
    PyObject *object;
    cp_buffer out, view;

    CHECK(cp_state() == 0);
    start();
    CHECK(cp_state() == 2);
    object = PyList_New(0);
    /* No initialize is needed. */
    OK(cp_dumps(object, NULL, &out, &err));
    cp_buffer_release(&out);
    CHECK(PyGILState_Check() == 1);

    /* Counted, but not ours to end. */
    OK(cp_initialize(NULL, &err));
    CHECK(PyGILState_Check() == 1 && cp_state() == 2);
    PyThreadState *saved = PyEval_SaveThread();
    OK(cp_finalize(&err));
    CHECK(Py_IsInitialized() && cp_state() == 2);
    CHECK(cp_finalize(&err) == CP_ERR_NOT_INITIALIZED);
    cp_error_free(err);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, from_a_thread, object) == 0 && pthread_join(thread, NULL) == 0);
    PyEval_RestoreThread(saved);

    sub_interpreters();
#if PY_VERSION_HEX >= 0x030c0000
    pthread_t threads[3];
    saved = PyEval_SaveThread();
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, with_its_own_gil, NULL) == 0);
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    PyEval_RestoreThread(saved);
#endif

    /* A call from the last moments of an interpreter. */
    OK(cp_as_buffer(value("bytearray(b'abc')", NULL), &view, &err));
    Py_DECREF(object);
    CHECK(Py_FinalizeEx() == 0);
    CHECK(cp_state() == 0 && cp_dumps((struct _object *)&out, NULL, &out, NULL) == CP_ERR_NOT_INITIALIZED);
    cp_buffer_release(&view);

    /* Another one, with a state of its own. */
    start();
    CHECK(cp_state() == 2);
    object = PyUnicode_FromString("again");
    OK(cp_dumps(object, NULL, &out, &err));
    Py_DECREF(object);
    OK(cp_loads(out.data, out.len, NULL, &object, NULL, &err));
    CHECK(PyUnicode_CompareWithASCIIString(object, "again") == 0);
    Py_DECREF(object);
    cp_buffer_release(&out);
    CHECK(Py_FinalizeEx() == 0);
    puts("ok");
    return 0;
}
