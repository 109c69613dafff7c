package index

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestManifestThatCannotBeWritten: where the old one is still there, the index continues to use it and leaves nothing.
func TestManifestThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	full := errors.New("no space left")
	for _, c := range []struct {
		what  string
		store func(m *manifest, dir string) error
		goes  bool
	}{
		{"not written", func(*manifest, string) error { return full }, true},
		{"written, perhaps not for good", func(m *manifest, dir string) error { return errors.Join(m.write(dir), full) }, false},
	} {
		x, dir := create(t, Options{Dim: 2})
		must(t, x.Add(context.Background(), items(rng(1), 0, 5, 2)))
		must(t, x.Close())
		lock, err := lockFolder(dir)
		must(t, err)
		w, err := newWriter(&Exact{dir: dir, lock: lock}, logLimit)
		must(t, err)
		w.publish()
		before := dirNames(t, dir)
		w.store = c.store
		if err := w.compact(); !errors.Is(err, full) {
			t.Errorf("%s: Compact: %v", c.what, err)
		}
		if info, err := w.x.Info(context.Background()); err != nil || !strings.Contains(info.Trouble, "no space left") {
			t.Errorf("%s: Info says %+v, %v", c.what, info, err)
		}
		if got := dirNames(t, dir); c.goes != slices.Equal(got, before) {
			t.Errorf("%s: %v became %v", c.what, before, got)
		}
		w.store = (*manifest).write
		if err := w.compact(); (err == nil) != c.goes {
			t.Errorf("%s: Compact again: %v", c.what, err)
		}
		if info, err := w.x.Info(context.Background()); err != nil || (info.Trouble == "") != c.goes {
			t.Errorf("%s: then Info says %+v, %v", c.what, info, err)
		}
		if err := w.end(); (err == nil) != c.goes {
			t.Errorf("%s: Close: %v", c.what, err)
		}
		if info, err := open(t, dir).Info(context.Background()); err != nil || info.Len != 5 {
			t.Errorf("%s: opened again, %+v, %v", c.what, info, err)
		}
	}
}

// TestFlushBacksOff: a log that cannot be made a segment is tried again when it has doubled, not at each Add.
func TestFlushBacksOff(t *testing.T) {
	t.Parallel()
	made, dir := create(t, Options{Dim: 2})
	must(t, made.Close())
	lock, err := lockFolder(dir)
	must(t, err)
	x := &Exact{dir: dir, lock: lock, changes: make(chan *request), closing: make(chan struct{})}
	w, err := newWriter(x, 200)
	must(t, err)
	tries := 0
	w.store = func(*manifest, string) error { tries++; return errors.New("no space left") }
	add := func(i int) {
		r := &request{change: change{items: items(rng(1), i, 1, 2)}, done: make(chan outcome, 1)}
		w.handle([]*request{r})
		must(t, (<-r.done).err)
	}
	for i := range 100 {
		add(i)
	}
	if tries < 2 || tries > 8 {
		t.Errorf("%d tries in 100 Adds and %d bytes", tries, w.log.size)
	}
	w.store = (*manifest).write
	for i := 100; w.failure != nil; i++ {
		add(i)
	}
	if info, err := x.Info(context.Background()); err != nil || info.Trouble != "" {
		t.Errorf("Info says %+v, %v", info, err)
	}
	must(t, w.end())
	segments, err := filepath.Glob(filepath.Join(dir, "*.segment"))
	must(t, err)
	if len(segments) != 1 {
		t.Errorf("segments are %v", segments)
	}
}
