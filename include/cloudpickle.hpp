// cloudpickle.hpp - the C API of libcloudpickle in C++17: owners, exceptions, views. Header only, over cloudpickle.h,
// whose first page holds here too: which library to link, threads, the GIL, security.
//
//     cloudpickle::interpreter python;                              // not in a Python process
//     auto add = cloudpickle::eval("lambda n: n + 2");
//     cloudpickle::buffer pickle = cloudpickle::dumps(add);         // pickle.string(), pickle.vector<std::byte>()
//     auto sum = cloudpickle::loads(pickle)(40).as<int>();
//
// Failures   are thrown: cloudpickle::error, and std::bad_alloc or std::out_of_range where C++ itself is at its limit.
// Callbacks  may throw anything. The exception is kept while the call ends in the way of C, and is then thrown to the
//            caller of the C++ function as itself, with no object lost. (A thread that is cancelled cannot be caught.)
// Ownership  buffer and interpreter are moved only; object is one reference, and copying it takes another. What was
//            moved from is empty. Any thread may end any of them, with or without the GIL.
// Options    are made of named setters: dump_options().protocol(4).max_bytes(1 << 20). One may be used by many calls,
//            also at the same time.
#ifndef CLOUDPICKLE_HPP
#define CLOUDPICKLE_HPP

#include "cloudpickle.h"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <istream>
#include <iterator>
#include <limits>
#include <memory>
#include <new>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>
#if __has_include(<version>)
#include <version>
#endif
#if defined(__cpp_lib_span)
#include <span>
#endif

namespace cloudpickle {

// ------------------------------------------------------------------------------------------------------------- errors

// What a call of the library failed with. Copies share the report.
class error : public std::exception {
public:
    // Takes over a report of the C API.
    explicit error(cp_error *report) : report_(report, cp_error_free) {}
    const char *what() const noexcept override { return cp_error_message(get()); }
    // One of CP_ERR_*.
    cp_status status() const noexcept { return cp_error_status(get()); }
    // errno, or what a callback of C returned.
    std::int64_t code() const noexcept { return cp_error_code(get()); }
    // All texts are NUL-terminated; the last three are empty where there is nothing to say.
    std::string_view message() const noexcept { return what(); }
    // Where the culprit lies: "obj.conf['db'][3].pool".
    std::string_view path() const noexcept { return text(cp_error_path(get())); }
    // The type of the Python exception: "builtins.TypeError".
    std::string_view python_type() const noexcept { return text(cp_error_python_type(get())); }
    std::string_view traceback() const noexcept { return text(cp_error_traceback(get())); }
    const cp_error *get() const noexcept { return report_.get(); }

private:
    static std::string_view text(const char *text) noexcept { return text ? text : ""; }
    std::shared_ptr<const cp_error> report_;
};

namespace detail {

// Runs a function of the C API, which is given the place for its report.
template <typename Call> void call(Call &&function) {
    cp_error *report = nullptr;
    if (function(&report) != CP_OK)
        throw error(report);
}

// Keeps the first exception of a call's callbacks until the call is back.
class guard {
public:
    // What the body answers, or `stop` once something was thrown.
    template <typename Result, typename Body> Result run(Result stop, Body &&body) noexcept {
        if (thrown_)
            return stop;
        try {
            return body();
        } catch (...) {
            thrown_ = std::current_exception();
            return stop;
        }
    }
    template <typename Call> void call(Call &&function) const {
        cp_error *report = nullptr;
        const cp_status status = function(&report);
        if (thrown_) {
            cp_error_free(report);
            std::rethrow_exception(thrown_);
        }
        if (status != CP_OK)
            throw error(report);
    }

private:
    std::exception_ptr thrown_;
};

template <typename T>
inline constexpr bool is_byte = std::is_same_v<T, std::byte> || std::is_same_v<T, char> ||
                                std::is_same_v<T, unsigned char> || std::is_same_v<T, signed char>;

// What data() of a T points to.
template <typename T>
using element = std::remove_cv_t<std::remove_pointer_t<decltype(std::declval<const T &>().data())>>;

// Containers that lie in memory in one piece, of single bytes.
template <typename T, typename = void> inline constexpr bool is_bytes = false;
template <typename T>
inline constexpr bool is_bytes<T, std::void_t<decltype(std::declval<const T &>().size()), element<T>>> =
    is_byte<element<T>>;

template <typename T, typename = void> inline constexpr bool is_range = false;
template <typename T>
inline constexpr bool is_range<T, std::void_t<decltype(std::begin(std::declval<const T &>()))>> = true;

template <typename T> inline constexpr bool is_vector = false;
template <typename T, typename Allocator> inline constexpr bool is_vector<std::vector<T, Allocator>> = true;

} // namespace detail

// -------------------------------------------------------------------------------------------------------------- bytes

// Bytes that somebody else owns. Made from a pointer and a size, and from any container of bytes in one piece: strings,
// string_view, vectors and arrays of char, unsigned char or std::byte, span, buffer.
class bytes_view {
public:
    constexpr bytes_view() noexcept = default;
    bytes_view(const void *data, std::size_t size) noexcept
        : data_(static_cast<const std::byte *>(data)), size_(size) {}
    template <typename Bytes, typename = std::enable_if_t<detail::is_bytes<Bytes>>>
    bytes_view(const Bytes &bytes) noexcept : bytes_view(bytes.data(), bytes.size()) {}

