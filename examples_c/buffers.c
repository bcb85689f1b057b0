/* A large buffer out of band (PEP 574): the pickle says how to put the object together, the data stays where it is. The
 * two can travel by different ways, such as shared memory or a network card, and nothing is copied here.
 *
 *   cc buffers.c -o buffers -lcloudpickle $(python3-config --embed --ldflags)
 */
#include <cloudpickle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 64 << 20 };

static cp_error *err;

static void must(cp_status status, const char *what) {
    if (status == CP_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", what, cp_status_name(status), cp_error_message(err));
    exit(1);
}

static void check(int holds, const char *what) {
    if (holds)
        return;
    fprintf(stderr, "not so: %s\n", what);
    exit(1);
}

static int released;

/* How this program gives its own memory back. */
static void release(cp_buffer *buf) {
    free((void *)buf->data);
    buf->release = NULL;
    released++;
}

int main(void) {
    struct _object *memory, *object, *copy, *list;
    cp_buffer pickle, where;
    cp_buffers *buffers;

    must(cp_initialize(NULL, &err), "cp_initialize");
    must(cp_eval("bytearray(64 << 20)", NULL, &memory, &err), "cp_eval");
    struct _object *wrap;
    must(cp_eval("lambda memory: {'shape': (8192, 8192), 'data': __import__('pickle').PickleBuffer(memory)}", NULL, &wrap,
                 &err),
         "cp_eval");
    must(cp_call(wrap, &memory, 1, &object, &err), "cp_call");
    cp_decref(wrap);
    must(cp_as_buffer(memory, &where, &err), "cp_as_buffer");

    must(cp_dumps_oob(object, NULL, &pickle, &buffers, &err), "cp_dumps_oob");
    check(cp_buffers_len(buffers) == 1, "there is one buffer");
    cp_buffer *data = cp_buffers_data(buffers);
    printf("pickle  %zu bytes\nbuffer  %zu bytes at %p, %s\n", pickle.len, data->len, (const void *)data->data,
           data->flags & CP_BUFFER_READONLY ? "read only" : "writable");
    check(pickle.len < 1000 && data->len == SIZE, "the data is not in the pickle");
    check(data->data == where.data, "the buffer is the object's own memory");
    cp_buffer_release(&where);
    cp_decref(object);
    cp_decref(memory); /* the buffer keeps it alive */

    /* Loaded over memory of this program's: Python sees that memory, and gives it back when it is done. */
    uint8_t *mine = malloc(SIZE);
    check(mine != NULL, "there is memory");
    memcpy(mine, data->data, SIZE); /* stands for the network */
    mine[0] = 'p', mine[1] = 'y';
    cp_buffers_free(buffers);
    cp_buffer given = {mine, SIZE, 0, 0, release, NULL};
    cp_load_options options = CP_LOAD_OPTIONS_INIT;
    options.buffers = &given;
    options.n_buffers = 1;
    must(cp_loads(pickle.data, pickle.len, &options, &copy, NULL, &err), "cp_loads");
    check(given.release == NULL && released == 0, "the library has it, and Python uses it");
    must(cp_eval("lambda copy: [copy['data'][:2].tobytes(), len(copy['data']), copy['data'].__setitem__(0, 80)]", NULL,
                 &list, &err),
         "cp_eval");
    struct _object *seen;
    must(cp_call(list, &copy, 1, &seen, &err), "cp_call");
    cp_buffer text;
    must(cp_repr(seen, &text, &err), "cp_repr");
    printf("loaded  %s\n", (const char *)text.data);
    check(strcmp((const char *)text.data, "[b'py', 67108864, None]") == 0, "Python sees the program's memory");
    check(mine[0] == 'P', "Python wrote into the program's memory");
    cp_buffer_release(&text);
    cp_decref(seen), cp_decref(list);
    check(released == 0, "it is in use");
    cp_decref(copy);
    check(released == 1, "it was given back, once");
    cp_buffer_release(&pickle);
    must(cp_finalize(&err), "cp_finalize");
    return 0;
}
