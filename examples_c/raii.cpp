// The C API in C++: owners that release, failures as exceptions, and a callback whose exception crosses the C frames
// safely, by being kept until the call is back.
//
//   c++ -std=c++17 raii.cpp -o raii -lcloudpickle $(python3-config --embed --ldflags)
#include <cloudpickle.h>

#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace cp {

struct Error : std::runtime_error {
    explicit Error(cp_error *err) : std::runtime_error(cp_error_message(err)), status(cp_error_status(err)) {
        cp_error_free(err);
    }
    cp_status status;
};

// Passes &check() as the last argument; throws when the call failed.
template <typename Call> void call(Call &&call) {
    cp_error *err = nullptr;
    if (call(&err) != CP_OK)
        throw Error(err);
}

class Python {
public:
    Python() {
        call([](cp_error **err) { return cp_initialize(nullptr, err); });
    }
    ~Python() {
        cp_finalize(nullptr);
    }
    Python(const Python &) = delete;
    Python &operator=(const Python &) = delete;
};

struct Decref {
    void operator()(_object *object) const noexcept {
        cp_decref(object);
    }
};
using Object = std::unique_ptr<_object, Decref>;

class Buffer {
public:
    Buffer() noexcept : buffer{} {}
    ~Buffer() {
        cp_buffer_release(&buffer);
    }
    Buffer(Buffer &&other) noexcept : buffer(other.buffer) {
        other.buffer.release = nullptr;
    }
    Buffer &operator=(Buffer &&other) noexcept {
        std::swap(buffer, other.buffer);
        return *this;
    }
    std::string_view view() const {
        return {reinterpret_cast<const char *>(buffer.data), buffer.len};
    }
    cp_buffer *out() {
        return &buffer;
    }

private:
    cp_buffer buffer;
};

Object eval(const char *expression) {
    _object *object = nullptr;
    call([&](cp_error **err) { return cp_eval(expression, nullptr, &object, err); });
    return Object(object);
}

Buffer dumps(const Object &object) {
    Buffer buffer;
    call([&](cp_error **err) { return cp_dumps(object.get(), nullptr, buffer.out(), err); });
    return buffer;
}

Object loads(std::string_view data) {
    _object *object = nullptr;
    call([&](cp_error **err) { return cp_loads(data.data(), data.size(), nullptr, &object, nullptr, err); });
    return Object(object);
}

// Dumps to anything that takes a std::string_view, and may throw.
template <typename Write> void dump(const Object &object, Write &&write) {
    struct Context {
        Write &write;
        std::exception_ptr thrown;
    } context{write, nullptr};
    cp_write_fn each = [](void *ctx, const uint8_t *data, size_t len) -> int {
        auto *context = static_cast<Context *>(ctx);
        try {
            context->write(std::string_view(reinterpret_cast<const char *>(data), len));
            return 0;
        } catch (...) {
            context->thrown = std::current_exception();
            return 1;
        }
    };
    cp_error *err = nullptr;
    if (cp_dump(object.get(), each, &context, nullptr, &err) == CP_OK)
        return;
    if (context.thrown) {
        cp_error_free(err);
        std::rethrow_exception(context.thrown);
    }
    throw Error(err);
}

} // namespace cp

static void check(bool holds, const char *what) {
    if (!holds)
        throw std::logic_error(std::string("not so: ") + what);
}

static void run() {
    cp::Python python;
    cp::Object add = cp::eval("(lambda n: lambda x: x + n)(2)");
    cp::Buffer pickle = cp::dumps(add);
    std::printf("pickled  a closure: %zu bytes\n", pickle.view().size());

    cp::Object copy = cp::loads(pickle.view());
    _object *answer = nullptr;
    cp::Object forty(cp_from_int64(40));
    _object *arguments[] = {forty.get()};
    cp::call([&](cp_error **err) { return cp_call(copy.get(), arguments, 1, &answer, err); });
    cp::Object owner(answer);
    int64_t number = 0;
    cp::call([&](cp_error **err) { return cp_as_int64(answer, &number, err); });
    std::printf("called   the copy: %lld\n", static_cast<long long>(number));
    check(number == 42, "the copy adds two");

    std::string gathered;
    cp::dump(add, [&](std::string_view piece) { gathered += piece; });
    check(gathered == pickle.view(), "a stream has the same bytes");

    // An exception of the callback's own.
    bool caught = false;
    try {
        cp::dump(add, [](std::string_view) { throw std::length_error("the disk is full"); });
    } catch (const std::length_error &error) {
        caught = std::strcmp(error.what(), "the disk is full") == 0;
        std::printf("caught   std::length_error: %s\n", error.what());
    }
    check(caught, "the callback's exception arrives as itself");

    // One of the library's.
    caught = false;
    try {
        cp::dumps(cp::eval("[__import__('_thread').allocate_lock()]"));
    } catch (const cp::Error &error) {
        caught = error.status == CP_ERR_PICKLING;
        std::printf("caught   cp::Error: %s\n", error.what());
    }
    check(caught, "a lock cannot be pickled");

    // Owners move, and release once.
    std::vector<cp::Buffer> buffers;
    for (int i = 0; i < 10; i++)
        buffers.push_back(cp::dumps(add));
    cp::Buffer last = std::move(buffers.back());
    buffers.clear();
    check(last.view() == pickle.view(), "the last one lives on");
}

int main() {
    try {
        run();
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    return cp_state() == 0 ? 0 : 1;
}
