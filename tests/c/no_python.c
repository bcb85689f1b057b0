/* Every door of a process in which no Python runs, before there was one and after. */
#include "check.h"

static int write_nothing(void *ctx, const uint8_t *data, size_t len) {
    (void)ctx, (void)data, (void)len;
    return 0;
}

static ptrdiff_t read_nothing(void *ctx, uint8_t *data, size_t len) {
    (void)ctx, (void)data, (void)len;
    return 0;
}

static int released;
static void count_release(cp_buffer *buf) {
    (void)buf;
    released++;
}

static void none_runs(void) {
    /* Never looked at: there is nothing to look at it with. */
    struct _object *obj = (struct _object *)&released, *object = obj;
    cp_buffer out;
    cp_buffers *list = (cp_buffers *)&released;
    size_t used = 3;
    int64_t number = 5;
    double real = 5;
    cp_error *err = NULL;

    CHECK(cp_state() == 0 && cp_python_version() == NULL);
    memset(&out, 0x5a, sizeof out);
    FAILS(CP_ERR_NOT_INITIALIZED, cp_dumps(obj, NULL, &out, &err), "no Python runs");
    CHECK(out.data == NULL && out.len == 0 && out.release == NULL);
    CHECK(cp_dumps(obj, NULL, &out, NULL) == CP_ERR_NOT_INITIALIZED);
    FAILS(CP_ERR_NOT_INITIALIZED, cp_dumps_oob(obj, NULL, &out, &list, &err), "no Python runs");
    CHECK(list == NULL);
    FAILS(CP_ERR_NOT_INITIALIZED, cp_dump(obj, write_nothing, NULL, NULL, &err), "no Python runs");
    FAILS(CP_ERR_NOT_INITIALIZED, cp_dump_fd(obj, 1, NULL, &err), "no Python runs");
    FAILS(CP_ERR_NOT_INITIALIZED, cp_dump_file(obj, obj, NULL, &err), "no Python runs");
    cp_dump_options held = CP_DUMP_OPTIONS_INIT;
    held.flags = CP_GIL_HELD;
    FAILS(CP_ERR_NOT_INITIALIZED, cp_dumps(obj, &held, &out, &err), "no Python runs");
    CHECK(cp_dumps_bytes(obj, -1) == NULL && cp_loads_bytes(obj) == NULL);

    cp_buffer buffer = {(const uint8_t *)"ab", 2, 0, 0, count_release, NULL};
    cp_load_options options = CP_LOAD_OPTIONS_INIT;
    options.buffers = &buffer;
    options.n_buffers = 1;
    released = 0;
    FAILS(CP_ERR_NOT_INITIALIZED, cp_loads("N.", 2, &options, &object, &used, &err), "no Python runs");
    CHECK(object == NULL && used == 0 && released == 1 && buffer.release == NULL);
    FAILS(CP_ERR_NOT_INITIALIZED, cp_load(read_nothing, NULL, NULL, &object, &err), "no Python runs");
    FAILS(CP_ERR_NOT_INITIALIZED, cp_load_fd(0, NULL, &object, &err), "no Python runs");
    FAILS(CP_ERR_NOT_INITIALIZED, cp_load_file(obj, NULL, &object, &err), "no Python runs");

    FAILS(CP_ERR_NOT_INITIALIZED, cp_register_by_value(obj, &err), "no Python runs");
    FAILS(CP_ERR_NOT_INITIALIZED, cp_unregister_by_value_name("x", &err), "no Python runs");
    FAILS(CP_ERR_NOT_INITIALIZED, cp_register_by_value_name("x", &err), "no Python runs");
    FAILS(CP_ERR_NOT_INITIALIZED, cp_unregister_by_value(obj, &err), "no Python runs");
    FAILS(CP_ERR_NOT_INITIALIZED, cp_list_by_value(&object, &err), "no Python runs");
    FAILS(CP_ERR_NOT_INITIALIZED, cp_install(&err), "no Python runs");
    FAILS(CP_ERR_NOT_INITIALIZED, cp_eval("1", NULL, &object, &err), "no Python runs");
    object = obj;
    FAILS(CP_ERR_NOT_INITIALIZED, cp_import("sys", &object, &err), "no Python runs");
    CHECK(object == NULL);
    object = obj;
    FAILS(CP_ERR_NOT_INITIALIZED, cp_call(obj, NULL, 0, &object, &err), "no Python runs");
    CHECK(object == NULL);
    FAILS(CP_ERR_NOT_INITIALIZED, cp_as_int64(obj, &number, &err), "no Python runs");
    FAILS(CP_ERR_NOT_INITIALIZED, cp_as_double(obj, &real, &err), "no Python runs");
    CHECK(number == 0 && real == 0);
    FAILS(CP_ERR_NOT_INITIALIZED, cp_str(obj, &out, &err), "no Python runs");
    FAILS(CP_ERR_NOT_INITIALIZED, cp_repr(obj, &out, &err), "no Python runs");
    FAILS(CP_ERR_NOT_INITIALIZED, cp_as_buffer(obj, &out, &err), "no Python runs");
    CHECK(out.data == NULL && out.len == 0 && out.release == NULL);
    CHECK(cp_from_none() == NULL && cp_from_int64(1) == NULL && cp_from_double(1) == NULL);
    CHECK(cp_from_utf8("a", 1) == NULL && cp_from_bytes("a", 1) == NULL);
    CHECK(cp_incref(obj) == obj);
    cp_decref(obj);
    FAILS(CP_ERR_NOT_INITIALIZED, cp_finalize(&err), "no Python runs");

    /* What needs no Python. */
    CHECK(strcmp(cp_version(), CP_VERSION) == 0);
    CHECK(cp_abi_version() == (CP_ABI_MAJOR << 16 | CP_ABI_MINOR));
    CHECK(strcmp(cp_compat_version(), "3.1.2") == 0);
    CHECK(strcmp(cp_status_name(CP_ERR_UNPICKLING), "unpickling") == 0);
    CHECK(strcmp(cp_status_name(CP_OK), "ok") == 0 && strcmp(cp_status_name(-5000), "unknown") == 0);
    CHECK(cp_error_status(NULL) == CP_OK && cp_error_code(NULL) == 0);
    CHECK(strcmp(cp_error_message(NULL), "no error") == 0);
    CHECK(cp_error_python_type(NULL) == NULL && cp_error_traceback(NULL) == NULL);
    CHECK(cp_error_path(NULL) == NULL);
    cp_error_free(NULL);
}

int main(void) {
    cp_error *err = NULL, *kept = NULL;
    cp_buffer view, pickle;
    struct _object *object = NULL;

    none_runs();
    OK(cp_initialize(NULL, &err));
    CHECK(cp_state() == 1 && strncmp(cp_python_version(), "3.", 2) == 0);

    /* These outlive the interpreter. */
    object = value("bytearray(b'abcdef')", NULL);
    OK(cp_as_buffer(object, &view, &err));
    OK(cp_dumps(object, NULL, &pickle, &err));
    cp_decref(object);
    CHECK(cp_import("no.such.module", &object, &kept) == CP_ERR_PYTHON && object == NULL);

    OK(cp_finalize(&err));
    none_runs();
    CHECK(strcmp(cp_error_python_type(kept), "builtins.ModuleNotFoundError") == 0);
    CHECK(strstr(cp_error_message(kept), "no") && strstr(cp_error_traceback(kept), "ModuleNotFoundError"));
    cp_error_free(kept);
    CHECK(pickle.data[pickle.len - 1] == '.');
    cp_buffer_release(&pickle);
    cp_buffer_release(&view);
    CHECK(view.release == NULL && view.data == NULL);
    puts("ok");
    return 0;
}
