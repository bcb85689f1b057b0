/* A program whose Python is another version than the library was built for: a status and words, before and after that
 * Python is started, and an exception for who holds the GIL. Compiled without Python.h, as the headers are another's. */
#include "check.h"

extern void Py_InitializeEx(int);
extern int Py_FinalizeEx(void);
extern struct _object *PyErr_Occurred(void);
extern struct _object *PyLong_FromLong(long);
extern void PyErr_Clear(void);

static cp_error *err;

static void refused(struct _object *object) {
    cp_buffer out;
    cp_buffers *list;
    memset(&out, 0x5a, sizeof out);
    FAILS(CP_ERR_INCOMPATIBLE_PYTHON, cp_dumps(object, NULL, &out, &err), "built for CPython 3.");
    CHECK(out.data == NULL && out.release == NULL);
    FAILS(CP_ERR_INCOMPATIBLE_PYTHON, cp_dumps_oob(object, NULL, &out, &list, &err), "not for 3.");
    FAILS(CP_ERR_INCOMPATIBLE_PYTHON, cp_dump_fd(object, 1, NULL, &err), "not for 3.");
    FAILS(CP_ERR_INCOMPATIBLE_PYTHON, cp_loads("N.", 2, NULL, &object, NULL, &err), "not for 3.");
    FAILS(CP_ERR_INCOMPATIBLE_PYTHON, cp_initialize(NULL, &err), "not for 3.");
    FAILS(CP_ERR_INCOMPATIBLE_PYTHON, cp_list_by_value(&object, &err), "not for 3.");
    CHECK(object == NULL && cp_from_none() == NULL && cp_dumps_bytes(object, 5) == NULL);
}

int main(void) {
    CHECK(cp_state() == 0 && cp_python_version() == NULL);
    refused((struct _object *)&err);
    Py_InitializeEx(0);
    struct _object *number = PyLong_FromLong(3);
    CHECK(cp_state() == 2 && strncmp(cp_python_version(), "3.", 2) == 0);
    refused(number);
    PyErr_Clear();
    CHECK(cp_dumps_bytes(number, 5) == NULL && PyErr_Occurred());
    PyErr_Clear();
    CHECK(cp_register_by_value_name("os", &err) == CP_ERR_INCOMPATIBLE_PYTHON && !PyErr_Occurred());
    cp_error_free(err);
    Py_FinalizeEx();
    CHECK(cp_state() == 0);
    puts("ok");
    return 0;
}
