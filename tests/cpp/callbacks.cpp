// Callbacks of cloudpickle.hpp: what they throw arrives at the caller as itself, and nothing is lost on the way.
#include "check.hpp"

#include <unistd.h>

#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

// An exception that knows no other type, and owns something.
struct own {
    std::shared_ptr<int> part;
};

static std::weak_ptr<int> thrown;

[[noreturn]] static void fail(int number) {
    auto part = std::make_shared<int>(number);
    thrown = part;
    throw own{part};
}

// The call throws the exception of `fail(number)`, and has none of it afterwards.
template <typename Call> static void throws(int number, Call &&call) {
    CHECK(*thrown_by<own>(call).part == number);
    CHECK(thrown.expired());
}

static cp::object closure() {
    return cp::eval("(lambda k: lambda n: n + k)(2)");
}

static void writes() {
    const cp::object add = closure();
    const std::string whole = cp::dumps(add).string();
    std::string gathered;
    cp::dump(add, [&](cp::bytes_view piece) { gathered += piece.chars(); });
    CHECK(gathered == whole);
    const cp::object large = cp::eval("[list(range(100000)), bytes(1000000)]");
    int pieces = 0;
    for (const bool release : {false, true}) {
        const auto options = cp::dump_options().release_gil(release);
        pieces = 0;
        cp::dump(
            large, [&](cp::bytes_view) { pieces++; }, options);
        CHECK(pieces > 2);
        // At once, and halfway; nothing is written after that.
        throws(1, [&] {
            cp::dump(
                large, [](cp::bytes_view) { fail(1); }, options);
        });
        int seen = 0;
        throws(2, [&] {
            cp::dump(
                large,
                [&](cp::bytes_view) {
                    if (++seen == 2)
                        fail(2);
                },
                options);
        });
        CHECK(seen == 2);
    }
    // Anything may be thrown.
    CHECK(thrown_by<int>([&] { cp::dump(add, [](cp::bytes_view) { throw 7; }); }) == 7);
    CHECK(std::string(thrown_by<std::length_error>([&] {
                          cp::dump(add, [](cp::bytes_view) { throw std::length_error("the disk is full"); });
                      }).what()) == "the disk is full");
    // Or the callback says no.
    fails(CP_ERR_CALLBACK, "", [&] { cp::dump(add, [](cp::bytes_view) { return false; }); });
    // An error of the library's inside is the callback's exception like any other.
    fails(CP_ERR_PYTHON, "division", [&] { cp::dump(add, [](cp::bytes_view) { cp::eval("1 / 0"); }); });
    // A failure of the dump itself, with a callback that throws nothing.
    fails(CP_ERR_PICKLING, "lock",
          [] { cp::dump(cp::eval("__import__('_thread').allocate_lock()"), [](cp::bytes_view) {}); });
    // A callback that can only be moved, and is an lvalue.
    auto counts = [count = std::make_unique<int>(0)](cp::bytes_view) { ++*count; };
    cp::dump(add, counts);
}

static void streams() {
    const cp::object add = closure();
    std::stringstream stream;
    cp::dump(add, stream);
    cp::dump(cp::eval("'second'"), stream);
    CHECK(cp::load(stream)(40).as<int>() == 42 && cp::load(stream).str() == "second");
    fails(CP_ERR_UNPICKLING, "", [&] { cp::load(stream); });
    std::ostringstream bad;
    bad.setstate(std::ios::badbit);
    fails(CP_ERR_CALLBACK, "", [&] { cp::dump(add, bad); });
    thrown_by<std::ios_base::failure>([&] {
        std::ostream nowhere(nullptr);
        nowhere.exceptions(std::ios::failbit);
        cp::dump(add, nowhere);
    });

    int ends[2];
    CHECK(pipe(ends) == 0);
    cp::dump_fd(add, ends[1]);
    CHECK(cp::load_fd(ends[0])(40).as<int>() == 42);
    close(ends[1]);
    fails(CP_ERR_UNPICKLING, "", [&] { cp::load_fd(ends[0]); });
    close(ends[0]);
    CHECK(fails(CP_ERR_IO, "descriptor", [&] { cp::dump_fd(add, ends[1]); }).code() == EBADF);

    const cp::object file = cp::import_name("io:BytesIO")();
    cp::dump_file(add, file);
    cp::eval("args[0].seek(0)", file);
    CHECK(cp::load_file(file)(40).as<int>() == 42);
    fails(CP_ERR_INVALID_ARGUMENT, "write", [&] { cp::dump_file(add, add); });
}

static void reads() {
    const std::string whole = cp::dumps(closure()).string();
    std::size_t at = 0;
    const auto slowly = [&](char *data, std::size_t size) {
        const std::size_t count = std::min({size, whole.size() - at, std::size_t(7)});
        whole.copy(data, count, at);
        at += count;
        return count;
    };
    for (const bool release : {false, true}) {
        const auto options = cp::load_options().release_gil(release);
        at = 0;
        CHECK(cp::load(slowly, options)(40).as<int>() == 42 && at == whole.size());
        throws(3, [&] { cp::load([](char *, std::size_t) -> std::size_t { fail(3); }, options); });
        at = 0;
        throws(4, [&] {
            cp::load([&](char *data, std::size_t size) { return at > 20 ? fail(4), size : slowly(data, size); },
                     options);
        });
    }
    thrown_by<std::out_of_range>([] { cp::load([](char *, std::size_t size) { return size + 1; }); });
    at = 0;
    fails(CP_ERR_LIMIT, "", [&] { cp::load(slowly, cp::load_options().max_bytes(10)); });
}

