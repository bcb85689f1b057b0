// C++: functions that Python code defines are stored as bytes, as a queue or a file would hold them, and run on data of
// C++; owners release what they own, failures are exceptions, and what a callback throws arrives as itself.
//
//   c++ -std=c++17 pipeline.cpp -o pipeline -lcloudpickle $(python3-config --embed --ldflags)
#include <cloudpickle.hpp>

#include <cstdio>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

static void check(bool holds, const char *what) {
    if (!holds)
        throw std::logic_error(std::string("not so: ") + what);
}

static void run() {
    const cloudpickle::interpreter python;

    // A pipeline by name: the bytes are the program's own.
    std::map<std::string, std::vector<std::byte>> steps;
    const char *definitions[][2] = {
        {"scale", "(lambda factor: lambda values: [v * factor for v in values])(2.5)"},
        {"clip", "(lambda low, high: lambda values: [min(max(v, low), high) for v in values])(0, 6)"},
        {"describe", "lambda values: f'{len(values)} values, {min(values)} to {max(values)}'"},
    };
    for (const auto &[name, definition] : definitions)
        steps[name] = cloudpickle::dumps(cloudpickle::eval(definition)).vector<std::byte>();

    std::vector<double> values = {-1, 0.5, 1, 2, 4};
    for (const char *name : {"scale", "clip"})
        values = cloudpickle::loads(steps.at(name))(values).as<std::vector<double>>();
    const std::string summary = cloudpickle::loads(steps.at("describe"))(values).as<std::string>();
    std::printf("result   %s\n", summary.c_str());
    check(values == std::vector<double>({0, 1.25, 2.5, 5, 6}), "the values are scaled and clipped");
    check(summary == "5 values, 0.0 to 6.0", "Python counts them");

    // An error of the library's says where the culprit lies.
    try {
        cloudpickle::dumps(cloudpickle::eval("{'jobs': [1, __import__('_thread').allocate_lock()]}"));
        check(false, "a lock cannot be pickled");
    } catch (const cloudpickle::error &error) {
        std::printf("error    %s, at %s\n", cloudpickle::status_name(error.status()).data(), error.path().data());
        check(error.status() == CP_ERR_PICKLING && error.path() == "obj['jobs'][1]", "the path is known");
    }

    // An exception of a function that was loaded.
    try {
        cloudpickle::loads(steps.at("scale"))(nullptr);
        check(false, "None has no values");
    } catch (const cloudpickle::error &error) {
        std::printf("error    %s: %s\n", error.python_type().data(), error.what());
        check(error.python_type() == "builtins.TypeError", "it is Python's");
    }

    // An exception of the program's own, out of the callback that takes the bytes.
    std::size_t room = 100;
    try {
        cloudpickle::dump(cloudpickle::eval("list(range(1000))"), [&](cloudpickle::bytes_view piece) {
            if (piece.size() > room)
                throw std::length_error("the disk is full");
            room -= piece.size();
        });
        check(false, "there is no room");
    } catch (const std::length_error &error) {
        std::printf("error    std::length_error: %s\n", error.what());
    }
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
