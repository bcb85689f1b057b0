/* environments PYTHON...: Python is started for each of these programs, one after the other in this process; says for each
 * what sys.prefix is, and what a module says that lies in its site-packages. */
#include "check.h"

int main(int argc, char **argv) {
    cp_error *err = NULL;
    CHECK(argc > 1);
    for (int i = 1; i < argc; i++) {
        cp_init_options options = CP_INIT_OPTIONS_INIT;
        cp_buffer prefix, words;
        options.program = argv[i];
        OK(cp_initialize(&options, &err));
        struct _object *object = value("__import__('sys').prefix", NULL);
        OK(cp_str(object, &prefix, &err));
        cp_decref(object);
        OK(cp_import("only_here:WORDS", &object, &err));
        OK(cp_str(object, &words, &err));
        cp_decref(object);
        printf("%s: %s\n", (const char *)prefix.data, (const char *)words.data);
        cp_buffer_release(&prefix);
        cp_buffer_release(&words);
        OK(cp_finalize(&err));
    }
    puts("ok");
    return 0;
}
