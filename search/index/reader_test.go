package index

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/energo-ml/energo/loss/distance"
)

// What this test's binary does, in the folder that the variable names, until it is killed.
const (
	killedChanging = "ENERGO_INDEX_TEST_CHANGING"
	killedCopying  = "ENERGO_INDEX_TEST_COPYING"
)

// step is change i of many of every kind, made in an index, and in a model of it.
func step(ctx context.Context, x *Exact, i int) (err error) {
	switch i % 4 {
	case 1:
		_, err = x.Update(ctx, patchesOf(i))
	case 3:
		_, err = x.DeleteWhere(ctx, Filter{Fields: map[string]Condition{"step": {LT: Number(float64(i - 40))}, "parity": {Exists: true}}})
	default:
		err = x.Add(ctx, stepItems(i))
	}
	return err
}

func stepItems(i int) []Item {
	batch := items(rng(uint64(i)), 3*i, 3, 5)
	for j := range batch {
		if batch[j].Fields == nil {
			batch[j].Fields = map[string]string{}
		}
		batch[j].Fields["step"] = fmt.Sprint(i)
	}
	return batch
}

func patchesOf(i int) []Patch {
	label := fmt.Sprint("step ", i)
	return []Patch{
		{ID: fmt.Sprint("id", 3*(i-1)), Label: &label},
		{ID: fmt.Sprint("id", 3*(i-1)+1), Fields: map[string]string{"changed": label}, Remove: []string{"tens", "none"}},
		{ID: "nobody", Label: &label},
	}
}

func (m *model) step(i int) {
	switch i % 4 {
	case 1:
		for _, p := range patchesOf(i) {
			for _, it := range m.items {
				if it.ID == p.ID {
					p.Apply(&it)
					m.add([]Item{it})
					break
				}
			}
		}
	case 3:
		var ids []string
		for _, it := range m.items {
			if _, has := it.Fields["parity"]; has && atoi(it.Fields["step"]) < i-40 {
				ids = append(ids, it.ID)
			}
		}
		m.remove(ids)
	default:
		m.add(stepItems(i))
	}
}

func atoi(s string) (n int) {
	_, _ = fmt.Sscan(s, &n)
	return n
}

