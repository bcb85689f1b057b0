// Node.js, by koffi: node order.js LIBRARY FOLDER
// Runs the function in FOLDER/order.pickle on rows of JavaScript's, and pickles a function that knows the totals.
'use strict';
const fs = require('node:fs');
const koffi = require('koffi');

const [libraryPath, folder] = process.argv.slice(2);
const library = koffi.load(libraryPath);

koffi.opaque('PyObject');
koffi.opaque('cp_error');
koffi.struct('cp_buffer', {
  data: 'void *', len: 'size_t', flags: 'uint32', reserved: 'uint32', release: 'void *', private_data: 'void *',
});
const declarations = `
int cp_initialize(const void *options, _Out_ cp_error **err)
int cp_finalize(_Out_ cp_error **err)
const char *cp_error_message(const cp_error *err)
const char *cp_error_python_type(const cp_error *err)
void cp_error_free(cp_error *err)
void cp_buffer_release(_Inout_ cp_buffer *buf)
int cp_loads(const void *data, size_t len, const void *options, _Out_ PyObject **out, void *used, _Out_ cp_error **err)
int cp_dumps(PyObject *obj, const void *options, _Out_ cp_buffer *out, _Out_ cp_error **err)
int cp_eval(const char *expression, PyObject *args, _Out_ PyObject **out, _Out_ cp_error **err)
int cp_call(PyObject *callable, PyObject **args, size_t count, _Out_ PyObject **out, _Out_ cp_error **err)
PyObject *cp_from_int64(int64 value)
PyObject *cp_from_double(double value)
PyObject *cp_from_utf8(const char *text, size_t len)
int cp_as_double(PyObject *obj, _Out_ double *out, _Out_ cp_error **err)
void cp_decref(PyObject *obj)
`;
const cp = {};
for (const line of declarations.trim().split('\n')) {
  cp[line.match(/(\w+)\(/)[1]] = library.func(line);
}

class PythonError extends Error {
  constructor(report) {
    super(cp.cp_error_message(report));
    this.pythonType = cp.cp_error_python_type(report);
    cp.cp_error_free(report);
  }
}

// Calls a function whose last parameter is the place for its report.
function call(name, ...values) {
  const err = [null];
  if (cp[name](...values, err) !== 0) throw new PythonError(err[0]);
}

const collected = new FinalizationRegistry((pointer) => cp.cp_decref(pointer));

// A Python object, whose reference ends when JavaScript collects it.
class PyObject {
  constructor(pointer) {
    if (pointer === null) throw new Error('no Python, or no memory');
    this.pointer = pointer;
    collected.register(this, pointer);
  }

  // A number is a float; an int is written as a BigInt.
  static from(value) {
    if (value instanceof PyObject) return value;
    if (typeof value === 'bigint') return new PyObject(cp.cp_from_int64(value));
    if (typeof value === 'number') return new PyObject(cp.cp_from_double(value));
    if (typeof value === 'string') return new PyObject(cp.cp_from_utf8(value, Buffer.byteLength(value)));
    throw new TypeError(`${typeof value} is nothing in Python`);
  }

  call(...values) {
    const objects = values.map(PyObject.from);
    const out = [null];
    call('cp_call', this.pointer, objects.map((object) => object.pointer), objects.length, out);
    return new PyObject(out[0]);
  }

  toNumber() {
    const out = [0];
    call('cp_as_double', this.pointer, out);
    return out[0];
  }
}

function loads(bytes) {
  const out = [null];
  call('cp_loads', bytes, bytes.length, null, out, null);
  return new PyObject(out[0]);
}

function evaluate(expression) {
  const out = [null];
  call('cp_eval', expression, null, out);
  return new PyObject(out[0]);
}

function dumps(object) {
  const buffer = {};
  call('cp_dumps', object.pointer, null, buffer);
  const bytes = Buffer.from(koffi.decode(buffer.data, 'uint8', Number(buffer.len)));
  cp.cp_buffer_release(buffer);
  return bytes;
}

call('cp_initialize', null);

const order = loads(fs.readFileSync(`${folder}/order.pickle`));
const rows = [['tea', 3n, 2.5], ['coffee', 10n, 4.0], ['milk', 2n, 1.25]];
const totals = rows.map(([name, count, each]) => [name, order.call(name, count, each).toNumber()]);
for (const [name, price] of totals) console.log(`${name} ${price.toFixed(2)}`);
console.log(`total ${totals.reduce((sum, [, price]) => sum + price, 0).toFixed(2)}`);

try {
  order.call('coffee', 1000n, 4.0);
  throw new Error('nothing was thrown');
} catch (error) {
  if (!(error instanceof PythonError)) throw error;
  console.log(`error ${error.pythonType}: ${error.message}`);
}

const keep = evaluate('lambda *flat: (lambda totals: lambda name: totals[name])(dict(zip(flat[::2], flat[1::2])))');
fs.writeFileSync(`${folder}/totals.pickle`, dumps(keep.call(...totals.flat())));

// References that are left end without harm when JavaScript does.
call('cp_finalize');
