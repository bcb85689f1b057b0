// Java, by JNA: java -cp jna.jar Order.java LIBRARY FOLDER
// Runs the function in FOLDER/order.pickle on rows of Java's, and pickles a function that knows the totals.

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.ptr.DoubleByReference;
import com.sun.jna.ptr.PointerByReference;
import java.io.IOException;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

public class Order {
    /** The functions of the C API, as far as they are used here. */
    public interface Api extends Library {
        int cp_initialize(Pointer options, PointerByReference err);
        int cp_finalize(PointerByReference err);
        String cp_error_message(Pointer err);
        String cp_error_python_type(Pointer err);
        void cp_error_free(Pointer err);
        void cp_buffer_release(Buffer buf);
        int cp_loads(byte[] data, long len, Pointer options, PointerByReference out, Pointer used,
                     PointerByReference err);
        int cp_dumps(Pointer obj, Pointer options, Buffer out, PointerByReference err);
        int cp_eval(String expression, Pointer args, PointerByReference out, PointerByReference err);
        int cp_call(Pointer callable, Pointer[] args, long count, PointerByReference out, PointerByReference err);
        Pointer cp_from_int64(long value);
        Pointer cp_from_double(double value);
        Pointer cp_from_utf8(byte[] text, long len);
        int cp_as_double(Pointer obj, DoubleByReference out, PointerByReference err);
        void cp_decref(Pointer obj);
    }

    @Structure.FieldOrder({"data", "len", "flags", "reserved", "release", "private_data"})
    public static class Buffer extends Structure {
        public Pointer data;
        public long len;
        public int flags;
        public int reserved;
        public Pointer release;
        public Pointer private_data;
    }

    /** A failure of the library. */
    public static class PythonException extends RuntimeException {
        public final String pythonType;

        PythonException(Pointer report) {
            super(cp.cp_error_message(report));
            pythonType = cp.cp_error_python_type(report);
            cp.cp_error_free(report);
        }
    }

    private interface Call {
        int with(PointerByReference err);
    }

    private static void check(Call call) {
        PointerByReference err = new PointerByReference();
        if (call.with(err) != 0)
            throw new PythonException(err.getValue());
    }

    private static final Cleaner CLEANER = Cleaner.create();

    /** A Python object, whose reference ends when Java collects it. */
    public static class PyObject {
        final Pointer pointer;

        PyObject(Pointer pointer) {
            if (pointer == null)
                throw new IllegalStateException("no Python, or no memory");
            this.pointer = pointer;
            CLEANER.register(this, () -> cp.cp_decref(pointer));
        }

        static PyObject from(Object value) {
            if (value instanceof PyObject object)
                return object;
            if (value instanceof Integer || value instanceof Long)
                return new PyObject(cp.cp_from_int64(((Number) value).longValue()));
            if (value instanceof Double number)
                return new PyObject(cp.cp_from_double(number));
            if (value instanceof String text) {
                byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
                return new PyObject(cp.cp_from_utf8(bytes, bytes.length));
            }
            throw new ClassCastException(value + " is nothing in Python");
        }

        static PyObject eval(String expression) {
            PointerByReference out = new PointerByReference();
            check(err -> cp.cp_eval(expression, null, out, err));
            return new PyObject(out.getValue());
        }

        static PyObject loads(byte[] bytes) {
            PointerByReference out = new PointerByReference();
            check(err -> cp.cp_loads(bytes, bytes.length, null, out, null, err));
            return new PyObject(out.getValue());
        }

        byte[] dumps() {
            Buffer buffer = new Buffer();
            check(err -> cp.cp_dumps(pointer, null, buffer, err));
            Reference.reachabilityFence(this);
            byte[] bytes = buffer.data.getByteArray(0, (int) buffer.len);
            cp.cp_buffer_release(buffer);
            return bytes;
        }

        PyObject call(Object... values) {
            List<PyObject> objects = new ArrayList<>();
            for (Object value : values)
                objects.add(from(value));
            Pointer[] pointers = objects.stream().map(object -> object.pointer).toArray(Pointer[]::new);
            PointerByReference out = new PointerByReference();
            check(err -> cp.cp_call(pointer, pointers, pointers.length, out, err));
            Reference.reachabilityFence(this); // Not collected before this.
            Reference.reachabilityFence(objects);
            return new PyObject(out.getValue());
        }

        double toDouble() {
            DoubleByReference out = new DoubleByReference();
            check(err -> cp.cp_as_double(pointer, out, err));
            Reference.reachabilityFence(this);
            return out.getValue();
        }
    }

    private static Api cp;

    public static void main(String[] arguments) throws IOException {
        cp = Native.load(arguments[0], Api.class, Map.of(Library.OPTION_STRING_ENCODING, "UTF-8"));
        Path folder = Path.of(arguments[1]);
        check(err -> cp.cp_initialize(null, err));

        PyObject order = PyObject.loads(Files.readAllBytes(folder.resolve("order.pickle")));
        Map<String, Double> totals = new LinkedHashMap<>();
        totals.put("tea", order.call("tea", 3, 2.5).toDouble());
        totals.put("coffee", order.call("coffee", 10, 4.0).toDouble());
        totals.put("milk", order.call("milk", 2, 1.25).toDouble());
        totals.forEach((name, price) -> System.out.printf(Locale.ROOT, "%s %.2f%n", name, price));
        double total = totals.values().stream().mapToDouble(Double::doubleValue).sum();
        System.out.printf(Locale.ROOT, "total %.2f%n", total);

        try {
            order.call("coffee", 1000, 4.0);
            throw new AssertionError("nothing was thrown");
        } catch (PythonException error) {
            System.out.println("error " + error.pythonType + ": " + error.getMessage());
        }

        PyObject keep = PyObject.eval(
            "lambda *flat: (lambda totals: lambda name: totals[name])(dict(zip(flat[::2], flat[1::2])))");
        List<Object> flat = new ArrayList<>();
        totals.forEach((name, price) -> flat.addAll(List.of(name, price)));
        Files.write(folder.resolve("totals.pickle"), keep.call(flat.toArray()).dumps());

        // References that are left end without harm when Java does.
        check(err -> cp.cp_finalize(err));
    }
}
