package index

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/energo-ml/energo/loss/distance"
	"pgregory.net/rapid"
)

// withLimit opens an index whose log becomes a segment when it has limit bytes.
func withLimit(t testing.TB, dir string, limit int64) *Exact {
	t.Helper()
	lock, err := lockFolder(dir)
	must(t, err)
	x, err := start(&Exact{dir: dir, lock: lock}, limit)
	must(t, err)
	t.Cleanup(func() { x.Close() })
	return x
}

// TestChanges makes changes at random, and compares the index with a plain list after each few.
func TestChanges(t *testing.T) {
	for i := range 10 {
		storage, metric := Storages[i%2], Metrics[i%3]
		t.Run(fmt.Sprint(i, storage, metric), func(t *testing.T) {
			t.Parallel()
			changes(t, Options{Dim: 4, Metric: metric, Storage: storage}, uint64(i))
		})
	}
}

func changes(t *testing.T, o Options, seed uint64) {
	ctx, r := context.Background(), rng(seed)
	x, dir := create(t, o)
	m := &model{Options: o}
	limit := int64(1500)
	for range 25 {
		switch r.IntN(8) {
		case 0:
			must(t, x.Compact())
		case 1, 2:
			must(t, x.Close())
			x = withLimit(t, dir, limit)
		case 3, 4:
			var ids []string
			for range r.IntN(15) {
				ids = append(ids, fmt.Sprint("id", r.IntN(60)))
			}
			n, err := x.Delete(ctx, ids)
			must(t, err)
			if want := m.remove(ids); n != want {
				t.Fatalf("Delete finds %d items, want %d", n, want)
			}
		default:
			batch := items(r, r.IntN(50), 1+r.IntN(10), o.Dim)
			must(t, x.Add(ctx, batch))
			m.add(batch)
		}
		m.check(t, x, someQueries(r, m, 3))
	}
}

