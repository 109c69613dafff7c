package tensor

import (
	"archive/zip"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// golden reads a file that oracle/torch_files.py wrote.
func golden(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/torch", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// What torch.save wrote in every form has the tensors that stand beside it as safetensors, whatever the file is called.
func TestReadTorch(t *testing.T) {
	for name, as := range map[string]string{
		"every": "every", "old": "every", "typed": "typed", "alone": "alone",
		"checkpoint": "checkpoint", "protocol3": "checkpoint", "protocol4": "checkpoint", "protocol5": "checkpoint",
	} {
		want, err := ReadFile("testdata/torch/" + as + ".safetensors")
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "weights.safetensors")
		if err := os.WriteFile(path, golden(t, name+".pt"), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadFile(path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(got.Tensors) != len(want.Tensors) {
			t.Errorf("%s: %d tensors, want %d", name, len(got.Tensors), len(want.Tensors))
		}
		for _, w := range want.Tensors {
			if g := got.Get(w.Name); g == nil || !same(g, w.Tensor) {
				t.Errorf("%s: %q is %v, want %v", name, w.Name, g, w.Tensor)
			}
		}
	}
}

// A part of a checkpoint has the names of its own.
func TestUnder(t *testing.T) {
	f, err := DecodeTorch(golden(t, "checkpoint.pt"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, x := range f.Under("state_dict.module").Tensors {
		names = append(names, x.Name)
	}
	want := []string{"0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked", "3.weight", "3.bias"}
	if !slices.Equal(names, want) {
		t.Errorf("the names are %q, want %q", names, want)
	}
	if x := f.Under("state_dic"); len(x.Tensors) != 0 {
		t.Errorf("there are tensors under the beginning of a name: %v", x.Tensors)
	}
	if x := f.Under("history").Get("1.loss"); x == nil || x.At() != 0.25 {
		t.Errorf("history.1.loss is %v, want 0.25", x)
	}
}

// A record of an archive.
type record struct {
	name, data string
	method     uint16
}

func archive(t testing.TB, records ...record) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, r := range records {
		f, err := w.CreateHeader(&zip.FileHeader{Name: r.name, Method: r.method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(r.data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// pickled is an archive with that pickle, of protocol 2, and 16 bytes of a storage "0".
func pickled(t testing.TB, code string) []byte {
	return archive(t, record{name: "a/data.pkl", data: "\x80\x02" + code}, record{name: "a/data/0", data: "0123456789abcdef"})
}

// Opcodes of a tensor over that storage, of four float32.
const (
	rebuild = "ctorch._utils\n_rebuild_tensor_v2\n"
	floats  = "(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQ"
	large   = "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f" // 2⁶³ − 1
)

// view is a tensor of an offset, a shape and strides.
func view(offset, shape, strides string) string {
	return rebuild + "(" + floats + offset + shape + strides + "\x89}tR"
}

func TestDecodeTorchRefuses(t *testing.T) {
	big := func(s string) []byte { // the same with a reference to a checksum that is another
		b := pickled(t, view("K\x00", "K\x04\x85", "K\x01\x85")+".")
		return bytes.Replace(b, []byte("0123456789abcdef"), []byte(s), 1)
	}
	text := func(s string) string { return "X" + string([]byte{byte(len(s)), byte(len(s) >> 8), 0, 0}) + s }
	for _, c := range []struct {
		name, want string
		data       []byte
	}{
		{"a module", "torch.nn.modules.linear.Linear", golden(t, "module.pt")},
		{"a namespace", "argparse.Namespace", golden(t, "namespace.pt")},
		{"a sparse tensor", "torch._utils._rebuild_sparse_tensor", golden(t, "sparse.pt")},
		{"complex numbers", "torch.ComplexFloatStorage", golden(t, "complex.pt")},
		{"8-bit floats", "torch.float8_e4m3fn", golden(t, "float8.pt")},
		{"a lazy negative", "lazily negated", golden(t, "negated.pt")},
		{"a function of the system", "the global os.system", pickled(t, "cos\nsystem\nX\x01\x00\x00\x00x\x85R.")},
		{"a function by its parts", "the global builtins.eval", pickled(t, text("builtins")+text("eval")+"\x93.")},
		{"a line in a global", "the global", pickled(t, "cos\r\nsys\ttem\n.")},

		{"an array of another library", "no record \"data.pkl\"", archive(t, record{name: "a/x.npy"})},
		{"no folder", "one folder", archive(t, record{name: "data.pkl", data: "\x80\x02}."})},
		{"two folders", "one folder", archive(t, record{name: "a/data.pkl"}, record{name: "b/data/0"})},
		{"two records of a name", "two records", archive(t, record{name: "a/data.pkl"}, record{name: "a/data.pkl"})},
		{"a script", "torch.jit.save", archive(t, record{name: "a/data.pkl"}, record{name: "a/constants.pkl"})},
		{"a big-endian archive", "\"big\"", archive(t, record{name: "a/data.pkl"}, record{name: "a/byteorder", data: "big"})},
		{"compressed", "compressed", archive(t, record{name: "a/data.pkl", data: strings.Repeat("a", 1000), method: zip.Deflate})},
		{"no storage", "data/0", archive(t, record{name: "a/data.pkl", data: "\x80\x02" + view("K\x00", "K\x04\x85", "K\x01\x85") + "."})},
		{"a short storage", "has 15 bytes", archive(t, record{name: "a/data.pkl", data: "\x80\x02" + view("K\x00", "K\x04\x85", "K\x01\x85") + "."}, record{name: "a/data/0", data: "0123456789abcde"})},
		{"damage", "is damaged", big("0123456789abcdeF")},
		{"an empty pickle", "ends at byte 0", archive(t, record{name: "a/data.pkl"})},
		{"two pickles", "follow the pickle", pickled(t, "}..")},
		{"cut off", "no list of its records", pickled(t, "}.")[:100]},
		{"another pickle", "not one of torch.save", []byte("\x80\x04}.")},

		{"beyond the storage", "beyond its storage", pickled(t, view("K\x00", "K\x05\x85", "K\x01\x85")+".")},
		{"beyond it by the offset", "beyond its storage", pickled(t, view("K\x01", "K\x04\x85", "K\x01\x85")+".")},
		{"beyond it by the strides", "beyond its storage", pickled(t, view("K\x00", "K\x02K\x02\x86", "K\x03K\x01\x86")+".")},
		{"beyond all numbers", "beyond its storage", pickled(t, view("K\x00", large+large+"\x86", large+large+"\x86")+".")},
		{"a far offset", "beyond its storage", pickled(t, view(large, "K\x01\x85", "K\x01\x85")+".")},
		{"strides of another rank", "the strides", pickled(t, view("K\x00", "K\x02\x85", "K\x02K\x01\x86")+".")},
		{"a negative dimension", "must be an int of 0 or more", pickled(t, view("K\x00", "J\xff\xff\xff\xff\x85", "K\x01\x85")+".")},
		{"a negative offset", "the offset -1", pickled(t, view("J\xff\xff\xff\xff", "K\x01\x85", "K\x01\x85")+".")},
		{"more elements than the file", "more elements", pickled(t, view("K\x00", "J\x00\x00\x00\x40\x85", "K\x00\x85")+".")},
		{"more elements than an int counts", "more elements", pickled(t, view("K\x00", large+large+"\x86", "K\x00K\x00\x86")+".")},
		{"too many elements together", "more elements", pickled(t, "]("+strings.Repeat(view("K\x00", "J\x00\x00\x01\x00\x85", "K\x00\x85"), 2)+"e.")},
		{"another storage of a name", "and elsewhere", pickled(t, "]("+floats+strings.Replace(floats, "K\x04tQ", "K\x03tQ", 1)+"e.")},
		{"a type that is no storage's", "a storage has the type", pickled(t, strings.Replace(floats, "FloatStorage", "float32", 1)+".")},
		{"no storage at all", "must be a tuple", pickled(t, "K\x01Q.")},
		{"an element of the stack", "a float", pickled(t, rebuild+"(G\x00\x00\x00\x00\x00\x00\x00\x00NNNtR.")},

		{"a list in itself", "nested deeper", pickled(t, "]q\x00(h\x00h\x00e.")},
		{"a deep list", "nested deeper", pickled(t, strings.Repeat("]", 1000)+strings.Repeat("a", 999)+".")},
		{"lists of lists", "16 for each byte", pickled(t, "]q\x00"+strings.Repeat("](h\x00h\x00eq\x00", 40)+strings.Repeat("0", 41)+"h\x00.")},
		{"a name twice", "two tensors are named \"a.b\"", pickled(t, "}("+text("a.b")+view("K\x00", ")", ")")+text("a")+"}"+text("b")+view("K\x00", ")", ")")+"su.")},
		{"a long name", "it may have 4096", pickled(t, "}"+text(strings.Repeat("n", 5000))+view("K\x00", ")", ")")+"s.")},
		{"a tuple as a key", "a key that is a tuple", pickled(t, "})Ns.")},
		{"a state of a list", "a list is given a state", pickled(t, "]}b.")},
		{"a call of a type", "torch.float32 is called", pickled(t, "ctorch\nfloat32\n)R.")},
		{"a call of a class", "torch.Tensor is called", pickled(t, "ctorch\nTensor\n)R.")},
		{"calls in calls", "function, class and arguments", pickled(t, "ctorch._tensor\n_rebuild_from_type_v2\nq\x00(h\x00ctorch\nTensor\n)}tR.")},
	} {
		_, err := DecodeTorch(c.data)
		if err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 600 {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
	if _, err := DecodeTorch(big("0123456789abcdeF")); !errors.Is(err, ErrDamaged) {
		t.Errorf("%v is not ErrDamaged", err)
	}
}

// PyTorch can leave the checksums out.
func TestTorchWithoutChecksums(t *testing.T) {
	f, err := DecodeTorch(golden(t, "unchecked.pt"))
	if err != nil || f.Get("a").At(1) != 2 {
		t.Errorf("%v, %v", f, err)
	}
}

// A dictionary as Python 2 wrote it, of pairs.
func TestTorchPairs(t *testing.T) {
	f, err := DecodeTorch(pickled(t, "ccollections\nOrderedDict\n](](U\x01a"+view("K\x01", ")", ")")+"ee\x85R."))
	if err != nil || len(f.Tensors) != 1 || f.Tensors[0].Name != "a" {
		t.Errorf("%v, %v", f, err)
	}
}

// No prefix is read, and with a flipped bit a file is refused or the same.
func TestTorchDamage(t *testing.T) {
	for _, name := range []string{"alone.pt", "old.pt"} {
		data := golden(t, name)
		want, err := DecodeTorch(data)
		if err != nil {
			t.Fatal(err)
		}
		for n := range data {
			if _, err := DecodeTorch(data[:n]); err == nil {
				t.Fatalf("%s: %d bytes of %d are read without error", name, n, len(data))
			}
		}
		if name == "old.pt" { // which has no checksum
			continue
		}
		for bit := range 8 * len(data) {
			data[bit/8] ^= 1 << (bit % 8)
			got, err := DecodeTorch(data)
			if err == nil && !cmp.Equal(got.Tensors, want.Tensors, cmp.Comparer(same)) {
				t.Errorf("bit %d of byte %d flipped, and it reads as %v", bit%8, bit/8, got)
			}
			data[bit/8] ^= 1 << (bit % 8)
		}
	}
}

// Whatever is read without error has few elements for the size of the file, and is written and read again alike.
func FuzzDecodeTorch(f *testing.F) {
	f.Add(golden(f, "alone.pt")) // small, as the others are: pickles of archives
	f.Add([]byte(view("K\x01", "K\x01K\x02\x86", "K\x02K\x01\x86") + "."))
	f.Add([]byte("}(K\x01" + view("K\x00", ")", ")") + "\x8c\x01a](NKA\x88G?\xf0\x00\x00\x00\x00\x00\x00eu."))
	f.Fuzz(func(t *testing.T, data []byte) {
		if !isTorch(data) {
			data = pickled(t, string(data))
		}
		a, err := DecodeTorch(data)
		if err != nil {
			return
		}
		elements := 0
		for _, x := range a.Tensors {
			elements += x.Tensor.Len()
		}
		if elements > 4*len(data)+65536 {
			t.Fatalf("%d elements of a file of %d bytes", elements, len(data))
		}
		again, err := Encode(a)
		if err != nil {
			return // a name that safetensors keeps
		}
		b, err := Decode(again)
		if err != nil {
			t.Fatal(err)
		}
		if !cmp.Equal(a.Tensors, b.Tensors, cmp.Comparer(same)) {
			t.Fatalf("%v became %v", a.Tensors, b.Tensors)
		}
	})
}
