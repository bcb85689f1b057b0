// Objects, bytes and errors of cloudpickle.hpp: what C++ values become, who owns what, what a failure says.
#include "check.hpp"

#include <array>
#include <limits>
#include <list>
#include <string>
#include <type_traits>
#include <vector>

static_assert(!std::is_copy_constructible_v<cp::buffer> && !std::is_copy_assignable_v<cp::buffer>);
static_assert(std::is_nothrow_move_constructible_v<cp::buffer> && std::is_nothrow_move_assignable_v<cp::buffer>);
static_assert(!std::is_copy_constructible_v<cp::interpreter> && !std::is_copy_assignable_v<cp::interpreter>);
static_assert(std::is_nothrow_move_constructible_v<cp::interpreter> &&
              std::is_nothrow_move_assignable_v<cp::interpreter>);
static_assert(std::is_nothrow_move_constructible_v<cp::object> && std::is_nothrow_move_assignable_v<cp::object>);
static_assert(std::is_nothrow_copy_constructible_v<cp::error> && std::is_base_of_v<std::exception, cp::error>);
static_assert(!std::is_constructible_v<cp::bytes_view, const char *>, "where a literal ends is not where bytes end");
static_assert(!std::is_constructible_v<cp::bytes_view, std::vector<int>>);

template <typename Value> static bool becomes(const Value &value, const char *expected) {
    const std::string made = cp::object::from(value).repr();
    if (made != expected)
        std::fprintf(stderr, "%s, not %s\n", made.c_str(), expected);
    return made == expected;
}

static void from_values() {
    CHECK(becomes(nullptr, "None") && becomes(true, "True") && becomes(false, "False"));
    CHECK(becomes(42, "42") && becomes(static_cast<short>(-3), "-3") && becomes(7u, "7") &&
          becomes(1ul << 40, "1099511627776"));
    CHECK(becomes(std::numeric_limits<std::int64_t>::min(), "-9223372036854775808"));
    thrown_by<std::out_of_range>([] { cp::object::from(std::numeric_limits<std::uint64_t>::max()); });
    CHECK(becomes(0.5, "0.5") && becomes(0.25f, "0.25"));
    CHECK(becomes("text", "'text'") && becomes(std::string("a\0b", 3), "'a\\x00b'") &&
          becomes(std::string_view(), "''"));
    CHECK(becomes("\xc3\xa4", "'\xc3\xa4'"));
    CHECK(fails(CP_ERR_PYTHON, "utf-8", [] { cp::object::from("\xff"); }).python_type() ==
          "builtins.UnicodeDecodeError");
    CHECK(becomes(std::vector<unsigned char>{1, 2}, "b'\\x01\\x02'") &&
          becomes(std::array<std::byte, 1>{}, "b'\\x00'"));
    CHECK(becomes(cp::bytes_view("ab", 2), "b'ab'") && becomes(std::vector<char>(), "b''"));
    CHECK(becomes(std::vector<double>{1, 2.5}, "[1.0, 2.5]") && becomes(std::vector<bool>{true}, "[True]"));
    CHECK(becomes(std::list<std::vector<int>>{{1}, {}}, "[[1], []]"));
    CHECK(becomes(std::vector<std::string>{"a", "b"}, "['a', 'b']"));
    const cp::object seven = cp::eval("7");
    CHECK(cp::object::from(seven).get() == seven.get() && cp::object::from(seven.get()).get() == seven.get());
}

