/* Buffers out of band, in both directions: who owns what, when it is released, and how often. */
#include "check.h"

#include <pthread.h>

static cp_error *err;

static int released[3];
static void count_release(cp_buffer *buf) {
    ++*(int *)buf->private_data;
    buf->release = NULL;
}

struct taker {
    int answer; /* of each call */
    int move;
    int calls;
    cp_buffer taken[8];
};

static int take(void *ctx, cp_buffer *buf) {
    struct taker *taker = ctx;
    CHECK(buf->reserved == 0);
    if (taker->move) {
        CHECK(buf->release != NULL);
        taker->taken[taker->calls] = *buf;
        buf->release = NULL;
    }
    taker->calls++;
    return taker->answer;
}

/* A fresh object with two buffers, one of them writable. */
static struct _object *two_buffers(void) {
    return value("(lambda pickle: [pickle.PickleBuffer(b'a' * 100000), 'between', "
                 "pickle.PickleBuffer(bytearray(b'b') * 300000)])(__import__('pickle'))",
                 NULL);
}

static void to_callback(void) {
    cp_dump_options options = CP_DUMP_OPTIONS_INIT;
    struct taker taker = {0};
    cp_buffer out;
    struct _object *obj = two_buffers();

    options.on_buffer = take;
    options.on_buffer_ctx = &taker;
    taker.move = 1;
    OK(cp_dumps(obj, &options, &out, &err));
    CHECK(taker.calls == 2 && out.len < 1000);
    cp_buffer_release(&out);
    CHECK(taker.taken[0].len == 100000 && taker.taken[0].data[0] == 'a' && taker.taken[0].flags == CP_BUFFER_READONLY);
    CHECK(taker.taken[1].len == 300000 && taker.taken[1].data[0] == 'b' && taker.taken[1].flags == 0);
    /* They hold the memory when the object is gone. */
    cp_decref(obj);
    CHECK(taker.taken[1].data[299999] == 'b');
    cp_buffer_release(&taker.taken[0]);
    cp_buffer_release(&taker.taken[1]);

    /* Taken and left: the library releases them. In band: all data is in the pickle. */
    obj = two_buffers();
    int64_t before = references(obj);
    taker = (struct taker){0, 0, 0, {{0}}};
    OK(cp_dumps(obj, &options, &out, &err));
    CHECK(taker.calls == 2 && out.len < 1000);
    cp_buffer_release(&out);
    taker = (struct taker){1, 0, 0, {{0}}};
    OK(cp_dumps(obj, &options, &out, &err));
    CHECK(taker.calls == 2 && out.len > 400000);
    cp_buffer_release(&out);

    /* It stops the dump. */
    taker = (struct taker){-9, 0, 0, {{0}}};
    CHECK(cp_dumps(obj, &options, &out, &err) == CP_ERR_CALLBACK && cp_error_code(err) == -9 && taker.calls == 1);
    CHECK(out.data == NULL && strstr(cp_error_message(err), "on_buffer returned -9"));
    cp_error_free(err);
    CHECK(references(obj) == before);
    /* No view is left: a bytearray with views cannot be resized. */
    CHECK(holds("(lambda b: (b[2].release(), True)[1])(args[0])", obj));
    cp_decref(obj);
}

static void to_list_and_back(void) {
    cp_buffers *list;
    cp_buffer out;
    cp_load_options load = CP_LOAD_OPTIONS_INIT;
    struct _object *obj = two_buffers(), *copy;

    OK(cp_dumps_oob(obj, NULL, &out, &list, &err));
    CHECK(cp_buffers_len(list) == 2 && out.len < 1000);
    const uint8_t *second = cp_buffers_data(list)[1].data;
    CHECK(cp_buffers_data(list)[0].len == 100000 && second[0] == 'b');
    cp_decref(obj);

    /* Back, without a copy: what is loaded is the same memory. */
    load.buffers = cp_buffers_data(list);
    load.n_buffers = cp_buffers_len(list);
    OK(cp_loads(out.data, out.len, &load, &copy, NULL, &err));
    CHECK(cp_buffers_data(list)[0].release == NULL && cp_buffers_data(list)[1].release == NULL);
    cp_buffers_free(list);
    struct _object *item = NULL, *get = value("lambda list: list[2]", NULL);
    OK(cp_call(get, &copy, 1, &item, &err));
    cp_buffer view;
    OK(cp_as_buffer(item, &view, &err));
    CHECK(view.data == second && view.len == 300000 && view.flags == 0);
    cp_buffer_release(&view);
    CHECK(holds("bytes(args[0][0]) == b'a' * 100000 and memoryview(args[0][0]).readonly", copy));
    cp_decref(item);
    cp_decref(copy);
    cp_decref(get);
    cp_buffer_release(&out);

    /* on_buffer only decides here. */
    cp_dump_options options = CP_DUMP_OPTIONS_INIT;
    struct taker taker = {1, 0, 0, {{0}}};
    obj = two_buffers();
    options.on_buffer = take;
    options.on_buffer_ctx = &taker;
    OK(cp_dumps_oob(obj, &options, &out, &list, &err));
    CHECK(list == NULL && taker.calls == 2 && out.len > 400000);
    cp_buffer_release(&out);
    taker = (struct taker){0, 0, 0, {{0}}};
    OK(cp_dumps_oob(obj, &options, &out, &list, &err));
    CHECK(cp_buffers_len(list) == 2 && out.len < 1000);
    cp_buffer first = cp_buffers_data(list)[0]; /* moved out */
    cp_buffers_data(list)[0].release = NULL;
    cp_buffers_free(list);
    CHECK(first.data[99999] == 'a');
    cp_buffer_release(&first);
    cp_buffer_release(&out);

    /* A dump that fails behind its buffers leaves nothing. */
    struct _object *append = value("lambda list: list.append(__import__('_thread').allocate_lock())", NULL), *none;
    OK(cp_call(append, &obj, 1, &none, &err));
    int64_t before = references(obj);
    memset(&out, 0x5a, sizeof out);
    CHECK(cp_dumps_oob(obj, NULL, &out, &list, &err) == CP_ERR_PICKLING && list == NULL && out.release == NULL);
    CHECK(strncmp(cp_error_message(err), "cannot pickle '_thread.lock' object", 35) == 0);
    cp_error_free(err);
    CHECK(references(obj) == before && holds("args[0][2].release() is None", obj));
    cp_decref(none);
    cp_decref(append);
    cp_decref(obj);
}