// TestTidy: many small Adds leave few slabs, and a small log few segments.
func TestTidy(t *testing.T) {
	t.Parallel()
	x, dir := create(t, Options{Dim: 2})
	must(t, x.Close())
	x = withLimit(t, dir, 2000)
	for i := range 150 {
		must(t, x.Add(context.Background(), items(rng(1), i, 1, 2)))
	}
	v := x.views.acquire()
	defer x.views.release(v)
	if v.live != 150 || len(v.parts) > 12 {
		t.Errorf("%d items in %d parts", v.live, len(v.parts))
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.segment"))
	must(t, err)
	if len(files) == 0 || len(files) > 6 {
		t.Errorf("segments are %v", files)
	}
}

// TestConcurrent: searches see each Add whole or not at all while others add, delete and compact.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	x, dir := create(t, Options{Dim: 8})
	must(t, x.Close())
	x = withLimit(t, dir, 20000)
	const adders, rounds, each = 4, 12, 5
	var wg sync.WaitGroup
	var done atomic.Int32
	for a := range adders {
		wg.Go(func() {
			defer done.Add(1)
			r := rng(uint64(a))
			for round := range rounds {
				batch := items(r, 1000*a, each, 8)
				for i := range batch {
					batch[i].Label = fmt.Sprint("round", round)
				}
				if err := x.Add(ctx, batch); err != nil {
					t.Error(err)
				}
				if _, err := x.Delete(ctx, []string{fmt.Sprint("extra", a, round-1)}); err != nil {
					t.Error(err)
				}
				if err := x.Add(ctx, []Item{{ID: fmt.Sprint("extra", a, round), Vector: make([]float32, 8)}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for done.Load() < adders {
			if err := x.Compact(); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Millisecond)
		}
	})
	for range 2 {
		wg.Go(func() {
			for done.Load() < adders {
				wholeRounds(t, x, each)
			}
		})
	}
	wg.Wait()
	info, err := x.Info(ctx)
	must(t, err)
	if want := adders * (each + 1); info.Len != want {
		t.Errorf("%d items, want %d", info.Len, want)
	}
}

// wholeRounds finds everything, and wants of each adder's items all of one round.
func wholeRounds(t *testing.T, x *Exact, each int) {
	hits, err := x.Search(context.Background(), []Query{{Vector: make([]float32, 8), K: 1000}})
	if err != nil {
		t.Error(err)
		return
	}
	count := map[string]int{}
	for _, h := range hits[0] {
		if n := number(h.ID); strings.HasPrefix(h.ID, "id") {
			count[fmt.Sprint(n/1000, h.Label)]++
		}
	}
	for what, n := range count {
		if n != each {
			t.Errorf("%d items of adder and round %s, want %d", n, what, each)
		}
	}
}

// TestGroupCommit: changes that wait together are one frame, and share its synchronisation.
func TestGroupCommit(t *testing.T) {
	made, dir := create(t, Options{Dim: 2})
	must(t, made.Close())
	synctest.Test(t, func(t *testing.T) {
		lock, err := lockFolder(dir)
		must(t, err)
		x := &Exact{dir: dir, lock: lock, options: made.options, changes: make(chan *request), closing: make(chan struct{})}
		w, err := newWriter(x, logLimit)
		must(t, err)
		const n = 50
		for i := range n {
			go func() {
				if err := x.Add(t.Context(), items(rng(1), i, 1, 2)); err != nil {
					t.Error(err)
				}
			}()
		}
		synctest.Wait() // until all are waiting
		w.handle(w.gather(<-x.changes))
		synctest.Wait()
		if w.log.frames != 1 || x.views.now.live != n {
			t.Errorf("%d Adds at once made %d frames and %d items", n, w.log.frames, x.views.now.live)
		}
		must(t, w.end())
	})
}

// killed makes this test's binary the program that TestKill kills: it adds and prints what is acknowledged.
const killed = "ENERGO_INDEX_TEST_KILLED"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killed); dir != "" {
		addUntilKilled(dir)
	}
	if dir := os.Getenv(killedChanging); dir != "" {
		changeUntilKilled(dir)
	}
	if dir := os.Getenv(killedCopying); dir != "" {
		copyUntilKilled(dir)
	}
	if err := flag.Set("test.parallel", "8"); err != nil { // more than there are processors: such tests wait for the disk
		panic(err)
	}
	os.Exit(m.Run())
}

func addUntilKilled(dir string) {
	lock, err := lockFolder(dir)
	if err == nil {
		var x *Exact
		if x, err = start(&Exact{dir: dir, lock: lock}, 5000); err == nil {
			for i := 0; err == nil; i++ {
				if err = x.Add(context.Background(), items(rng(uint64(i)), 3*i, 3, 5)); err == nil {
					fmt.Println(i)
				}
			}
		}
	}
	fmt.Println(err)
	os.Exit(1)
}

var long = flag.Bool("long", false, "run the long tests, too")

// TestKill kills a process that adds, five times, or a hundred with -long: every Add that it was told of is there, and
// none is there in part.
func TestKill(t *testing.T) {
	t.Parallel()
	o := Options{Dim: 5, Metric: distance.Euclidean, Storage: Float32}
	rounds, adds, torn := 5, 0, 0
	if *long {
		rounds = 100
	}
	for round := range rounds {
		x, dir := create(t, o)
		must(t, x.Close())
		acknowledged := killWhile(t, killed, dir, 1+23*round%200, nil)
		x = open(t, dir)
		info, err := x.Info(context.Background())
		must(t, err)
		if info.Len%3 != 0 || info.Len < 3*(acknowledged+1) {
			t.Fatalf("%d items after %d Adds of 3", info.Len, acknowledged+1)
		}
		if adds += acknowledged + 1; info.Dropped != "" {
			torn++
		}
		m := &model{Options: o}
		for i := range info.Len / 3 {
			m.items = append(m.items, items(rng(uint64(i)), 3*i, 3, 5)...)
		}
		m.checkItems(t, x)
	}
	t.Logf("%d kills, %d acknowledged Adds, all there; %d logs were torn", rounds, adds, torn)
}

// killWhile starts a process that does something again and again, kills it after a number of times, and returns which was the last
// that it reported. Meanwhile each, if it is not nil, is called with what was reported last.
func killWhile(t *testing.T, does, dir string, after int, each func(last int)) (last int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), does+"="+dir)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ {
		if _, err := fmt.Sscan(lines.Text(), &last); err != nil {
			t.Fatalf("the process says %q", lines.Text())
		}
		if each != nil && n < after {
			each(last)
		}
		if n == after {
			must(t, cmd.Process.Kill())
		}
	}
	if cmd.Wait() == nil {
		t.Fatal("the process ended by itself")
	}
	return last
}

