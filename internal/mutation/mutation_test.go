// Package mutation damages a small valid file of every format in many ways, and holds
// all readers to one rule: an answer within limits of time and memory, which is an error
// that names the file, or the right content, or, where the format cannot know, other
// content, which is counted.
package mutation

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// What a reader may take for one file.
const (
	mutants   = 300
	maxTime   = 2 * time.Second // of computing; one that waits is ended after maxWait
	maxWait   = 30 * time.Second
	maxMemory = 512 << 20 // allocated in all, which is no less than what is held at once
)

// A reader is a way to read one file of one format.
type reader struct {
	name  string
	funcs []string // the exported functions that it holds, "package.Function"
	file  string   // that is damaged, in the folder that make fills; a pattern as filepath.Match has it
	make  func(t *testing.T, dir string)
	read  func(dir string) (content any, err error)

	// blind says why damage can go unseen; a format that carries a digest has none, and
	// then every mutant must be refused or read as the whole file is.
	blind string
	// quiet is for readers of streams, whose callers name the file.
	quiet bool
	// fresh is for readers that change their folder: every mutant has a copy.
	fresh bool
}

// A count is what became of the mutants of a file.
type count struct{ refused, same, changed int }

// TestReaders gives every reader its mutants.
func TestReaders(t *testing.T) {
	n := mutants
	if testing.Short() {
		n /= 10
	}
	var table strings.Builder
	row := func(name string, c count, why string) {
		fmt.Fprintf(&table, "%-28s %7d %7d %7d  %s\n", name, c.refused, c.same, c.changed, why)
	}
	var total count
	for _, r := range readers() {
		t.Run(r.name, func(t *testing.T) {
			c := r.test(t, n)
			row(r.name, c, r.blind)
			total.refused += c.refused
			total.same += c.same
			total.changed += c.changed
		})
	}
	row("all", total, "")
	t.Logf("%d mutants each: how many were refused, read as the whole file, and read as another file, since the format has\n%s", n, &table)
}

func (r reader) test(t *testing.T, n int) (c count) {
	whole := t.TempDir()
	r.make(t, whole)
	dir := whole
	path := r.path(t, dir)
	valid, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content, err := r.read(dir)
	if err != nil {
		t.Fatalf("the whole file: %v", err)
	}
	want := dump(content)
	seed := fnv.New64a()
	_, _ = seed.Write([]byte(r.name))
	rng := rand.New(rand.NewPCG(seed.Sum64(), 24))
	for i := range n {
		way, mutant := mutate(rng, i, valid)
		if r.fresh {
			dir = t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			path = r.path(t, dir)
		}
		if err := os.WriteFile(path, mutant, 0o666); err != nil {
			t.Fatal(err)
		}
		a := r.try(dir)
		fault := func(format string, args ...any) {
			t.Errorf("mutant %d (%s; %d bytes, %d whole): %s", i, way, len(mutant), len(valid), fmt.Sprintf(format, args...))
		}
		switch {
		case a.panicked != "":
			fault("panic: %s", a.panicked)
		case a.took > maxTime:
			fault("it took %v", a.took)
		case a.allocated > maxMemory:
			fault("%d bytes were allocated", a.allocated)
		case a.err != nil:
			c.refused++
			if text := a.err.Error(); !r.quiet && !strings.Contains(text, filepath.Base(path)) {
				fault("the error %q does not name %s", text, path)
			} else if len(text) > 2000 {
				fault("the error has %d bytes: %.200q", len(text), text)
			}
		case dump(a.content) == want:
			c.same++
		default:
			c.changed++
			if r.blind == "" {
				fault("it is read as %.300s", dump(a.content))
			}
		}
	}
	return c
}

// path is the file that is damaged, of which the folder has one.
func (r reader) path(t *testing.T, dir string) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, r.file))
	if err != nil || len(all) != 1 {
		t.Fatalf("%d files are called %s: %v", len(all), r.file, err)
	}
	return all[0]
}

// An answer is what a reader made of a file.
type answer struct {
	content   any
	err       error
	panicked  string
	took      time.Duration
	allocated uint64
}

