/* Dumping to, and loading from, callbacks, descriptors and file objects; each failing in the middle. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static cp_error *err;

/* ------------------------------------------------------------------------------------------------------- memory */

struct memory {
    uint8_t *data;
    size_t len, at, calls, largest;
    int stop_at, stop_with; /* the call that fails, and how */
};

static int write_memory(void *ctx, const uint8_t *data, size_t len) {
    struct memory *memory = ctx;
    if (++memory->calls == (size_t)memory->stop_at)
        return memory->stop_with;
    memory->data = realloc(memory->data, memory->len + len);
    memcpy(memory->data + memory->len, data, len);
    memory->len += len;
    if (len > memory->largest)
        memory->largest = len;
    return 0;
}

/* Never gives more than 1000 bytes at once. */
static ptrdiff_t read_memory(void *ctx, uint8_t *data, size_t len) {
    struct memory *memory = ctx;
    if (++memory->calls == (size_t)memory->stop_at)
        return memory->stop_with;
    if (len > 1000)
        len = 1000;
    if (len > memory->len - memory->at)
        len = memory->len - memory->at;
    memcpy(data, memory->data + memory->at, len);
    memory->at += len;
    return (ptrdiff_t)len;
}

static void callbacks(struct _object *obj, const cp_buffer *whole, uint32_t flags) {
    cp_dump_options options = CP_DUMP_OPTIONS_INIT;
    cp_load_options load = CP_LOAD_OPTIONS_INIT;
    struct memory memory = {0};
    struct _object *object;

    options.flags = load.flags = flags;
    OK(cp_dump(obj, write_memory, &memory, &options, &err));
    CHECK(memory.len == whole->len && memcmp(memory.data, whole->data, whole->len) == 0);
    CHECK(memory.calls > 2 && memory.largest >= 1000000); /* the large bytes object in one piece */

    /* Another pickle behind the first: neither load takes a byte of the other. */
    write_memory(&memory, (const uint8_t *)"I42\n.rest", 9);
    memory.calls = 0;
    OK(cp_load(read_memory, &memory, &load, &object, &err));
    CHECK(memory.at == whole->len && holds("len(args[0]) == 4 and len(args[0][1]) == 1000000", object));
    cp_decref(object);
    OK(cp_load(read_memory, &memory, &load, &object, &err));
    CHECK(memory.at == whole->len + 5 && holds("args[0] == 42", object));
    cp_decref(object);

    /* The data ends too early, at each of some places. */
    for (size_t end = 0; end < whole->len; end += end < 40 ? 1 : 90001) {
        struct memory part = {memory.data, end, 0, 0, 0, 0, 0};
        CHECK(cp_load(read_memory, &part, &load, &object, &err) == CP_ERR_UNPICKLING && object == NULL);
        CHECK(strcmp(cp_error_python_type(err), "builtins.EOFError") == 0
              || strcmp(cp_error_python_type(err), "_pickle.UnpicklingError") == 0);
        cp_error_free(err);
    }

    /* The callback stops in the middle: its result is the error's code. */
    for (int call = 1; call <= 3; call++) {
        struct memory stops = {NULL, 0, 0, 0, 0, call, -1000 * call};
        CHECK(cp_dump(obj, write_memory, &stops, &options, &err) == CP_ERR_CALLBACK);
        CHECK(cp_error_code(err) == -1000 * call && stops.calls == (size_t)call);
        CHECK(strstr(cp_error_message(err), "write returned"));
        CHECK(memcmp(stops.data ? stops.data : (const uint8_t *)"", whole->data, stops.len) == 0);
        cp_error_free(err);
        free(stops.data);
        struct memory halts = {memory.data, memory.len, 0, 0, 0, call, -1000 * call};
        CHECK(cp_load(read_memory, &halts, &load, &object, &err) == CP_ERR_CALLBACK && object == NULL);
        CHECK(cp_error_code(err) == -1000 * call && halts.calls == (size_t)call);
        cp_error_free(err);
    }
    struct memory lies = {memory.data, memory.len, 0, 0, 0, 1, 1 << 30};
    CHECK(cp_load(read_memory, &lies, &load, &object, &err) == CP_ERR_CALLBACK && object == NULL);
    cp_error_free(err);

    /* Limits. */
    options.max_bytes = whole->len;
    struct memory limited = {0};
    OK(cp_dump(obj, write_memory, &limited, &options, &err));
    options.max_bytes = whole->len - 1;
    limited.len = 0;
    CHECK(cp_dump(obj, write_memory, &limited, &options, &err) == CP_ERR_LIMIT && limited.len < whole->len);
    cp_error_free(err);
    cp_buffer out;
    CHECK(cp_dumps(obj, &options, &out, &err) == CP_ERR_LIMIT && out.data == NULL);
    cp_error_free(err);
    free(limited.data);
    options.max_bytes = 0;
    options.max_depth = 100;
    struct _object *deep = value("(lambda f: f(f, 600))(lambda f, n: [f(f, n - 1)] if n else [])", NULL);
    CHECK(cp_dumps(deep, &options, &out, &err) == CP_ERR_LIMIT && out.data == NULL);
    cp_error_free(err);
    options.max_depth = 1000;
    OK(cp_dumps(deep, &options, &out, &err));
    cp_buffer_release(&out);
    cp_decref(deep);
    load.max_bytes = whole->len;
    memory.at = memory.calls = 0;
    OK(cp_load(read_memory, &memory, &load, &object, &err));
    cp_decref(object);
    load.max_bytes = whole->len - 1;
    memory.at = 0;
    CHECK(cp_load(read_memory, &memory, &load, &object, &err) == CP_ERR_LIMIT && object == NULL);
    CHECK(memory.at < whole->len);
    cp_error_free(err);
    free(memory.data);
}

