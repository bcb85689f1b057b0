/* Loading from memory: where a pickle ends, what is refused, what each kind of bad data comes to. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "check.h"

static cp_error *err;

#define BAD_DATA(text) bad_data(text, sizeof text - 1, __LINE__)
static void bad_data(const char *data, size_t len, int line) {
    struct _object *object = (struct _object *)&err;
    size_t used = 9;
    cp_status status = cp_loads(data, len, NULL, &object, &used, &err);
    if (status != CP_ERR_UNPICKLING || object || used) {
        fprintf(stderr, "line %d: %s: %s\n", line, cp_status_name(status), cp_error_message(err));
        exit(1);
    }
    CHECK(cp_error_python_type(err) != NULL && cp_error_message(err)[0]);
    cp_error_free(err);
    err = NULL;
}

struct asked {
    char names[400];
    int answer;
    PyObject *object;
};

static int find(void *ctx, const char *module, const char *qualname, struct _object **out) {
    struct asked *asked = ctx;
    CHECK(PyGILState_Check() == 1);
    snprintf(asked->names + strlen(asked->names), sizeof asked->names - strlen(asked->names), "%s:%s ", module, qualname);
    if (asked->answer > 0 && asked->object) {
        Py_INCREF(asked->object);
        *out = asked->object;
    }
    if (asked->answer == -2)
        PyErr_SetString(PyExc_PermissionError, "not here");
    return asked->answer;
}

int main(void) {
    struct _object *object;
    size_t used;

    OK(cp_initialize(NULL, &err));

    /* Several in a row, of each kind of protocol. */
    static const char row[] = "I1\n.\x80\x02K\x02.\x80\x04\x95\x03\0\0\0\0\0\0\0\x8c\x01" "3.\x80\x05N.rest";
    size_t at = 0;
    const char *are[] = {"args[0] == 1", "args[0] == 2", "args[0] == '3'", "args[0] is None"};
    for (int i = 0; i < 4; i++) {
        OK(cp_loads(row + at, sizeof row - 1 - at, NULL, &object, &used, &err));
        CHECK(holds(are[i], object));
        cp_decref(object);
        at += used;
    }
    CHECK(strcmp(row + at, "rest") == 0);
    OK(cp_loads("N.", 2, NULL, &object, NULL, &err));
    cp_decref(object);

    BAD_DATA("");
    BAD_DATA("\x80");
    BAD_DATA("\x80\x05");
    BAD_DATA("\xff.");
    BAD_DATA(".");
    BAD_DATA("0.");
    BAD_DATA("\x80\x05\x95\xff\xff\xff\xff\xff\xff\xff\x7fN.");
    BAD_DATA("\x80\x05\x8c\x05" "ab");
    BAD_DATA("\x80\x05\x8c\x01\xff.");
    BAD_DATA("Ix\n.");
    BAD_DATA("h\x07.");
    BAD_DATA("cno.such.module\nname\n.");
    BAD_DATA("cos\nno_such_name\n.");
    BAD_DATA("\x80\x07N.");
    BAD_DATA("\x80\x05\x97.");
    BAD_DATA("K\x01t.");

    /* An exception of what the pickle calls is its own. */
    CHECK(cp_loads("c_operator\ntruediv\n(I1\nI0\ntR.", 29, NULL, &object, &used, &err) == CP_ERR_PYTHON);
    CHECK(strcmp(cp_error_python_type(err), "builtins.ZeroDivisionError") == 0 && object == NULL && used == 0);
    cp_error_free(err);

    /* The host's policy about globals. */
    struct asked asked = {"", 0, NULL};
    cp_load_options options = CP_LOAD_OPTIONS_INIT;
    options.find_global = find;
    options.find_global_ctx = &asked;
    static const char names[] = "(cos\ngetpid\ncbuiltins\ndict.fromkeys\nt.";
    static const char dotted[] = "\x80\x04(\x8c\x02os\x8c\x06getpid\x93\x8c\x08" "builtins\x8c\x0d" "dict.fromkeys\x93t.";
    OK(cp_loads(dotted, sizeof dotted - 1, &options, &object, &used, &err));
    CHECK(strcmp(asked.names, "os:getpid builtins:dict.fromkeys ") == 0 && used == sizeof dotted - 1);
    CHECK(holds("args[0][0] is __import__('os').getpid and args[0][1] == dict.fromkeys", object));
    cp_decref(object);
    PyGILState_STATE gil = PyGILState_Ensure();
    asked = (struct asked){"", 1, PyUnicode_FromString("another")};
    Py_ssize_t refs = Py_REFCNT(asked.object);
    OK(cp_loads(dotted, sizeof dotted - 1, &options, &object, &used, &err));
    CHECK(holds("args[0] == ('another', 'another')", object) && Py_REFCNT(asked.object) == refs + 2);
    cp_decref(object);
    CHECK(Py_REFCNT(asked.object) == refs);
    Py_DECREF(asked.object);
    asked = (struct asked){"", -1, NULL};
    CHECK(cp_loads(names, sizeof names - 1, &options, &object, &used, &err) == CP_ERR_UNPICKLING && object == NULL);
    CHECK(strcmp(cp_error_python_type(err), "_pickle.UnpicklingError") == 0 && strstr(cp_error_message(err), "os.getpid"));
    CHECK(strcmp(asked.names, "os:getpid ") == 0);
    cp_error_free(err);
    asked.answer = -2;
    CHECK(cp_loads(names, sizeof names - 1, &options, &object, &used, &err) == CP_ERR_PYTHON && object == NULL);
    CHECK(strcmp(cp_error_python_type(err), "builtins.PermissionError") == 0);
    cp_error_free(err);
    asked.answer = 1; /* and no object */
    CHECK(cp_loads(names, sizeof names - 1, &options, &object, &used, &err) == CP_ERR_CALLBACK && object == NULL);
    cp_error_free(err);
    PyGILState_Release(gil);

    OK(cp_finalize(&err));
    puts("ok");
    return 0;
}
