/* Does what it must not, once: whoever watches must see it. argv[1] says what. */
#include "check.h"

#include <limits.h>

int main(int argc, char **argv) {
    cp_error *err = NULL;
    cp_buffer out;
    struct _object *object;
    OK(cp_initialize(NULL, &err));
    object = value("bytes(100_000)", NULL);
    OK(cp_dumps(object, NULL, &out, &err));
    cp_decref(object);
    if (argc > 1 && strcmp(argv[1], "released") == 0) {
        const volatile uint8_t *data = out.data;
        cp_buffer_release(&out);
        printf("%d\n", data[0]);
    } else if (argc > 1 && strcmp(argv[1], "overflow") == 0) {
        volatile int most = INT_MAX;
        printf("%d\n", most + argc);
    }
    OK(cp_finalize(&err));
    puts("ok");
    return 0;
}
