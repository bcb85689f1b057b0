/* cloudpickle.h - C API of libcloudpickle 0.1.0. Generated: header/ and src/capi are its source.
 *
 * Pickles and unpickles Python objects as the Python package "cloudpickle" does (functions, lambdas, classes, modules by
 * value), from C, from C++, from a Python extension, from ctypes, and from any other language that can call C. C99 or
 * later, C++11 or later.
 *
 * LIBRARIES
 *   libcloudpickle.so.0        Uses the Python that is already in the process; is not linked to any libpython. For
 *                              extension modules and ctypes, and for programs that link libpython themselves:
 *                              cc x.c $(pkg-config --cflags --libs cloudpickle) $(python3-config --embed --ldflags)
 *                              It is built for one CPython minor version (3.9 to 3.15); it refuses another one with a
 *                              clear status. (A loader that binds all symbols at once, as Python's own does, may refuse
 *                              it first, for a symbol that is missing.)
 *   libcloudpickle-embed.so.0  The same functions; finds and loads a libpython in cp_initialize, and with it the
 *                              libcloudpickle that is built for it. For programs with no Python of their own (Node.js,
 *                              Java, Go, Lua, Perl, Ruby, or C that runs with whichever Python there is):
 *                              cc x.c $(pkg-config --cflags --libs cloudpickle-embed)
 *                              In a process that has a Python, it uses that one.
 *
 * CONVENTIONS, true of every function unless its comment says otherwise
 *   Result     CP_OK (0) or a negative cp_status. Out parameters are written on every path: the result, or NULL / zeroes.
 *              Any call may answer CP_ERR_INVALID_ARGUMENT, CP_ERR_NO_MEMORY, CP_ERR_PYTHON or CP_ERR_INTERNAL, and any
 *              that takes the GIL CP_ERR_NOT_INITIALIZED, CP_ERR_FINALIZING or CP_ERR_INCOMPATIBLE_PYTHON; a comment
 *              names what comes on top ("Also ...").
 *   Errors     The last parameter, cp_error **err, may be NULL. If it is not, *err becomes NULL or a report that the
 *              caller frees with cp_error_free. If it is NULL and the caller holds the GIL, a Python exception is left
 *              set (what extension modules and ctypes.PyDLL want), except by a function marked [GIL none]; if it is NULL
 *              and the caller does not hold the GIL, no Python exception is left anywhere. An exception that was set
 *              before the call is still set after it, or is the __context__ of the new one.
 *   Threads    Any native thread may call, also at the same time. No error or other result hangs on the thread: two
 *              calls that belong together need not come from one thread (goroutines, virtual threads, worker pools).
 *   GIL        A function marked [GIL auto] takes the GIL itself, whether or not the caller holds it; one marked
 *              [GIL none] never touches Python; one marked [GIL held] must be called with it.
 *              In a free-threaded Python (3.14 and later) to take the GIL is to attach the thread, and calls run at the
 *              same time.
 *              In a sub-interpreter: Python 3.12 and later, nothing special. Before 3.12 the caller must hold the GIL
 *              and pass CP_GIL_HELD, else the call deadlocks (PyGILState_Ensure knows one interpreter).
 *   Ownership  PyObject pointers passed in are borrowed; those returned are new references. `const char *` results
 *              belong to the object they came from. Strings are UTF-8, NUL-terminated. Memory from this library is
 *              freed by this library only.
 *   Callbacks  Run in the calling thread, during the call only. They must not throw a C++ exception (the process
 *              aborts), longjmp, or call pthread_exit. They may call this library. With the GIL held they may use the
 *              Python API; a Python exception they leave set is the one that the call reports.
 *   Options    Every option struct begins with struct_size. Initialise it with its *_INIT macro. Fields are only
 *              appended, and a zero in a new field means what was done before. A struct longer than the library knows
 *              is accepted while its unknown tail is zero, else CP_ERR_UNSUPPORTED. Unknown flag bits:
 *              CP_ERR_INVALID_ARGUMENT. Reserved fields must be 0.
 *   Panics     No Rust panic leaves the library: CP_ERR_INTERNAL.
 *   Fork       After fork() in an embedding process the child may only exec or _exit. (os.fork() in Python is fine.)
 *   Unload     The library stays loaded: dlclose does nothing (-z nodelete).
 *   Security   Loading a pickle runs code of its author's choice. Load only what you would run.
 *
 * ABI          Within one soname functions, flags, status codes and trailing option fields are only added.
 */