    const std::byte *data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    const std::byte *begin() const noexcept { return data_; }
    const std::byte *end() const noexcept { return data_ + size_; }
    std::string_view chars() const noexcept { return {reinterpret_cast<const char *>(data_), size_}; }
    std::string string() const { return std::string(chars()); }
    // A copy: vector<std::byte>(), vector<unsigned char>(), vector<char>().
    template <typename Byte> std::vector<Byte> vector() const {
        static_assert(detail::is_byte<Byte>, "a vector of single bytes");
        const Byte *first = reinterpret_cast<const Byte *>(data_);
        return std::vector<Byte>(first, first + size_);
    }
#if defined(__cpp_lib_span)
    operator std::span<const std::byte>() const noexcept {
        return {data_, size_};
    }
#endif

private:
    const std::byte *data_ = nullptr;
    std::size_t size_ = 0;
};

// Memory with its owner.
class buffer {
public:
    buffer() noexcept : raw_{nullptr, 0, 0, 0, nullptr, nullptr} {}
    // Takes over a buffer of the C API.
    explicit buffer(cp_buffer raw) noexcept : raw_(raw) {}
    // Takes over a container, which lives until the last view of its memory is gone: for out-of-band data.
    template <typename Container> static buffer owning(Container container) {
        static_assert(detail::is_bytes<Container>, "a container of bytes in one piece");
        auto kept = std::make_unique<Container>(std::move(container));
        const auto *data = reinterpret_cast<const std::uint8_t *>(kept->data());
        const std::size_t size = kept->size();
        return buffer(cp_buffer{data, size, CP_BUFFER_READONLY, 0, end<Container>, kept.release()});
    }
    // Memory that stays valid for ever, or as long as anything of Python's may look at it.
    static buffer borrowing(bytes_view bytes) noexcept {
        const auto *data = reinterpret_cast<const std::uint8_t *>(bytes.data());
        return buffer(cp_buffer{data, bytes.size(), CP_BUFFER_READONLY, 0, nullptr, nullptr});
    }
    buffer(buffer &&other) noexcept : raw_(other.release()) {}
    buffer &operator=(buffer &&other) noexcept {
        buffer taken(std::move(other));
        std::swap(raw_, taken.raw_);
        return *this;
    }
    ~buffer() { cp_buffer_release(&raw_); }

    const std::byte *data() const noexcept { return view().data(); }
    std::size_t size() const noexcept { return raw_.len; }
    bool empty() const noexcept { return raw_.len == 0; }
    bool readonly() const noexcept { return (raw_.flags & CP_BUFFER_READONLY) != 0; }
    const std::byte *begin() const noexcept { return view().begin(); }
    const std::byte *end() const noexcept { return view().end(); }
    bytes_view view() const noexcept { return {raw_.data, raw_.len}; }
    std::string_view chars() const noexcept { return view().chars(); }
    std::string string() const { return view().string(); }
    template <typename Byte> std::vector<Byte> vector() const { return view().template vector<Byte>(); }