func TestInUse(t *testing.T) {
	t.Parallel()
	x, dir := create(t, Options{Dim: 2})
	if _, err := Open(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("Open of an open index: %v", err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killed+"="+dir)
	if out, err := cmd.Output(); err == nil || !strings.Contains(string(out), "in use by another process") {
		t.Errorf("another process says %q, error %v", out, err)
	}
	must(t, x.Close())
	must(t, open(t, dir).Close())
}

// TestReadOnly: several may read, and what they open stays as it is.
func TestReadOnly(t *testing.T) {
	h := newHistory(t)
	log := h.log(t)
	torn := log[:len(log)-3]
	dir := h.copyWith(t, torn)
	for range 2 {
		x, err := OpenReadOnly(dir)
		must(t, err)
		defer x.Close()
		h.models[len(h.models)-2].checkItems(t, x)
		if err := x.Add(context.Background(), items(rng(1), 0, 1, 3)); !errors.Is(err, ErrReadOnly) {
			t.Errorf("Add: %v", err)
		}
		if err := x.Compact(); !errors.Is(err, ErrReadOnly) {
			t.Errorf("Compact: %v", err)
		}
		if _, err := x.Update(context.Background(), []Patch{{ID: "id1", Remove: []string{"a"}}}); !errors.Is(err, ErrReadOnly) {
			t.Errorf("Update: %v", err)
		}
		if changed, err := x.Refresh(); changed || err != nil {
			t.Errorf("Refresh: %v, %v", changed, err)
		}
	}
	if entries := dirNames(t, dir); slices.Contains(entries, lockName) {
		t.Errorf("reading made a lock: %v", entries)
	}
	after, err := os.ReadFile(filepath.Join(dir, logName(1)))
	must(t, err)
	if !slices.Equal(after, torn) {
		t.Error("reading changed the log")
	}
}

// TestCreateOver: an index is one whatever else is in its folder, and whether it is open, closed or damaged.
func TestCreateOver(t *testing.T) {
	dir := t.TempDir()
	x, err := Create(dir, Options{Dim: 2})
	must(t, err)
	refused := func(when string) {
		t.Helper()
		before := dirNames(t, dir)
		if _, err := Create(dir, Options{Dim: 2}); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "there is an index in "+dir+" already") {
			t.Errorf("%s: %v", when, err)
		}
		if got := dirNames(t, dir); !slices.Equal(got, before) {
			t.Errorf("%s: %v became %v", when, before, got)
		}
	}
	refused("open and empty")
	must(t, x.Add(context.Background(), items(rng(1), 0, 5, 2)))
	refused("open, with a log")
	must(t, x.Compact())
	must(t, x.Add(context.Background(), items(rng(1), 5, 5, 2)))
	must(t, x.Close())
	refused("closed, with a segment and a log")
	must(t, os.WriteFile(filepath.Join(dir, "a.png"), nil, 0o666))
	refused("with a file of its user's")
	must(t, os.WriteFile(filepath.Join(dir, manifestName), []byte("{"), 0o666))
	refused("damaged")
}

func TestCreateRefuses(t *testing.T) {
	other := t.TempDir()
	must(t, os.WriteFile(filepath.Join(other, "thesis.tex"), nil, 0o666))
	if _, err := Create(other, Options{Dim: 2}); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "thesis.tex") {
		t.Errorf("Create in a folder with other files: %v", err)
	}
	if entries, _ := os.ReadDir(other); len(entries) != 1 {
		t.Errorf("Create left something in a folder that it refused: %v", entries)
	}
	if _, err := Create(filepath.Join(other, "thesis.tex"), Options{Dim: 2}); err == nil {
		t.Error("Create in a file succeeds")
	}
	for _, o := range []Options{
		{},
		{Dim: -1},
		{Dim: MaxDim + 1},
		{Dim: 1, Metric: "manhattan"},
		{Dim: 1, Storage: "float16"},
		{Dim: 1, Encoder: "\xff"},
		{Dim: 1, Encoder: strings.Repeat("x", MaxEncoder+1)},
	} {
		if _, err := Create(t.TempDir(), o); !errors.Is(err, ErrArgument) {
			t.Errorf("Create(%+v): %v", o, err)
		}
	}
	half := t.TempDir() // a Create that was killed
	must(t, createLog(half, logName(1)))
	must(t, os.WriteFile(filepath.Join(half, "."+manifestName+".0123abcd.partial"), []byte("{"), 0o666))
	x, err := Create(half, Options{Dim: 2})
	must(t, err)
	must(t, x.Close())
}

