package index

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// filled makes an index that has a segment, and something in its log, and a file of its user's.
func filled(t *testing.T) string {
	t.Helper()
	x, made := create(t, Options{Dim: 2})
	must(t, x.Close())
	dir := filepath.Join(made, "index")
	x, err := Create(dir, Options{Dim: 2})
	must(t, err)
	must(t, x.Add(context.Background(), items(rng(1), 0, 5, 2)))
	must(t, x.Compact())
	must(t, x.Add(context.Background(), items(rng(1), 5, 5, 2)))
	must(t, x.Close())
	must(t, os.WriteFile(filepath.Join(dir, "run.json"), nil, 0o666))
	return dir
}

func TestRemove(t *testing.T) {
	t.Parallel()
	dir := filled(t)
	x := open(t, dir)
	if err := Remove(dir, "run.json"); !errors.Is(err, ErrInUse) {
		t.Errorf("of an open index: %v", err)
	}
	must(t, x.Close())
	must(t, Remove(dir, "run.json"))
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is there: %v", err)
	}
	if err := Remove(dir, "run.json"); !errors.Is(err, ErrNoIndex) {
		t.Errorf("of nothing: %v", err)
	}
}

// TestRemoveDamaged: whatever is damaged, and whichever files a Remove that was killed left.
func TestRemoveDamaged(t *testing.T) {
	t.Parallel()
	for _, damage := range []func(path string) error{os.Remove, func(path string) error { return os.WriteFile(path, []byte("x"), 0o666) }} {
		for _, name := range dirNames(t, filled(t)) {
			dir := filled(t)
			must(t, damage(filepath.Join(dir, name)))
			must(t, Remove(dir, "run.json"))
			x, err := Create(dir, Options{Dim: 2})
			must(t, err)
			must(t, x.Close())
		}
	}
	dir := filled(t)
	files, err := filesOf(dir, []string{"run.json"})
	must(t, err)
	for n := range len(files) {
		dir := filled(t)
		must(t, removeAll(dir, files[:n]))
		must(t, Remove(dir, "run.json"))
	}
}

// TestRemoveNoIndex: a folder of something else has no index to remove, whatever it has.
func TestRemoveNoIndex(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "a.png"), nil, 0o666))
	if err := Remove(dir, "run.json"); !errors.Is(err, ErrNoIndex) {
		t.Errorf("of a folder of pictures: %v", err)
	}
}

// TestRemoveLeavesOthers: with something else in the folder, nothing is removed.
func TestRemoveLeavesOthers(t *testing.T) {
	t.Parallel()
	for _, other := range []string{"build.log", "20261126.log", "old.segment", ".notes.partial", "run.json.bak", "thesis.tex"} {
		dir := filled(t)
		must(t, os.WriteFile(filepath.Join(dir, other), nil, 0o666))
		before := dirNames(t, dir)
		if err := Remove(dir, "run.json"); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), other) {
			t.Errorf("beside %s: %v", other, err)
		}
		if got := dirNames(t, dir); !slices.Equal(got, before) {
			t.Errorf("left are %v of %v", got, before)
		}
	}
	dir := filled(t)
	must(t, os.Mkdir(filepath.Join(dir, segmentName(9)), 0o777))
	if err := Remove(dir, "run.json"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("beside a folder: %v", err)
	}
}
