package train

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/wholefile"
)

// unbroken trains blobs in one go.
func unbroken(t *testing.T, poison float64) (*blobs, string) {
	t.Helper()
	task, dir := newBlobs(9), t.TempDir()
	task.poison = poison
	if out := finish(t, t.Context(), task, blobConfig(dir)); out.Reason != "finished" || out.Epochs != 3 || out.Steps != 39 {
		t.Fatalf("unbroken run came to %+v", out)
	}
	return task, dir
}

// TestInterruptAndResume stops a run after each of its steps, and resumes with a new
// process's worth of state. With poison, divergences lie before and behind the stop.
func TestInterruptAndResume(t *testing.T) {
	for _, poison := range []float64{0, 0.2} {
		want, wantDir := unbroken(t, poison)
		if n := len(history(t, wantDir, "diverged")); (n > 2) != (poison > 0) {
			t.Fatalf("poison %v: %d divergences", poison, n)
		}
		for cut := 1; cut <= 39; cut++ {
			dir := t.TempDir()
			if out := cutAfter(t, cut, poison, dir, false); out.Reason != "interrupted" && cut < 39 || out.Steps != cut {
				t.Fatalf("cut %d: stopped with %+v", cut, out)
			}
			task, c := newBlobs(9), blobConfig(dir)
			task.poison, c.Resume = poison, true
			finish(t, t.Context(), task, c)
			same(t, fmt.Sprintf("cut after step %d, poison %v", cut, poison), want, task, wantDir, dir)
		}
	}
}

// cutAfter trains until that many steps of this part are done.
func cutAfter(t *testing.T, steps int, poison float64, dir string, resume bool) *Outcome {
	t.Helper()
	task, c := newBlobs(9), blobConfig(dir)
	task.poison, c.Resume = poison, resume
	return stopAfter(t, task, task, c, steps)
}

// stopAfter trains a task over blobs until that many steps of this part are done.
func stopAfter(t *testing.T, task Task, inner *blobs, c Config, steps int) *Outcome {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	inner.before = func() {
		if steps--; steps == 0 {
			cancel()
		}
	}
	return finish(t, ctx, task, c)
}

