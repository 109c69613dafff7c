// Package pickle reads pickles of Python as data: numbers, texts, tuples, lists, dictionaries, sets, and what a Host makes of the globals that
// a pickle names. Nothing is ever executed but the Host.
//
// The opcodes are those that Python's binary picklers write, protocols 2 to 5; the older ones of text, extensions and buffers outside the
// pickle are refused by name. What is read takes at most some hundred times the memory of the pickle. Values may be shared and may contain
// themselves, as in Python: who walks through them sees to an end.
//
// Source: the Python library, Lib/pickletools.py.
package pickle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/energo-ml/energo/internal/excerpt"
)

// The values of a pickle are nil (None), bool, int, Long, float64, string, []byte (bytes and bytearray), Tuple, *List, *Dict, *Set, and those of a Host.
type (
	// Tuple is a tuple.
	Tuple []any
	// List is a list.
	List struct{ Items []any }
	// Dict is a dictionary: its keys in the order in which they were set, a key that was set twice twice.
	Dict struct{ Keys, Values []any }
	// Set is a set, its elements in the order of the pickle.
	Set struct{ Items []any }
	// Long is an integer that an int cannot hold: little-endian, in two's complement.
	Long string
)

// A Host says what a pickle's globals and references stand for.
type Host interface {
	// Global returns the value of a class or a function.
	Global(module, name string) (any, error)
	// Call returns what a value of Global makes of arguments.
	Call(callee any, arguments Tuple) (any, error)
	// Persistent returns the value that stands outside the pickle under an identifier.
	Persistent(id any) (any, error)
	// Build gives a value its state, whatever the value is.
	Build(object, state any) error
}

// Decode reads the pickle at the beginning of data, and returns its value and how many bytes it has.
//
// Errors name the byte and the opcode: a pickle that is cut off, an opcode that is not served, an operand of another type, and what the Host says.
func Decode(data []byte, host Host) (value any, size int, err error) {
	m := &machine{data: data, host: host, memo: map[uint64]any{}}
	for {
		start := m.at
		code, err := m.take(1)
		if err != nil {
			return nil, 0, fmt.Errorf("pickle: it ends at byte %d without an end mark", start)
		}
		o := opcodes[code[0]]
		if o.run == nil {
			return nil, 0, fmt.Errorf("pickle: byte %d: opcode 0x%02x is not one that is served", start, code[0])
		}
		if err := o.run(m); err != nil {
			return nil, 0, fmt.Errorf("pickle: byte %d, %s: %w", start, o.name, err)
		}
		if o.name == stop {
			return m.result, m.at, nil
		}
	}
}

// A machine is the state of a pickle that is being read.
type machine struct {
	data   []byte
	at     int
	host   Host
	stack  []any
	marks  []int // heights of the stack
	memo   map[uint64]any
	result any
}

// take is the next n bytes.
func (m *machine) take(n uint64) ([]byte, error) {
	if left := len(m.data) - m.at; n > uint64(left) {
		return nil, fmt.Errorf("%d bytes must follow, and there are %d", n, left)
	}
	b := m.data[m.at:][:n]
	m.at += int(n)
	return b, nil
}

// number is the unsigned number in the next size bytes.
func (m *machine) number(size uint64) (uint64, error) {
	b, err := m.take(size)
	if err != nil {
		return 0, err
	}
	var all [8]byte
	copy(all[:], b)
	return binary.LittleEndian.Uint64(all[:]), nil
}

// sized is what follows a length of size bytes.
func (m *machine) sized(size uint64) ([]byte, error) {
	n, err := m.number(size)
	if err != nil {
		return nil, err
	}
	return m.take(n)
}

// text is a text behind a length of size bytes.
func (m *machine) text(size uint64) (string, error) {
	b, err := m.sized(size)
	if err == nil && !utf8.Valid(b) {
		err = fmt.Errorf("the text %q is not UTF-8", excerpt.Of(b))
	}
	return string(b), err
}

// line is the text up to the end of a line.
func (m *machine) line() (string, error) {
	for i, c := range m.data[m.at:] {
		if c == '\n' {
			text := string(m.data[m.at : m.at+i])
			m.at += i + 1
			if !utf8.ValidString(text) {
				return "", fmt.Errorf("the text %q is not UTF-8", excerpt.Of(text))
			}
			return text, nil
		}
	}
	return "", errors.New("a line has no end")
}

func (m *machine) push(v any) error {
	m.stack = append(m.stack, v)
	return nil
}

// pop takes n values off the stack, none from below the last mark.
func (m *machine) pop(n int) ([]any, error) {
	floor := 0
	if len(m.marks) > 0 {
		floor = m.marks[len(m.marks)-1]
	}
	if len(m.stack)-floor < n {
		return nil, fmt.Errorf("%d values must be on the stack, and there are %d", n, len(m.stack)-floor)
	}
	top := m.stack[len(m.stack)-n:]
	m.stack = m.stack[:len(m.stack)-n]
	return top, nil
}

// marked takes the values behind the last mark off the stack, and the mark.
func (m *machine) marked() ([]any, error) {
	if len(m.marks) == 0 {
		return nil, errors.New("there is no mark on the stack")
	}
	floor := m.marks[len(m.marks)-1]
	m.marks = m.marks[:len(m.marks)-1]
	top := m.stack[floor:]
	m.stack = m.stack[:floor]
	return top, nil
}

