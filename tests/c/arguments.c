/* Each door with each bad argument: a clear status and words that name it, outputs written, nothing leaked. */
#include "check.h"

static int write_nothing(void *ctx, const uint8_t *data, size_t len) {
    (void)ctx, (void)data, (void)len;
    return 0;
}

static ptrdiff_t read_nothing(void *ctx, uint8_t *data, size_t len) {
    (void)ctx, (void)data, (void)len;
    return 0;
}

static int keep_in_band(void *ctx, cp_buffer *buf) {
    (void)ctx, (void)buf;
    return 1;
}

static int released;
static void count_release(cp_buffer *buf) {
    (void)buf;
    released++;
}

/* Filled with what no call leaves there. */
static cp_buffer out;
static cp_buffers *list;
static struct _object *object;
static size_t used;
static cp_error *err;

static void fill(void) {
    memset(&out, 0x5a, sizeof out);
    memset(&list, 0x5a, sizeof list);
    memset(&object, 0x5a, sizeof object);
    used = 77;
    memset(&err, 0x5a, sizeof err);
}

static int zeroed(void) {
    cp_buffer zero;
    memset(&zero, 0, sizeof zero);
    return memcmp(&out, &zero, sizeof zero) == 0;
}

#define BAD(words, call) (fill(), fails_(call, CP_ERR_INVALID_ARGUMENT, words, &err, #call, __FILE__, __LINE__))

static void dump_options(struct _object *obj) {
    cp_dump_options options = CP_DUMP_OPTIONS_INIT;

    options.struct_size = 3;
    BAD("options.struct_size is 3", cp_dumps(obj, &options, &out, &err));
    CHECK(zeroed());
    options.struct_size = sizeof options - 1;
    BAD("options.struct_size", cp_dumps_oob(obj, &options, &out, &list, &err));
    CHECK(zeroed() && list == NULL);
    options.struct_size = (size_t)-1;
    BAD("options.struct_size", cp_dump(obj, write_nothing, NULL, &options, &err));
    options.struct_size = 0;
    BAD("options.struct_size is 0", cp_dump_fd(obj, 1, &options, &err));
    BAD("options.struct_size is 0", cp_dump_file(obj, obj, &options, &err));

    /* A longer struct, as of a later version: good while what is behind the known fields is zero. */
    struct {
        cp_dump_options known;
        uint64_t later[4];
    } longer = {CP_DUMP_OPTIONS_INIT, {0, 0, 0, 0}};
    longer.known.struct_size = sizeof longer;
    OK((fill(), cp_dumps(obj, &longer.known, &out, &err)));
    cp_buffer_release(&out);
    longer.later[3] = 1;
    fill();
    FAILS(CP_ERR_UNSUPPORTED, cp_dumps(obj, &longer.known, &out, &err), "too old");
    CHECK(zeroed());

    options.struct_size = sizeof options;
    options.flags = 0x80;
    BAD("options.flags has unknown bits 0x80", cp_dumps(obj, &options, &out, &err));
    CHECK(zeroed());
    options.flags = CP_GIL_HELD | 0x40000000u;
    BAD("0x40000000", cp_dump_fd(obj, 1, &options, &err));
    options.flags = 0;

    options.protocol = 6;
    BAD("pickle protocol must be <= 5: options.protocol is 6", cp_dumps(obj, &options, &out, &err));
    CHECK(zeroed());
    BAD("options.protocol is 6", cp_dumps_oob(obj, &options, &out, &list, &err));
    BAD("options.protocol is 6", cp_dump(obj, write_nothing, NULL, &options, &err));
    options.protocol = 256;
    BAD("options.protocol is 256", cp_dump_file(obj, obj, &options, &err));
    for (int protocol = -300; protocol <= 5; protocol += protocol < -1 ? 299 : 1) {
        options.protocol = protocol;
        OK((fill(), cp_dumps(obj, &options, &out, &err)));
        /* Protocols 0 and 1 have no PROTO opcode. */
        if (protocol < 0 || protocol >= 2)
            CHECK(out.data[0] == 0x80 && out.data[1] == (protocol < 0 ? 5 : protocol));
        CHECK(out.len > 0 && out.data[out.len - 1] == '.' && out.flags == 0 && out.reserved == 0);
        cp_buffer_release(&out);
        CHECK(zeroed());
        cp_buffer_release(&out);
    }

    options.protocol = 4;
    options.on_buffer = keep_in_band;
    fill();
    FAILS(CP_ERR_UNSUPPORTED, cp_dumps(obj, &options, &out, &err), "options.protocol is 4");
    options.on_buffer = NULL;
    fill();
    FAILS(CP_ERR_UNSUPPORTED, cp_dumps_oob(obj, &options, &out, &list, &err), "options.protocol is 4");
    CHECK(zeroed() && list == NULL);
    options.protocol = CP_PROTOCOL_DEFAULT;

    options.reducer = obj; /* a list */
    BAD("options.reducer is not callable", cp_dumps(obj, &options, &out, &err));
    CHECK(zeroed());
}

