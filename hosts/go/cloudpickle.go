package main

/*
#cgo LDFLAGS: -lcloudpickle-embed
#include <cloudpickle.h>
#include <stdlib.h>
*/
import "C"

import (
	"errors"
	"runtime"
	"unsafe"
)

// Error is a failure of the library.
type Error struct {
	Message    string
	PythonType string
}

func (e *Error) Error() string { return e.Message }

// check turns a status and its report into an error. The report is in the hand of the caller, not in the thread's: Go
// may run the next call on another one.
func check(status C.cp_status, report *C.cp_error) error {
	if status == C.CP_OK {
		return nil
	}
	defer C.cp_error_free(report)
	failure := &Error{Message: C.GoString(C.cp_error_message(report))}
	if pythonType := C.cp_error_python_type(report); pythonType != nil {
		failure.PythonType = C.GoString(pythonType)
	}
	return failure
}

// Initialize makes Python ready.
func Initialize() error {
	var report *C.cp_error
	status := C.cp_initialize(nil, &report)
	return check(status, report)
}

// Finalize takes back one Initialize.
func Finalize() error {
	var report *C.cp_error
	status := C.cp_finalize(&report)
	return check(status, report)
}

// Object is a Python object, whose reference ends when Go collects it.
type Object struct{ pointer *C.struct__object }

func own(pointer *C.struct__object) (*Object, error) {
	if pointer == nil {
		return nil, errors.New("no Python, or no memory")
	}
	object := &Object{pointer}
	runtime.SetFinalizer(object, func(object *Object) { C.cp_decref(object.pointer) })
	return object, nil
}

// From makes an object of an int, a float64, a string; an *Object is itself.
func From(value interface{}) (*Object, error) {
	switch value := value.(type) {
	case *Object:
		return value, nil
	case int:
		return own(C.cp_from_int64(C.int64_t(value)))
	case float64:
		return own(C.cp_from_double(C.double(value)))
	case string:
		text := C.CString(value)
		defer C.free(unsafe.Pointer(text))
		return own(C.cp_from_utf8(text, C.size_t(len(value))))
	}
	return nil, errors.New("this is nothing in Python")
}

// Eval is the value of a Python expression.
func Eval(expression string) (*Object, error) {
	var out *C.struct__object
	var report *C.cp_error
	text := C.CString(expression)
	defer C.free(unsafe.Pointer(text))
	status := C.cp_eval(text, nil, &out, &report)
	if err := check(status, report); err != nil {
		return nil, err
	}
	return own(out)
}

// Loads makes an object of a pickle.
func Loads(pickle []byte) (*Object, error) {
	var out *C.struct__object
	var report *C.cp_error
	data := C.CBytes(pickle)
	defer C.free(data)
	status := C.cp_loads(data, C.size_t(len(pickle)), nil, &out, nil, &report)
	if err := check(status, report); err != nil {
		return nil, err
	}
	return own(out)
}

// Dumps makes a pickle.
func (o *Object) Dumps() ([]byte, error) {
	var buffer C.cp_buffer
	var report *C.cp_error
	status := C.cp_dumps(o.pointer, nil, &buffer, &report)
	runtime.KeepAlive(o)
	if err := check(status, report); err != nil {
		return nil, err
	}
	defer C.cp_buffer_release(&buffer)
	return C.GoBytes(unsafe.Pointer(buffer.data), C.int(buffer.len)), nil
}

// Call calls the object with Go's values.
func (o *Object) Call(values ...interface{}) (*Object, error) {
	objects := make([]*Object, len(values))
	pointers := (*[1 << 20]*C.struct__object)(C.calloc(C.size_t(len(values)+1), C.size_t(unsafe.Sizeof(o.pointer))))
	defer C.free(unsafe.Pointer(pointers))
	for i, value := range values {
		object, err := From(value)
		if err != nil {
			return nil, err
		}
		objects[i], pointers[i] = object, object.pointer
	}
	var out *C.struct__object
	var report *C.cp_error
	status := C.cp_call(o.pointer, &pointers[0], C.size_t(len(values)), &out, &report)
	runtime.KeepAlive(o)
	runtime.KeepAlive(objects)
	if err := check(status, report); err != nil {
		return nil, err
	}
	return own(out)
}

// Float is the object as a number.
func (o *Object) Float() (float64, error) {
	var out C.double
	var report *C.cp_error
	status := C.cp_as_double(o.pointer, &out, &report)
	runtime.KeepAlive(o)
	return float64(out), check(status, report)
}