func TestInterruptedBeforeItStarts(t *testing.T) {
	want, wantDir := unbroken(t, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	if out := finish(t, ctx, newBlobs(9), blobConfig(dir)); out.Reason != "interrupted" || out.Steps != 0 {
		t.Errorf("stopped with %+v", out)
	}
	task, c := newBlobs(9), blobConfig(dir)
	c.Resume = true
	finish(t, t.Context(), task, c)
	same(t, "stopped before its first step", want, task, wantDir, dir)
}

func TestResumeManyTimes(t *testing.T) {
	want, wantDir := unbroken(t, 0.2)
	dir := t.TempDir()
	for part := 0; cutAfter(t, 4, 0.2, dir, part > 0).Reason == "interrupted"; part++ {
		if part > 20 {
			t.Fatal("the run does not end")
		}
	}
	task, c := newBlobs(9), blobConfig(dir)
	task.poison, c.Resume = 0.2, true
	if out := finish(t, t.Context(), task, c); out.Reason != "finished" || out.Steps != 39 {
		t.Fatalf("a finished run resumed to %+v", out)
	}
	same(t, "in parts of 4 steps", want, task, wantDir, dir)
}

// childVariable names the folder that a child process trains in until it is killed.
const childVariable = "ENERGO_TRAIN_TEST_CHILD"

// child trains blobs with a checkpoint after each step, resuming where there is one.
func child(dir string) {
	c := blobConfig(dir)
	c.CheckpointEvery = time.Nanosecond
	_, err := os.Stat(filepath.Join(dir, CheckpointFile))
	c.Resume = err == nil
	task := newBlobs(9)
	task.poison = 0.2
	task.before = func() { time.Sleep(500 * time.Microsecond) }
	if _, err := Run(context.Background(), task, c, func(Event) {}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// TestKillAndResume kills a process at random moments, most of them in the middle of
// writing a checkpoint, until one gets through.
func TestKillAndResume(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	want, wantDir := unbroken(t, 0.2)
	runs := 2
	if *long {
		runs = 20
	}
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	for range runs {
		dir, kills := t.TempDir(), 0
		for limit := 200 * time.Millisecond; ; limit *= 2 { // a slow machine gets more time
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), childVariable+"="+dir)
			var said strings.Builder
			cmd.Stderr = &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			timer := time.AfterFunc(time.Duration(rng.Int64N(int64(limit))), func() { cmd.Process.Kill() })
			err := cmd.Wait()
			timer.Stop()
			if err == nil {
				break
			}
			if cmd.ProcessState.ExitCode() >= 0 {
				t.Fatalf("after %d kills the child failed: %v\n%s", kills, err, said.String())
			}
			if kills++; kills%4 != 0 {
				limit /= 2
			}
		}
		task, c := newBlobs(9), blobConfig(dir)
		task.poison, c.Resume = 0.2, true
		finish(t, t.Context(), task, c)
		same(t, fmt.Sprintf("killed %d times", kills), want, task, wantDir, dir)
		t.Logf("killed %d times", kills)
	}
}

// TestResumeRefuses gives the loop checkpoints that it must not resume from.
func TestResumeRefuses(t *testing.T) {
	dir := t.TempDir()
	cutAfter(t, 20, 0, dir, false)
	path := filepath.Join(dir, CheckpointFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(change func(f *tensor.File)) []byte {
		f, err := tensor.Decode(whole)
		if err != nil {
			t.Fatal(err)
		}
		change(f)
		data, err := tensor.Encode(f)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for name, test := range map[string]struct {
		data   []byte // of the checkpoint; nil: none
		config func(*Config)
		hidden int
		want   string
	}{
		"none":         {nil, nil, 9, "nothing to resume"},
		"empty":        {[]byte{}, nil, 9, CheckpointFile},
		"cut short":    {whole[:len(whole)/2], nil, 9, CheckpointFile},
		"no such file": {[]byte("PK\x03\x04 something else altogether"), nil, 9, CheckpointFile},
		"foreign":      {edit(func(f *tensor.File) { f.Metadata = nil }), nil, 9, "not a checkpoint"},
		"no progress":  {edit(func(f *tensor.File) { f.Metadata["progress"] = "{" }), nil, 9, "progress"},
		"empty state":  {edit(func(f *tensor.File) { f.Metadata["progress"] = "{}" }), nil, 9, "progress"},
		"a step early": {edit(at("step", -1)), nil, 9, "-1 steps are done"},
		"a step late":  {edit(at("step", 1e6)), nil, 9, "1000000 steps are done"},
		"epochs ahead": {edit(at("epoch", 1e9)), nil, 9, "1000000000 epochs are done"},
		"best to come": {edit(at("best_epoch", 3)), nil, 9, "best epoch is 3"},
		"forgiving":    {edit(at("left", 101)), nil, 9, "left to forgive"},
		"no rate":      {edit(at("lr_factor", 0)), nil, 9, "factor is 0"},
		"odd reason":   {edit(at("reason", "bored")), nil, 9, `by reason of "bored"`},
		"no optimiser": {edit(func(f *tensor.File) { drop(f, partOptimizer) }), nil, 9, "step"},
		"no weights":   {edit(func(f *tensor.File) { drop(f, partWeights) }), nil, 9, "weight tensors"},
		"no average":   {edit(func(f *tensor.File) { drop(f, partEMA) }), nil, 9, "step"},
		"no best":      {edit(func(f *tensor.File) { drop(f, partBest) }), nil, 9, "weight tensors"},
		"wider model":  {whole, nil, 10, "does not fit"},
		"lr":           {whole, func(c *Config) { c.LR = 0.5 }, 9, `lr was "0.01" and is now "0.5"`},
		"epochs":       {whole, func(c *Config) { c.Epochs = 4 }, 9, `epochs was "3" and is now "4"`},
		"fewer epochs": {whole, func(c *Config) { c.Epochs, c.Extend = 1, true }, 9, "epochs is 1; the run is in its epoch 2 already, so it must be at least 2"},
		"odd epochs":   {edit(func(f *tensor.File) { f.Metadata["settings"] = `{"epochs":"many"}` }), nil, 9, `epochs is "many"`},
		"seed":         {whole, func(c *Config) { c.Seed++ }, 9, "seed"},
		"batch":        {whole, func(c *Config) { c.Batch++ }, 9, "batch"},
		"recipe":       {whole, func(c *Config) { c.Recipe = "other" }, 9, "recipe"},
		"recipe's own": {whole, func(c *Config) { c.Fingerprint = map[string]string{"hidden": "10"} }, 9, "hidden"},
	} {
		t.Run(name, func(t *testing.T) {
			os.Remove(path)
			if test.data != nil {
				if err := wholefile.Write(path, test.data); err != nil {
					t.Fatal(err)
				}
			}
			c := blobConfig(dir)
			c.Resume = true
			if test.config != nil {
				test.config(&c)
			}
			_, err := Run(t.Context(), newBlobs(test.hidden), c, func(Event) {})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v; it should say %q", err, test.want)
			}
		})
	}
}

// at sets one field of a checkpoint's progress.
func at(field string, value any) func(*tensor.File) {
	return func(f *tensor.File) {
		var p map[string]any
		if err := json.Unmarshal([]byte(f.Metadata["progress"]), &p); err != nil {
			panic(err)
		}
		p[field] = value
		text, err := json.Marshal(p)
		if err != nil {
			panic(err)
		}
		f.Metadata["progress"] = strings.ReplaceAll(string(text), "e+09", "000000000")
	}
}

func drop(f *tensor.File, prefix string) {
	var kept []tensor.Named
	for _, n := range f.Tensors {
		if !strings.HasPrefix(n.Name, prefix) {
			kept = append(kept, n)
		}
	}
	f.Tensors = kept
}

// TestLogRepair resumes over logs that a kill or a full disk left.
func TestLogRepair(t *testing.T) {
	want, wantDir := unbroken(t, 0)
	for name, spoil := range map[string]func(log string) string{
		"cut in a line": func(s string) string { return s + `{"type":"step","time":"2026-0` },
		"events past it": func(s string) string {
			return s + `{"type":"epoch","epoch":2,"step":26}` + "\n" + `{"type":"step","step":30}` + "\n"
		},
		"a line of noise": func(s string) string { return s + "\x00\x00\n" },
	} {
		dir := t.TempDir()
		cutAfter(t, 20, 0, dir, false)
		path := filepath.Join(dir, LogFile)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(spoil(string(text))), 0o666); err != nil {
			t.Fatal(err)
		}
		task, c := newBlobs(9), blobConfig(dir)
		c.Resume = true
		finish(t, t.Context(), task, c)
		same(t, name, want, task, wantDir, dir)
	}
}