static void load_options(void) {
    static const char none[] = "N.";
    cp_load_options options = CP_LOAD_OPTIONS_INIT;
    cp_buffer buffers[2] = {{(const uint8_t *)"ab", 2, CP_BUFFER_READONLY, 0, count_release, NULL},
                            {(const uint8_t *)"cd", 2, 0, 0, count_release, NULL}};

    options.struct_size = 8;
    BAD("options.struct_size is 8", cp_loads(none, 2, &options, &object, &used, &err));
    CHECK(object == NULL && used == 0);
    options.struct_size = sizeof options;
    options.reserved = 9;
    BAD("options.reserved is 9", cp_load(read_nothing, NULL, &options, &object, &err));
    CHECK(object == NULL);
    options.reserved = 0;
    options.n_buffers = 2;
    BAD("options.buffers is NULL", cp_load_fd(0, &options, &object, &err));
    CHECK(object == NULL);

    /* Buffers are moved and released also when something else is wrong. */
    options.buffers = buffers;
    options.flags = 0x4;
    BAD("options.flags has unknown bits 0x4", cp_loads(none, 2, &options, &object, &used, &err));
    CHECK(object == NULL && used == 0 && released == 2 && !buffers[0].release && !buffers[1].release);
    options.flags = 0;
    buffers[0].release = buffers[1].release = count_release;
    BAD("data is NULL", cp_loads(NULL, 2, &options, &object, &used, &err));
    CHECK(object == NULL && used == 0 && released == 4 && !buffers[0].release);
    buffers[0].release = buffers[1].release = count_release;
    BAD("out is NULL", cp_loads(none, 2, &options, NULL, &used, &err));
    CHECK(used == 0 && released == 6);
    buffers[0].release = buffers[1].release = count_release;
    BAD("read is NULL", cp_load(NULL, NULL, &options, &object, &err));
    CHECK(object == NULL && released == 8);
    buffers[0].release = buffers[1].release = count_release;
    BAD("fd is -1", cp_load_fd(-1, &options, &object, &err));
    CHECK(object == NULL && released == 10);
    buffers[0].release = buffers[1].release = count_release;
    BAD("file is NULL", cp_load_file(NULL, &options, &object, &err));
    CHECK(object == NULL && released == 12);
    buffers[0].release = buffers[1].release = count_release;
    options.flags = 0x80000000u;
    BAD("0x80000000", cp_load(read_nothing, NULL, &options, &object, &err));
    CHECK(released == 14);
    BAD("0x80000000", cp_load_fd(0, &options, &object, &err));
    BAD("0x80000000", cp_load_file(NULL, &options, &object, &err));
    options.flags = 0;

    /* Not with a size that says nothing of the struct, but with one of a later version. */
    buffers[0].release = buffers[1].release = count_release;
    options.struct_size = (size_t)1 << 40;
    BAD("options.struct_size", cp_load_file(NULL, &options, &object, &err));
    CHECK(object == NULL && released == 14 && buffers[0].release && buffers[1].release);
    struct {
        cp_load_options known;
        uint64_t later;
    } longer = {CP_LOAD_OPTIONS_INIT, 1};
    longer.known.struct_size = sizeof longer;
    longer.known.buffers = buffers;
    longer.known.n_buffers = 2;
    fill();
    FAILS(CP_ERR_UNSUPPORTED, cp_loads(none, 2, &longer.known, &object, &used, &err), "too old");
    CHECK(object == NULL && used == 0 && released == 16 && !buffers[0].release);
    longer.later = 0;
    OK((fill(), cp_loads(none, 2, &longer.known, &object, &used, &err)));
    CHECK(object != NULL && used == 2);
    cp_decref(object);
}

