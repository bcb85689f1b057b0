# Ruby, by Fiddle: ruby order.rb LIBRARY FOLDER
# Runs the function in FOLDER/order.pickle on rows of Ruby's, and pickles a function that knows the totals.
require "fiddle/import"

module CloudPickle
  # A failure of the library.
  class Error < StandardError
    attr_reader :python_type

    def initialize(report)
      type = C.cp_error_python_type(report)
      @python_type = type.null? ? nil : type.to_s
      super(C.cp_error_message(report).to_s.force_encoding("UTF-8"))
      C.cp_error_free(report)
    end
  end

  module C
    extend Fiddle::Importer
    dlload ARGV[0]
    Buffer = struct ["void *data", "size_t len", "unsigned int flags", "unsigned int reserved",
                     "void *release", "void *private_data"]
    extern "int cp_initialize(void *, void *)"
    extern "int cp_finalize(void *)"
    extern "char *cp_error_message(void *)"
    extern "char *cp_error_python_type(void *)"
    extern "void cp_error_free(void *)"
    extern "void cp_buffer_release(void *)"
    extern "int cp_loads(void *, size_t, void *, void *, void *, void *)"
    extern "int cp_dumps(void *, void *, void *, void *)"
    extern "int cp_eval(char *, void *, void *, void *)"
    extern "int cp_call(void *, void *, size_t, void *, void *)"
    extern "void *cp_from_int64(long long)"
    extern "void *cp_from_double(double)"
    extern "void *cp_from_utf8(char *, size_t)"
    extern "int cp_as_double(void *, void *, void *)"
    extern "void cp_decref(void *)"
  end

  # A place that a C function writes a pointer to.
  def self.place
    place = Fiddle::Pointer.malloc(Fiddle::SIZEOF_VOIDP, Fiddle::RUBY_FREE)
    place[0, Fiddle::SIZEOF_VOIDP] = "\0" * Fiddle::SIZEOF_VOIDP
    place
  end

  # Calls a function whose last parameter is the place for its report.
  def self.call(name, *arguments)
    err = place
    raise Error, err.ptr unless C.send(name, *arguments, err).zero?
  end

  # A Python object, whose reference ends when Ruby collects it.
  class PyObject
    attr_reader :pointer

    def initialize(pointer)
      raise NoMemoryError, "no Python, or no memory" if pointer.null?
      @pointer = pointer
      ObjectSpace.define_finalizer(self, self.class.finalizer(pointer.to_i))
    end

    def self.finalizer(address)
      proc { C.cp_decref(address) }
    end

    def self.from(value)
      case value
      when PyObject then value
      when Integer then new(C.cp_from_int64(value))
      when Float then new(C.cp_from_double(value))
      when String then new(C.cp_from_utf8(value, value.bytesize))
      else raise TypeError, "#{value.class} is nothing in Python"
      end
    end

    def call(*values)
      objects = values.map { |value| PyObject.from(value) }
      out = CloudPickle.place
      CloudPickle.call(:cp_call, pointer, objects.map { |each| each.pointer.to_i }.pack("J*"), objects.size, out)
      PyObject.new(out.ptr)
    end

    def to_f
      out = Fiddle::Pointer.malloc(Fiddle::SIZEOF_DOUBLE, Fiddle::RUBY_FREE)
      CloudPickle.call(:cp_as_double, pointer, out)
      out[0, Fiddle::SIZEOF_DOUBLE].unpack1("d")
    end
  end

  def self.loads(bytes)
    out = place
    call(:cp_loads, bytes, bytes.bytesize, nil, out, nil)
    PyObject.new(out.ptr)
  end

  def self.eval(expression)
    out = place
    call(:cp_eval, expression, nil, out)
    PyObject.new(out.ptr)
  end

  def self.dumps(object)
    buffer = C::Buffer.malloc(Fiddle::RUBY_FREE)
    call(:cp_dumps, object.pointer, nil, buffer)
    bytes = Fiddle::Pointer.new(buffer.data)[0, buffer.len]
    C.cp_buffer_release(buffer)
    bytes
  end
end

folder = ARGV[1]
CloudPickle.call(:cp_initialize, nil)

order = CloudPickle.loads(File.binread("#{folder}/order.pickle"))
rows = [["tea", 3, 2.5], ["coffee", 10, 4.0], ["milk", 2, 1.25]]
totals = rows.to_h { |name, count, each| [name, order.call(name, count, each).to_f] }
totals.each { |name, price| puts format("%s %.2f", name, price) }
puts format("total %.2f", totals.values.sum)

begin
  order.call("coffee", 1000, 4.0)
  abort "nothing was raised"
rescue CloudPickle::Error => error
  puts "error #{error.python_type}: #{error.message}"
end

keep = CloudPickle.eval("lambda *flat: (lambda totals: lambda name: totals[name])(dict(zip(flat[::2], flat[1::2])))")
File.binwrite("#{folder}/totals.pickle", CloudPickle.dumps(keep.call(*totals.flatten)))

# References that are left end without harm when Ruby does.
CloudPickle.call(:cp_finalize)
