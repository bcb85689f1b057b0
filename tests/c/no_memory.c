/* Each allocation that the library itself makes in cp_initialize fails once, in turn, and then with all that follow: the
 * call says that there is no memory, or does its work, and where it failed the next one does it. With
 * libcloudpickle-embed that is the search for a libpython, too. Each time in a process of its own. After the first few
 * only every STEPth of them, 8 where that is not set. */
#define _GNU_SOURCE
#include "check.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t),
    *__libc_memalign(size_t, size_t);

#define NEVER (~0UL)

static atomic_ulong count, fails_at = NEVER, more;

/* Is this the turn of an allocation that code at this address asked for? */
static int fails_now(const void *caller) {
    Dl_info info;
    unsigned long number;
    if (fails_at == NEVER || !dladdr(caller, &info) || !strstr(info.dli_fname, "/libcloudpickle")) return 0;
    number = count++;
    return number >= fails_at && number - fails_at <= more;
}

#define CALLER __builtin_return_address(0)

void *malloc(size_t size) {
    return fails_now(CALLER) ? NULL : __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    return fails_now(CALLER) ? NULL : __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
    return fails_now(CALLER) ? NULL : __libc_realloc(old, size);
}

int posix_memalign(void **place, size_t align, size_t size) {
    if (fails_now(CALLER)) return ENOMEM;
    *place = __libc_memalign(align, size);
    return *place ? 0 : ENOMEM;
}

enum { NONE_FAILED, WORKED, FAILED };

static int one(unsigned long number, unsigned long all) {
    cp_error *err = NULL;
    cp_init_options options = CP_INIT_OPTIONS_INIT;
    cp_status status;
    unsigned long asked;
    options.program = getenv("CP_PYTHON");
    more = all ? NEVER - 1 : 0;
    fails_at = number;
    status = cp_initialize(&options, &err);
    fails_at = NEVER;
    asked = count;
    if (status != CP_OK) {
        CHECK(status == CP_ERR_NO_MEMORY && asked > number);
        FAILS(CP_ERR_NO_MEMORY, status, "memory");
        OK(cp_initialize(&options, &err));
    }
    cp_decref(value("[1]", NULL));
    return status != CP_OK ? FAILED : asked > number ? WORKED : NONE_FAILED;
}

int main(void) {
    unsigned long outcomes[3] = {0}, step = getenv("STEP") ? strtoul(getenv("STEP"), NULL, 10) : 8;
    CHECK(step > 0);
    for (unsigned long all = 0; all < 2; all++) {
        int outcome = WORKED;
        for (unsigned long number = 0; outcome != NONE_FAILED; number += number < 8 ? 1 : step) {
            int status;
            pid_t child = fork();
            CHECK(child >= 0);
            if (child == 0) _exit(one(number, all));
            CHECK(waitpid(child, &status, 0) == child);
            if (!WIFEXITED(status) || WEXITSTATUS(status) > FAILED) {
                fprintf(stderr, "allocation %lu%s: ended by %d\n", number, all ? " and all after it" : "", status);
                return 1;
            }
            outcomes[outcome = WEXITSTATUS(status)]++;
        }
    }
    CHECK(outcomes[FAILED] > 0);
    printf("%lu said so, %lu did their work\nok\n", outcomes[FAILED], outcomes[WORKED]);
    return 0;
}