    // Gives it away to the C API.
    cp_buffer release() noexcept { return std::exchange(raw_, cp_buffer{nullptr, 0, 0, 0, nullptr, nullptr}); }
    // As an out parameter of the C API: ends what it holds.
    cp_buffer *out() noexcept {
        cp_buffer_release(&raw_);
        return &raw_;
    }

private:
    template <typename Container> static void end(cp_buffer *raw) noexcept {
        delete static_cast<Container *>(raw->private_data);
        raw->release = nullptr;
    }
    cp_buffer raw_;
};

// ------------------------------------------------------------------------------------------------------------ objects

// One reference to a Python object, or to none.
class object {
public:
    object() noexcept = default;
    // A reference that the caller gives away; one more to an object that somebody else holds.
    static object steal(_object *pointer) noexcept { return object(pointer); }
    static object borrow(_object *pointer) noexcept { return object(cp_incref(pointer)); }
    // What a C++ value is in Python: nullptr None, bool, integers int, float and double float, text str, containers of
    // single bytes bytes, other ranges list; an object or a PyObject * is itself.
    template <typename Value> static object from(const Value &value);

    object(const object &other) noexcept : pointer_(cp_incref(other.pointer_)) {}
    object(object &&other) noexcept : pointer_(other.release()) {}
    object &operator=(object other) noexcept {
        std::swap(pointer_, other.pointer_);
        return *this;
    }
    ~object() { cp_decref(pointer_); }

    explicit operator bool() const noexcept { return pointer_ != nullptr; }
    // Borrowed: a PyObject *.
    _object *get() const noexcept { return pointer_; }
    // Given away.
    _object *release() noexcept { return std::exchange(pointer_, nullptr); }
    // As an out parameter of the C API: ends what it holds.
    _object **out() noexcept {
        cp_decref(release());
        return &pointer_;
    }

    // Calls it with C++ values.
    template <typename... Values> object operator()(const Values &...values) const {
        const object arguments[] = {object::from(values)..., object()};
        return call(arguments, sizeof...(Values));
    }
    object call(const object *arguments, std::size_t count) const {
        std::vector<_object *> pointers;
        for (std::size_t i = 0; i < count; i++)
            pointers.push_back(arguments[i].get());
        object result;
        detail::call([&](cp_error **err) { return cp_call(pointer_, pointers.data(), count, result.out(), err); });
        return result;
    }

