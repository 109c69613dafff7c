package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/loss/distance"
)

// A history is an index's folder after changes, with where the log ended after each.
type history struct {
	dir    string
	ends   []int64
	models []model // before any change, and after each
}

// newHistory makes a few changes and leaves the index as a kill would.
func newHistory(t *testing.T) *history {
	t.Helper()
	o := Options{Dim: 3, Metric: distance.Euclidean, Storage: Float32}
	dir := t.TempDir()
	x, err := Create(dir, o)
	must(t, err)
	h, m, r := &history{dir: dir}, model{Options: o}, rng(5)
	note := func() {
		info, err := os.Stat(filepath.Join(dir, logName(1)))
		must(t, err)
		h.ends = append(h.ends, info.Size())
		h.models = append(h.models, model{o, slices.Clone(m.items)})
	}
	note()
	for i, n := range []int{1, 3, 0, 2, 50} {
		if n == 0 {
			_, err := x.Delete(context.Background(), []string{"id1", "id3", "nobody"})
			must(t, err)
			m.remove([]string{"id1", "id3"})
		} else {
			batch := items(r, i, n, o.Dim) // some of them again
			must(t, x.Add(context.Background(), batch))
			m.add(batch)
		}
		note()
	}
	x.once.Do(func() { x.lock.Close() }) // the writer stays, and never ends the log
	return h
}

// copyWith copies the folder with another log and returns where.
func (h *history) copyWith(t *testing.T, log []byte) string {
	t.Helper()
	dir := t.TempDir()
	manifest, err := os.ReadFile(filepath.Join(h.dir, manifestName))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, manifestName), manifest, 0o666))
	must(t, os.WriteFile(filepath.Join(dir, logName(1)), log, 0o666))
	return dir
}

func (h *history) log(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(h.dir, logName(1)))
	must(t, err)
	return b
}

// droppedOf returns what Info says was dropped when an index was opened.
func droppedOf(t *testing.T, x *Exact) string {
	t.Helper()
	info, err := x.Info(context.Background())
	must(t, err)
	return info.Dropped
}

// readLog reads a log in memory.
func readLog(log []byte, closed int64) (l *changeLog, err error) {
	l = &changeLog{name: logName(1)}
	return l, l.read(log, closed, func([]byte) error { return nil })
}

// TestTornLog cuts the log of an index that was not closed at every byte, as a kill in the middle of a write does: what
// was acknowledged before is there, nothing half, what is dropped is said, and the index can be changed.
func TestTornLog(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	log := h.log(t)
	for size := logHeader; size <= len(log); size++ {
		whole, atEnd := slices.BinarySearch(h.ends, int64(size))
		want := ""
		if !atEnd {
			whole--
			want = fmt.Sprintf("%d bytes at the end of %s: a crash cut off the writing of frame %d", int64(size)-h.ends[whole], logName(1), whole+1)
		}
		said := func(dropped string) bool { return (dropped == "") == atEnd && strings.HasPrefix(dropped, want) }
		l, err := readLog(log[:size], logHeader)
		if err != nil || l.size != h.ends[whole] || int(l.frames) != whole || !said(l.dropped) {
			t.Fatalf("cut at %d: %d frames in %d bytes, dropped %q, %v", size, l.frames, l.size, l.dropped, err)
		}
		if size%29 != 0 && !atEnd {
			continue
		}
		dir := h.copyWith(t, log[:size])
		x := open(t, dir)
		m := h.models[whole]
		m.checkItems(t, x)
		if got := droppedOf(t, x); !said(got) {
			t.Fatalf("cut at %d: Info says %q was dropped, want %q", size, got, want)
		}
		more := items(rng(1), 100, 2, 3)
		must(t, x.Add(context.Background(), more))
		m.items = append(slices.Clone(m.items), more...)
		must(t, x.Close())
		x = open(t, dir)
		m.checkItems(t, x)
		if got := droppedOf(t, x); got != "" {
			t.Fatalf("cut at %d: opened again, %q was dropped", size, got)
		}
		must(t, x.Close())
	}
	if _, err := Open(h.copyWith(t, log[:logHeader-1])); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("a log without a header: %v", err)
	}
}