static void from_the_host(void) {
    static uint8_t memory[] = "some memory of the host's";
    static const char pickle[] = "\x80\x05]\x94(\x97\x97\x98\x97\x98" "e.";
    cp_buffer buffers[3];
    struct _object *object, *item, *get;
    cp_load_options load = CP_LOAD_OPTIONS_INIT;

    for (int i = 0; i < 3; i++)
        buffers[i] = (cp_buffer){memory + i, 5, i == 1 ? CP_BUFFER_READONLY : 0, 0, count_release, &released[i]};
    load.buffers = buffers;
    load.n_buffers = 3;
    OK(cp_loads(pickle, sizeof pickle - 1, &load, &object, NULL, &err));
    CHECK(!buffers[0].release && !buffers[1].release && !buffers[2].release);
    CHECK(holds("[bytes(b) for b in args[0]] == [b'some ', b'ome m', b'me me']", object));
    CHECK(holds("[memoryview(b).readonly for b in args[0]] == [False, True, True]", object));
    CHECK(released[0] == 0 && released[1] == 0 && released[2] == 0);
    /* Python writes into the host's memory. */
    CHECK(holds("args[0][0].__setitem__(0, 83) is None", object) && memory[0] == 'S');
    /* The last view counts. */
    get = value("lambda list: list.pop(0)", NULL);
    OK(cp_call(get, &object, 1, &item, &err));
    cp_decref(object);
    CHECK(released[0] == 0 && released[1] == 1 && released[2] == 1);
    cp_decref(item);
    CHECK(released[0] == 1);
    cp_decref(get);

    /* A load that fails, too few of them, and too many: each is released once. */
    for (int n = 1; n <= 3; n++) {
        for (int i = 0; i < 3; i++) {
            released[i] = 0;
            buffers[i].release = count_release;
        }
        load.n_buffers = (size_t)n;
        CHECK(cp_loads("\x80\x05]\x94(\x97\x97\xff", 8, &load, &object, NULL, &err) == CP_ERR_UNPICKLING);
        CHECK(object == NULL);
        cp_error_free(err);
        for (int i = 0; i < 3; i++)
            CHECK(released[i] == (i < n) && (buffers[i].release == NULL) == (i < n));
    }
}

static void *elsewhere(void *buffer) {
    cp_buffer_release(buffer);
    return NULL;
}

static void released_anywhere(void) {
    struct _object *obj = value("bytearray(b'abc')", NULL);
    cp_buffer view, zero;
    pthread_t thread;
    memset(&zero, 0, sizeof zero);
    int64_t before = references(obj);
    OK(cp_as_buffer(obj, &view, &err));
    CHECK(references(obj) == before + 1);
    CHECK(pthread_create(&thread, NULL, elsewhere, &view) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(memcmp(&view, &zero, sizeof zero) == 0 && references(obj) == before);
    CHECK(holds("args[0].extend(b'd') is None", obj));
    cp_decref(obj);
    obj = value("3", NULL);
    CHECK(cp_as_buffer(obj, &view, &err) == CP_ERR_PYTHON && view.release == NULL);
    CHECK(strcmp(cp_error_python_type(err), "builtins.TypeError") == 0);
    cp_error_free(err);
    cp_decref(obj);
}

int main(void) {
    OK(cp_initialize(NULL, &err));
    to_callback();
    to_list_and_back();
    from_the_host();
    released_anywhere();
    OK(cp_finalize(&err));
    puts("ok");
    return 0;
}
