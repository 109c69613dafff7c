package collection

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/search/index"
)

// bars is a network of two coordinates, that stops the command after some batches.
type bars struct {
	batches int
	stop    context.CancelFunc
}

func (*bars) Dim() int              { return 2 }
func (*bars) Fingerprint() string   { return "bars" }
func (*bars) Metric() distance.Kind { return distance.Euclidean }
func (*bars) Size() image.Point     { return image.Pt(1, 1) }
func (*bars) Channels() int         { return 1 }
func (b *bars) Encode(dst []float32, pictures []image.Image) error {
	for i, p := range pictures {
		dst[2*i] = float32(color.GrayModel.Convert(p.At(0, 0)).(color.Gray).Y)
	}
	if b.batches--; b.batches == 0 {
		b.stop()
	}
	return nil
}

// dots are entries of one pixel each.
func dots(n int) (all []Picture) {
	for i := range n {
		m := image.NewGray(image.Rect(0, 0, 1, 1))
		m.Pix[0] = uint8(i)
		all = append(all, Picture{ID: fmt.Sprint("d/", i), Label: fmt.Sprint(i % 3), Path: fmt.Sprint("set#train/", i), place: fmt.Sprint("set#train/", i), grey: m})
	}
	return all
}

// A build that was stopped continues where it was, and gives what an unbroken one gives.
func TestFillContinues(t *testing.T) {
	entries := dots(3*fillBatch + 10)
	vectors := func(x *index.Exact) (all []string) {
		for item, err := range x.Each(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, fmt.Sprint(item))
		}
		return all
	}
	var want []string
	for _, stopAfter := range []int{-1, 1, 2} {
		dir := t.TempDir()
		x, err := index.Create(dir, index.Options{Dim: 2})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		f := Filling{Index: x, Encoder: &bars{stopAfter, stop}}
		err = f.Fill(ctx, entries)
		if (stopAfter > 0) != errors.Is(err, context.Canceled) {
			t.Fatalf("stopped after %d batches: %v", stopAfter, err)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		if x, err = index.Open(dir); err != nil {
			t.Fatal(err)
		}
		there := vectors(x)
		f = Filling{Index: x, Encoder: &bars{}}
		if err := f.Fill(t.Context(), entries); err != nil {
			t.Fatal(err)
		}
		if f.Unchanged != len(there) || f.Added != len(entries)-len(there) || stopAfter > 0 && len(there) == len(entries) {
			t.Errorf("stopped after %d batches with %d items: %+v", stopAfter, len(there), f)
		}
		got := vectors(x)
		if want == nil {
			want = got
		}
		if len(got) != len(entries) || !slices.Equal(got, want) {
			t.Errorf("stopped after %d batches, the index has %d items, others than unbroken", stopAfter, len(got))
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		stop()
	}
}

// What one collection has twice is refused where it is not the same.
func TestUnique(t *testing.T) {
	twice := append(dots(3), dots(2)...)
	if err := unique(twice); err != nil {
		t.Error(err)
	}
	twice[4].Label = "other"
	if err := unique(twice); err == nil || !strings.Contains(err.Error(), `identifier "d/1"`) {
		t.Error(err)
	}
	items, pictures, failed := decode(t.Context(), append(dots(3), dots(2)...), image.Pt(1, 1))
	if len(items) != 3 || len(pictures) != 3 || errors.Join(failed...) != nil {
		t.Errorf("%d items and %d pictures of 3, %v", len(items), len(pictures), failed)
	}
}

func TestMemory(t *testing.T) {
	base := t.TempDir()
	for _, c := range []struct{ index, run, text string }{
		{"run/index", "run", `".."`},
		{"run/a/b", "run", `"../.."`},
		{"other", "run", strconv.Quote(filepath.ToSlash(filepath.Join(base, "run")))},
	} {
		home, run := filepath.Join(base, c.index), filepath.Join(base, c.run)
		if err := os.MkdirAll(home, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := (Memory{Run: run}).Write(home); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadMemory(home); err != nil || got.Run != run {
			t.Errorf("%s: the run is %q (%v), want %q", c.index, got.Run, err, run)
		}
		if text, _ := os.ReadFile(filepath.Join(home, MemoryFile)); strings.TrimSpace(string(text)) != `{"run":`+c.text+`}` { // as it was before there were roots
			t.Errorf("%s: %s", c.index, text)
		}
	}
	if got, err := ReadMemory(base); err != nil || got.Run != "" || got.Roots != nil {
		t.Errorf("of no memory: %v %v", got, err)
	}
	pictures := filepath.Join(base, "photos")
	home := filepath.Join(pictures, "index")
	if err := os.MkdirAll(home, 0o777); err != nil {
		t.Fatal(err)
	}
	m := Memory{Builtin: encode.HistogramName, Roots: map[string]string{"photos": pictures, "more": base + "/m\xfcre"}}
	if err := m.Write(home); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(pictures, filepath.Join(base, "moved")); err != nil {
		t.Fatal(err)
	}
	got, err := ReadMemory(filepath.Join(base, "moved/index"))
	if err != nil || got.Builtin != m.Builtin || got.Run != "" || got.Roots["photos"] != filepath.Join(base, "moved") || got.Roots["more"] != m.Roots["more"] {
		t.Errorf("%+v, %v", got, err)
	}
}

// The folder of a collection can move; two folders of one name are refused.
func TestRoots(t *testing.T) {
	base := t.TempDir()
	a, b := filepath.Join(base, "a"), filepath.Join(base, "b")
	for _, dir := range []string{a, b} {
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	var m Memory
	if _, _, err := m.Move("", a); err == nil || !strings.Contains(err.Error(), "no folder") {
		t.Error(err)
	}
	for _, root := range []string{a, a, ""} {
		if before, err := m.Keep(&Collection{Name: "pets", Root: root}); before != "" || err != nil {
			t.Errorf("%q, %v", before, err)
		}
	}
	if _, err := m.Keep(&Collection{Name: "pets", Root: b}); !errors.Is(err, ErrTaken) {
		t.Error(err)
	}
	item := map[string]string{index.PathField: "x/y.png", RootField: "pets"}
	if at := m.Locate(item); at != filepath.Join(a, "x/y.png") {
		t.Error(at)
	}
	if name, before, err := m.Move("", b); name != "pets" || before != a || err != nil || m.Locate(item) != filepath.Join(b, "x/y.png") {
		t.Errorf("%q from %q, %v", name, before, err)
	}
	if err := os.Remove(b); err != nil {
		t.Fatal(err)
	}
	if before, err := m.Keep(&Collection{Name: "pets", Root: a}); before != b || err != nil {
		t.Errorf("gone: %q, %v", before, err)
	}
	m.Roots["other"] = a
	for name, want := range map[string]string{"": "several collections, other, pets", "dogs": `no collection "dogs"; it has other, pets`} {
		if _, _, err := m.Move(name, a); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, _, err := m.Move("pets", b); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	for _, c := range []struct {
		fields map[string]string
		want   string
	}{
		{nil, ""},
		{map[string]string{index.PathField: "/x.png"}, "/x.png"},
		{map[string]string{index.PathField: "x.png", RootField: "gone"}, "x.png"},
		{map[string]string{index.PathField: "#train/00001", RootField: "pets"}, a + "#train/00001"},
		{map[string]string{index.PathField: "#train/x.png", RootField: "pets"}, filepath.Join(a, "#train/x.png")},
	} {
		if got := m.Locate(c.fields); got != c.want {
			t.Errorf("%v is %q, want %q", c.fields, got, c.want)
		}
	}
}

// Items hold paths below the collection's folder; an index with absolute paths, as they were once, still works, and is brought up to date when its
// pictures have moved.
func TestRelativePaths(t *testing.T) {
	base := t.TempDir()
	old := filepath.Join(base, "pets")
	for i, name := range []string{"cat/a.png", "dog/b.png", "loose.png"} {
		writePNG(t, filepath.Join(old, name), dots(i + 2)[i+1].grey)
	}
	list := func(dir string) *Collection {
		c, err := List(t.Context(), dir, "", nil)
		if err != nil || c.Name != "pets" || c.Root != dir || len(c.Pictures) != 3 || c.Pictures[2].Label != "" {
			t.Fatalf("%+v, %v", c, err)
		}
		return c
	}
	x, err := index.Create(t.TempDir(), index.Options{Dim: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	fill := func(c *Collection, m Memory, added int) {
		t.Helper()
		f := Filling{Index: x, Encoder: &bars{}, Memory: m}
		if err := f.Fill(t.Context(), c.Pictures); err != nil || f.Added != added || f.Unchanged != 3-added {
			t.Fatalf("%+v, %v", f, err)
		}
	}
	absolute := list(old)
	absolute.Unrooted()
	fill(absolute, Memory{}, 3)
	var m Memory
	c := list(old)
	if _, err := m.Keep(c); err != nil {
		t.Fatal(err)
	}
	fill(c, m, 0)
	moved := filepath.Join(base, "new", "pets")
	if err := errors.Join(os.Mkdir(filepath.Dir(moved), 0o777), os.Rename(old, moved)); err != nil {
		t.Fatal(err)
	}
	c = list(moved)
	if before, err := m.Keep(c); before != old || err != nil {
		t.Fatal(before, err)
	}
	fill(c, m, 3)
	fill(c, m, 0)
	item, ok, err := x.Get(t.Context(), "pets/cat/a.png")
	if err != nil || !ok || item.Fields[index.PathField] != "cat/a.png" || item.Fields[RootField] != "pets" {
		t.Errorf("%+v, %v", item, err)
	}
	g := Gallery{Memory: m}
	if _, err := g.Picture(t.Context(), item); err != nil {
		t.Error(err)
	}
}

func TestByNumber(t *testing.T) {
	got := []string{"b", "10", "a", "9", "-1", ""}
	slices.SortFunc(got, byNumber)
	if fmt.Sprintf("%q", got) != `["-1" "9" "10" "" "a" "b"]` {
		t.Errorf("%q", got)
	}
}

func TestCutDigit(t *testing.T) {
	for at, want := range map[string]string{
		"mnist#train/00012": "mnist|train/00012", "/a#b/c#test/3": "/a#b/c|test/3", "/a/b.png": "", "/a/b#c.png": "", "mnist#other/3": "",
		"/a#train/b.png": "", "/a#train/7/3": "",
	} {
		dir, place, ok := cutDigit(at)
		if got := dir + "|" + place; ok != (want != "") || ok && got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
}

// A file may lie where the path of a digit could point.
func TestPictureCalledAsDigit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x#train", "00012")
	writePNG(t, file, image.NewGray(image.Rect(0, 0, 3, 2)))
	var g Gallery
	m, err := g.Picture(t.Context(), index.Item{Fields: map[string]string{index.PathField: file}})
	if err != nil {
		t.Fatal(err)
	}
	if m, err := m.Within(9); err != nil || m.Bounds().Dx() != 3 {
		t.Errorf("%v, %v", m, err)
	}
}

func writePNG(t *testing.T, path string, m image.Image) {
	t.Helper()
	var b bytes.Buffer
	if err := errors.Join(png.Encode(&b, m), os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, b.Bytes(), 0o666)); err != nil {
		t.Fatal(err)
	}
}

// Digits that are being loaded keep nobody who does not want to wait any more, and are loaded once.
func TestGalleryLoadsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var loads atomic.Int32
		goOn := make(chan struct{})
		set := &data.Images{N: 1, H: 1, W: 1, Pixels: []uint8{7}, Labels: []uint8{0}}
		g := Gallery{load: func(ctx context.Context, _ string, _ data.Progress) (train, test *data.Images, err error) {
			n := loads.Add(1)
			<-goOn
			if n == 1 {
				return nil, nil, errors.New("no such folder")
			}
			return set, set, ctx.Err()
		}}
		item := index.Item{Fields: map[string]string{index.PathField: "set#train/00000"}}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := g.Picture(ctx, item); !errors.Is(err, context.Canceled) {
			t.Errorf("one who is gone: %v", err)
		}
		close(goOn)
		synctest.Wait()
		for range 3 {
			if m, err := g.Picture(t.Context(), item); err != nil || m.(data.DecodedPicture).Bounds().Dx() != 1 {
				t.Errorf("%v, %v", m, err)
			}
		}
		if n := loads.Load(); n != 2 {
			t.Errorf("%d loads, want one that failed and one more", n)
		}
	})
}

// A label that an index does not take is that picture's fault alone.
func TestBadLabel(t *testing.T) {
	entries := dots(3)
	entries[1].Label = "caf\xe9"
	items, _, failed := decode(t.Context(), entries, image.Pt(1, 1))
	if len(items) != 2 || failed[1] == nil || !strings.Contains(failed[1].Error(), entries[1].Path) {
		t.Errorf("%d items of 2, %v", len(items), failed)
	}
}

// TestMemoryIsBytes: an index remembers a run whose folder's name is not UTF-8.
func TestMemoryIsBytes(t *testing.T) {
	run, name := filepath.Join(t.TempDir(), "r\xfcn"), t.TempDir()
	if err := (Memory{Run: run}).Write(name); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadMemory(name); err != nil || got.Run != run {
		t.Errorf("it remembers %+v, %v", got, err)
	}
}

// A picture that cannot be read is skipped, or ends the filling; one that lies elsewhere than the index says is refused.
func TestFillFaults(t *testing.T) {
	x, err := index.Create(t.TempDir(), index.Options{Dim: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	pictures := append(dots(2), Picture{ID: "d/gone", Path: "gone.png", place: "gone.png", file: filepath.Join(t.TempDir(), "gone.png")})
	f := Filling{Index: x, Encoder: &bars{}}
	if err := f.Fill(t.Context(), pictures); !errors.Is(err, fs.ErrNotExist) || f.Added != 0 {
		t.Errorf("without Skip: %v, %d added", err, f.Added)
	}
	var skipped []string
	f.Skip = func(p Picture, err error) { skipped = append(skipped, p.ID) }
	if err := f.Fill(t.Context(), pictures); err != nil || f.Added != 2 || !slices.Equal(skipped, []string{"d/gone"}) {
		t.Errorf("%v, %d added, skipped %v", err, f.Added, skipped)
	}
	pictures[0].Path = "elsewhere"
	if err := f.Fill(t.Context(), pictures[:1]); !errors.Is(err, ErrTaken) || !strings.Contains(err.Error(), "set#train/0") {
		t.Error(err)
	}
}

// Two labels on two lines: all neighbours have the label, in either storage. An item without a label counts nowhere.
func TestEvaluate(t *testing.T) {
	x, err := index.Create(t.TempDir(), index.Options{Dim: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	items := []index.Item{{ID: "none", Vector: []float32{1, 0}}}
	for i := range 8 {
		items = append(items, index.Item{ID: fmt.Sprint(i), Label: []string{"10", "9"}[i%2], Vector: []float32{100 * float32(i%2), float32(i)}})
	}
	if err := x.Add(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	e, err := Evaluate(t.Context(), x, EvaluateOptions{Seed: 1, Int8: true})
	if err != nil || !slices.Equal(e.Labels, []string{"9", "10"}) || e.Report.Queries != 8 || e.Report.Precision1 != 1 || e.Report.MAPAtR != 1 {
		t.Fatalf("%+v, %v", e, err)
	}
	if e.Int8.Queries != 8 || e.Int8.K != 10 || e.Int8.Recall != 1 {
		t.Errorf("int8: %+v", e.Int8)
	}
	if e, err = Evaluate(t.Context(), x, EvaluateOptions{Seed: 1, Limit: 4}); err != nil || e.Report.Queries != 4 || e.Int8 != nil {
		t.Errorf("of four: %+v, %v", e, err)
	}
}

// The fields by which pictures are found again are those whose words no query finds.
func TestPrivateFieldsAreWordless(t *testing.T) {
	private, wordless := slices.Sorted(slices.Values(PrivateFields)), slices.Sorted(slices.Values(index.Wordless))
	if !slices.Equal(private, wordless) {
		t.Errorf("PrivateFields is %q, index.Wordless %q", private, wordless)
	}
}
