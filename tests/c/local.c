/* local LIBRARY: a host that loads the library for itself alone, as Lua, Perl, Node.js and Java do. Extension modules find
 * libpython all the same. */
#include "check.h"

#include <dlfcn.h>

int main(int argc, char **argv) {
    CHECK(argc == 2);
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    cp_status (*initialize)(const cp_init_options *, cp_error **);
    cp_status (*import)(const char *, struct _object **, cp_error **);
    cp_status (*finalize)(cp_error **);
    *(void **)&initialize = dlsym(library, "cp_initialize");
    *(void **)&import = dlsym(library, "cp_import");
    *(void **)&finalize = dlsym(library, "cp_finalize");
    CHECK(initialize != NULL && import != NULL && finalize != NULL);
    CHECK(dlsym(RTLD_DEFAULT, "cp_initialize") == NULL && dlsym(RTLD_DEFAULT, "Py_IsInitialized") == NULL);
    CHECK(initialize(NULL, NULL) == CP_OK);
    struct _object *module = NULL;
    const char *names[] = {"_json", "_ctypes", "math", "_datetime"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        CHECK(import(names[i], &module, NULL) == CP_OK && module != NULL);
    CHECK(finalize(NULL) == CP_OK);
    puts("ok");
    return 0;
}
