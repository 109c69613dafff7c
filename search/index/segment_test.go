package index

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/energo-ml/energo/loss/distance"
)

// segmentOf returns n items' segment.
func segmentOf(t testing.TB, o Options, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	p := part{newSlab(o, items(rng(4), 0, n, o.Dim)), (&deadSet{}).with([]int{n / 2})}
	m := newMerge(o, []part{p})
	m.withBits = o.Storage == Bits
	must(t, m.write(&b))
	return b.Bytes()
}

// footerOf is the size of a segment's footer.
func footerOf(o Options) int {
	if o.Storage == Bits {
		return footerSize(numColumns)
	}
	return footerSize(columnBits)
}

// TestFlippedSegment flips bits of a segment: they are found when it is opened or, in a vector,
// when that is looked at. Those between the columns mean nothing.
func TestFlippedSegment(t *testing.T) {
	for _, storage := range Storages {
		o := Options{Dim: 3, Metric: distance.Euclidean, Storage: storage}
		good := segmentOf(t, o, 40)
		f, err := parseFooter(good, o)
		must(t, err)
		within := func(at, column int) bool {
			c := f.Columns[column]
			return uint64(at) >= c.Offset && uint64(at) < c.Offset+c.Size
		}
		for at := range good {
			flipped := slices.Clone(good)
			flipped[at] ^= 1 << (at % 8)
			matters := at >= len(good)-footerOf(o)
			for i := range f.Columns {
				matters = matters || within(at, i)
			}
			s, err := parseSegment(flipped, o)
			if err == nil && within(at, columnVectors) {
				s.file = "segment"
				_, err = s.vectorAt(at/4/o.Dim, 0)
			}
			if (err != nil) != matters {
				t.Fatalf("%s: byte %d of %d flipped: error %v", storage, at, len(good), err)
			}
		}
	}
}

// TestDamagedVector: a search that needs a damaged vector says so, and so does Compact.
func TestDamagedVector(t *testing.T) {
	o := Options{Dim: 4, Metric: distance.Euclidean, Storage: Float32}
	x, dir := create(t, o)
	batch := items(rng(2), 0, 50, 4)
	must(t, x.Add(context.Background(), batch))
	must(t, x.Compact())
	must(t, x.Close())
	segments, err := filepath.Glob(filepath.Join(dir, "*.segment"))
	must(t, err)
	if len(segments) != 1 {
		t.Fatalf("segments %v, want one", segments)
	}
	data, err := os.ReadFile(segments[0])
	must(t, err)
	data[4*4*7] ^= 1 // of item 7, since the vectors come first
	must(t, os.WriteFile(segments[0], data, 0o666))
	x = open(t, dir)
	for range 2 { // what is damaged is never taken for checked
		_, err = x.Search(context.Background(), []Query{{Vector: batch[7].Vector, K: 1}})
		if err == nil || !strings.Contains(err.Error(), `item "id7" is not what was written`) {
			t.Errorf("search: %v", err)
		}
	}
	must(t, x.Add(context.Background(), batch[:1]))
	if err := x.Compact(); err == nil {
		t.Error("Compact takes a damaged vector over")
	}
	if err := x.Close(); err == nil {
		t.Error("Close does not say that a segment could not be written")
	}
}

// TestCheckedOnce: a vector's checksum is looked at when it is first read, by several searches at once, and again by who opens
// the index anew.
func TestCheckedOnce(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{{Dim: 4}, {Dim: 4, Storage: Bits}} {
		x, dir := create(t, o)
		batch := items(rng(2), 0, 500, 4)
		must(t, x.Add(t.Context(), batch))
		must(t, x.Compact())
		queries := []Query{{Vector: batch[7].Vector, K: 500}}
		want, err := x.Search(t.Context(), queries)
		must(t, err)
		var searches sync.WaitGroup
		reader, err := OpenReadOnly(dir)
		must(t, err)
		for range 4 {
			searches.Go(func() {
				got, err := reader.Search(t.Context(), queries)
				if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s: several at once have other hits, error %v", o.Storage, err)
				}
			})
		}
		searches.Wait()
		must(t, reader.Close())
		v := x.views.acquire()
		s := v.parts[0].slab
		for row := range s.rows {
			if !s.checked.has(s.at(row)) {
				t.Fatalf("%s: row %d was not checked", o.Storage, row)
			}
		}
		s.sums = slices.Clone(s.sums) // those of the file cannot be written
		s.sums[s.at(7)] ^= 1
		x.views.release(v)
		_, err = x.Search(t.Context(), queries)
		must(t, err)
		segment := filepath.Join(dir, onlySegment(t, dir))
		must(t, x.Close())
		data, err := os.ReadFile(segment)
		must(t, err)
		data[4*4*7] ^= 1
		must(t, os.WriteFile(segment, data, 0o666))
		if _, err = open(t, dir).Search(t.Context(), queries); err == nil {
			t.Errorf("%s: what was damaged since is not found when it is opened anew", o.Storage)
		}
	}
}