    // The object as a C++ value: bool (its truth), integers (std::out_of_range if it is larger), float and double,
    // std::string (str(obj)), vectors of single bytes (of bytes-like objects), other vectors (of anything iterable).
    template <typename Value> Value as() const;
    std::string str() const {
        buffer text;
        detail::call([&](cp_error **err) { return cp_str(pointer_, text.out(), err); });
        return text.string();
    }
    std::string repr() const {
        buffer text;
        detail::call([&](cp_error **err) { return cp_repr(pointer_, text.out(), err); });
        return text.string();
    }
    // The memory of a bytes-like object, which it keeps alive.
    buffer bytes() const {
        buffer memory;
        detail::call([&](cp_error **err) { return cp_as_buffer(pointer_, memory.out(), err); });
        return memory;
    }

private:
    explicit object(_object *pointer) noexcept : pointer_(pointer) {}
    _object *pointer_ = nullptr;
};

// An argument: an object, or a PyObject * that is borrowed for the call.
class reference {
public:
    reference(const object &held) noexcept : pointer_(held.get()) {}
    reference(_object *pointer) noexcept : pointer_(pointer) {}
    _object *get() const noexcept { return pointer_; }

private:
    _object *pointer_;
};

// A module, or with "module:qualname" something in it.
inline object import_name(const std::string &name) {
    object found;
    detail::call([&](cp_error **err) { return cp_import(name.c_str(), found.out(), err); });
    return found;
}

// The value of an expression, which finds the C++ values as args[0], args[1], ...
template <typename... Values> object eval(const std::string &expression, const Values &...values) {
    object arguments, value;
    if constexpr (sizeof...(Values) > 0)
        arguments = eval("lambda *args: args")(values...);
    detail::call([&](cp_error **err) { return cp_eval(expression.c_str(), arguments.get(), value.out(), err); });
    return value;
}

template <typename Value> object object::from(const Value &value) {
    _object *made = nullptr;
    if constexpr (std::is_same_v<Value, object>) {
        return value;
    } else if constexpr (std::is_same_v<Value, _object *>) {
        return borrow(value);
    } else if constexpr (std::is_same_v<Value, std::nullptr_t>) {
        made = cp_from_none();
    } else if constexpr (std::is_same_v<Value, bool>) {
        return import_name(value ? "builtins:True" : "builtins:False");
    } else if constexpr (std::is_integral_v<Value>) {
        if constexpr (std::is_unsigned_v<Value> && sizeof(Value) >= sizeof(std::int64_t))
            if (value > static_cast<Value>(std::numeric_limits<std::int64_t>::max()))
                throw std::out_of_range("an integer of more than 64 bits with its sign");
        made = cp_from_int64(static_cast<std::int64_t>(value));
    } else if constexpr (std::is_floating_point_v<Value>) {
        made = cp_from_double(static_cast<double>(value));
    } else if constexpr (std::is_convertible_v<const Value &, std::string_view>) {
        const std::string_view text = value;
        for (const char each : text)
            // Only this may be refused, and then Python's own words are wanted.
            if (static_cast<signed char>(each) < 0)
                return import_name("builtins:str")(bytes_view(text), "utf-8");
        made = cp_from_utf8(text.data(), text.size());
    } else if constexpr (detail::is_bytes<Value>) {
        const bytes_view bytes = value;
        made = cp_from_bytes(bytes.data(), bytes.size());
    } else {
        static_assert(detail::is_range<Value>, "a C++ value that is nothing in Python");
        std::vector<object> items;
        for (const auto &item : value)
            items.push_back(object::from(item));
        return eval("lambda *args: list(args)").call(items.data(), items.size());
    }
    if (!made) {
        eval("None"); // Throws what is wrong, unless it is memory.
        throw std::bad_alloc();
    }
    return steal(made);
}

template <typename Value> Value object::as() const {
    if constexpr (std::is_same_v<Value, bool>) {
        return import_name("builtins:bool")(*this).as<int>() != 0;
    } else if constexpr (std::is_integral_v<Value>) {
        std::int64_t number = 0;
        detail::call([&](cp_error **err) { return cp_as_int64(pointer_, &number, err); });
        const bool fits = static_cast<std::int64_t>(static_cast<Value>(number)) == number;
        if (!fits || (std::is_unsigned_v<Value> && number < 0))
            throw std::out_of_range("the int does not fit: " + std::to_string(number));
        return static_cast<Value>(number);
    } else if constexpr (std::is_floating_point_v<Value>) {
        double number = 0;
        detail::call([&](cp_error **err) { return cp_as_double(pointer_, &number, err); });
        return static_cast<Value>(number);
    } else if constexpr (std::is_same_v<Value, std::string>) {
        return str();
    } else {
        static_assert(detail::is_vector<Value>, "a C++ type that no Python object is turned into");
        if constexpr (detail::is_bytes<Value>) {
            return bytes().template vector<typename Value::value_type>();
        } else {
            const object list = import_name("builtins:list")(*this), item = import_name("operator:getitem");
            Value values;
            for (std::size_t i = 0, size = import_name("builtins:len")(list).template as<std::size_t>(); i < size; i++)
                values.push_back(item(list, i).template as<typename Value::value_type>());
            return values;
        }
    }
}

// -------------------------------------------------------------------------------------------------------- interpreter

// How to start Python: see cp_init_options.
class init_options {
public:
    init_options &program(std::string path) { return program_ = std::move(path), *this; }
    init_options &libpython(std::string path) { return libpython_ = std::move(path), *this; }
    init_options &home(std::string path) { return home_ = std::move(path), *this; }
    // Bits of CP_INIT_*.
    init_options &flags(std::uint32_t bits) { return flags_ = bits, *this; }

private:
    friend class interpreter;
    static const char *given(const std::string &text) noexcept { return text.empty() ? nullptr : text.c_str(); }
    std::string program_, libpython_, home_;
    std::uint32_t flags_ = 0;
};

// A running Python. The last one ends it, if this library started it.
class interpreter {
public:
    explicit interpreter(const init_options &options = {}) {
        cp_init_options raw = CP_INIT_OPTIONS_INIT;
        raw.flags = options.flags_;
        raw.program = init_options::given(options.program_);
        raw.libpython = init_options::given(options.libpython_);
        raw.home = init_options::given(options.home_);
        detail::call([&](cp_error **err) { return cp_initialize(&raw, err); });
        running_ = true;
    }
    interpreter(interpreter &&other) noexcept : running_(std::exchange(other.running_, false)) {}
    interpreter &operator=(interpreter &&other) noexcept {
        interpreter taken(std::move(other));
        std::swap(running_, taken.running_);
        return *this;
    }
    ~interpreter() {
        if (running_)
            cp_finalize(nullptr);
    }
    // Ends it, and throws what went wrong.
    void finalize() {
        if (std::exchange(running_, false))
            detail::call([](cp_error **err) { return cp_finalize(err); });
    }
    // As cp_state.
    static int state() noexcept { return cp_state(); }

private:
    bool running_ = false;
};

// --------------------------------------------------------------------------------------------------------------- dump

// How to dump: see cp_dump_options.
class dump_options {
public:
    // 0 to 5; negative: the highest.
    dump_options &protocol(int number) { return protocol_ = number, *this; }
    dump_options &gil_held(bool set = true) { return flag(CP_GIL_HELD, set); }
    dump_options &release_gil(bool set = true) { return flag(CP_RELEASE_GIL, set); }
    dump_options &max_bytes(std::uint64_t most) { return max_bytes_ = most, *this; }
    dump_options &max_depth(std::uint64_t most) { return max_depth_ = most, *this; }
    // A callable like Pickler.reducer_override.
    dump_options &reducer(object callable) { return reducer_ = std::move(callable), *this; }
    // Is offered each buffer. true: it goes out of band (move it out of the argument to keep it); false: in band.
    dump_options &on_buffer(std::function<bool(buffer &)> take) { return on_buffer_ = std::move(take), *this; }

private:
    friend class dump_call;
    dump_options &flag(std::uint32_t bit, bool set) { return flags_ = set ? flags_ | bit : flags_ & ~bit, *this; }
    std::uint32_t flags_ = 0;
    std::int32_t protocol_ = CP_PROTOCOL_DEFAULT;
    std::uint64_t max_bytes_ = 0, max_depth_ = 0;
    object reducer_;
    std::function<bool(buffer &)> on_buffer_;
};

// One dump: the options of C, and where its callbacks' exceptions are kept.
class dump_call : public detail::guard {
public:
    explicit dump_call(const dump_options &options) : on_buffer_(options.on_buffer_) {
        raw_.flags = options.flags_;
        raw_.protocol = options.protocol_;
        raw_.max_bytes = options.max_bytes_;
        raw_.max_depth = options.max_depth_;
        raw_.reducer = options.reducer_.get();
        if (on_buffer_) {
            raw_.on_buffer = offer;
            raw_.on_buffer_ctx = this;
        }
    }
    dump_call(const dump_call &) = delete;
    dump_call &operator=(const dump_call &) = delete;
    const cp_dump_options *options() const noexcept { return &raw_; }

private:
    static int offer(void *self, cp_buffer *raw) noexcept {
        auto *call = static_cast<dump_call *>(self);
        buffer offered(*raw);
        raw->release = nullptr;
        const int answer = call->run(-1, [&] { return call->on_buffer_(offered) ? 0 : 1; });
        *raw = offered.release();
        return answer;
    }
    cp_dump_options raw_ = CP_DUMP_OPTIONS_INIT;
    const std::function<bool(buffer &)> &on_buffer_;
};

// To memory.
inline buffer dumps(reference obj, const dump_options &options = {}) {
    buffer pickle;
    dump_call call(options);
    call.call([&](cp_error **err) { return cp_dumps(obj.get(), call.options(), pickle.out(), err); });
    return pickle;
}

// A pickle and what belongs to it.
struct out_of_band {
    buffer pickle;
    std::vector<buffer> buffers;
};

// To memory, with every buffer out of band; on_buffer only decides.
inline out_of_band dumps_oob(reference obj, const dump_options &options = {}) {
    buffer pickle;
    cp_buffers *list = nullptr;
    dump_call call(options);
    call.call([&](cp_error **err) { return cp_dumps_oob(obj.get(), call.options(), pickle.out(), &list, err); });
    const std::unique_ptr<cp_buffers, void (*)(cp_buffers *)> owner(list, [](cp_buffers *l) { cp_buffers_free(l); });
    std::vector<buffer> buffers(cp_buffers_len(list));
    for (std::size_t i = 0; i < buffers.size(); i++)
        buffers[i] = buffer(std::exchange(cp_buffers_data(list)[i], cp_buffer{nullptr, 0, 0, 0, nullptr, nullptr}));
    return {std::move(pickle), std::move(buffers)};
}

// To a callable that takes a bytes_view; if it answers false the dump stops with CP_ERR_CALLBACK.
template <typename Write, typename = std::enable_if_t<std::is_invocable_v<Write &, bytes_view>>>
void dump(reference obj, Write &&write, const dump_options &options = {}) {
    using function = std::remove_reference_t<Write>;
    struct writing : dump_call {
        writing(const dump_options &given, function &to) : dump_call(given), write(to) {}
        function &write;
    } call(options, write);
    const cp_write_fn each = [](void *self, const std::uint8_t *data, std::size_t len) noexcept -> int {
        auto *to = static_cast<writing *>(self);
        return to->run(1, [&] {
            if constexpr (std::is_same_v<std::invoke_result_t<Write &, bytes_view>, bool>)
                return to->write(bytes_view(data, len)) ? 0 : 1;
            else
                return static_cast<void>(to->write(bytes_view(data, len))), 0;
        });
    };
    call.call([&](cp_error **err) { return cp_dump(obj.get(), each, &call, call.options(), err); });
}

// To a stream. Its failure is CP_ERR_CALLBACK, or std::ios_base::failure where the stream throws.
inline void dump(reference obj, std::ostream &stream, const dump_options &options = {}) {
    dump(
        obj,
        [&](bytes_view piece) -> bool {
            return !stream.write(piece.chars().data(), static_cast<std::streamsize>(piece.size())).fail();
        },
        options);
}

// To a file descriptor; to a Python object with a write method.
inline void dump_fd(reference obj, int fd, const dump_options &options = {}) {
    dump_call call(options);
    call.call([&](cp_error **err) { return cp_dump_fd(obj.get(), fd, call.options(), err); });
}
inline void dump_file(reference obj, reference file, const dump_options &options = {}) {
    dump_call call(options);
    call.call([&](cp_error **err) { return cp_dump_file(obj.get(), file.get(), call.options(), err); });
}

// --------------------------------------------------------------------------------------------------------------- load

// The answer of load_options::find_global: an object to use, or one of these.
class resolution {
public:
    resolution(object use) : use_(std::move(use)), answer_(1) {}
    // Look it up as usual.
    static resolution usual() { return resolution(0); }
    // UnpicklingError.
    static resolution refuse() { return resolution(-1); }

private:
    friend class load_call;
    explicit resolution(int answer) : answer_(answer) {}
    object use_;
    int answer_;
};

// How to load: see cp_load_options.
class load_options {
public:
    using find = std::function<resolution(std::string_view module, std::string_view qualname)>;
    load_options &gil_held(bool set = true) { return flag(CP_GIL_HELD, set); }
    load_options &release_gil(bool set = true) { return flag(CP_RELEASE_GIL, set); }
    load_options &max_bytes(std::uint64_t most) { return max_bytes_ = most, *this; }
    // Resolves each global.
    load_options &find_global(find function) { return find_ = std::move(function), *this; }

private:
    friend class load_call;
    load_options &flag(std::uint32_t bit, bool set) { return flags_ = set ? flags_ | bit : flags_ & ~bit, *this; }
    std::uint32_t flags_ = 0;
    std::uint64_t max_bytes_ = 0;
    find find_;
};

// One load: the options of C, and where its callbacks' exceptions are kept. The buffers are its own.
class load_call : public detail::guard {
public:
    load_call(const load_options &options, std::vector<buffer> &buffers) : find_(options.find_) {
        moved_.reserve(buffers.size());
        for (buffer &each : buffers)
            moved_.push_back(each.release());
        raw_.flags = options.flags_;
        raw_.max_bytes = options.max_bytes_;
        raw_.buffers = moved_.data();
        raw_.n_buffers = moved_.size();
        if (find_) {
            raw_.find_global = resolve;
            raw_.find_global_ctx = this;
        }
    }
    load_call(const load_call &) = delete;
    load_call &operator=(const load_call &) = delete;
    const cp_load_options *options() const noexcept { return &raw_; }

private:
    static int resolve(void *self, const char *module, const char *qualname, _object **out) noexcept {
        auto *call = static_cast<load_call *>(self);
        return call->run(-1, [&] {
            resolution found = call->find_(module, qualname);
            *out = found.use_.release();
            return found.answer_;
        });
    }
    std::vector<cp_buffer> moved_;
    cp_load_options raw_ = CP_LOAD_OPTIONS_INIT;
    const load_options::find &find_;
};

// In all of these `buffers` are the out-of-band buffers in pickle order; they live as long as Python looks at them.

// From memory. *used: where the pickle ended; bytes after that are ignored.
inline object loads(bytes_view data, const load_options &options = {}, std::vector<buffer> buffers = {},
                    std::size_t *used = nullptr) {
    object loaded;
    load_call call(options, buffers);
    call.call(
        [&](cp_error **err) { return cp_loads(data.data(), data.size(), call.options(), loaded.out(), used, err); });
    return loaded;
}

// From a callable that is given char * and a size, puts up to so many bytes there, and answers how many; 0: the end.
template <typename Read, typename = std::enable_if_t<std::is_invocable_r_v<std::size_t, Read &, char *, std::size_t>>>
object load(Read &&read, const load_options &options = {}, std::vector<buffer> buffers = {}) {
    using function = std::remove_reference_t<Read>;
    struct reading : load_call {
        reading(const load_options &given, std::vector<buffer> &list, function &from)
            : load_call(given, list), read(from) {}
        function &read;
    } call(options, buffers, read);
    const cp_read_fn each = [](void *self, std::uint8_t *data, std::size_t len) noexcept -> std::ptrdiff_t {
        auto *from = static_cast<reading *>(self);
        return from->run(std::ptrdiff_t(-1), [&] {
            const std::size_t count = from->read(reinterpret_cast<char *>(data), len);
            if (count > len)
                throw std::out_of_range("more was read than was asked for");
            return static_cast<std::ptrdiff_t>(count);
        });
    };
    object loaded;
    call.call([&](cp_error **err) { return cp_load(each, &call, call.options(), loaded.out(), err); });
    return loaded;
}

// From a stream, up to the pickle's end.
inline object load(std::istream &stream, const load_options &options = {}, std::vector<buffer> buffers = {}) {
    return load(
        [&](char *data, std::size_t size) {
            stream.read(data, static_cast<std::streamsize>(size));
            return static_cast<std::size_t>(stream.gcount());
        },
        options, std::move(buffers));
}

// From a file descriptor; from a Python object with read and readline.
inline object load_fd(int fd, const load_options &options = {}, std::vector<buffer> buffers = {}) {
    object loaded;
    load_call call(options, buffers);
    call.call([&](cp_error **err) { return cp_load_fd(fd, call.options(), loaded.out(), err); });
    return loaded;
}
inline object load_file(reference file, const load_options &options = {}, std::vector<buffer> buffers = {}) {
    object loaded;
    load_call call(options, buffers);
    call.call([&](cp_error **err) { return cp_load_file(file.get(), call.options(), loaded.out(), err); });
    return loaded;
}

// ------------------------------------------------------------------------------------------ modules by value, and more

inline void register_by_value(reference module) {
    detail::call([&](cp_error **err) { return cp_register_by_value(module.get(), err); });
}
inline void unregister_by_value(reference module) {
    detail::call([&](cp_error **err) { return cp_unregister_by_value(module.get(), err); });
}
inline void register_by_value(const std::string &module) {
    detail::call([&](cp_error **err) { return cp_register_by_value_name(module.c_str(), err); });
}
inline void unregister_by_value(const std::string &module) {
    detail::call([&](cp_error **err) { return cp_unregister_by_value_name(module.c_str(), err); });
}
// The names that are registered.
inline std::vector<std::string> list_by_value() {
    object names;
    detail::call([&](cp_error **err) { return cp_list_by_value(names.out(), err); });
    return import_name("builtins:sorted")(names).as<std::vector<std::string>>();
}

// Makes plain pickle.loads load what this library writes: see cp_install.
inline void install() {
    detail::call([](cp_error **err) { return cp_install(err); });
}
// The Python module libcloudpickle.
inline object python_module() {
    object module;
    detail::call([&](cp_error **err) { return cp_python_module(module.out(), err); });
    return module;
}

inline std::string_view version() noexcept {
    return cp_version();
}
inline std::uint32_t abi_version() noexcept {
    return cp_abi_version();
}
inline std::string_view compat_version() noexcept {
    return cp_compat_version();
}
// Empty if no Python runs.
inline std::string_view python_version() noexcept {
    const char *version = cp_python_version();
    return version ? version : "";
}
inline std::string_view status_name(cp_status status) noexcept {
    return cp_status_name(status);
}

} // namespace cloudpickle

#endif // CLOUDPICKLE_HPP