static void to_values() {
    CHECK(cp::eval("42").as<int>() == 42 && cp::eval("-1").as<std::int64_t>() == -1 &&
          cp::eval("3.9").as<short>() == 3);
    CHECK(cp::eval("255").as<unsigned char>() == 255);
    thrown_by<std::out_of_range>([] { (void)cp::eval("256").as<unsigned char>(); });
    thrown_by<std::out_of_range>([] { (void)cp::eval("-1").as<std::uint64_t>(); });
    thrown_by<std::out_of_range>([] { (void)cp::eval("2**31").as<int>(); });
    CHECK(fails(CP_ERR_PYTHON, "", [] { (void)cp::eval("2**63").as<std::int64_t>(); }).python_type() ==
          "builtins.OverflowError");
    fails(CP_ERR_PYTHON, "int()", [] { (void)cp::eval("None").as<int>(); });
    CHECK(cp::eval("'x'").as<bool>() && !cp::eval("[]").as<bool>());
    CHECK(cp::eval("0.5").as<double>() == 0.5 && cp::eval("1").as<float>() == 1.0f);
    CHECK(cp::eval("'a\\0b'").as<std::string>() == std::string("a\0b", 3) && cp::eval("'x'").repr() == "'x'");
    CHECK(cp::eval("b'ab'").as<std::vector<char>>() == std::vector<char>{'a', 'b'});
    CHECK(cp::eval("bytearray(2)").as<std::vector<std::byte>>().size() == 2);
    CHECK(cp::eval("(x * 0.5 for x in range(3))").as<std::vector<double>>() == std::vector<double>{0, 0.5, 1});
    CHECK((cp::eval("[[1], [2, 3]]").as<std::vector<std::vector<int>>>()[1] == std::vector<int>{2, 3}));
    fails(CP_ERR_PYTHON, "", [] { (void)cp::eval("1").as<std::vector<int>>(); });
}

static void calls() {
    const cp::object join = cp::eval("lambda *all: ' '.join(map(repr, all))");
    CHECK(join().str().empty());
    CHECK(join(1, 2.5, "three", nullptr, std::vector<int>{5}, cp::eval("6")).str() == "1 2.5 'three' None [5] 6");
    CHECK(cp::eval("args[0] + args[1]", 40, 2).as<int>() == 42);
    const cp::error failed = fails(CP_ERR_PYTHON, " by zero", [] { cp::eval("lambda n: 1 // n")(0); });
    CHECK(failed.python_type() == "builtins.ZeroDivisionError" && failed.path().empty() && failed.path().data()[0] == 0 &&
          failed.code() == 0);
    CHECK(failed.traceback().find("<cp_eval>") != std::string_view::npos);
    fails(CP_ERR_INVALID_ARGUMENT, "callable is NULL", [] { cp::object()(1); });
    fails(CP_ERR_INVALID_ARGUMENT, "args[0] is NULL", [&] { join(cp::object()); });
    fails(CP_ERR_PYTHON, "", [] { cp::import_name("there.is.no.such.module"); });
}

static void objects_own() {
    cp::object held = cp::eval("object()");
    const int once = references(held);
    {
        cp::object other = held;
        CHECK(references(held) == once + 1);
        cp::object moved = std::move(other);
        CHECK(references(held) == once + 1 && !other && moved);
        other = moved;
        other = *&other;
        CHECK(references(held) == once + 2 && other.get() == held.get());
        moved = std::move(other);
        CHECK(references(held) == once + 1);
        moved = cp::object();
        CHECK(references(held) == once);
        cp::object stolen = cp::object::steal(cp::object(held).release());
        cp::object borrowed = cp::object::borrow(held.get());
        CHECK(references(held) == once + 2);
        CHECK(cp_eval("None", nullptr, borrowed.out(), nullptr) == CP_OK && references(held) == once + 1);
    }
    CHECK(references(held) == once);
    held(); // Refused.
}

static int released;

static void buffers_own() {
    const cp_buffer raw = {nullptr, 3, 0, 0, [](cp_buffer *buf) { released++, buf->release = nullptr; }, nullptr};
    {
        cp::buffer first(raw);
        cp::buffer second(std::move(first));
        CHECK(first.empty() && second.size() == 3 && released == 0);
        first = std::move(second);
        CHECK(first.size() == 3 && second.empty() && released == 0);
        first = cp::buffer(raw);
        CHECK(released == 1);
        cp::buffer &itself = first;
        first = std::move(itself);
        CHECK(released == 1 && first.size() == 3);
        cp_buffer given = first.release();
        CHECK(released == 1 && first.empty());
        second = cp::buffer(given);
        CHECK(second.out() != nullptr && released == 2);
    }
    CHECK(released == 2);

    cp::buffer pickle = cp::dumps(cp::eval("b'contents'"));
    CHECK(pickle.string() == pickle.chars() && pickle.vector<std::byte>().size() == pickle.size());
    CHECK(pickle.string().find("contents") != std::string::npos &&
          pickle.end() - pickle.begin() == pickle.end() - pickle.data());
    CHECK(cp::eval("b'xyz'").bytes().readonly() && !cp::eval("bytearray(3)").bytes().readonly());
#if defined(__cpp_lib_span)
    const std::span<const std::byte> span = pickle.view();
    CHECK(span.size() == pickle.size() && cp::loads(span).as<std::vector<char>>().size() == 8);
#endif
}