// TestFlippedManifest flips every bit of a manifest.
func TestFlippedManifest(t *testing.T) {
	x, dir := create(t, Options{Dim: 2, Encoder: "model 7"})
	must(t, x.Add(context.Background(), items(rng(1), 0, 30, 2)))
	must(t, x.Compact())
	_, err := x.Delete(context.Background(), []string{"id3"})
	must(t, err)
	must(t, x.Add(context.Background(), items(rng(1), 50, 1, 2)))
	must(t, x.Close())
	path := filepath.Join(dir, manifestName)
	good, err := os.ReadFile(path)
	must(t, err)
	for i := range 8 * len(good) {
		flipped := slices.Clone(good)
		flipped[i/8] ^= 1 << (i % 8)
		if _, err := parseManifest(flipped); err == nil {
			t.Fatalf("bit %d of byte %d flipped: no error\n%s", i%8, i/8, flipped)
		}
	}
	must(t, os.WriteFile(path, good[:len(good)/2], 0o666))
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("half a manifest: %v", err)
	}
	must(t, os.Remove(path))
	if _, err := Open(dir); err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "index.json is lost") {
		t.Errorf("no manifest: %v", err)
	}
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "nowhere")} {
		if _, err := Open(dir); !errors.Is(err, ErrNoIndex) || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("no index: %v", err)
		}
	}
}

// TestMissingSegment: a file that the manifest names must be there.
func TestMissingSegment(t *testing.T) {
	x, dir := create(t, Options{Dim: 2})
	must(t, x.Add(context.Background(), items(rng(1), 0, 30, 2)))
	must(t, x.Compact())
	must(t, x.Close())
	for _, name := range []string{onlySegment(t, dir), logName(3)} {
		path := filepath.Join(dir, name)
		must(t, os.Rename(path, path+".away"))
		_, err := Open(dir)
		if err == nil || errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "is damaged: it has no "+name) {
			t.Errorf("error %v, want that %s is missing", err, name)
		}
		must(t, os.Rename(path+".away", path))
	}
	must(t, open(t, dir).Close())
}

// onlySegment returns the name of the only segment.
func onlySegment(t *testing.T, dir string) string {
	t.Helper()
	m, err := readManifest(dir)
	must(t, err)
	if len(m.Segments) != 1 {
		t.Fatalf("%d segments, want one", len(m.Segments))
	}
	return m.Segments[0].File
}

// TestSweep: what a crash left is removed when the index is opened, and nothing else is.
func TestSweep(t *testing.T) {
	x, dir := create(t, Options{Dim: 2})
	must(t, x.Close())
	leftovers := []string{segmentName(77), logName(78), ".index.json.0123abcd.partial", "." + segmentName(3) + ".0123abcd.partial"}
	others := []string{"notes.txt", "20261126.log", "00000001.segment", segmentName(1) + ".bak", "." + logName(2) + ".partial"}
	must(t, os.Mkdir(filepath.Join(dir, logName(79)), 0o777))
	for _, name := range append(leftovers, others...) {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o666))
	}
	must(t, open(t, dir).Close())
	names := dirNames(t, dir)
	want := append([]string{logName(1), logName(79), manifestName, lockName}, others...)
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("left are %v, want %v", names, want)
	}
}