// TestCreateOverLost: an index whose manifest is lost is no place for a new one.
func TestCreateOverLost(t *testing.T) {
	for _, compact := range []bool{false, true} {
		x, dir := create(t, Options{Dim: 2})
		must(t, x.Add(context.Background(), items(rng(1), 0, 5, 2)))
		if compact {
			must(t, x.Compact())
		}
		must(t, x.Close())
		must(t, os.Remove(filepath.Join(dir, manifestName)))
		before := dirNames(t, dir)
		if _, err := Create(dir, Options{Dim: 2}); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "index.json is lost") {
			t.Errorf("Create with files of a lost index: %v", err)
		}
		if got := dirNames(t, dir); !slices.Equal(got, before) {
			t.Errorf("left are %v of %v", got, before)
		}
	}
}

func dirNames(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestClosed(t *testing.T) {
	ctx := context.Background()
	x, _ := create(t, Options{Dim: 2})
	must(t, x.Close())
	must(t, x.Close())
	v := []float32{1, 2}
	_, infoErr := x.Info(ctx)
	_, _, getErr := x.Get(ctx, "a")
	_, searchErr := x.Search(ctx, []Query{{Vector: v, K: 1}})
	_, deleteErr := x.Delete(ctx, []string{"a"})
	_, deleteNone := x.Delete(ctx, nil)
	for what, err := range map[string]error{
		"Info": infoErr, "Get": getErr, "Search": searchErr, "Delete": deleteErr, "Delete nothing": deleteNone,
		"Add": x.Add(ctx, []Item{{ID: "a", Vector: v}}), "Add nothing": x.Add(ctx, nil), "Compact": x.Compact(),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s after Close: %v", what, err)
		}
	}
	for _, err := range x.Each(ctx) {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("Each after Close: %v", err)
		}
	}
}

// TestSearchOverClose: a search that has begun continues with its view, mapped as it is.
func TestSearchOverClose(t *testing.T) {
	x, _ := create(t, Options{Dim: 2})
	batch := items(rng(1), 0, 100, 2)
	must(t, x.Add(context.Background(), batch))
	must(t, x.Compact())
	n := 0
	for it, err := range x.Each(context.Background()) {
		must(t, err)
		if n == 10 {
			must(t, x.Close())
		}
		if it.ID != batch[n].ID || !slices.Equal(it.Vector, batch[n].Vector) {
			t.Fatalf("item %d is %+v", n, it)
		}
		n++
	}
	if n != 100 {
		t.Errorf("%d items", n)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	x, _ := create(t, Options{Dim: 2})
	if err := x.Add(ctx, items(rng(1), 0, 1, 2)); !errors.Is(err, context.Canceled) {
		t.Errorf("Add: %v", err)
	}
	if _, err := x.Delete(ctx, []string{"a"}); !errors.Is(err, context.Canceled) {
		t.Errorf("Delete: %v", err)
	}
	info, err := x.Info(ctx)
	must(t, err)
	if info.Len != 0 {
		t.Error("a cancelled Add was made")
	}
}

// TestFields: what goes in as text comes out, whatever it is.
func TestFields(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fields := rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "fields")
		b := appendFields(nil, fields)
		got, err := parseFields(b)
		if err != nil || len(got) != len(fields) {
			t.Fatalf("%v, %v", got, err)
		}
		for key, value := range fields {
			if got[key] != value {
				t.Fatalf("field %q of %v", key, got)
			}
		}
	})
}