// TestHoleInLog: sectors of the last frame that were not written yet when the machine stopped are zeros.
func TestHoleInLog(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	log := h.log(t)
	last := int(h.ends[len(h.ends)-2])
	sectors := (len(log) - last) / sectorSize
	if sectors < 4 {
		t.Fatalf("the last frame has %d sectors; the test shows little", sectors)
	}
	for holes := 1; holes < 1<<sectors; holes++ {
		torn := slices.Clone(log)
		for i := range sectors {
			if holes>>i&1 == 1 {
				clear(torn[last+i*sectorSize:][:sectorSize])
			}
		}
		x := open(t, h.copyWith(t, torn))
		h.models[len(h.models)-2].checkItems(t, x)
		if droppedOf(t, x) == "" {
			t.Fatalf("holes %b: nothing is said", holes)
		}
		must(t, x.Close())
	}
	hole := slices.Clone(log)
	clear(hole[h.ends[len(h.ends)-3]:last])
	if _, err := Open(h.copyWith(t, hole)); err == nil || !strings.Contains(err.Error(), "is damaged: frame 4") {
		t.Errorf("a hole before the last frame: %v", err)
	}
}

// TestZerosInLog: sectors of zeros that were meant to be do not make a wrong checksum a torn end.
func TestZerosInLog(t *testing.T) {
	o := Options{Dim: 1000, Metric: distance.Euclidean, Storage: Float32}
	dir := t.TempDir()
	x, err := Create(dir, o)
	must(t, err)
	must(t, x.Add(context.Background(), []Item{{ID: "zeros", Vector: make([]float32, o.Dim)}}))
	x.once.Do(func() { x.lock.Close() }) // as newHistory does
	h := &history{dir: dir}
	log := h.log(t)
	if n := zeroSectors(log); n < 6 {
		t.Fatalf("the log has %d sectors of zeros; the test shows little", n)
	}
	for _, at := range []int{logHeader + 6, logHeader + 30, len(log) - 700, len(log) - 1} {
		flipped := slices.Clone(log)
		flipped[at] ^= 4
		if _, err := Open(h.copyWith(t, flipped)); err == nil || !strings.Contains(err.Error(), "is damaged: frame 1") {
			t.Errorf("byte %d flipped: %v", at, err)
		}
	}
	torn := slices.Clone(log)
	clear(torn[len(log)-sectorSize:])
	must(t, open(t, h.copyWith(t, torn)).Close()) // it was zeros
	clear(torn[logHeader:][:sectorSize])
	if x := open(t, h.copyWith(t, torn)); droppedOf(t, x) == "" {
		t.Error("a hole among zeros is not torn")
	}
}

// TestMissingFrame: a frame that comes where another should be is damage, not an end that was torn off.
func TestMissingFrame(t *testing.T) {
	h := newHistory(t)
	log := h.log(t)
	n := len(h.ends)
	without := slices.Delete(slices.Clone(log), int(h.ends[n-3]), int(h.ends[n-2]))
	if _, err := Open(h.copyWith(t, without)); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("without the frame before the last: %v", err)
	}
}

// TestDamagedLog flips bits of a log, of every byte and all of the last frame's head, whether the index was closed or
// not, and cuts that of a closed index at every byte: no damage is taken for a torn end.
func TestDamagedLog(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	killed, tried := h.dir, 0
	damaged := func(dir, what string, log []byte) {
		t.Helper()
		m, err := readManifest(dir)
		must(t, err)
		if _, err := readLog(log, m.LogSize); err == nil {
			t.Fatalf("%s: no error", what)
		}
		if tried++; tried%20 != 0 {
			return
		}
		must(t, os.WriteFile(filepath.Join(dir, logName(1)), log, 0o666))
		how := Open
		if tried%40 == 0 {
			how = OpenReadOnly
		}
		x, err := how(dir)
		if err == nil {
			x.Close()
		}
		if err == nil || !strings.Contains(err.Error(), logName(1)+" is damaged") {
			t.Fatalf("%s: error %v", what, err)
		}
	}
	closed := h.copyWith(t, h.log(t))
	must(t, open(t, closed).Close())
	for _, dir := range []string{killed, closed} {
		log, err := os.ReadFile(filepath.Join(dir, logName(1)))
		must(t, err)
		last := int(h.ends[len(h.ends)-2])
		for i := range log {
			if dir == killed && i < last { // as in a closed index
				continue
			}
			flipped := slices.Clone(log)
			flipped[i] ^= 1 << (i % 8)
			damaged(dir, fmt.Sprintf("byte %d flipped", i), flipped)
		}
		for bit := range 8 * frameHeader {
			flipped := slices.Clone(log)
			flipped[last+bit/8] ^= 1 << (bit % 8)
			damaged(dir, fmt.Sprintf("bit %d of the last frame's head flipped", bit), flipped)
		}
		must(t, os.WriteFile(filepath.Join(dir, logName(1)), log, 0o666))
		x := open(t, dir)
		h.models[len(h.models)-1].checkItems(t, x)
		must(t, x.Close())
	}
	log := h.log(t)
	for size := range log {
		damaged(closed, fmt.Sprintf("cut at %d", size), log[:size])
	}
	for at := 0; at < len(log); at += sectorSize {
		hole := slices.Clone(log)
		clear(hole[at:][:sectorSize])
		damaged(closed, fmt.Sprintf("zeros at %d", at), hole)
	}
	t.Logf("%d damaged logs, none opened", tried)
}

