// What the C++ test programs share: they end at the first thing that is not as it should be.
#ifndef CHECK_HPP
#define CHECK_HPP

#include "../c/lost.h"

#include <cloudpickle.hpp>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace cp = cloudpickle;

#define CHECK(...) check(static_cast<bool>(__VA_ARGS__), #__VA_ARGS__, __FILE__, __LINE__)
inline void check(bool holds, const char *condition, const char *file, int line) {
    if (!holds) {
        std::fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
        std::exit(1);
    }
}

// The call throws this type; gives what it threw.
template <typename Exception, typename Call> Exception thrown_by(Call &&call, int line = __builtin_LINE()) {
    try {
        call();
    } catch (const Exception &thrown) {
        return thrown;
    }
    std::fprintf(stderr, "line %d: nothing was thrown\n", line);
    std::exit(1);
}

// The call throws an error of the library with this status, and these words in its message.
template <typename Call>
cp::error fails(cp_status status, std::string_view words, Call &&call, int line = __builtin_LINE()) {
    const cp::error thrown = thrown_by<cp::error>(call, line);
    if (thrown.status() != status || thrown.message().find(words) == std::string_view::npos) {
        std::fprintf(stderr, "line %d: %s, not %s: %s\n", line, cp_status_name(thrown.status()), cp_status_name(status),
                     thrown.what());
        std::exit(1);
    }
    return thrown;
}

// What sys.getrefcount says of an object, less what asking takes.
inline int references(const cp::object &object) {
    return cp::import_name("sys:getrefcount")(object).as<int>();
}

#endif
