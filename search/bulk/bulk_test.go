package bulk

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/flock"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/index"
)

// corner is an encoder that gives the size of a picture and the grey of its corner.
type corner struct{ fingerprint string }

func (corner) Dim() int              { return 3 }
func (c corner) Fingerprint() string { return c.fingerprint }
func (corner) Metric() distance.Kind { return distance.Euclidean }
func (corner) Size() image.Point     { return image.Pt(1, 1) }
func (corner) Channels() int         { return 3 }

func (corner) Encode(dst []float32, pictures []image.Image) error {
	for i, m := range pictures {
		b := m.Bounds()
		copy(dst[3*i:], []float32{float32(b.Dx()), float32(b.Dy()), float32(color.GrayModel.Convert(m.At(b.Min.X, b.Min.Y)).(color.Gray).Y)})
	}
	return nil
}

// collection makes n pictures of two labels, of which those of the given places are broken. want are
// the vectors of the others.
func collection(t *testing.T, n int, broken ...int) (pictures []Picture, want [][]float32) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shots")
	for i := range n {
		m := image.NewGray(image.Rect(0, 0, 1+i%5, 1+i%3))
		for j := range m.Pix {
			m.Pix[j] = byte(i)
		}
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		if slices.Contains(broken, i) {
			b.Truncate(30)
		} else {
			want = append(want, []float32{1, 1, float32(i)})
		}
		at := filepath.Join(dir, string(rune('a'+2*i/n)), fmt.Sprintf("%03d.png", i))
		if err := os.MkdirAll(filepath.Dir(at), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	pictures, _, err := List(dir, "")
	if err != nil || len(pictures) != n {
		t.Fatalf("List gives %d pictures, %v", len(pictures), err)
	}
	return pictures, want
}

// done makes a plan and does all its shards, the last one first.
func done(t *testing.T, dir string, pictures []Picture, size int) *Plan {
	t.Helper()
	p, err := NewPlan(t.Context(), dir, "run", corner{"c1"}, pictures, size)
	if err != nil {
		t.Fatal(err)
	}
	missing, err := p.Missing()
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(missing)
	for _, s := range missing {
		if err := p.Do(t.Context(), corner{"c1"}, s); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// TestSave holds files of every kind and division against the vectors and identifiers that they must have.
func TestSave(t *testing.T) {
	pictures, want := collection(t, 50, 0, 7, 8, 49)
	for _, size := range []int{7, 50, 1000} {
		for _, rows := range []int{0, 20, 46, 100} {
			for _, ext := range []string{".npy", ".safetensors"} {
				dir := t.TempDir()
				p := done(t, filepath.Join(dir, "work"), pictures, size)
				name := filepath.Join(dir, "out"+ext)
				files, err := p.Save(t.Context(), name, rows)
				if err != nil {
					t.Fatal(err)
				}
				var got [][]float32
				for _, f := range files[:len(files)-1] {
					got = append(got, readVectors(t, f)...)
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%d a shard, %d rows, %s: the vectors are %v", size, rows, ext, got)
				}
				if n := len(files) - 1; rows > 0 && n != (46+rows-1)/rows || rows == 0 && files[0] != name {
					t.Errorf("%d rows: the files are %q", rows, files)
				}
				checkIDs(t, files[len(files)-1], pictures)
				if err := os.WriteFile(filepath.Join(p.Dir(), ".shard-0000000.f32.0123abcd.partial"), nil, 0o666); err != nil {
					t.Fatal(err)
				}
				if err := p.Remove(); err != nil {
					t.Error(err)
				}
				if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != len(files) {
					t.Errorf("%q are left; %q were written", left, files)
				}
			}
		}
	}
}

// checkIDs holds the file of identifiers against the collection without those that are broken.
func checkIDs(t *testing.T, name string, pictures []Picture) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"id", "label", "file"}}
	for i, p := range pictures {
		if !slices.Contains([]int{0, 7, 8, 49}, i) {
			want = append(want, []string{p.ID, p.Label, p.File})
		}
	}
	if !reflect.DeepEqual(rows, want) || want[1][0] != "shots/a/001.png" {
		t.Errorf("%s has %v", name, rows)
	}
}

// readVectors reads a file by other code than that which wrote it.
func readVectors(t *testing.T, name string) (rows [][]float32) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var n, dim int
	if filepath.Ext(name) == ".npy" {
		head, body, ok := bytes.Cut(text, []byte("\n"))
		if !ok || len(head)%64 != 63 || int(head[8])+int(head[9])<<8 != len(head)+1-10 {
			t.Fatalf("%s begins %q", name, head)
		}
		if _, err := fmt.Sscanf(string(head[10:]), "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", &n, &dim); err != nil {
			t.Fatalf("%s: %q: %v", name, head, err)
		}
		text = body
	} else {
		f, err := tensor.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		flipped := bytes.Clone(text)
		flipped[len(text)-1] ^= 1
		if _, err := tensor.Decode(flipped); !errors.Is(err, tensor.ErrDamaged) {
			t.Errorf("a flipped bit in %s: %v; it must be told by the digest", name, err)
		}
		if len(f.Tensors) != 1 || f.Tensors[0].Name != "vectors" {
			t.Fatalf("%s has the tensors %v", name, f.Tensors)
		}
		x := f.Tensors[0].Tensor
		n, dim = x.Shape()[0], x.Shape()[1]
		if f.Metadata["encoder"] != "c1" || f.Metadata["metric"] != "euclidean" {
			t.Errorf("the metadata are %v", f.Metadata)
		}
		text = text[len(text)-4*n*dim:]
	}
	if dim != 3 || len(text) != 4*n*dim {
		t.Fatalf("%s declares %d×%d and has %d bytes", name, n, dim, len(text))
	}
	for range n {
		row := make([]float32, dim)
		if _, err := binary.Decode(text, binary.LittleEndian, row); err != nil {
			t.Fatal(err)
		}
		rows, text = append(rows, row), text[4*dim:]
	}
	return rows
}

