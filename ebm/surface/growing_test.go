package surface

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestGrowing: a film grows frame by frame for a reader that stays, and for a new one; resumed from a checkpoint it is the same; the whole
// file takes its place.
func TestGrowing(t *testing.T) {
	dir := t.TempDir()
	r, frames := aReel()
	live := &Follower{Dir: dir}
	if _, err := live.Films(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before the first frame: %v", err)
	}
	var seen [][]Film
	for i, f := range frames {
		r.Take(f)
		if err := r.Show(dir); err != nil {
			t.Fatal(err)
		}
		if err := r.Show(dir); err != nil { // nothing is new
			t.Fatal(err)
		}
		got, err := live.Films()
		if err != nil {
			t.Fatal(err)
		}
		want := r.Taken()
		want.Of = 2
		if d := cmp.Diff([]Film{want}, got); d != "" {
			t.Errorf("frame %d: %s", i, d)
		}
		if once, err := Read(dir); err != nil || !reflect.DeepEqual(once, got) {
			t.Errorf("frame %d, read anew: %v, %v", i, once, err)
		}
		seen = append(seen, got)
	}
	if len(seen[0][0].Frames) != 1 {
		t.Error("what was read before has changed")
	}
	unbroken, err := os.ReadFile(filepath.Join(dir, GrowingFile))
	if err != nil {
		t.Fatal(err)
	}

	resumed, _ := aReel() // its checkpoint has the first frame
	resumed.Take(frames[0])
	if err := resumed.Show(dir); err != nil {
		t.Fatal(err)
	}
	if got, err := live.Films(); err != nil || len(got[0].Frames) != 1 {
		t.Errorf("after resuming: %v, %v", got, err)
	}
	if err := os.Remove(filepath.Join(dir, GrowingFile)); err != nil {
		t.Fatal(err)
	}
	resumed.Take(frames[1])
	if err := resumed.Show(dir); err != nil { // the file that somebody has removed
		t.Fatal(err)
	}
	if again, err := os.ReadFile(filepath.Join(dir, GrowingFile)); err != nil || !bytes.Equal(again, unbroken) {
		t.Errorf("the resumed film has other bytes than the unbroken one, %v", err)
	}
	if err := Write(dir, []Film{r.Taken()}); err != nil {
		t.Fatal(err)
	}
	got, err := live.Films()
	if err != nil || got[0].Of != 0 || !reflect.DeepEqual(got[0].Frames, frames) {
		t.Errorf("whole: %+v, %v", got, err)
	}
	if again, err := live.Films(); err != nil || &again[0] != &got[0] {
		t.Errorf("the whole file is read again: %v", err)
	}
}

// TestGrowingCut: at every length that a film has while a frame is written, a reader sees the frames that are whole and nothing else.
func TestGrowingCut(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, GrowingFile)
	r, frames := aReel()
	r.Take(frames[0])
	if err := r.Show(dir); err != nil {
		t.Fatal(err)
	}
	one, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r.Take(frames[1])
	if err := r.Show(dir); err != nil {
		t.Fatal(err)
	}
	two, err := os.ReadFile(path)
	if err != nil || !bytes.HasPrefix(two, one) {
		t.Fatalf("the first frames have changed, %v", err)
	}
	live := &Follower{Dir: dir}
	for n := len(one); n <= len(two); n++ {
		for _, rest := range []int{0, len(two) - n} { // the bytes to come are not there, or zeros
			if err := os.WriteFile(path, append(bytes.Clone(two[:n]), make([]byte, rest)...), 0o666); err != nil {
				t.Fatal(err)
			}
			want := 1
			if n == len(two) {
				want = 2
			}
			got, err := live.Films()
			if n > len(two)-8 && n < len(two) && rest > 0 { // a part of the sum is there: no file system cuts 8 bytes
				continue
			}
			if err != nil || !reflect.DeepEqual(got[0].Frames, frames[:want]) {
				t.Fatalf("%d of %d bytes and %d zeros: %v, %v", n, len(two), rest, got, err)
			}
		}
	}
	for at := range two {
		damaged := bytes.Clone(two)
		damaged[at] ^= 4
		if err := os.WriteFile(path, damaged, 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(dir); err == nil || !strings.Contains(err.Error(), path) {
			t.Fatalf("a flipped bit at %d of %d: %v", at, len(two), err)
		}
	}
}

// TestFollowerMost: a file that is too large is not read.
func TestFollowerMost(t *testing.T) {
	dir := t.TempDir()
	r, frames := aReel()
	r.Take(frames[0])
	for _, write := range []func() error{func() error { return r.Show(dir) }, func() error { return Write(dir, []Film{r.Taken()}) }} {
		if err := write(); err != nil {
			t.Fatal(err)
		}
		if _, err := (&Follower{Dir: dir, Most: 100}).Films(); !errors.Is(err, ErrLarge) {
			t.Errorf("a large file: %v", err)
		}
		if _, err := (&Follower{Dir: dir, Most: 1 << 20}).Films(); err != nil {
			t.Error(err)
		}
	}
}

// FuzzGrowing feeds the reader files of any content, and such whose heads are right: films that hold together, or an error.
func FuzzGrowing(f *testing.F) {
	r, frames := aReel()
	r.Take(frames[0])
	head, err := r.headOf()
	if err != nil {
		f.Fatal(err)
	}
	whole := append(bytes.Clone(head), r.records(0)...)
	f.Add(whole, false)
	f.Add(whole[:len(whole)-5], false)
	f.Add(r.records(0), true)
	f.Add(binary.LittleEndian.AppendUint64([]byte(frameMagic), 1<<40), false)
	f.Fuzz(func(t *testing.T, data []byte, tail bool) {
		if tail {
			data = append(bytes.Clone(head), data...)
		}
		film, layout, end, err := readHead(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		frames, used, err := readRecords(data[end:], &film, &layout, 0)
		if err != nil || len(frames) == 0 {
			return
		}
		if used > len(data)-int(end) {
			t.Fatalf("%d bytes used, of %d", used, len(data)-int(end))
		}
		film.Frames = frames
		if err := film.check(); err != nil {
			t.Fatal(err)
		}
		film.Alarm()
	})
}