static void globals() {
    const cp::buffer pickle = cp::dumps(cp::import_name("collections:OrderedDict"));
    std::string asked;
    const auto with = [&](auto find) { return cp::loads(pickle, cp::load_options().find_global(std::move(find))); };
    CHECK(with([&](std::string_view module, std::string_view name) {
              asked = std::string(module) + ":" + std::string(name);
              return cp::resolution::usual();
          }).get() == cp::import_name("collections:OrderedDict").get());
    CHECK(asked == "collections:OrderedDict");
    CHECK(with([](std::string_view, std::string_view) { return cp::object::from(7); }).as<int>() == 7);
    CHECK(fails(CP_ERR_UNPICKLING, "", [&] {
              with([](std::string_view, std::string_view) { return cp::resolution::refuse(); });
          }).python_type() == "_pickle.UnpicklingError");
    throws(5, [&] { with([](std::string_view, std::string_view) -> cp::resolution { fail(5); }); });
    fails(CP_ERR_CALLBACK, "find_global",
          [&] { with([](std::string_view, std::string_view) { return cp::object(); }); });
}

static void out_of_band() {
    const cp::object data = cp::eval(
        "[__import__('pickle').PickleBuffer(bytearray(b'first')), __import__('pickle').PickleBuffer(b'second')]");
    cp::out_of_band parts = cp::dumps_oob(data);
    CHECK(parts.buffers.size() == 2 && parts.buffers[0].chars() == "first" && parts.buffers[1].chars() == "second");
    CHECK(!parts.buffers[0].readonly() && parts.buffers[1].readonly());
    const cp::object again = cp::loads(parts.pickle, {}, std::move(parts.buffers));
    CHECK(cp::eval("[bytes(each) for each in args[0]]", again).repr() == "[b'first', b'second']");
    fails(CP_ERR_UNPICKLING, "buffer", [&] { cp::loads(parts.pickle); });

    // Memory of the host's own, which lives as long as Python looks at it.
    auto kept = std::make_shared<int>(0);
    struct tracked : std::vector<char> {
        std::shared_ptr<int> owner;
    } memory;
    memory.assign({'o', 'w', 'n'});
    memory.owner = kept;
    std::vector<cp::buffer> list;
    list.push_back(cp::buffer::owning(std::move(memory)));
    list.push_back(cp::buffer::borrowing(std::string_view("lent")));
    {
        const cp::object loaded = cp::loads(parts.pickle, {}, std::move(list));
        CHECK(kept.use_count() == 2 &&
              cp::eval("[bytes(each) for each in args[0]]", loaded).repr() == "[b'own', b'lent']");
    }
    cp::import_name("gc:collect")();
    CHECK(kept.use_count() == 1);
    // Also if nothing is loaded.
    std::vector<cp::buffer> unused;
    unused.push_back(cp::buffer::owning(std::vector<unsigned char>(100)));
    fails(CP_ERR_UNPICKLING, "", [&] { cp::loads(std::string("nonsense"), {}, std::move(unused)); });

    // Offered one by one: the first taken, the second written in band.
    std::vector<cp::buffer> taken;
    int offered = 0;
    const auto options = cp::dump_options().on_buffer([&](cp::buffer &each) {
        if (++offered == 2)
            return false;
        taken.push_back(std::move(each));
        return true;
    });
    const cp::buffer pickle = cp::dumps(data, options);
    CHECK(offered == 2 && taken.size() == 1 && taken[0].chars() == "first" &&
          pickle.string().find("second") != std::string::npos);
    CHECK(cp::dumps_oob(data, cp::dump_options().on_buffer([](cp::buffer &each) {
              return each.size() == 5;
          })).buffers.size() == 1);

    // One that throws, before and after it took something; also below a write that would throw later.
    throws(6, [&] { cp::dumps(data, cp::dump_options().on_buffer([](cp::buffer &) -> bool { fail(6); })); });
    taken.clear();
    throws(7, [&] {
        cp::dump(
            data, [](cp::bytes_view) { fail(8); }, cp::dump_options().on_buffer([&](cp::buffer &each) -> bool {
                taken.push_back(std::move(each));
                fail(7);
            }));
    });
    CHECK(taken.size() == 1 && taken[0].chars() == "first");
    throws(9, [&] { cp::dumps_oob(data, cp::dump_options().on_buffer([](cp::buffer &) -> bool { fail(9); })); });
}

// A dump inside the callback of a dump, each with an exception of its own.
static void nested() {
    const cp::object add = closure();
    throws(10, [&] {
        cp::dump(add, [&](cp::bytes_view) {
            throws(11, [&] { cp::dump(add, [](cp::bytes_view) { fail(11); }); });
            fail(10);
        });
    });
}

static void threads() {
    const auto options = cp::dump_options().release_gil();
    std::vector<std::thread> all;
    std::vector<int> seen(4);
    for (int number = 0; number < 4; number++)
        all.emplace_back([&options, &seen, number] {
            const cp::object data = cp::eval("[list(range(20000)), bytes(args[0])]", 100000 + number);
            for (int round = 0; round < 5; round++)
                try {
                    cp::dump(
                        data, [&](cp::bytes_view) { throw number; }, options);
                } catch (int what) {
                    seen[static_cast<std::size_t>(number)] += what == number;
                }
        });
    for (std::thread &each : all)
        each.join();
    CHECK(seen == std::vector<int>(4, 5));
}

int main() {
    cp::interpreter python;
    writes();
    streams();
    reads();
    globals();
    out_of_band();
    nested();
    threads();
    std::puts("ok");
}