func changeUntilKilled(dir string) {
	lock, err := lockFolder(dir)
	if err == nil {
		var x *Exact
		if x, err = start(&Exact{dir: dir, lock: lock}, 5000); err == nil {
			for i := 0; err == nil; i++ {
				if err = step(context.Background(), x, i); err == nil {
					fmt.Println(i)
				}
			}
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

// ahead is how many steps a process may be ahead of what was read of its reports: a pipe holds some ten thousand.
const ahead = 20_000

// holds fails unless the index is as it was after a step from least to most, and returns which.
func holds(t *testing.T, x *Exact, least, most int) int {
	t.Helper()
	var kept []Item
	for it, err := range x.Each(t.Context()) {
		must(t, err)
		kept = append(kept, it)
	}
	m := &model{Options: Options{Dim: 5, Metric: distance.Euclidean, Storage: Float32}}
	for i := 0; i <= most; i++ {
		m.step(i)
		if i >= least && reflect.DeepEqual(m.items, kept) {
			m.checkItems(t, x)
			return i
		}
	}
	t.Fatalf("the index, of %d items, is not as after any step from %d to %d", len(kept), least, most)
	return 0
}

// TestReadersBesideWriter: readers open what a process is changing, see each change whole, and all that was acknowledged; and
// so it is when the process was killed: five times, or forty with -long.
func TestReadersBesideWriter(t *testing.T) {
	t.Parallel()
	rounds := 5
	if *long {
		rounds = 40
	}
	seen := map[int]bool{}
	for round := range rounds {
		x, dir := create(t, Options{Dim: 5})
		must(t, x.Close())
		old, err := OpenReadOnly(dir)
		must(t, err)
		acknowledged := killWhile(t, killedChanging, dir, 40+31*round%120, func(last int) {
			if last%7 != 0 {
				return
			}
			x, err := OpenReadOnly(dir)
			if err != nil {
				t.Fatalf("after step %d: %v", last, err)
			}
			defer x.Close()
			seen[holds(t, x, last, last+ahead)] = true
			if last%14 == 0 {
				_, err := old.Refresh()
				must(t, err)
				holds(t, old, last, last+ahead)
			}
		})
		_, err = old.Refresh()
		must(t, err)
		now := holds(t, old, acknowledged, acknowledged+1)
		must(t, old.Close())
		if _, err := old.Refresh(); !errors.Is(err, ErrClosed) {
			t.Errorf("Refresh after Close: %v", err)
		}
		if again := holds(t, open(t, dir), acknowledged, acknowledged+1); again != now {
			t.Errorf("a reader sees step %d, then a writer %d", now, again)
		}
	}
	t.Logf("%d kills; readers saw %d states", rounds, len(seen))
}

// TestRefresh: a reader sees what was changed in the same process, too, and keeps what it has until then.
func TestRefresh(t *testing.T) {
	t.Parallel()
	w, dir := create(t, Options{Dim: 5})
	r, err := OpenReadOnly(dir)
	must(t, err)
	defer r.Close()
	m := &model{Options: Options{Dim: 5, Metric: distance.Euclidean, Storage: Float32}}
	for i := range 40 {
		m.checkItems(t, r)
		must(t, step(t.Context(), w, i))
		m.checkItems(t, r)
		m.step(i)
		if i%5 == 0 {
			must(t, w.Compact())
		}
		if changed, err := r.Refresh(); !changed && i%4 != 3 || err != nil { // which may delete nothing
			t.Fatalf("step %d: Refresh says %v, %v", i, changed, err)
		}
		if changed, err := r.Refresh(); changed || err != nil {
			t.Fatalf("step %d: a second Refresh says %v, %v", i, changed, err)
		}
	}
	if changed, err := w.Refresh(); changed || err != nil {
		t.Errorf("of a writer: %v, %v", changed, err)
	}
	must(t, w.Close())
	must(t, Remove(dir))
	m.checkItems(t, r)
	if _, err := r.Refresh(); !errors.Is(err, ErrNoIndex) {
		t.Errorf("of a removed index: %v", err)
	}
}

func copyUntilKilled(dir string) {
	for i := 0; ; i++ {
		if err := Snapshot(context.Background(), filepath.Join(dir, "index"), filepath.Join(dir, fmt.Sprint("copy", i)), "run.json"); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(i)
	}
}

// TestSnapshot: of an index that is closed, open, and changing in another process.
func TestSnapshot(t *testing.T) {
	dir := filled(t)
	to := filepath.Join(t.TempDir(), "copy")
	must(t, Snapshot(t.Context(), dir, to, "run.json", "none"))
	if _, err := os.Stat(filepath.Join(to, "run.json")); err != nil {
		t.Error(err)
	}
	x := open(t, to)
	info, err := x.Info(t.Context())
	must(t, err)
	if info.Len != 10 {
		t.Errorf("%d items", info.Len)
	}
	original := open(t, dir)
	if _, err := original.Delete(t.Context(), []string{"id1", "id7"}); err != nil {
		t.Fatal(err)
	}
	must(t, original.Compact())
	if _, ok, err := x.Get(t.Context(), "id1"); !ok || err != nil {
		t.Errorf("what was deleted later: %v, %v", ok, err)
	}
	if err := Snapshot(t.Context(), dir, to); !errors.Is(err, os.ErrExist) {
		t.Errorf("over another: %v", err)
	}
	if err := Snapshot(t.Context(), t.TempDir(), to+"2"); !errors.Is(err, ErrNoIndex) {
		t.Errorf("of nothing: %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Snapshot(cancelled, dir, to+"2"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if names := dirNames(t, filepath.Dir(to)); len(names) != 1 {
		t.Errorf("left are %v", names)
	}
}

func TestSnapshotBesideWriter(t *testing.T) {
	t.Parallel()
	x, dir := create(t, Options{Dim: 5})
	must(t, x.Close())
	n := 0
	killWhile(t, killedChanging, dir, 120, func(last int) {
		if last%10 != 0 {
			return
		}
		to := filepath.Join(t.TempDir(), "copy")
		must(t, Snapshot(t.Context(), dir, to))
		holds(t, open(t, to), last, last+ahead)
		n++
	})
	if n < 10 {
		t.Errorf("only %d snapshots", n)
	}
}

// TestSnapshotKilled: a process that copies is killed: a copy is there whole or not at all.
func TestSnapshotKilled(t *testing.T) {
	t.Parallel()
	rounds := 4
	if *long {
		rounds = 30
	}
	copies := 0
	for round := range rounds {
		root := t.TempDir()
		must(t, os.Rename(filled(t), filepath.Join(root, "index")))
		last := killWhile(t, killedCopying, root, 1+3*round%10, nil)
		names, err := filepath.Glob(filepath.Join(root, "copy*"))
		must(t, err)
		if len(names) < last+1 {
			t.Errorf("%d copies, %d were reported", len(names), last+1)
		}
		for _, name := range names {
			x := open(t, name)
			if info, err := x.Info(t.Context()); err != nil || info.Len != 10 {
				t.Errorf("%s: %+v, %v", name, info, err)
			}
			must(t, x.Close())
			copies++
		}
	}
	t.Logf("%d kills, %d copies, all whole", rounds, copies)
}
