package pickle

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A recorder makes texts of what a pickle names.
type recorder struct{ refuse bool }

func (r recorder) Global(module, name string) (any, error) {
	if r.refuse {
		return nil, errors.New("no globals")
	}
	return "global " + module + "." + name, nil
}

func (recorder) Call(callee any, arguments Tuple) (any, error) {
	if callee == "global collections.OrderedDict" {
		return &Dict{}, nil
	}
	return fmt.Sprintf("%v%v", callee, []any(arguments)), nil
}
func (recorder) Persistent(id any) (any, error) { return fmt.Sprint("persistent ", id), nil }
func (recorder) Build(object, state any) error  { return nil }

func list(v ...any) *List { return &List{v} }

// The values of oracle/torch_files.py, from every protocol.
func TestDecode(t *testing.T) {
	shared := list(1)
	many := list()
	for i := range 1500 {
		many.Items = append(many.Items, i)
	}
	want := &Dict{
		Keys: []any{"none", "bools", "texts", "shared", "ints", "floats", "tuples", "dicts", "many", 2.5},
		Values: []any{
			nil,
			Tuple{true, false},
			list("", "näme", strings.Repeat("x", 300)), list(shared, shared),
			list(0, 255, 256, 65535, 65536, -1, math.MaxInt32, math.MinInt32, 1<<31, math.MinInt64, math.MaxInt64,
				Long("\x00\x00\x00\x00\x00\x00\x00\x80\x00"), Long("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04")),
			Tuple{0.5, -1e300, math.Inf(1)},
			Tuple{Tuple{}, Tuple{1}, Tuple{1, 2}, Tuple{1, 2, 3}, Tuple{1, 2, 3, 4}},
			&Dict{Keys: []any{1, Tuple{1, 2}}, Values: []any{&Dict{}, &Dict{Keys: []any{"a"}, Values: []any{1}}}}, many, "float",
		},
	}
	for protocol := 2; protocol <= 5; protocol++ {
		data, err := os.ReadFile(fmt.Sprintf("testdata/values%d.pkl", protocol))
		if err != nil {
			t.Fatal(err)
		}
		got, n, err := Decode(append(data, "more"...), recorder{})
		if err != nil || n != len(data) || !cmp.Equal(got, any(want)) {
			t.Errorf("protocol %d: %v, %d of %d bytes: %s", protocol, err, n, len(data), cmp.Diff(any(want), got))
		}
		if l := got.(*Dict).Values[3].(*List); l.Items[0] != l.Items[1] {
			t.Errorf("protocol %d: a list that stands twice became two", protocol)
		}
		for n := range data {
			if _, _, err := Decode(data[:n], recorder{}); err == nil {
				t.Fatalf("protocol %d: %d bytes of %d are read without error", protocol, n, len(data))
			}
		}
	}
}

func TestDecodeBytes(t *testing.T) {
	data, err := os.ReadFile("testdata/bytes.pkl")
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := Decode(data, recorder{})
	want := list([]byte{}, []byte("ab"), []byte(strings.Repeat("x", 300)), []byte("cd"), &Set{[]any{7}}, &Set{[]any{8}})
	if err != nil || !cmp.Equal(got, any(want)) {
		t.Errorf("%v: %s", err, cmp.Diff(any(want), got))
	}
}

// Opcodes that Python's picklers seldom write, and what a Host is asked.
func TestOpcodes(t *testing.T) {
	for code, want := range map[string]any{
		"(K\x01K\x02l.":                 list(1, 2),
		"(K\x01K\x02d.":                 &Dict{Keys: []any{1}, Values: []any{2}},
		"K\x01(K\x02K\x031.":            1,
		"K\x01(0.":                      1,
		"K\x01K\x020.":                  1,
		"K\x012\x86.":                   Tuple{1, 1},
		"U\x01aT\x01\x00\x00\x00b\x86.": Tuple{"a", "b"},
		"X\x01\x00\x00\x00aQ.":          "persistent a",
		"cm\nn\nK\x01\x85R.":            "global m.n[1]",
		"cm\nn\nK\x01\x85\x81.":         "global m.n[1]",
		"cm\nn\n}b.":                    "global m.n",
		"K\x07r\x00\x00\x01\x00j\x00\x00\x01\x00\x86.": Tuple{7, 7},
		"\x8b\x00\x00\x00\x00.":                        0,
		"\x8a\x01\x80.":                                -128,
	} {
		if got, _, err := Decode([]byte(code), recorder{}); err != nil || !cmp.Equal(got, want) {
			t.Errorf("%q: %v, %v; want %v", code, got, err, want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for code, want := range map[string]string{
		"":                                      "byte 0 without an end",
		"I1\n.":                                 "opcode 0x49",
		"\x80\x06.":                             "protocol is 6",
		"\x95\xff\xff\xff\xff\xff\xff\xff\xff.": "FRAME: the frame has",
		".":                                     "byte 0, STOP: 1 values must be on the stack",
		"NN.":                                   "more than the value",
		"(N.":                                   "more than the value",
		"K":                                     "1 bytes must follow",
		"X\xff\xff\xff\xff":                     "4294967295 bytes must follow, and there are 0",
		"\x8d\xff\xff\xff\xff\xff\xff\xff\xff":  "bytes must follow",
		"\x8c\x01\xff.":                         "not UTF-8",
		"c\xff\nn\n.":                           "not UTF-8",
		"cmodule":                               "has no end",
		"N(a.":                                  "1 values must be on the stack, and there are 0",
		"Nt.":                                   "no mark",
		"N(0t.":                                 "no mark",
		"h\x00.":                                "nothing was noted under 0",
		"q\x00.":                                "1 values must be on the stack",
		"NNa.":                                  "of None; they must be of a list",
		"}(Nu.":                                 "1 keys and values are of a dictionary",
		"NNNs.":                                 "2 keys and values are of None",
		"(Nd.":                                  "must be pairs",
		"NNR.":                                  "the arguments are None",
		"NN\x93.":                               "module and name are None and None",
	} {
		if _, _, err := Decode([]byte(code), recorder{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", code, err, want)
		}
	}
	if _, _, err := Decode([]byte("cm\nn\n."), recorder{refuse: true}); err == nil || err.Error() != "pickle: byte 0, GLOBAL: no globals" {
		t.Errorf("%v, want the host's error with its place", err)
	}
}
