/* Loses pickles and reports: whoever looks for leaks must find both. More than one, since the last address may still lie
 * about on the stack. */
#include "check.h"

static void lose(void) {
    cp_buffer out;
    cp_error *err = NULL;
    struct _object *object = value("[1, 2, 3]", NULL);
    OK(cp_dumps(object, NULL, &out, &err));
    cp_decref(object);
    memset(&out, 0, sizeof out);
    CHECK(cp_eval("1 / 0", NULL, &object, &err) == CP_ERR_PYTHON && err != NULL);
}

int main(void) {
    cp_error *err = NULL;
    OK(cp_initialize(NULL, &err));
    for (int i = 0; i < 3; i++) lose();
    OK(cp_finalize(&err));
    puts("ok");
    return 0;
}