/* --------------------------------------------------------------------------------------------------- descriptors */

struct pump {
    int fd;
    struct memory memory;
};

static void *drain(void *ctx) {
    struct pump *pump = ctx;
    uint8_t piece[3000];
    ssize_t got;
    while ((got = read(pump->fd, piece, sizeof piece)) > 0)
        write_memory(&pump->memory, piece, (size_t)got);
    return NULL;
}

static void descriptors(struct _object *obj, const cp_buffer *whole) {
    struct _object *object;
    pthread_t thread;
    int ends[2];

    /* A pipe: short writes, while another thread reads. */
    CHECK(pipe(ends) == 0);
    struct pump pump = {ends[0], {0}};
    CHECK(pthread_create(&thread, NULL, drain, &pump) == 0);
    OK(cp_dump_fd(obj, ends[1], NULL, &err));
    close(ends[1]);
    CHECK(pthread_join(thread, NULL) == 0);
    close(ends[0]);
    CHECK(pump.memory.len == whole->len && memcmp(pump.memory.data, whole->data, whole->len) == 0);
    free(pump.memory.data);

    /* A file: at its position, two after each other. */
    char path[] = "/tmp/cloudpickle-streams-XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0 && unlink(path) == 0 && write(fd, "head", 4) == 4);
    OK(cp_dump_fd(obj, fd, NULL, &err));
    CHECK(lseek(fd, 0, SEEK_CUR) == (off_t)(4 + whole->len));
    OK(cp_dump_fd(obj, fd, NULL, &err));
    CHECK(lseek(fd, 4, SEEK_SET) == 4);
    OK(cp_load_fd(fd, NULL, &object, &err));
    cp_decref(object);
    CHECK(lseek(fd, 0, SEEK_CUR) == (off_t)(4 + whole->len)); /* no further than the pickle's end */
    OK(cp_load_fd(fd, NULL, &object, &err));
    CHECK(holds("args[0][0] == ['some', 'text']", object));
    cp_decref(object);
    CHECK(cp_load_fd(fd, NULL, &object, &err) == CP_ERR_UNPICKLING && object == NULL);
    cp_error_free(err);

    cp_load_options load = CP_LOAD_OPTIONS_INIT;
    load.max_bytes = 100;
    CHECK(lseek(fd, 4, SEEK_SET) == 4);
    CHECK(cp_load_fd(fd, &load, &object, &err) == CP_ERR_LIMIT);
    CHECK(lseek(fd, 0, SEEK_CUR) <= 104);
    cp_error_free(err);
    close(fd);

    /* System calls that fail. */
    CHECK(cp_dump_fd(obj, fd, NULL, &err) == CP_ERR_IO && cp_error_code(err) == EBADF);
    CHECK(strcmp(cp_error_python_type(err), "builtins.OSError") == 0);
    cp_error_free(err);
    CHECK(cp_load_fd(fd, NULL, &object, &err) == CP_ERR_IO && cp_error_code(err) == EBADF && object == NULL);
    cp_error_free(err);
    fd = open("/dev/full", O_WRONLY);
    CHECK(fd >= 0);
    CHECK(cp_dump_fd(obj, fd, NULL, &err) == CP_ERR_IO && cp_error_code(err) == ENOSPC);
    cp_error_free(err);
    close(fd);
    signal(SIGPIPE, SIG_IGN);
    CHECK(pipe(ends) == 0);
    close(ends[0]);
    CHECK(cp_dump_fd(obj, ends[1], NULL, &err) == CP_ERR_IO && cp_error_code(err) == EPIPE);
    CHECK(strcmp(cp_error_python_type(err), "builtins.BrokenPipeError") == 0);
    cp_error_free(err);
    close(ends[1]);
    CHECK(pipe(ends) == 0);
    CHECK(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
    CHECK(cp_dump_fd(obj, ends[1], NULL, &err) == CP_ERR_IO && cp_error_code(err) == EAGAIN);
    cp_error_free(err);
    close(ends[0]);
    close(ends[1]);
}

/* A reader that is interrupted by signals all the time. */
static void nothing(int signal) {
    (void)signal;
}

static void *disturb(void *ctx) {
    struct pump *pump = ctx;
    uint8_t piece[50000];
    for (int i = 0; i < 20; i++) {
        usleep(2000);
        pthread_kill(*(pthread_t *)pump->memory.data, SIGUSR1);
    }
    while (read(pump->fd, piece, sizeof piece) > 0)
        ;
    return NULL;
}

static void interrupts(struct _object *obj) {
    struct sigaction action = {0};
    action.sa_handler = nothing; /* without SA_RESTART */
    sigaction(SIGUSR1, &action, NULL);
    int ends[2];
    CHECK(pipe(ends) == 0);
    pthread_t self = pthread_self(), thread;
    struct pump pump = {ends[0], {(uint8_t *)&self, 0, 0, 0, 0, 0, 0}};
    CHECK(pthread_create(&thread, NULL, disturb, &pump) == 0);
    OK(cp_dump_fd(obj, ends[1], NULL, &err));
    close(ends[1]);
    CHECK(pthread_join(thread, NULL) == 0);
    close(ends[0]);
}

/* -------------------------------------------------------------------------------------------------- file objects */

static void files(struct _object *obj, const cp_buffer *whole) {
    struct _object *file = value("__import__('io').BytesIO()", NULL), *object, *written, *args[2];
    cp_buffer out;

    OK(cp_dump_file(obj, file, NULL, &err));
    struct _object *getvalue = NULL, *call = value("lambda f, name, *a: getattr(f, name)(*a)", NULL);
    args[0] = file;
    args[1] = getvalue = value("'getvalue'", NULL);
    OK(cp_call(call, args, 2, &written, &err));
    OK(cp_as_buffer(written, &out, &err));
    CHECK(out.len == whole->len && memcmp(out.data, whole->data, out.len) == 0);
    cp_buffer_release(&out);
    cp_decref(written);
    CHECK(holds("args[0].seek(0) == 0", file));
    OK(cp_load_file(file, NULL, &object, &err));
    CHECK(holds("args[0][0] == ['some', 'text']", object));
    cp_decref(object);
    CHECK(cp_load_file(file, NULL, &object, &err) == CP_ERR_UNPICKLING && object == NULL);
    CHECK(strcmp(cp_error_python_type(err), "builtins.EOFError") == 0);
    cp_error_free(err);
    cp_decref(file);

    /* A large bytes object reaches write as itself. */
    file = value("type('Sink', (), {'got': [], 'write': lambda self, data: self.got.append(data)})()", NULL);
    OK(cp_dump_file(obj, file, NULL, &err));
    CHECK(holds("any(type(piece) is bytes and len(piece) == 1000000 for piece in args[0].got)", file));
    CHECK(holds("not any(piece in (None,) for piece in args[0].got)", file));
    cp_decref(file);

    /* Files that raise. */
    file = value("type('Full', (), {'write': lambda self, data: (_ for _ in ()).throw(OSError(28, 'full'))})()", NULL);
    CHECK(cp_dump_file(obj, file, NULL, &err) == CP_ERR_IO && cp_error_code(err) == ENOSPC);
    CHECK(strstr(cp_error_message(err), "full") && strstr(cp_error_traceback(err), "<cp_eval>"));
    cp_error_free(err);
    cp_decref(file);
    file = value("type('Odd', (), {'write': lambda self, data: 1 // 0})()", NULL);
    CHECK(cp_dump_file(obj, file, NULL, &err) == CP_ERR_PYTHON);
    CHECK(strcmp(cp_error_python_type(err), "builtins.ZeroDivisionError") == 0);
    cp_error_free(err);
    cp_decref(file);
    file = value("type('Gone', (), {'read': lambda self, n: (_ for _ in ()).throw(OSError(5, 'gone')), "
                 "'readline': None})()",
                 NULL);
    CHECK(cp_load_file(file, NULL, &object, &err) == CP_ERR_IO && cp_error_code(err) == EIO && object == NULL);
    cp_error_free(err);
    cp_decref(file);
    cp_decref(getvalue);
    cp_decref(call);
}

int main(void) {
    OK(cp_initialize(NULL, &err));
    struct _object *obj = value("(['some', 'text'], bytes(range(250)) * 4000, bytearray(b'x') * 200000, "
                                "[str(i) for i in range(30000)])",
                                NULL);
    cp_buffer whole;
    OK(cp_dumps(obj, NULL, &whole, &err));
    int64_t before = references(obj);
    callbacks(obj, &whole, 0);
    callbacks(obj, &whole, CP_RELEASE_GIL);
    descriptors(obj, &whole);
    interrupts(obj);
    files(obj, &whole);
    CHECK(references(obj) == before);
    cp_buffer_release(&whole);
    cp_decref(obj);
    OK(cp_finalize(&err));
    puts("ok");
    return 0;
}
