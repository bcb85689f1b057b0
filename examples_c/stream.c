/* Dumping without holding the whole pickle in memory: to a callback, to a FILE *, and to a file descriptor; and reading
 * several pickles that follow one another.
 *
 *   cc stream.c -o stream -lcloudpickle $(python3-config --embed --ldflags)
 */
#define CP_STDIO
#include <cloudpickle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* A callback that hashes and counts what it is given. */
struct digest {
    size_t bytes, calls, largest;
    uint64_t hash;
};

static uint64_t hash_on(uint64_t hash, const uint8_t *data, size_t len) {
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ data[i]) * 0x100000001b3u;
    return hash;
}

static int write_digest(void *ctx, const uint8_t *data, size_t len) {
    struct digest *digest = ctx;
    digest->hash = hash_on(digest->hash, data, len);
    digest->bytes += len;
    digest->calls++;
    if (len > digest->largest)
        digest->largest = len;
    return 0;
}

/* One that has had enough after some bytes. */
static int write_some(void *ctx, const uint8_t *data, size_t len) {
    size_t *room = ctx;
    (void)data;
    if (len > *room)
        return 77;
    *room -= len;
    return 0;
}

int main(void) {
    struct _object *object, *copy;
    cp_buffer whole;

    must(cp_initialize(NULL, &err), "cp_initialize");
    must(cp_eval("{'rows': [(i, str(i), i / 7) for i in range(50000)], 'blob': bytes(3_000_000), 'f': lambda x: x + 1}",
                 NULL, &object, &err),
         "cp_eval");
    must(cp_dumps(object, NULL, &whole, &err), "cp_dumps");

    /* To a callback. */
    struct digest digest = {0, 0, 0, 0xcbf29ce484222325u};
    must(cp_dump(object, write_digest, &digest, NULL, &err), "cp_dump");
    printf("callback    %zu bytes in %zu pieces, the largest %zu\n", digest.bytes, digest.calls, digest.largest);
    check(digest.bytes == whole.len && digest.hash == hash_on(0xcbf29ce484222325u, whole.data, whole.len),
          "the callback is given what cp_dumps returns");
    check(digest.largest >= 3000000, "a large bytes object comes in one piece");

    /* A callback that stops the dump: its result is the error's code. */
    size_t room = 100000;
    cp_status status = cp_dump(object, write_some, &room, NULL, &err);
    printf("stopped     %s: %s\n", cp_status_name(status), cp_error_message(err));
    check(status == CP_ERR_CALLBACK && cp_error_code(err) == 77, "the callback's result is the error's code");
    cp_error_free(err);

    /* To a FILE *, by the callback in the header, and to its descriptor, one pickle after the other. */
    FILE *file = tmpfile();
    check(file != NULL, "there is a temporary file");
    must(cp_dump(object, cp_write_stdio, file, NULL, &err), "cp_dump");
    check(fflush(file) == 0, "the file takes it");
    must(cp_dump_fd(object, fileno(file), NULL, &err), "cp_dump_fd");
    off_t end = lseek(fileno(file), 0, SEEK_CUR);
    printf("file        %lld bytes: two pickles\n", (long long)end);
    check(end == (off_t)(2 * whole.len), "the file holds two pickles");

    /* And back: no load takes a byte of the next pickle. */
    check(lseek(fileno(file), 0, SEEK_SET) == 0, "the file has a start");
    for (int i = 1; i <= 2; i++) {
        must(cp_load_fd(fileno(file), NULL, &copy, &err), "cp_load_fd");
        check(lseek(fileno(file), 0, SEEK_CUR) == (off_t)((size_t)i * whole.len), "a load ends where its pickle ends");
        cp_decref(copy);
    }
    rewind(file);
    must(cp_load(cp_read_stdio, file, NULL, &copy, &err), "cp_load");
    struct _object *function, *number, *forty = cp_from_int64(41), *get;
    must(cp_eval("lambda d: d['f']", NULL, &get, &err), "cp_eval");
    must(cp_call(get, &copy, 1, &function, &err), "cp_call");
    must(cp_call(function, &forty, 1, &number, &err), "cp_call");
    int64_t answer;
    must(cp_as_int64(number, &answer, &err), "cp_as_int64");
    printf("loaded      and called: f(41) = %lld\n", (long long)answer);
    check(answer == 42, "f(41) is 42");

    cp_decref(number), cp_decref(forty), cp_decref(function), cp_decref(get), cp_decref(copy), cp_decref(object);
    cp_buffer_release(&whole);
    fclose(file);
    must(cp_finalize(&err), "cp_finalize");
    return 0;
}