// FuzzSegment: whatever a segment holds, it is refused or can be used without a fault. The
// checksums are made right, so that what is behind them is reached.
func FuzzSegment(f *testing.F) {
	o := Options{Dim: 3, Metric: distance.Cosine, Storage: Bits}
	good := segmentOf(f, o, 20)
	f.Add(uint16(0), uint64(0), uint16(0), uint64(0), uint16(0))
	for i := range 8 + 3*numColumns {
		f.Add(uint16(len(good)-footerOf(o)+8+4*i), uint64(1)<<(i*5%64), uint16(97*i), uint64(i), uint16(0))
	}
	// Two words of a whole segment change, and its end may be cut off: the arguments stay small.
	f.Fuzz(func(t *testing.T, at uint16, xor uint64, at2 uint16, xor2 uint64, cut uint16) {
		data := slices.Clone(good[:len(good)-int(cut)%len(good)])
		for _, change := range []struct {
			at  int
			xor uint64
		}{{int(at), xor}, {int(at2), xor2}} {
			if word := data[min(change.at, len(data)):]; len(word) >= 8 {
				binary.LittleEndian.PutUint64(word, binary.LittleEndian.Uint64(word)^change.xor)
			}
		}
		s, err := parseSegment(mend(data, o), o)
		if err != nil {
			return
		}
		x := &Exact{options: o}
		x.views.publish(newView([]part{{s, &deadSet{}}}))
		for it, err := range x.Each(context.Background()) {
			if err == nil {
				_, _, err = x.Get(context.Background(), it.ID)
			}
			if errors.Is(err, ErrClosed) {
				t.Fatal(err)
			}
		}
		_, _ = x.Search(context.Background(), []Query{{Vector: []float32{1, 2, 3}, K: 2, Filter: Filter{Fields: map[string]Condition{"parity": In("even")}}.Except("id1")}})
		m := newMerge(o, x.views.now.parts)
		m.withBits = true
		_ = m.write(io.Discard)
	})
}

// mend makes the checksums of a segment of an index of o right, as far as it has a footer.
func mend(data []byte, o Options) []byte {
	size := footerOf(o)
	if len(data) < size {
		return data
	}
	var f footer
	body, tail := data[:len(data)-size], data[len(data)-size:]
	_, _ = binary.Decode(tail, binary.LittleEndian, &f.footerHead)
	f.Version = 1
	if o.Storage == Bits {
		f.Version = 3
	}
	_, _ = binary.Decode(tail[footerSize(0)-4:], binary.LittleEndian, f.Columns[:versionColumns[f.Version]])
	copy(f.Magic[:], segmentMagic)
	for i := range f.Columns {
		c := &f.Columns[i]
		if i != columnVectors && c.Offset <= uint64(len(body)) && c.Size <= uint64(len(body))-c.Offset {
			c.Sum = sumOf(body[c.Offset:][:c.Size])
		}
	}
	return append(slices.Clone(body), f.marshal()...)
}

// TestFooterClaims: numbers that no file of that size can hold are refused without
// memory for them.
func TestFooterClaims(t *testing.T) {
	o := Options{Dim: 3, Metric: distance.Euclidean, Storage: Int8}
	good := segmentOf(t, o, 20)
	for name, change := range map[string]func(f *footer){
		"rows":    func(f *footer) { f.Rows = 1 << 60 },
		"more":    func(f *footer) { f.Rows++ },
		"fewer":   func(f *footer) { f.Rows-- },
		"none":    func(f *footer) { f.Rows = 0 },
		"size":    func(f *footer) { f.Columns[columnIDText].Size = 1 << 63 },
		"offset":  func(f *footer) { f.Columns[columnCodes].Offset = 1<<64 - 64 },
		"version": func(f *footer) { f.Version = 2 },
		"dim":     func(f *footer) { f.Dim++ },
		"metric":  func(f *footer) { f.Metric++ },
		"storage": func(f *footer) { f.Storage-- },
	} {
		f, err := parseFooter(good, o)
		must(t, err)
		change(&f)
		if _, err := parseSegment(append(slices.Clone(good[:len(good)-footerOf(o)]), f.marshal()...), o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := parseSegment(good, o); err != nil {
		t.Error(err)
	}
	if _, err := parseSegment(nil, o); err == nil {
		t.Error("nothing is taken for a segment")
	}
}