// peek is the value on top of the stack.
func (m *machine) peek() (any, error) {
	top, err := m.pop(1)
	if err != nil {
		return nil, err
	}
	return top[0], m.push(top[0])
}

// popped runs with n values off the stack and pushes what comes of them.
func popped(n int, run func(m *machine, v []any) (any, error)) func(*machine) error {
	return func(m *machine) error {
		v, err := m.pop(n)
		if err != nil {
			return err
		}
		x, err := run(m, v)
		if err != nil {
			return err
		}
		return m.push(x)
	}
}

// constant pushes a value of its own.
func constant(make func() any) func(*machine) error {
	return func(m *machine) error { return m.push(make()) }
}

// unsigned pushes a number of size bytes.
func unsigned(size uint64) func(*machine) error {
	return func(m *machine) error {
		n, err := m.number(size)
		if err != nil {
			return err
		}
		return m.push(int(n))
	}
}

// long pushes an integer in two's complement behind a length of size bytes.
func long(size uint64) func(*machine) error {
	return func(m *machine) error {
		b, err := m.sized(size)
		if err != nil {
			return err
		}
		if len(b) > 8 {
			return m.push(Long(b))
		}
		var all [8]byte
		if len(b) > 0 && b[len(b)-1] >= 0x80 {
			all = [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
		}
		copy(all[:], b)
		return m.push(int(binary.LittleEndian.Uint64(all[:])))
	}
}

// text pushes a text behind a length of size bytes.
func text(size uint64) func(*machine) error {
	return func(m *machine) error {
		s, err := m.text(size)
		if err != nil {
			return err
		}
		return m.push(s)
	}
}

// octets pushes bytes behind a length of size bytes.
func octets(size uint64) func(*machine) error {
	return func(m *machine) error {
		b, err := m.sized(size)
		if err != nil {
			return err
		}
		return m.push(append([]byte{}, b...))
	}
}

// tuple pushes a tuple of the n values on top.
func tuple(n int) func(*machine) error {
	return popped(n, func(_ *machine, v []any) (any, error) { return append(Tuple{}, v...), nil })
}

// put notes the value on top under a number of size bytes.
func put(size uint64) func(*machine) error {
	return func(m *machine) error {
		n, err := m.number(size)
		if err != nil {
			return err
		}
		return m.note(n)
	}
}

func (m *machine) note(n uint64) error {
	v, err := m.peek()
	m.memo[n] = v
	return err
}

// get pushes the value that was noted under a number of size bytes.
func get(size uint64) func(*machine) error {
	return func(m *machine) error {
		n, err := m.number(size)
		if err != nil {
			return err
		}
		v, ok := m.memo[n]
		if !ok {
			return fmt.Errorf("nothing was noted under %d", n)
		}
		return m.push(v)
	}
}

// items gives the container on top more elements.
func (m *machine) items(v []any) error {
	c, err := m.peek()
	if err != nil {
		return err
	}
	switch c := c.(type) {
	case *List:
		c.Items = append(c.Items, v...)
	case *Set:
		c.Items = append(c.Items, v...)
	default:
		return fmt.Errorf("the elements are of %s; they must be of a list or a set", Kind(c))
	}
	return nil
}

// pairs gives the dictionary on top more keys with their values.
func (m *machine) pairs(v []any) error {
	c, err := m.peek()
	if err != nil {
		return err
	}
	d, ok := c.(*Dict)
	if !ok || len(v)%2 != 0 {
		return fmt.Errorf("%d keys and values are of %s; they must be pairs of a dictionary", len(v), Kind(c))
	}
	for i := 0; i < len(v); i += 2 {
		d.Keys, d.Values = append(d.Keys, v[i]), append(d.Values, v[i+1])
	}
	return nil
}

// global pushes what a name stands for.
func (m *machine) global(module, name string) error {
	v, err := m.host.Global(module, name)
	if err != nil {
		return err
	}
	return m.push(v)
}

// call is a function or a class with its arguments.
func (m *machine) call(callee, arguments any) (any, error) {
	t, ok := arguments.(Tuple)
	if !ok {
		return nil, fmt.Errorf("the arguments are %s; they must be a tuple", Kind(arguments))
	}
	return m.host.Call(callee, t)
}

// Kind is the type of a value, for messages.
func Kind(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "a bool"
	case int, Long:
		return "an int"
	case float64:
		return "a float"
	case string:
		return "a text"
	case []byte:
		return "bytes"
	case Tuple:
		return fmt.Sprintf("a tuple of %d", len(v))
	case *List:
		return "a list"
	case *Dict:
		return "a dictionary"
	case *Set:
		return "a set"
	case fmt.Stringer:
		return excerpt.Of(v.String())
	}
	return fmt.Sprintf("%T", v)
}

// float is a float64, big-endian as no other number of a pickle.
func float(m *machine) error {
	b, err := m.take(8)
	if err != nil {
		return err
	}
	return m.push(math.Float64frombits(binary.BigEndian.Uint64(b)))
}