// TestContinue stops a job and continues it, and refuses what is another job or has changed.
func TestContinue(t *testing.T) {
	pictures, _ := collection(t, 20, 3)
	dir := filepath.Join(t.TempDir(), "work")
	p, err := NewPlan(t.Context(), dir, "run", corner{"c1"}, pictures, 6)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []int{0, 2} {
		if err := p.Do(t.Context(), corner{"c1"}, s); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Do(ctx, corner{"c1"}, 1); err == nil {
		t.Error("a job that was cancelled continues")
	}
	if _, err := NewPlan(t.Context(), dir, "run", corner{"c1"}, pictures, 6); !errors.Is(err, flock.ErrInUse) {
		t.Errorf("a job that is under way is begun again: %v", err)
	}
	p.Close()
	again, err := NewPlan(t.Context(), dir, "run", corner{"c1"}, pictures, 6)
	if err != nil {
		t.Fatal(err)
	}
	if missing, err := again.Missing(); err != nil || !slices.Equal(missing, []int{1, 3}) {
		t.Errorf("shards %v are missing, %v", missing, err)
	}
	if _, err := again.Save(t.Context(), filepath.Join(t.TempDir(), "x.npy"), 0); err == nil || !strings.Contains(err.Error(), "shard 1 is not done") {
		t.Errorf("a job that is not done is saved: %v", err)
	}
	if err := again.Do(t.Context(), corner{"c2"}, 1); err == nil || !strings.Contains(err.Error(), "begun with c1") {
		t.Errorf("another encoder: %v", err)
	}
	again.Close()
	for what, other := range map[string]func() (*Plan, error){
		"run":      func() (*Plan, error) { return NewPlan(t.Context(), dir, "run2", corner{"c1"}, pictures, 6) },
		"encoder":  func() (*Plan, error) { return NewPlan(t.Context(), dir, "run", corner{"c2"}, pictures, 6) },
		"size":     func() (*Plan, error) { return NewPlan(t.Context(), dir, "run", corner{"c1"}, pictures, 7) },
		"pictures": func() (*Plan, error) { return NewPlan(t.Context(), dir, "run", corner{"c1"}, pictures[1:], 6) },
	} {
		if _, err := other(); err == nil || !strings.Contains(err.Error(), "another job") {
			t.Errorf("another %s: %v", what, err)
		}
	}
	p = done(t, dir, pictures, 6)
	skipped, n, err := p.Skipped()
	if err != nil || n != 19 || len(skipped) != 1 || skipped[0].Picture != pictures[3].File {
		t.Errorf("%d are embedded, %v skipped, %v", n, skipped, err)
	}
	if err := p.Forget(); err != nil {
		t.Fatal(err)
	}
	if missing, err := p.Missing(); err != nil || !slices.Equal(missing, []int{0}) {
		t.Errorf("shards %v are forgotten, %v", missing, err)
	}
	p.Close()
	p = done(t, dir, pictures, 6)
	if err := os.Truncate(p.vectorFile(2), 12); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Save(t.Context(), filepath.Join(t.TempDir(), "x.npy"), 0); err == nil || !strings.Contains(err.Error(), "remove it") {
		t.Errorf("vectors that were cut off are saved: %v", err)
	}
}

// TestRefuses refuses folders and arguments that are of no use.
func TestRefuses(t *testing.T) {
	pictures, _ := collection(t, 2)
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := NewPlan(t.Context(), full, "run", corner{"c1"}, pictures, 1); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a folder of something else: %v", err)
	}
	if _, err := NewPlan(t.Context(), t.TempDir(), "run", corner{"c1"}, pictures, 0); err == nil || !strings.Contains(err.Error(), "1 to") {
		t.Errorf("shards of nothing: %v", err)
	}
	for _, text := range []string{"", "{", "{}", `{"dim":3,"shard_size":0}`, `{"dim":3,"shard_size":1,"pictures":-1}`} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, planFile), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenPlan(dir); err == nil {
			t.Errorf("%q is a plan", text)
		}
	}
	if err := CheckOut("x.csv"); err == nil {
		t.Error("vectors go to x.csv")
	}
	list := filepath.Join(t.TempDir(), "twice.csv")
	if err := os.WriteFile(list, []byte("a.png,x\na.png,x\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, _, err := List(list, ""); err == nil || !strings.Contains(err.Error(), `"twice/a.png"`) {
		t.Errorf("a picture that is twice there: %v", err)
	}
}

