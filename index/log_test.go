package index

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
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
	o := Options{Dim: 3, Metric: Euclidean, Storage: Float32}
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
	for i, n := range []int{1, 3, 0, 2, 1} {
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

// TestTornLog cuts the log at every byte: what was acknowledged before is there, nothing half, and
// the index goes on from there.
func TestTornLog(t *testing.T) {
	h := newHistory(t)
	log := h.log(t)
	for size := logHeader; size <= len(log); size++ {
		dir := h.copyWith(t, log[:size])
		x, err := Open(dir)
		if err != nil {
			t.Fatalf("cut at %d: %v", size, err)
		}
		whole, found := slices.BinarySearch(h.ends, int64(size))
		if !found {
			whole--
		}
		m := h.models[whole]
		m.checkItems(t, x)
		if size%7 == 0 {
			more := items(rng(1), 100, 2, 3)
			must(t, x.Add(context.Background(), more))
			m.items = append(slices.Clone(m.items), more...)
			must(t, x.Close())
			x = open(t, dir)
			m.checkItems(t, x)
		}
		must(t, x.Close())
	}
	if _, err := Open(h.copyWith(t, log[:logHeader-1])); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("a log without a header: %v", err)
	}
}

// TestHoleInLog: pages that were not written yet when the machine stopped are zeros.
func TestHoleInLog(t *testing.T) {
	h := newHistory(t)
	log := h.log(t)
	last := int(h.ends[len(h.ends)-2])
	for at := last; at < len(log); at++ {
		torn := slices.Clone(log)
		clear(torn[last:at])
		if bytes.Equal(torn, log) {
			continue
		}
		x := open(t, h.copyWith(t, torn))
		h.models[len(h.models)-2].checkItems(t, x)
		must(t, x.Close())
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

// TestFlippedLog flips bits of a log of an index that was closed: none is overlooked, apart from those of
// the end's mark, with which nothing is lost.
func TestFlippedLog(t *testing.T) {
	h := newHistory(t)
	log := h.log(t)
	x := open(t, h.copyWith(t, log))
	must(t, x.Close())
	closed, err := os.ReadFile(filepath.Join(x.dir, logName(1)))
	must(t, err)
	if len(closed) != len(log)+frameHeader {
		t.Fatalf("closed, the log has %d bytes, want %d", len(closed), len(log)+frameHeader)
	}
	for i := range closed {
		flipped := slices.Clone(closed)
		flipped[i] ^= 1 << (i % 8)
		x, err := Open(h.copyWith(t, flipped))
		if err == nil {
			h.models[len(h.models)-1].checkItems(t, x)
			x.Close()
		}
		if overlooked := err == nil; overlooked != (i >= len(log)) {
			t.Fatalf("byte %d of %d flipped: error %v", i, len(closed), err)
		}
		if err != nil && !strings.Contains(err.Error(), "is damaged") {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
	}
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

// TestLogThatCannotBeWritten: the Add fails, nothing of it is there, searches go on.
func TestLogThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	must(t, createLog(dir, logName(1)))
	l, err := openLog(dir, logName(1), false, func([]byte) error { return errors.New("there is nothing to replay") })
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
	must(t, l.end())
	must(t, l.close())
	var got []string
	l, err = openLog(dir, logName(1), false, func(b []byte) error { got = append(got, string(b)); return nil })
	must(t, err)
	must(t, l.close())
	if !slices.Equal(got, []string{"first"}) {
		t.Errorf("the log holds %q, want the first record alone", got)
	}
}

// FuzzLog: whatever a log holds, opening it is an error or gives an index that can be used.
func FuzzLog(f *testing.F) {
	o := Options{Dim: 2, Metric: Euclidean, Storage: Float32}
	add := change{items: []Item{{ID: "a", Vector: []float32{1, 2}, Label: "l", Fields: map[string]string{"k": "v"}}}}
	remove := change{ids: []string{"a", "b"}}
	f.Add(add.appendTo(nil))
	f.Add(remove.appendTo(add.appendTo(nil)))
	f.Add([]byte{recordAdd, 255, 255, 255, 255, 255, 255, 255, 255, 127})
	f.Add([]byte{recordDelete, 200})
	f.Fuzz(func(t *testing.T, records []byte) {
		l := &changeLog{}
		head := append([]byte(logMagic), logVersion, 0, 0, 0)
		head = append(head, l.salt[:]...)
		log := binary.LittleEndian.AppendUint32(head, sumOf(head))
		frame := append(make([]byte, frameHeader), records...)
		copy(frame, frameMagic)
		binary.LittleEndian.PutUint32(frame[4:], uint32(len(records)))
		binary.LittleEndian.PutUint64(frame[8:], 1)
		binary.LittleEndian.PutUint32(frame[16:], sumOf(records))
		binary.LittleEndian.PutUint32(frame[20:], l.headSum(frame))
		log = append(append(log, frame...), records...) // and something torn behind it
		var changes []change
		err := l.read(log, func(b []byte) (err error) {
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