#ifndef CLOUDPICKLE_H
#define CLOUDPICKLE_H

#include <stddef.h>
#include <stdint.h>

/* The version of this header. */
#define CP_VERSION "0.1.0"

#if defined(_WIN32)
#define CP_API __declspec(dllimport)
#elif defined(__GNUC__)
#define CP_API __attribute__((visibility("default")))
#else
#define CP_API
#endif
#if defined(__GNUC__)
#define CP_CHECK __attribute__((warn_unused_result))
#else
#define CP_CHECK
#endif
/* In C++ no function of this library throws; only function types carry noexcept from C++17 on, so plain C callbacks stay
 * acceptable in C++11. */
#if defined(__cplusplus)
#define CP_NOTHROW noexcept
extern "C" {
#else
#define CP_NOTHROW
#endif

/* Python.h makes PyObject a typedef of this struct, so that a PyObject * fits wherever `struct _object *` stands. Python.h
 * may be included or not; if it is, first, as CPython asks. */
struct _object;

/* --------------------------------------------------------------------------------------------------------- versions */

/* All texts are in static memory. */

/* The number in the soname. */
#define CP_ABI_MAJOR 0

/* Grows with what is added. */
#define CP_ABI_MINOR 1

/* The version of the loaded library, as CP_VERSION is that of the header. [GIL none] Since 0.1. */
CP_API const char *cp_version(void) CP_NOTHROW;

/* CP_ABI_MAJOR << 16 | CP_ABI_MINOR of the loaded library. [GIL none] Since 0.1. */
CP_API uint32_t cp_abi_version(void) CP_NOTHROW;

/* The version of the Python package cloudpickle whose bytes this library writes. [GIL none] Since 0.1. */
CP_API const char *cp_compat_version(void) CP_NOTHROW;

/* The version of the running Python, e.g. "3.12.1"; NULL if none runs. [GIL none] Since 0.1. */
CP_API const char *cp_python_version(void) CP_NOTHROW;

/* ----------------------------------------------------------------------------------------------------------- status */

/* CP_OK, or one of the negative values below. A negative value that a program does not know is to be treated like
 * CP_ERR_PYTHON. Values are never reused. */
typedef int32_t cp_status;

/* The values of cp_status. */
enum {
    CP_OK = 0,
    /* NULL, a bad struct_size, an unknown flag, a value out of range; the message names the argument. */
    CP_ERR_INVALID_ARGUMENT = -1,
    /* No memory; also a Python MemoryError. */
    CP_ERR_NO_MEMORY = -2,
    /* No Python runs in this process. */
    CP_ERR_NOT_INITIALIZED = -3,
    /* Python is shutting down. */
    CP_ERR_FINALIZING = -4,
    /* Not the CPython that this library was built for. */
    CP_ERR_INCOMPATIBLE_PYTHON = -5,
    /* libcloudpickle-embed: libpython was not found, or does not load. */
    CP_ERR_LIBPYTHON = -6,
    /* A Python exception that has no status of its own. */
    CP_ERR_PYTHON = -7,
    /* The object cannot be pickled: PicklingError, or a TypeError, AttributeError or RecursionError on the way. */
    CP_ERR_PICKLING = -8,
    /* Truncated or corrupt data, or a name in it that is not there: UnpicklingError, EOFError, IndexError, ImportError,
     * AttributeError, UnicodeDecodeError, and what else the loader itself raises about bad data. */
    CP_ERR_UNPICKLING = -9,
    /* A system call failed, or a file object raised OSError: the error's code is errno. */
    CP_ERR_IO = -10,
    /* A callback stopped the call: the error's code is what it returned. */
    CP_ERR_CALLBACK = -11,
    /* A limit was reached: one in the options, or the built-in one on depth. */
    CP_ERR_LIMIT = -12,
    /* Not with this protocol, this Python, or this library. */
    CP_ERR_UNSUPPORTED = -13,
    /* A bug in this library. */
    CP_ERR_INTERNAL = -99,
};

/* A static English word for a status, e.g. "unpickling"; "unknown" for a value that is none. Never NULL.
 * [GIL none] Since 0.1. */
CP_API const char *cp_status_name(cp_status status) CP_NOTHROW;

/* ----------------------------------------------------------------------------------------------------------- errors */

/* An immutable report of one failure. It holds no reference to a Python object, so that it outlives the interpreter
 * and needs no GIL. All getters accept NULL, and then say "no error". */
typedef struct cp_error cp_error;

/* What failed. [GIL none] Since 0.1. */
CP_API cp_status cp_error_status(const cp_error *err) CP_NOTHROW;

/* errno, or what the callback returned, or 0. [GIL none] Since 0.1. */
CP_API int64_t cp_error_code(const cp_error *err) CP_NOTHROW;

/* What happened, in words; never NULL. For a Python exception: str(exception), or its type if that is empty.
 * [GIL none] Since 0.1. */
CP_API const char *cp_error_message(const cp_error *err) CP_NOTHROW;

/* "module.QualName" of the Python exception's type, e.g. "_pickle.PicklingError"; NULL if there was no exception.
 * [GIL none] Since 0.1. */
CP_API const char *cp_error_python_type(const cp_error *err) CP_NOTHROW;

/* The formatted traceback, causes included; NULL if there was no exception. [GIL none] Since 0.1. */
CP_API const char *cp_error_traceback(const cp_error *err) CP_NOTHROW;

/* Where in the object that was dumped the culprit lies, e.g. "obj.conf['db'][3].pool"; NULL if it is the object itself,
 * or if no object is to blame. Most messages end with it. [GIL none] Since 0.1. */
CP_API const char *cp_error_path(const cp_error *err) CP_NOTHROW;

/* Ends a report. NULL is accepted. [GIL none] Since 0.1. */
CP_API void cp_error_free(cp_error *err) CP_NOTHROW;

/* ---------------------------------------------------------------------------------------------------------- buffers */

/* Bits of cp_buffer.flags. */
enum {
    /* Not to be written. Without it, the memory may be written through a cast of data. */
    CP_BUFFER_READONLY = 1,
};

/* Memory with its owner, in the manner of the Arrow C data interface. Whoever holds a struct whose release is not NULL
 * must call it once. To move it, copy the struct and set the source's release to NULL. The struct may lie anywhere:
 * release uses only its contents. release may be called from any thread, with or without the GIL, also after Python
 * was finalised. A producer other than this library fills in its own release. */
typedef struct cp_buffer {
    /* May be NULL if len is 0. */
    const uint8_t *data;
    size_t len;
    /* CP_BUFFER_*. */
    uint32_t flags;
    /* 0. */
    uint32_t reserved;
    /* NULL: released, moved out, or memory without an owner. */
    void (*release)(struct cp_buffer *buf);
    /* The producer's. */
    void *private_data;
} cp_buffer;

/* A list of buffers, with its memory. */
typedef struct cp_buffers cp_buffers;

/* Releases *buf unless that was done, and zeroes it. NULL is accepted. [GIL none for memory of this library; GIL auto
 * for memory of Python objects, which are the out-of-band buffers and cp_as_buffer's] Since 0.1. */
CP_API void cp_buffer_release(cp_buffer *buf) CP_NOTHROW;

/* The array; valid until cp_buffers_free. Elements may be moved out. NULL if the list is NULL or empty.
 * [GIL none] Since 0.1. */
CP_API cp_buffer *cp_buffers_data(cp_buffers *list) CP_NOTHROW;

/* How many there are; 0 for NULL. [GIL none] Since 0.1. */
CP_API size_t cp_buffers_len(const cp_buffers *list) CP_NOTHROW;

/* Releases what was not moved out, and ends the list. NULL is accepted. [GIL as cp_buffer_release] Since 0.1. */
CP_API void cp_buffers_free(cp_buffers *list) CP_NOTHROW;

/* ------------------------------------------------------------------------------------------------------ interpreter */

/* For programs that have no Python running yet. In a Python process none of this is needed. */

/* Bits of cp_init_options.flags. */
enum {
    /* Python installs its signal handlers (with CP_INIT_THIS_THREAD, where its main thread can run them). Default: the
     * host's dispositions of SIGINT and SIGPIPE are kept, also over a later "import signal". */
    CP_INIT_SIGNALS = 1,
    /* Like python -I: PYTHON* variables and the user's site are ignored. */
    CP_INIT_ISOLATED = 2,
    /* The calling thread becomes Python's main thread (needed for signal.signal and some GUI kits); then it must also
     * finalise. Default: a thread of the library's own, so that any thread may finalise. */
    CP_INIT_THIS_THREAD = 4,
    /* Do not re-open libpython with RTLD_GLOBAL; then C extension modules fail to import in hosts that load libraries
     * RTLD_LOCAL. (libcloudpickle-embed loads it so in any case.) */
    CP_INIT_NO_GLOBAL = 8,
};

/* How to start Python. Strings are copied. Initialise it with CP_INIT_OPTIONS_INIT; NULL for it means the same. */
typedef struct cp_init_options {
    size_t struct_size;
    /* CP_INIT_*. */
    uint32_t flags;
    /* 0. */
    uint32_t reserved;
    /* The python executable to stand for, e.g. "/srv/venv/bin/python": decides sys.executable, sys.prefix, the virtual
     * environment. NULL: $CP_PYTHON, else python3 on PATH. libcloudpickle-embed runs it to learn which libpython is
     * meant; it also takes a name to be looked for on PATH and the folder of a virtual environment, and asks
     * $VIRTUAL_ENV behind $CP_PYTHON. */
    const char *program;
    /* For libcloudpickle-embed: the file of the libpython to load. NULL: $CP_LIBPYTHON unless program is set, else the
     * one of program; where nothing is named at all, a libpython that the loader finds is the last resort. */
    const char *libpython;
    /* PYTHONHOME; NULL: computed. */
    const char *home;
} cp_init_options;

#define CP_INIT_OPTIONS_INIT { sizeof(cp_init_options), 0, 0, NULL, NULL, NULL }

/* Makes Python ready, and counts one user. If Python runs already (in an extension module; or another part of the
 * program started it) it is used as it is, and options are ignored but for their checks. Afterwards the caller does
 * not hold the GIL unless it did before. Not needed in a Python process. The process's locale is left alone: where
 * LC_CTYPE is "C", as in a program that never called setlocale, Python runs in its UTF-8 mode.
 * CP_ERR_PYTHON: Python could not start, and the message is its own; CPython may not start again in this process then.
 * CP_ERR_FINALIZING: a cp_finalize is under way.
 * libcloudpickle-embed: CP_ERR_LIBPYTHON, no libpython could be loaded, or CP_ERR_INCOMPATIBLE_PYTHON, there is no
 * libcloudpickle for it; the message says what was looked for and where.
 * [GIL none] Since 0.1. */
CP_API CP_CHECK cp_status cp_initialize(const cp_init_options *options, cp_error **err) CP_NOTHROW;

/* Takes back one cp_initialize. The last one ends Python if this library started it: waits for calls that are in
 * progress and for Python threads that are no daemons (which is what threading makes of a thread that is started in a
 * thread of the host's, unless daemon=False is said), and lets later calls return CP_ERR_FINALIZING, then
 * CP_ERR_NOT_INITIALIZED. References that the program still has become invalid; errors and buffers do not. The caller
 * must not hold the GIL and must not be in a callback (CP_ERR_INVALID_ARGUMENT). Ending Python is optional; starting it
 * again works only as far as CPython and the imported extension modules allow (CPython 3.12.1 crashes after datetime
 * or decimal).
 * CP_ERR_NOT_INITIALIZED: without a matching initialize. CP_ERR_PYTHON: Python ended, but could not flush its output.
 * [GIL none] Since 0.1. */
CP_API cp_status cp_finalize(cp_error **err) CP_NOTHROW;

/* 0: no Python; 1: running, started by this library; 2: running, started by others; 3: shutting down.
 * [GIL none] Since 0.1. */
CP_API int cp_state(void) CP_NOTHROW;

/* ------------------------------------------------------------------------------------------------------------- dump */

/* The bytes are those that the Python package cloudpickle writes for the same object in the same Python: what has it
 * installed loads them with its own pickle.loads. */

/* Bits of the flags in the options of dump and load. */
enum {
    /* The caller holds the GIL; do not take it (see GIL above). */
    CP_GIL_HELD = 1,
    /* Release the GIL around write and read callbacks. What they are given is then either the library's own memory or
     * memory that is pinned for the time of the call. */
    CP_RELEASE_GIL = 2,
};

/* The highest protocol of the running Python, as in the Python package. */
#define CP_PROTOCOL_DEFAULT (-1)

/* Takes exactly len bytes, never a part. 0: go on; else: stop with CP_ERR_CALLBACK. data is valid during the call
 * only. */
typedef int (*cp_write_fn)(void *ctx, const uint8_t *data, size_t len);

/* Is offered one out-of-band buffer (PEP 574), contiguous, in pickle order. 0: taken (move *buf out; if its release is
 * left set the library releases it); > 0: write it in band; < 0: stop with CP_ERR_CALLBACK. Called with the GIL. */
typedef int (*cp_buffer_fn)(void *ctx, cp_buffer *buf);

/* How to dump. Initialise it with CP_DUMP_OPTIONS_INIT; NULL for it means the same. */
typedef struct cp_dump_options {
    size_t struct_size;
    /* CP_GIL_HELD, CP_RELEASE_GIL. */
    uint32_t flags;
    /* 0 to 5, or CP_PROTOCOL_DEFAULT (any negative number); below 4 as far as the object allows. */
    int32_t protocol;
    /* NULL: all data in band. Else the protocol must be 5. */
    cp_buffer_fn on_buffer;
    void *on_buffer_ctx;
    /* Stop with CP_ERR_LIMIT before exceeding this; 0: no limit. */
    uint64_t max_bytes;
    /* A callable like Pickler.reducer_override, asked first; NULL: none. Borrowed. */
    struct _object *reducer;
    /* Stop with CP_ERR_LIMIT when more containers than this wait for what lies in them: of `[[[1]]]` two, since a list,
     * tuple or dict of numbers, texts and the like does not wait. An object that is not of the protocol's own types
     * counts as eight and one for each of its parts. 0: two million, where a __reduce__ that never ends has taken some
     * 100 MB, or a quarter of the machine's memory if its objects are large. */
    uint64_t max_depth;
} cp_dump_options;

#define CP_DUMP_OPTIONS_INIT { sizeof(cp_dump_options), 0, CP_PROTOCOL_DEFAULT, NULL, NULL, 0, NULL, 0 }

/* To memory.
 * obj: what to dump. options: NULL for the defaults. *out: the pickle, owned by the caller.
 * Also CP_ERR_PICKLING, CP_ERR_LIMIT, CP_ERR_UNSUPPORTED, CP_ERR_CALLBACK (on_buffer's). [GIL auto] Since 0.1. */
CP_API CP_CHECK cp_status cp_dumps(struct _object *obj, const cp_dump_options *options, cp_buffer *out,
        cp_error **err) CP_NOTHROW;

/* To memory, with every buffer out of band.
 * options: on_buffer, if set, is shown each buffer without its ownership, and only decides (0: out of band, > 0: in
 * band). *out: the pickle; *buffers: the list, in pickle order, NULL if there are none; both owned by the caller.
 * Statuses as cp_dumps; CP_ERR_UNSUPPORTED below protocol 5. [GIL auto] Since 0.1. */
CP_API CP_CHECK cp_status cp_dumps_oob(struct _object *obj, const cp_dump_options *options, cp_buffer *out,
        cp_buffers **buffers, cp_error **err) CP_NOTHROW;

/* Through a callback, in order: frames of some 64 KiB, and large bytes objects each in one piece and not copied. What
 * was written before a failure stays written.
 * write: called with ctx, and with the GIL unless CP_RELEASE_GIL is set; a Python exception that it leaves set is the
 * one that is reported.
 * Also CP_ERR_CALLBACK, CP_ERR_PICKLING, CP_ERR_LIMIT, CP_ERR_UNSUPPORTED. [GIL auto] Since 0.1. */
CP_API CP_CHECK cp_status cp_dump(struct _object *obj, cp_write_fn write, void *ctx, const cp_dump_options *options,
        cp_error **err) CP_NOTHROW;

/* To a blocking file descriptor at its position; not closed, not synced. Handles short writes and EINTR, gathers small
 * pieces with writev, and releases the GIL meanwhile. What was written before a failure stays written. SIGPIPE is as
 * the host has it.
 * Also CP_ERR_IO, CP_ERR_PICKLING, CP_ERR_LIMIT, CP_ERR_UNSUPPORTED, CP_ERR_CALLBACK (on_buffer's).
 * [GIL auto] Since 0.1. */
CP_API CP_CHECK cp_status cp_dump_fd(struct _object *obj, int fd, const cp_dump_options *options,
        cp_error **err) CP_NOTHROW;

/* To a Python object with a write method, which is given bytes objects, and large buffers as the objects that they are.
 * file: without a write method it is CP_ERR_INVALID_ARGUMENT (TypeError).
 * Also CP_ERR_IO (an OSError out of write), CP_ERR_PICKLING, CP_ERR_LIMIT, CP_ERR_UNSUPPORTED, CP_ERR_CALLBACK
 * (on_buffer's). [GIL auto] Since 0.1. */
CP_API CP_CHECK cp_status cp_dump_file(struct _object *obj, struct _object *file, const cp_dump_options *options,
        cp_error **err) CP_NOTHROW;

/* For extension modules and ctypes.PyDLL: a new bytes object, or NULL with a Python exception set.
 * protocol: 0 to 5, or any negative number for the highest. [GIL held] Since 0.1. */
CP_API struct _object *cp_dumps_bytes(struct _object *obj, int protocol) CP_NOTHROW;

/* ------------------------------------------------------------------------------------------------------------- load */

/* Loading a pickle runs code of its author's choice. Load only what you would run. */

/* Puts up to len (> 0) bytes at data and returns how many; 0: end of data; negative: stop with CP_ERR_CALLBACK. Is
 * never asked for more than the pickle being loaded needs, so that pickles may follow one another in a stream. */
typedef ptrdiff_t (*cp_read_fn)(void *ctx, uint8_t *data, size_t len);

/* Resolves a global. > 0: *out is a new reference to use; 0: look it up as usual; < 0: refuse (UnpicklingError).
 * Called with the GIL. An allow-list that stops casual misuse, not a sandbox. */
typedef int (*cp_find_fn)(void *ctx, const char *module, const char *qualname, struct _object **out);

/* How to load. Initialise it with CP_LOAD_OPTIONS_INIT; NULL for it means the same. */
typedef struct cp_load_options {
    size_t struct_size;
    /* CP_GIL_HELD, CP_RELEASE_GIL. */
    uint32_t flags;
    /* 0. */
    uint32_t reserved;
    /* Out-of-band buffers in pickle order. All are moved into the library whatever the outcome (unless struct_size is
     * wrong); each one's release is called, from any thread, when Python drops its last view of it. An element without
     * release must stay valid for ever. */
    cp_buffer *buffers;
    size_t n_buffers;
    /* NULL: as usual. */
    cp_find_fn find_global;
    void *find_global_ctx;
    /* For streams: stop with CP_ERR_LIMIT before taking more; 0: no limit. */
    uint64_t max_bytes;
} cp_load_options;

#define CP_LOAD_OPTIONS_INIT { sizeof(cp_load_options), 0, 0, NULL, 0, NULL, NULL, 0 }

/* From memory, which is read during the call only. Bytes after the pickle's end are ignored.
 * Functions of several loads of the same code may share the code object, which nobody can change.
 * *out: a new reference. *used (used may be NULL): where the pickle ended.
 * Also CP_ERR_UNPICKLING, CP_ERR_CALLBACK (find_global's). [GIL auto] Since 0.1. */
CP_API CP_CHECK cp_status cp_loads(const void *data, size_t len, const cp_load_options *options, struct _object **out,
        size_t *used, cp_error **err) CP_NOTHROW;

/* From a callback.
 * read: called with ctx, and with the GIL unless CP_RELEASE_GIL is set; a Python exception that it leaves set is the
 * one that is reported. *out: a new reference.
 * Also CP_ERR_CALLBACK, CP_ERR_UNPICKLING, CP_ERR_LIMIT. [GIL auto] Since 0.1. */
CP_API CP_CHECK cp_status cp_load(cp_read_fn read, void *ctx, const cp_load_options *options, struct _object **out,
        cp_error **err) CP_NOTHROW;

/* From a blocking file descriptor; reads no further than the pickle's end. Handles EINTR, and releases the GIL
 * meanwhile.
 * *out: a new reference.
 * Also CP_ERR_IO, CP_ERR_UNPICKLING, CP_ERR_LIMIT, CP_ERR_CALLBACK (find_global's). [GIL auto] Since 0.1. */
CP_API CP_CHECK cp_status cp_load_fd(int fd, const cp_load_options *options, struct _object **out,
        cp_error **err) CP_NOTHROW;

/* From a Python object with read and readline (and readinto, peek if it has them).
 * file: without these methods it is CP_ERR_INVALID_ARGUMENT (TypeError). *out: a new reference.
 * Also CP_ERR_IO (an OSError out of the file), CP_ERR_UNPICKLING, CP_ERR_LIMIT, CP_ERR_CALLBACK (find_global's).
 * [GIL auto] Since 0.1. */
CP_API CP_CHECK cp_status cp_load_file(struct _object *file, const cp_load_options *options, struct _object **out,
        cp_error **err) CP_NOTHROW;

/* For extension modules and ctypes.PyDLL: from a bytes-like object; a new reference, or NULL with a Python exception
 * set. [GIL held] Since 0.1. */
CP_API struct _object *cp_loads_bytes(struct _object *bytes_like) CP_NOTHROW;

/* Makes plain pickle.loads load what this library and cloudpickle write, in a process without the Python package
 * cloudpickle: puts modules of the library's own into sys.modules in its place. Does nothing where the package is
 * imported or could be.
 * [GIL auto] Since 0.1. */
CP_API cp_status cp_install(cp_error **err) CP_NOTHROW;

/* The Python module libcloudpickle, which this file also is: the interface of cloudpickle, with classes Pickler and
 * Unpickler. It is imported for a host that has the library but not its folder on sys.path.
 * *out: a new reference. [GIL auto] Since 0.1. */
CP_API CP_CHECK cp_status cp_python_module(struct _object **out, cp_error **err) CP_NOTHROW;

/* ------------------------------------------------------------------------------------------------- modules by value */

/* Functions and classes of a registered module, and of its sub-modules, are pickled by value. The register is the
 * calling interpreter's, and is the Python package's own where that is imported. What it refuses (what is no module,
 * was not imported, is not registered) is CP_ERR_INVALID_ARGUMENT (ValueError). */

/* Registers an imported module. [GIL auto] Since 0.1. */
CP_API cp_status cp_register_by_value(struct _object *module, cp_error **err) CP_NOTHROW;

/* Takes a module off the register. [GIL auto] Since 0.1. */
CP_API cp_status cp_unregister_by_value(struct _object *module, cp_error **err) CP_NOTHROW;

/* Registers an imported module by its name. [GIL auto] Since 0.1. */
CP_API cp_status cp_register_by_value_name(const char *module, cp_error **err) CP_NOTHROW;

/* Takes a module off the register by its name. [GIL auto] Since 0.1. */
CP_API cp_status cp_unregister_by_value_name(const char *module, cp_error **err) CP_NOTHROW;

/* *out: a new set of the names that are registered, a copy. [GIL auto] Since 0.1. */
CP_API cp_status cp_list_by_value(struct _object **out, cp_error **err) CP_NOTHROW;

/* -------------------------------------------------------------------------------- for hosts without the CPython API */

/* Just enough to make an object to dump, and to use one that was loaded. */

/* Adds a reference, and returns obj. NULL, and any call while no Python runs, is ignored. [GIL auto] Since 0.1. */
CP_API struct _object *cp_incref(struct _object *obj) CP_NOTHROW;

/* Drops a reference. NULL, and any call while no Python runs, is ignored. [GIL auto] Since 0.1. */
CP_API void cp_decref(struct _object *obj) CP_NOTHROW;

/* The value of a Python expression, in a namespace of its own that is called __main__.
 * args: a tuple, or NULL; the expression finds it as "args". *out: a new reference. [GIL auto] Since 0.1. */
CP_API CP_CHECK cp_status cp_eval(const char *expression, struct _object *args, struct _object **out,
        cp_error **err) CP_NOTHROW;

/* A module, or with "module:qualname" something in it.
 * *out: a new reference. [GIL auto] Since 0.1. */
CP_API CP_CHECK cp_status cp_import(const char *name, struct _object **out, cp_error **err) CP_NOTHROW;

/* callable(*args).
 * args: n_args objects; may be NULL if n_args is 0. *out: a new reference. [GIL auto] Since 0.1. */
CP_API CP_CHECK cp_status cp_call(struct _object *callable, struct _object *const *args, size_t n_args,
        struct _object **out, cp_error **err) CP_NOTHROW;

/* A new reference to None; NULL without Python. [GIL auto] Since 0.1. */
CP_API struct _object *cp_from_none(void) CP_NOTHROW;

/* A new int; NULL without memory or without Python. [GIL auto] Since 0.1. */
CP_API struct _object *cp_from_int64(int64_t value) CP_NOTHROW;

/* A new float; NULL without memory or without Python. [GIL auto] Since 0.1. */
CP_API struct _object *cp_from_double(double value) CP_NOTHROW;

/* A new str; NULL without memory, without Python, or if the text is not UTF-8. [GIL auto] Since 0.1. */
CP_API struct _object *cp_from_utf8(const char *text, size_t len) CP_NOTHROW;

/* A new bytes object; NULL without memory or without Python. [GIL auto] Since 0.1. */
CP_API struct _object *cp_from_bytes(const void *data, size_t len) CP_NOTHROW;

/* int(obj), if it fits. *out: the number, 0 on failure. [GIL auto] Since 0.1. */
CP_API CP_CHECK cp_status cp_as_int64(struct _object *obj, int64_t *out, cp_error **err) CP_NOTHROW;

/* float(obj). *out: the number, 0 on failure. [GIL auto] Since 0.1. */
CP_API CP_CHECK cp_status cp_as_double(struct _object *obj, double *out, cp_error **err) CP_NOTHROW;

/* str(obj) as UTF-8. *out: owned by the caller; data[len] is 0. [GIL auto] Since 0.1. */
CP_API CP_CHECK cp_status cp_str(struct _object *obj, cp_buffer *out, cp_error **err) CP_NOTHROW;

/* repr(obj) as UTF-8. *out: owned by the caller; data[len] is 0. [GIL auto] Since 0.1. */
CP_API CP_CHECK cp_status cp_repr(struct _object *obj, cp_buffer *out, cp_error **err) CP_NOTHROW;

/* The contents of a bytes-like object, contiguous, not copied. *out: owned by the caller; it keeps the object alive.
 * [GIL auto] Since 0.1. */
CP_API CP_CHECK cp_status cp_as_buffer(struct _object *obj, cp_buffer *out, cp_error **err) CP_NOTHROW;

/* -------------------------------------------------------------------------------------------------- FILE *, inline */

/* A FILE * does not cross the library boundary (its libc might be another one): pass one of these as the callback.
 *   #define CP_STDIO
 *   #include <cloudpickle.h>
 *   cp_dump(obj, cp_write_stdio, stdout, NULL, &err) */
#if defined(CP_STDIO)
#include <stdio.h>
static inline int cp_write_stdio(void *file, const uint8_t *data, size_t len) {
    return fwrite(data, 1, len, (FILE *)file) == len ? 0 : 1;
}
static inline ptrdiff_t cp_read_stdio(void *file, uint8_t *data, size_t len) {
    size_t n = fread(data, 1, len, (FILE *)file);
    return n == 0 && ferror((FILE *)file) ? -1 : (ptrdiff_t)n;
}
#endif

#if defined(__cplusplus)
} /* extern "C" */
#endif

/* The layouts that this header promises on LP64 systems. */
#if defined(__LP64__) && ((defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L) || defined(__cplusplus))
#if defined(__cplusplus)
#define CP_ASSERT_(x) static_assert(x, #x)
#else
#define CP_ASSERT_(x) _Static_assert(x, #x)
#endif
CP_ASSERT_(sizeof(cp_buffer) == 40 && offsetof(cp_buffer, release) == 24);
CP_ASSERT_(sizeof(cp_init_options) == 40 && offsetof(cp_init_options, program) == 16);
CP_ASSERT_(sizeof(cp_dump_options) == 56 && offsetof(cp_dump_options, on_buffer) == 16);
CP_ASSERT_(sizeof(cp_load_options) == 56 && offsetof(cp_load_options, buffers) == 16);
#undef CP_ASSERT_
#endif

#endif /* CLOUDPICKLE_H */
