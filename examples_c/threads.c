/* Eight native threads that Python knows nothing of dump and load at once.
 *
 *   cc threads.c -o threads -pthread -lcloudpickle $(python3-config --embed --ldflags)
 */
#include <cloudpickle.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { THREADS = 8, ROUNDS = 200 };

struct worker {
    pthread_t thread;
    int number;
    struct _object *task; /* shared by all */
    const cp_buffer *expected;
    size_t bytes;
    int failed;
};

static int work(struct worker *worker) {
    cp_error *err = NULL;
    for (int round = 0; round < ROUNDS; round++) {
        cp_buffer pickle;
        struct _object *copy = NULL, *argument = NULL, *answer = NULL;
        int64_t number = 0;
        if (cp_dumps(worker->task, NULL, &pickle, &err) != CP_OK)
            goto failed;
        if (pickle.len != worker->expected->len || memcmp(pickle.data, worker->expected->data, pickle.len) != 0)
            return fprintf(stderr, "thread %d: other bytes\n", worker->number), 1;
        if (cp_loads(pickle.data, pickle.len, NULL, &copy, NULL, &err) != CP_OK)
            goto failed;
        argument = cp_from_int64(round);
        if (cp_call(copy, &argument, 1, &answer, &err) != CP_OK || cp_as_int64(answer, &number, &err) != CP_OK)
            goto failed;
        if (number != round + 42)
            return fprintf(stderr, "thread %d: %lld\n", worker->number, (long long)number), 1;
        worker->bytes += pickle.len;
        cp_buffer_release(&pickle);
        cp_decref(argument), cp_decref(answer), cp_decref(copy);
    }
    return 0;
failed:
    fprintf(stderr, "thread %d: %s\n", worker->number, cp_error_message(err));
    cp_error_free(err);
    return 1;
}

static void *start(void *worker) {
    ((struct worker *)worker)->failed = work(worker);
    return NULL;
}

int main(void) {
    struct worker workers[THREADS];
    struct _object *task;
    cp_error *err = NULL;
    cp_buffer expected;
    int failed = 0;

    if (cp_initialize(NULL, &err) != CP_OK
        || cp_eval("(lambda base, pad: lambda n: n + base + 0 * len(pad))(42, tuple(range(300)))", NULL, &task, &err)
                != CP_OK
        || cp_dumps(task, NULL, &expected, &err) != CP_OK)
        return fprintf(stderr, "%s\n", cp_error_message(err)), 1;
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.number = i, .task = task, .expected = &expected};
        if (pthread_create(&workers[i].thread, NULL, start, &workers[i]) != 0)
            return perror("pthread_create"), 1;
    }
    size_t bytes = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        failed |= workers[i].failed;
        bytes += workers[i].bytes;
    }
    printf("%d threads, %d round trips of a closure each: %zu bytes\n", THREADS, ROUNDS, bytes);
    if (bytes != (size_t)THREADS * ROUNDS * expected.len)
        failed = 1;
    cp_decref(task);
    cp_buffer_release(&expected);
    return failed || cp_finalize(&err) != CP_OK;
}