static void pickles() {
    const cp::object add = cp::eval("(lambda k: lambda n: n + k)(2)");
    const cp::buffer pickle = cp::dumps(add);
    // Every kind of view.
    const std::string text = pickle.string();
    const std::vector<unsigned char> bytes = pickle.vector<unsigned char>();
    CHECK(cp::loads(pickle)(40).as<int>() == 42 && cp::loads(text)(40).as<int>() == 42);
    CHECK(cp::loads(bytes)(40).as<int>() == 42 && cp::loads({bytes.data(), bytes.size()})(40).as<int>() == 42);
    CHECK(cp::loads(std::string_view(text))(40).as<int>() == 42);
    std::size_t used = 0;
    CHECK(cp::loads(text + "rest", {}, {}, &used)(1).as<int>() == 3 && used == text.size());

    CHECK(cp::dumps(cp::eval("[1]"), cp::dump_options().protocol(0)).string() == "(lp0\nI1\na.");
    CHECK(cp::dumps(add.get()).string() == text);
    fails(CP_ERR_INVALID_ARGUMENT, "protocol", [&] { cp::dumps(add, cp::dump_options().protocol(9)); });
    fails(CP_ERR_LIMIT, "", [&] { cp::dumps(add, cp::dump_options().max_bytes(10)); });
    fails(CP_ERR_LIMIT, "", [] { cp::dumps(cp::eval("[[[[[[1]]]]]]"), cp::dump_options().max_depth(2)); });
    fails(CP_ERR_UNPICKLING, "", [] { cp::loads(std::string("nonsense")); });
    fails(CP_ERR_INVALID_ARGUMENT, "NULL", [] { cp::dumps(cp::object()); });
    const cp::object replace =
        cp::eval("lambda obj: (int, (7,)) if isinstance(obj, type(lambda: 0)) else NotImplemented");
    CHECK(cp::loads(cp::dumps(add, cp::dump_options().reducer(replace))).as<int>() == 7);

    // An error is a value, and outlives what it is about.
    const cp::error kept = fails(CP_ERR_PICKLING, "cannot pickle '_thread.lock' object",
                                 [] { cp::dumps(cp::eval("{'db': [1, __import__('_thread').allocate_lock()]}")); });
    const cp::error copy = kept;
    CHECK(copy.path() == "obj['db'][1]" && copy.python_type() == "builtins.TypeError" && copy.get() == kept.get());
}

static void the_rest() {
    CHECK(cp::version() == CP_VERSION && cp::abi_version() >> 16 == CP_ABI_MAJOR && cp::compat_version() == "3.1.2");
    CHECK(cp::python_version().substr(0, 2) == "3." && cp::status_name(CP_ERR_LIMIT) == "limit");
    const cp::object json = cp::import_name("json");
    cp::register_by_value(json);
    cp::register_by_value("json.decoder");
    CHECK(cp::list_by_value() == std::vector<std::string>{"json", "json.decoder"});
    cp::unregister_by_value(json);
    cp::unregister_by_value("json.decoder");
    CHECK(cp::list_by_value().empty());
    fails(CP_ERR_INVALID_ARGUMENT, "", [] { cp::unregister_by_value("json"); });
    CHECK(cp::eval("args[0].dumps is not None", cp::python_module()).as<bool>());
    cp::install();
}

int main() {
    CHECK(cp::interpreter::state() == 0 && cp::python_version().empty());
    fails(CP_ERR_NOT_INITIALIZED, "no Python runs", [] { cp::object::from(1); });
    fails(CP_ERR_INVALID_ARGUMENT, "flags", [] { cp::interpreter(cp::init_options().flags(1u << 30)); });
    cp::object last;
    {
        cp::interpreter python(cp::init_options().flags(CP_INIT_ISOLATED));
        cp::interpreter moved(std::move(python));
        python = std::move(moved);
        CHECK(cp::interpreter::state() == 1);
        from_values();
        to_values();
        calls();
        fails(CP_ERR_PYTHON, "not callable", objects_own);
        buffers_own();
        pickles();
        the_rest();
        last = cp::eval("[]");
        python.finalize();
        CHECK(cp::interpreter::state() == 0);
    }
    // What is left over is ended without harm.
    last = cp::object();
    std::puts("ok");
}
