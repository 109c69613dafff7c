package pickle

import (
	"errors"
	"fmt"
)

// newest is the newest protocol.
const newest = 5

// stop is the name of the opcode that ends a pickle.
const stop = "STOP"

// An opcode is what a byte of a pickle does.
type opcode struct {
	name string
	run  func(*machine) error
}

// opcodes are those that are served, by their byte.
var opcodes = [256]opcode{
	0x80: {"PROTO", proto},
	0x95: {"FRAME", frame},
	'.':  {stop, finish},

	'N':  {"NONE", constant(func() any { return nil })},
	0x88: {"NEWTRUE", constant(func() any { return true })},
	0x89: {"NEWFALSE", constant(func() any { return false })},
	')':  {"EMPTY_TUPLE", constant(func() any { return Tuple{} })},
	']':  {"EMPTY_LIST", constant(func() any { return &List{} })},
	'}':  {"EMPTY_DICT", constant(func() any { return &Dict{} })},
	0x8f: {"EMPTY_SET", constant(func() any { return &Set{} })},

	'K':  {"BININT1", unsigned(1)},
	'M':  {"BININT2", unsigned(2)},
	'J':  {"BININT", int32s},
	0x8a: {"LONG1", long(1)},
	0x8b: {"LONG4", long(4)},
	'G':  {"BINFLOAT", float},

	'U':  {"SHORT_BINSTRING", text(1)}, // texts of Python 2
	'T':  {"BINSTRING", text(4)},
	0x8c: {"SHORT_BINUNICODE", text(1)},
	'X':  {"BINUNICODE", text(4)},
	0x8d: {"BINUNICODE8", text(8)},
	'C':  {"SHORT_BINBYTES", octets(1)},
	'B':  {"BINBYTES", octets(4)},
	0x8e: {"BINBYTES8", octets(8)},
	0x96: {"BYTEARRAY8", octets(8)},

	'(':  {"MARK", mark},
	'0':  {"POP", pop},
	'1':  {"POP_MARK", popMark},
	'2':  {"DUP", duplicate},
	't':  {"TUPLE", markedTuple},
	0x85: {"TUPLE1", tuple(1)},
	0x86: {"TUPLE2", tuple(2)},
	0x87: {"TUPLE3", tuple(3)},
	'l':  {"LIST", markedList},
	'd':  {"DICT", markedDict},
	0x91: {"FROZENSET", markedSet},
	'a':  {"APPEND", appendOne},
	'e':  {"APPENDS", appendMarked},
	0x90: {"ADDITEMS", appendMarked},
	's':  {"SETITEM", setOne},
	'u':  {"SETITEMS", setMarked},

	'q':  {"BINPUT", put(1)},
	'r':  {"LONG_BINPUT", put(4)},
	0x94: {"MEMOIZE", func(m *machine) error { return m.note(uint64(len(m.memo))) }},
	'h':  {"BINGET", get(1)},
	'j':  {"LONG_BINGET", get(4)},

	'c':  {"GLOBAL", global},
	0x93: {"STACK_GLOBAL", stackGlobal},
	'R':  {"REDUCE", popped(2, func(m *machine, v []any) (any, error) { return m.call(v[0], v[1]) })},
	0x81: {"NEWOBJ", popped(2, func(m *machine, v []any) (any, error) { return m.call(v[0], v[1]) })},
	'b':  {"BUILD", popped(2, func(m *machine, v []any) (any, error) { return v[0], m.host.Build(v[0], v[1]) })},
	'Q':  {"BINPERSID", popped(1, func(m *machine, v []any) (any, error) { return m.host.Persistent(v[0]) })},
}

func proto(m *machine) error {
	n, err := m.number(1)
	if err == nil && n > newest {
		err = fmt.Errorf("the protocol is %d; the newest that is served is %d", n, newest)
	}
	return err
}

// frame only says how far a reader may look ahead.
func frame(m *machine) error {
	n, err := m.number(8)
	if left := len(m.data) - m.at; err == nil && n > uint64(left) {
		err = fmt.Errorf("the frame has %d bytes, and %d follow", n, left)
	}
	return err
}

func finish(m *machine) error {
	v, err := m.pop(1)
	if err != nil {
		return err
	}
	if len(m.stack) > 0 || len(m.marks) > 0 {
		return errors.New("more than the value is on the stack")
	}
	m.result = v[0]
	return nil
}

func int32s(m *machine) error {
	n, err := m.number(4)
	if err != nil {
		return err
	}
	return m.push(int(int32(n)))
}

func mark(m *machine) error {
	m.marks = append(m.marks, len(m.stack))
	return nil
}

// pop takes the mark where nothing is behind it, as Python does.
func pop(m *machine) error {
	if n := len(m.marks); n > 0 && m.marks[n-1] == len(m.stack) {
		m.marks = m.marks[:n-1]
		return nil
	}
	_, err := m.pop(1)
	return err
}

func popMark(m *machine) error {
	_, err := m.marked()
	return err
}

func duplicate(m *machine) error {
	v, err := m.peek()
	if err != nil {
		return err
	}
	return m.push(v)
}

func markedTuple(m *machine) error {
	v, err := m.marked()
	if err != nil {
		return err
	}
	return m.push(append(Tuple{}, v...))
}

func markedList(m *machine) error {
	v, err := m.marked()
	if err != nil {
		return err
	}
	return m.push(&List{append([]any{}, v...)})
}

func markedSet(m *machine) error {
	v, err := m.marked()
	if err != nil {
		return err
	}
	return m.push(&Set{append([]any{}, v...)})
}

func markedDict(m *machine) error {
	v, err := m.marked()
	if err != nil {
		return err
	}
	v = append([]any{}, v...) // off the stack, which the dictionary goes onto
	_ = m.push(&Dict{})
	return m.pairs(v)
}

func appendOne(m *machine) error {
	v, err := m.pop(1)
	if err != nil {
		return err
	}
	return m.items([]any{v[0]})
}

func appendMarked(m *machine) error {
	v, err := m.marked()
	if err != nil {
		return err
	}
	return m.items(v)
}

func setOne(m *machine) error {
	v, err := m.pop(2)
	if err != nil {
		return err
	}
	return m.pairs(v)
}

func setMarked(m *machine) error {
	v, err := m.marked()
	if err != nil {
		return err
	}
	return m.pairs(v)
}

func global(m *machine) error {
	module, err := m.line()
	if err != nil {
		return err
	}
	name, err := m.line()
	if err != nil {
		return err
	}
	return m.global(module, name)
}

func stackGlobal(m *machine) error {
	v, err := m.pop(2)
	if err != nil {
		return err
	}
	module, ok := v[0].(string)
	name, ok2 := v[1].(string)
	if !ok || !ok2 {
		return fmt.Errorf("module and name are %s and %s; they must be texts", Kind(v[0]), Kind(v[1]))
	}
	return m.global(module, name)
}