// TestSameLogAgain: opening and closing an index leaves its files as they are.
func TestSameLogAgain(t *testing.T) {
	h := newHistory(t)
	x := open(t, h.dir)
	must(t, x.Close())
	before := h.log(t)
	x = open(t, h.dir)
	must(t, x.Close())
	if !bytes.Equal(before, h.log(t)) {
		t.Error("opening and closing changed the log")
	}
}

// breakLog makes every write to a log fail.
func breakLog(t *testing.T, dir string, l *changeLog) {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, l.name)) // for reading only
	must(t, err)
	l.file = f
}

// TestLogThatCannotBeWritten: the Add fails, nothing of it is there, searches still work.
func TestLogThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	must(t, createLog(dir, logName(1)))
	l, err := openLog(dir, logName(1), logHeader, false, func([]byte) error { return errors.New("there is nothing to replay") })
	must(t, err)
	frame := func(s string) []byte { return append(make([]byte, frameHeader), s...) }
	must(t, l.append(frame("first")))
	good := l.file
	breakLog(t, dir, l)
	if err := l.append(frame("second")); err == nil {
		t.Error("a write to a file that is open for reading succeeds")
	}
	l.file.Close()
	l.file = good
	if err := l.append(frame("third")); err == nil || !strings.Contains(err.Error(), "earlier error") {
		t.Errorf("after a write that failed: %v", err)
	}
	must(t, l.close())
	var got []string
	l, err = openLog(dir, logName(1), logHeader, false, func(b []byte) error { got = append(got, string(b)); return nil })
	must(t, err)
	must(t, l.close())
	if !slices.Equal(got, []string{"first"}) {
		t.Errorf("the log holds %q, want the first record alone", got)
	}
}

// FuzzLog: whatever a log holds, opening it is an error or gives an index that can be used.
func FuzzLog(f *testing.F) {
	o := Options{Dim: 2, Metric: distance.Euclidean, Storage: Float32}
	add := change{items: []Item{{ID: "a", Vector: []float32{1, 2}, Label: "l", Fields: map[string]string{"k": "v"}}}}
	remove := change{ids: []string{"a", "b"}}
	f.Add(add.appendTo(nil))
	f.Add(remove.appendTo(add.appendTo(nil)))
	f.Add([]byte{recordAdd, 255, 255, 255, 255, 255, 255, 255, 255, 127})
	f.Add([]byte{recordDelete, 200})
	f.Fuzz(func(t *testing.T, records []byte) {
		l := &changeLog{}
		frame := l.seal(append(make([]byte, frameHeader), records...))
		log := slices.Concat(logHead(l.salt), frame, records[:min(len(records), sectorSize-1)]) // and something torn behind it
		var changes []change
		err := l.read(log, logHeader, func(b []byte) (err error) {
			changes, err = parseRecords(b, o)
			return err
		})
		if err != nil {
			return
		}
		if l.size != int64(logHeader+len(frame)) {
			t.Fatalf("the log ends at %d, want %d", l.size, logHeader+len(frame))
		}
		w := &writer{Options: o}
		_, err = w.apply(changes)
		must(t, err)
		var again []byte
		for i := range changes {
			again = changes[i].appendTo(again)
			must(t, o.CheckItems(changes[i].items))
		}
		_, err = parseRecords(again, o)
		must(t, err)
	})
}