// try reads once. A reader that hangs ends the test, with the stacks of all goroutines.
func (r reader) try(dir string) (a answer) {
	watch := time.AfterFunc(maxWait, func() { panic(r.name + ": a reader hangs") })
	defer watch.Stop()
	defer func() {
		if p := recover(); p != nil {
			a.panicked = fmt.Sprintf("%v\n%s", p, debug.Stack())
		}
	}()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := spent()
	a.content, a.err = r.read(dir)
	a.took = spent() - start
	runtime.ReadMemStats(&after)
	a.allocated = after.TotalAlloc - before.TotalAlloc
	return a
}

// dump is a text that differs where contents differ.
func dump(content any) string { return fmt.Sprintf("%+v", content) }

// huge are numbers that a reader may trust too much.
var huge = []string{"99999999999999999999", "9223372036854775807", "4294967295", "268435456", "-1", "0", "1e999", "NaN"}

var number = regexp.MustCompile(`[0-9]+`)

// ways are the kinds of damage; each returns a changed copy.
var ways = []struct {
	name string
	do   func(rng *rand.Rand, b []byte) []byte
}{
	{"a flipped bit", func(rng *rand.Rand, b []byte) []byte {
		b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		return b
	}},
	{"a flipped bit near the beginning", func(rng *rand.Rand, b []byte) []byte {
		b[rng.IntN(min(len(b), 96))] ^= 1 << rng.IntN(8)
		return b
	}},
	{"flipped bits", func(rng *rand.Rand, b []byte) []byte {
		for range 2 + rng.IntN(7) {
			b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		}
		return b
	}},
	{"another byte", func(rng *rand.Rand, b []byte) []byte {
		b[rng.IntN(len(b))] = byte(rng.Uint32())
		return b
	}},
	{"cut off", func(rng *rand.Rand, b []byte) []byte { return b[:rng.IntN(len(b))] }},
	{"a span removed", func(rng *rand.Rand, b []byte) []byte {
		lo, hi := span(rng, b)
		return append(b[:lo], b[hi:]...)
	}},
	{"a span repeated", func(rng *rand.Rand, b []byte) []byte {
		lo, hi := span(rng, b)
		return append(bytes.Clone(b[:hi]), b[lo:]...)
	}},
	{"a huge number in the text", func(rng *rand.Rand, b []byte) []byte {
		all := number.FindAllIndex(b, -1)
		if len(all) == 0 {
			return hugeBytes(rng, b)
		}
		at := all[rng.IntN(len(all))]
		return append(append(bytes.Clone(b[:at[0]]), huge[rng.IntN(len(huge))]...), b[at[1]:]...)
	}},
	{"a huge number in bytes", hugeBytes},
	{"a span of zeros", func(rng *rand.Rand, b []byte) []byte {
		lo, hi := span(rng, b)
		clear(b[lo:hi])
		return b
	}},
	{"more behind the end", func(rng *rand.Rand, b []byte) []byte {
		for range 1 + rng.IntN(64) {
			b = append(b, byte(rng.Uint32()))
		}
		return b
	}},
	{"two spans exchanged", func(rng *rand.Rand, b []byte) []byte {
		lo, hi := span(rng, b)
		mid := lo + rng.IntN(hi-lo)
		return append(append(append(bytes.Clone(b[:lo]), b[mid:hi]...), b[lo:mid]...), b[hi:]...)
	}},
}

// hugeBytes writes the greatest number of 4 or 8 bytes, of either sign, where lengths
// are: half the time near the beginning.
func hugeBytes(rng *rand.Rand, b []byte) []byte {
	within := len(b)
	if rng.IntN(2) == 0 {
		within = min(within, 64)
	}
	size := 4 << rng.IntN(2)
	at := rng.IntN(within)
	number := bytes.Repeat([]byte{0xff}, size)
	switch rng.IntN(3) {
	case 0:
		number[0] = 0x7f
	case 1:
		number[size-1] = 0x7f
	}
	copy(b[at:], number)
	return b
}

// span is a part of b that is not empty.
func span(rng *rand.Rand, b []byte) (lo, hi int) {
	lo = rng.IntN(len(b))
	return lo, lo + 1 + rng.IntN(min(len(b)-lo, 1+len(b)/4))
}

// mutate returns the i-th mutant of a file, which differs from it.
func mutate(rng *rand.Rand, i int, valid []byte) (way string, mutant []byte) {
	for {
		w := ways[i%len(ways)]
		if mutant = w.do(rng, bytes.Clone(valid)); !bytes.Equal(mutant, valid) {
			return w.name, mutant
		}
		i++ // this way changes nothing here
	}
}
