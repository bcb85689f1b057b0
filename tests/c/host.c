/* What hosts without the CPython API use: the register of modules, and making and reading of objects. */
#include "check.h"

#include <limits.h>

static cp_error *err;

static void registry(void) {
    struct _object *json = NULL, *names = NULL, *number = value("3", NULL);

    OK(cp_import("json", &json, &err));
    OK(cp_list_by_value(&names, &err));
    CHECK(holds("args[0] == set()", names));
    cp_decref(names);
    FAILS(CP_ERR_INVALID_ARGUMENT, cp_unregister_by_value(json, &err), "is not registered");
    OK(cp_register_by_value(json, &err));
    OK(cp_register_by_value(json, &err));
    OK(cp_register_by_value_name("json.decoder", &err));
    OK(cp_list_by_value(&names, &err));
    CHECK(holds("args[0] == {'json', 'json.decoder'} and args[0].clear() is None", names));
    cp_decref(names);
    OK(cp_unregister_by_value_name("json", &err));
    CHECK(cp_unregister_by_value_name("json", &err) == CP_ERR_INVALID_ARGUMENT);
    CHECK(strcmp(cp_error_python_type(err), "builtins.ValueError") == 0);
    cp_error_free(err);
    err = NULL;
    FAILS(CP_ERR_INVALID_ARGUMENT, cp_register_by_value(number, &err), "module");
    FAILS(CP_ERR_INVALID_ARGUMENT, cp_unregister_by_value(number, &err), "module");
    FAILS(CP_ERR_INVALID_ARGUMENT, cp_register_by_value_name("no.such.module", &err), "no.such.module");
    struct _object *stray = value("type(__import__('sys'))('stray')", NULL);
    FAILS(CP_ERR_INVALID_ARGUMENT, cp_register_by_value(stray, &err), "import");
    cp_decref(stray);

    /* The Python package's register is this one: what was registered before it was there is handed over. */
    struct _object *package = NULL;
    OK(cp_import("cloudpickle", &package, &err));
    OK(cp_register_by_value(json, &err));
    CHECK(holds("args[0].list_registry_pickle_by_value() == {'json', 'json.decoder'}", package));
    CHECK(holds("args[0].unregister_pickle_by_value(__import__('json.decoder').decoder) is None", package));
    OK(cp_list_by_value(&names, &err));
    CHECK(holds("args[0] == {'json'}", names));
    cp_decref(names);
    OK(cp_unregister_by_value(json, &err));
    CHECK(holds("args[0].list_registry_pickle_by_value() == set()", package));
    cp_decref(package);
    cp_decref(json);
    cp_decref(number);
}

static void objects(void) {
    struct _object *object, *items[3], *made;
    cp_buffer text;
    int64_t number;
    double real;

    object = cp_from_int64(INT64_MIN);
    OK(cp_as_int64(object, &number, &err));
    CHECK(number == INT64_MIN);
    OK(cp_as_double(object, &real, &err));
    CHECK(real == -9223372036854775808.0);
    cp_decref(object);
    object = value("2**64", NULL);
    FAILS(CP_ERR_PYTHON, cp_as_int64(object, &number, &err), "");
    CHECK(number == 0);
    cp_decref(object);
    object = value("-1", NULL);
    OK(cp_as_int64(object, &number, &err));
    CHECK(number == -1);
    cp_decref(object);
    object = cp_from_double(0.5);
    OK(cp_as_double(object, &real, &err));
    OK(cp_as_int64(object, &number, &err));
    CHECK(real == 0.5 && number == 0);
    cp_decref(object);
    object = cp_from_utf8("sn\xc3\xb6", 4);
    FAILS(CP_ERR_PYTHON, cp_as_double(object, &real, &err), "could not convert");
    OK(cp_str(object, &text, &err));
    CHECK(text.len == 4 && strcmp((const char *)text.data, "sn\xc3\xb6") == 0);
    cp_buffer_release(&text);
    OK(cp_repr(object, &text, &err));
    CHECK(strcmp((const char *)text.data, "'sn\xc3\xb6'") == 0);
    cp_buffer_release(&text);
    cp_decref(object);
    object = value("'\\ud800'", NULL);
    FAILS(CP_ERR_PYTHON, cp_str(object, &text, &err), "surrogates");
    CHECK(text.data == NULL);
    cp_decref(object);
    object = cp_from_bytes("a\0b", 3);
    OK(cp_as_buffer(object, &text, &err));
    CHECK(text.len == 3 && memcmp(text.data, "a\0b", 3) == 0 && text.flags == CP_BUFFER_READONLY);
    cp_decref(object);
    CHECK(text.data[2] == 'b');
    cp_buffer_release(&text);
    object = cp_from_utf8(NULL, 0);
    CHECK(holds("args[0] == ''", object));
    cp_decref(object);
    object = cp_from_none();
    CHECK(holds("args[0] is None", object));

    items[0] = cp_from_int64(20);
    items[1] = cp_from_int64(22);
    OK(cp_import("operator:add", &made, &err));
    OK(cp_call(made, items, 2, &items[2], &err));
    CHECK(holds("args[0] == 42", items[2]));
    cp_decref(items[2]);
    FAILS(CP_ERR_PYTHON, cp_call(made, items, 1, &items[2], &err), "");
    CHECK(items[2] == NULL);
    cp_decref(made);
    OK(cp_import("collections:OrderedDict.fromkeys", &made, &err));
    cp_decref(made);
    FAILS(CP_ERR_PYTHON, cp_import("os:no.such", &made, &err), "no");
    FAILS(CP_ERR_PYTHON, cp_eval("1 +", NULL, &made, &err), "");
    FAILS(CP_ERR_PYTHON, cp_eval("undefined_name", NULL, &made, &err), "undefined_name");
    CHECK(made == NULL);
    object = value("args", NULL);
    CHECK(holds("args[0] == ()", object));
    cp_decref(object);
    int64_t before = references(items[0]);
    CHECK(cp_incref(items[0]) == items[0]);
    CHECK(before > 1000000 || references(items[0]) == before + 1);
    cp_decref(items[0]);
    cp_decref(items[0]);
    cp_decref(items[1]);
}

/* The importable face, for a host whose sys.path does not lead to the library. */
static void module(void) {
    struct _object *module = NULL, *again = NULL;

    OK(cp_python_module(&module, &err));
    CHECK(holds("args[0].__name__ == args[0].__spec__.name == 'libcloudpickle'", module));
    CHECK(holds("args[0].loads(args[0].dumps(lambda: 42))() == 42", module));
    CHECK(holds("args[0] is __import__('libcloudpickle')", module));
    CHECK(holds("issubclass(type('P', (args[0].Pickler,), {}), args[0].CloudPickler)", module));
    OK(cp_python_module(&again, &err));
    CHECK(again == module);
    FAILS(CP_ERR_INVALID_ARGUMENT, cp_python_module(NULL, &err), "out");
    cp_decref(again);
    cp_decref(module);
}

int main(void) {
    OK(cp_initialize(NULL, &err));
    registry();
    objects();
    module();
    OK(cp_finalize(&err));
    puts("ok");
    return 0;
}
