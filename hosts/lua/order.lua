-- LuaJIT: luajit order.lua LIBRARY FOLDER
-- Runs the function in FOLDER/order.pickle on rows of Lua's, and pickles a function that knows the totals.
local ffi = require("ffi")

ffi.cdef [[
typedef struct _object _object;
typedef struct cp_error cp_error;
typedef struct cp_buffer {
  const char *data;
  size_t len;
  uint32_t flags, reserved;
  void (*release)(struct cp_buffer *);
  void *private_data;
} cp_buffer;
int32_t cp_initialize(const void *options, cp_error **err);
int32_t cp_finalize(cp_error **err);
const char *cp_error_message(const cp_error *err);
const char *cp_error_python_type(const cp_error *err);
void cp_error_free(cp_error *err);
void cp_buffer_release(cp_buffer *buf);
int32_t cp_loads(const char *data, size_t len, const void *options, _object **out, size_t *used, cp_error **err);
int32_t cp_dumps(_object *obj, const void *options, cp_buffer *out, cp_error **err);
int32_t cp_eval(const char *expression, _object *args, _object **out, cp_error **err);
int32_t cp_call(_object *callable, _object *const *args, size_t n_args, _object **out, cp_error **err);
_object *cp_from_double(double value);
_object *cp_from_utf8(const char *text, size_t len);
_object *cp_from_int64(int64_t value);
int32_t cp_as_double(_object *obj, double *out, cp_error **err);
void cp_decref(_object *obj);
]]

local cp = ffi.load(arg[1])
local folder = arg[2]

-- A failure of the library is a Lua error: a table with message and python_type.
local function check(status, err)
  if status ~= 0 then
    local python_type = cp.cp_error_python_type(err[0])
    local failure = {
      message = ffi.string(cp.cp_error_message(err[0])),
      python_type = python_type ~= nil and ffi.string(python_type) or nil,
    }
    cp.cp_error_free(err[0])
    error(failure)
  end
end

local function place_for_error()
  return ffi.new("cp_error *[1]")
end

-- An object, whose reference ends when Lua collects it.
local function owned(pointer)
  assert(pointer ~= nil, "no Python, or no memory")
  return ffi.gc(pointer, cp.cp_decref)
end

local function loads(bytes)
  local out, err = ffi.new("_object *[1]"), place_for_error()
  check(cp.cp_loads(bytes, #bytes, nil, out, nil, err), err)
  return owned(out[0])
end

local function dumps(object)
  local buffer, err = ffi.new("cp_buffer"), place_for_error()
  check(cp.cp_dumps(object, nil, buffer, err), err)
  local bytes = ffi.string(buffer.data, buffer.len)
  cp.cp_buffer_release(buffer)
  return bytes
end

local function eval(expression)
  local out, err = ffi.new("_object *[1]"), place_for_error()
  check(cp.cp_eval(expression, nil, out, err), err)
  return owned(out[0])
end

local function call(callable, ...)
  local count, arguments = select("#", ...), {...}
  local array, out, err = ffi.new("_object *[?]", count, arguments), ffi.new("_object *[1]"), place_for_error()
  local status = cp.cp_call(callable, array, count, out, err)
  arguments.used = true -- Not collected before this.
  check(status, err)
  return owned(out[0])
end

local function text(value) return owned(cp.cp_from_utf8(value, #value)) end
local function integer(value) return owned(cp.cp_from_int64(value)) end
local function float(value) return owned(cp.cp_from_double(value)) end

local function number(object)
  local out, err = ffi.new("double[1]"), place_for_error()
  check(cp.cp_as_double(object, out, err), err)
  return out[0]
end

local function contents(name)
  local file = assert(io.open(name, "rb"))
  local bytes = file:read("*a")
  file:close()
  return bytes
end

local err = place_for_error()
check(cp.cp_initialize(nil, err), err)

local function work()
  local order = loads(contents(folder .. "/order.pickle"))
  local rows = {{"tea", 3, 2.5}, {"coffee", 10, 4.0}, {"milk", 2, 1.25}}
  local function price(row) return number(call(order, text(row[1]), integer(row[2]), float(row[3]))) end

  local total, flat = 0, {}
  for _, row in ipairs(rows) do
    local each = price(row)
    print(("%s %.2f"):format(row[1], each))
    total = total + each
    flat[#flat + 1], flat[#flat + 2] = text(row[1]), float(each)
  end
  print(("total %.2f"):format(total))

  local good, failure = pcall(price, {"coffee", 1000, 4.0})
  assert(not good)
  print("error " .. failure.python_type .. ": " .. failure.message)

  local keep = eval("lambda *flat: (lambda totals: lambda name: totals[name])(dict(zip(flat[::2], flat[1::2])))")
  local file = assert(io.open(folder .. "/totals.pickle", "wb"))
  file:write(dumps(call(keep, unpack(flat))))
  file:close()
end

work()
collectgarbage() -- No reference is left when Python ends.
check(cp.cp_finalize(err), err)