static void nulls(struct _object *obj) {
    BAD("obj is NULL", cp_dumps(NULL, NULL, &out, &err));
    CHECK(zeroed());
    BAD("out is NULL", cp_dumps(obj, NULL, NULL, &err));
    BAD("out is NULL", cp_dumps_oob(obj, NULL, NULL, &list, &err));
    CHECK(list == NULL);
    BAD("buffers is NULL", cp_dumps_oob(obj, NULL, &out, NULL, &err));
    CHECK(zeroed());
    BAD("obj is NULL", cp_dumps_oob(NULL, NULL, &out, &list, &err));
    CHECK(zeroed() && list == NULL);
    BAD("obj is NULL", cp_dump(NULL, write_nothing, NULL, NULL, &err));
    BAD("write is NULL", cp_dump(obj, NULL, NULL, NULL, &err));
    BAD("obj is NULL", cp_dump_fd(NULL, 1, NULL, &err));
    BAD("fd is -1", cp_dump_fd(obj, -1, NULL, &err));
    BAD("obj is NULL", cp_dump_file(NULL, obj, NULL, &err));
    BAD("file is NULL", cp_dump_file(obj, NULL, NULL, &err));
    BAD("'write'", cp_dump_file(obj, obj, NULL, &err));

    BAD("out is NULL", cp_load(read_nothing, NULL, NULL, NULL, &err));
    BAD("read is NULL", cp_load(NULL, NULL, NULL, &object, &err));
    CHECK(object == NULL);
    BAD("out is NULL", cp_load_fd(0, NULL, NULL, &err));
    BAD("fd is -7", cp_load_fd(-7, NULL, &object, &err));
    CHECK(object == NULL);
    BAD("file is NULL", cp_load_file(NULL, NULL, &object, &err));
    CHECK(object == NULL);
    BAD("read", cp_load_file(obj, NULL, &object, &err));
    CHECK(object == NULL);

    BAD("module is NULL", cp_register_by_value(NULL, &err));
    BAD("module is NULL", cp_unregister_by_value(NULL, &err));
    BAD("module is NULL", cp_register_by_value_name(NULL, &err));
    BAD("module is NULL", cp_unregister_by_value_name(NULL, &err));
    BAD("module is not UTF-8", cp_register_by_value_name("\xff", &err));
    BAD("out is NULL", cp_list_by_value(NULL, &err));

    BAD("expression is NULL", cp_eval(NULL, NULL, &object, &err));
    CHECK(object == NULL);
    BAD("args is not a tuple", cp_eval("1", obj, &object, &err));
    BAD("out is NULL", cp_eval("1", NULL, NULL, &err));
    BAD("name is NULL", cp_import(NULL, &object, &err));
    BAD("callable is NULL", cp_call(NULL, NULL, 0, &object, &err));
    BAD("args is NULL", cp_call(obj, NULL, 1, &object, &err));
    struct _object *holes[2] = {obj, NULL};
    BAD("args[1] is NULL", cp_call(obj, holes, 2, &object, &err));
    CHECK(object == NULL);
    int64_t number = 5;
    BAD("obj is NULL", cp_as_int64(NULL, &number, &err));
    CHECK(number == 0);
    double real = 5;
    BAD("obj is NULL", cp_as_double(NULL, &real, &err));
    CHECK(real == 0);
    BAD("obj is NULL", cp_str(NULL, &out, &err));
    BAD("obj is NULL", cp_repr(NULL, &out, &err));
    BAD("obj is NULL", cp_as_buffer(NULL, &out, &err));
    CHECK(zeroed());
    BAD("out is NULL", cp_import("sys", NULL, &err));
    BAD("name is not UTF-8", cp_import("\xff", &object, &err));
    BAD("expression is not UTF-8", cp_eval("'\xff'", NULL, &object, &err));
    BAD("out is NULL", cp_call(obj, NULL, 0, NULL, &err));
    BAD("out is NULL", cp_as_int64(obj, NULL, &err));
    BAD("out is NULL", cp_as_double(obj, NULL, &err));
    BAD("out is NULL", cp_str(obj, NULL, &err));
    BAD("out is NULL", cp_repr(obj, NULL, &err));
    BAD("out is NULL", cp_as_buffer(obj, NULL, &err));

    /* Without a report the status says it all. */
    CHECK(cp_dumps(NULL, NULL, &out, NULL) == CP_ERR_INVALID_ARGUMENT);
    CHECK(cp_from_utf8(NULL, 1) == NULL && cp_from_bytes(NULL, 1) == NULL);
    CHECK(cp_incref(NULL) == NULL);
    cp_decref(NULL);
    cp_buffer_release(NULL);
    cp_buffers_free(NULL);
    CHECK(cp_buffers_len(NULL) == 0 && cp_buffers_data(NULL) == NULL);
}

int main(void) {
    err = NULL;
    OK(cp_initialize(NULL, &err));
    struct _object *obj = value("[1, 'two', 3.0]", NULL);
    int64_t before = references(obj);
    nulls(obj);
    dump_options(obj);
    load_options();
    CHECK(references(obj) == before);

    cp_init_options init = CP_INIT_OPTIONS_INIT;
    init.flags = 0x10;
    BAD("options.flags has unknown bits 0x10", cp_initialize(&init, &err));
    init.flags = 0;
    init.reserved = 1;
    BAD("options.reserved", cp_initialize(&init, &err));
    init.reserved = 0;
    init.struct_size = 4;
    BAD("options.struct_size is 4", cp_initialize(&init, &err));
    struct {
        cp_init_options known;
        uint64_t later;
    } longer = {CP_INIT_OPTIONS_INIT, 1};
    longer.known.struct_size = sizeof longer;
    fill();
    FAILS(CP_ERR_UNSUPPORTED, cp_initialize(&longer.known, &err), "too old");
    longer.later = 0;
    OK((fill(), cp_initialize(&longer.known, &err)));
    OK((fill(), cp_finalize(&err)));

    cp_decref(obj);
    OK(cp_finalize(&err));
    puts("ok");
    return 0;
}