// TestAddTo fills an index, twice, and refuses one of another encoder.
func TestAddTo(t *testing.T) {
	pictures, want := collection(t, 30, 5)
	p := done(t, filepath.Join(t.TempDir(), "work"), pictures, 8)
	x, err := index.Create(filepath.Join(t.TempDir(), "index"), p.Options())
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	for range 2 {
		if err := p.AddTo(t.Context(), x); err != nil {
			t.Fatal(err)
		}
		if info, err := x.Info(t.Context()); err != nil || info.Len != 29 || info.Encoder != "c1" {
			t.Errorf("the index is %+v, %v", info, err)
		}
	}
	it, ok, err := x.Get(t.Context(), "shots/b/029.png")
	if err != nil || !ok || it.Label != "b" || !slices.Equal(it.Vector, want[28]) {
		t.Errorf("the last item is %+v, %v, %v", it, ok, err)
	}
	o := p.Options()
	o.Encoder = "other"
	other, err := index.Create(filepath.Join(t.TempDir(), "index"), o)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := p.AddTo(t.Context(), other); err == nil || !strings.Contains(err.Error(), `"other"`) {
		t.Errorf("an index of another encoder: %v", err)
	}
}

// TestChangedPictures: a job that is resumed does those shards again whose pictures have changed, be it with the same size and time,
// have come to be readable or have gone, and no other.
func TestChangedPictures(t *testing.T) {
	pictures, want := collection(t, 20, 3)
	dir := filepath.Join(t.TempDir(), "work")
	done(t, dir, pictures, 4).Close()
	rewrite := func(i int, grey byte) {
		m := image.NewGray(image.Rect(0, 0, 1+i%5, 1+i%3))
		for j := range m.Pix {
			m.Pix[j] = grey
		}
		before, err := os.Stat(pictures[i].File)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(pictures[i].File, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(pictures[i].File, before.ModTime(), before.ModTime()); err != nil {
			t.Fatal(err)
		}
	}
	rewrite(3, 3)   // it was broken
	rewrite(9, 200) // it was another
	if err := os.Remove(pictures[17].File); err != nil {
		t.Fatal(err)
	}
	now := time.Now().Add(time.Hour) // touched, and no more
	if err := os.Chtimes(pictures[5].File, now, now); err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(t.Context(), dir, "run", corner{"c1"}, pictures, 4)
	if err != nil {
		t.Fatal(err)
	}
	if missing, err := p.Missing(); err != nil || !slices.Equal(missing, []int{0, 2, 4}) {
		t.Errorf("shards %v are to be done again, %v", missing, err)
	}
	p.Close()
	p = done(t, dir, pictures, 4)
	want[8][2] = 200 // of picture 9
	want = slices.Insert(want, 3, []float32{1, 1, 3})
	want = slices.Delete(want, 17, 18)
	files, err := p.Save(t.Context(), filepath.Join(t.TempDir(), "x.npy"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := readVectors(t, files[0]); !reflect.DeepEqual(got, want) {
		t.Errorf("the vectors are %v, want %v", got, want)
	}
}

// TestNamesAreBytes: pictures, labels, runs and folders whose names are not UTF-8 are embedded like others.
func TestNamesAreBytes(t *testing.T) {
	home := t.TempDir()
	pictures, _ := collection(t, 3)
	dir := filepath.Join(home, "b\xe4nk")
	for i, p := range pictures {
		to := filepath.Join(dir, "k\xfche", fmt.Sprintf("%d\xff.png", i))
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			t.Skipf("this file system takes no such name: %v", err)
		}
		if err := os.Rename(p.File, to); err != nil {
			t.Skipf("this file system takes no such name: %v", err)
		}
	}
	pictures, _, err := List(dir, "")
	if err != nil || len(pictures) != 3 {
		t.Fatalf("%v, %v", pictures, err)
	}
	p, err := NewPlan(t.Context(), filepath.Join(home, "w\xf6rk"), filepath.Join(home, "r\xfcn"), corner{"c1"}, pictures, 2)
	if err != nil {
		t.Fatal(err)
	}
	for s := range p.Shards() {
		other, err := OpenPlan(p.Dir()) // as a worker elsewhere has it
		if err != nil || other.Run != p.Run {
			t.Fatalf("%+v, %v", other, err)
		}
		if err := other.Do(t.Context(), corner{"c1"}, s); err != nil {
			t.Fatal(err)
		}
	}
	skipped, n, err := p.Skipped()
	if err != nil || n != 3 || len(skipped) != 0 {
		t.Errorf("%d are embedded, %q skipped, %v", n, skipped, err)
	}
	files, err := p.Save(t.Context(), filepath.Join(home, "x.npy"), 0)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := os.ReadFile(files[len(files)-1])
	if err != nil || !bytes.Contains(ids, []byte("b\xe4nk/k\xfche/0\xff.png,k\xfche,"+pictures[0].File)) {
		t.Errorf("the identifiers are %q, %v", ids, err)
	}
}
