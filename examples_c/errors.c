/* What a failure says: an object deep inside holds a lock, and the error names the way to it. Then the other kinds.
 *
 *   cc errors.c -o errors -lcloudpickle $(python3-config --embed --ldflags)
 */
#include <cloudpickle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cp_error *err;

static void must(cp_status status, const char *what) {
    if (status == CP_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", what, cp_status_name(status), cp_error_message(err));
    exit(1);
}

/* The call failed in this way, and its message contains these words. */
static void expect(cp_status status, cp_status expected, const char *words) {
    printf("%-16s code %lld, %s\n    %s\n", cp_status_name(status), (long long)cp_error_code(err),
           cp_error_python_type(err) ? cp_error_python_type(err) : "no exception", cp_error_message(err));
    if (status != expected || cp_error_status(err) != expected || !strstr(cp_error_message(err), words)) {
        fprintf(stderr, "expected %s and \"%s\"\n", cp_status_name(expected), words);
        exit(1);
    }
    cp_error_free(err);
}

int main(void) {
    struct _object *object, *copy;
    cp_buffer out;

    /* No Python yet. */
    expect(cp_eval("1", NULL, &object, &err), CP_ERR_NOT_INITIALIZED, "no Python runs");
    must(cp_initialize(NULL, &err), "cp_initialize");

    /* A lock somewhere in a configuration. */
    must(cp_eval("(lambda NS, lock: NS(name='job', conf={'db': ['a', 'b', 'c', NS(pool=lock)]}))"
                 "(__import__('types').SimpleNamespace, __import__('_thread').allocate_lock())",
                 NULL, &object, &err),
         "cp_eval");
    cp_status status = cp_dumps(object, NULL, &out, &err);
    const char *path = cp_error_path(err);
    if (!path || strcmp(path, "obj.conf['db'][3].pool") != 0 || !strstr(cp_error_message(err), path))
        return fprintf(stderr, "the path is missing: %s\n", cp_error_message(err)), 1;
    expect(status, CP_ERR_PICKLING, "cannot pickle '_thread.lock' object");
    cp_decref(object);

    /* A lock that a closure has in a variable. */
    must(cp_eval("(lambda lock: lambda: lock)(__import__('_thread').allocate_lock())", NULL, &object, &err), "cp_eval");
    expect(cp_dumps(object, NULL, &out, &err), CP_ERR_PICKLING, "lock");
    cp_decref(object);

    /* An object whose own code raises: the traceback is the report's. */
    must(cp_eval("type('Job', (), {'__reduce__': lambda self: {}['no such step']})()", NULL, &object, &err), "cp_eval");
    status = cp_dumps(object, NULL, &out, &err);
    printf("%s", cp_error_traceback(err));
    expect(status, CP_ERR_PYTHON, "no such step");
    cp_decref(object);

    /* An argument that is wrong, a limit, data that is damaged, a descriptor that is closed. */
    expect(cp_dumps(NULL, NULL, &out, &err), CP_ERR_INVALID_ARGUMENT, "obj is NULL");
    must(cp_eval("list(range(100000))", NULL, &object, &err), "cp_eval");
    cp_dump_options options = CP_DUMP_OPTIONS_INIT;
    options.max_bytes = 1000;
    expect(cp_dumps(object, &options, &out, &err), CP_ERR_LIMIT, "");
    must(cp_dumps(object, NULL, &out, &err), "cp_dumps");
    expect(cp_loads(out.data, out.len / 2, NULL, &copy, NULL, &err), CP_ERR_UNPICKLING, "");
    cp_buffer_release(&out);
    expect(cp_dump_fd(object, 999, NULL, &err), CP_ERR_IO, "Bad file descriptor");
    cp_decref(object);
    must(cp_finalize(&err), "cp_finalize");
    return 0;
}
