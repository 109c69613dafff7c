package train

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/energo-ml/energo/ebm/measure"
)

// examples has one event of every type, with no field left at zero.
var examples = []Event{
	Start{Run: "r", Recipe: "digits", Params: 1, Samples: 2, Epochs: 3, Steps: 4, Step: 5, LeftOut: 6, LeftOutFirst: "a.wav"},
	Extended{EpochsBefore: 2, Epochs: 3, Step: 5, LRBefore: 1e-3, LR: 2e-3, Unbroken: true, Over: "early_stop"},
	Step{Epoch: 1, Step: 10, Loss: 0.5, LR: 1e-3, GradNorm: 2},
	Epoch{
		Epoch: 1, Step: 10, Loss: 0.25, Error: 0.01, LR: 1e-3, Seconds: 3, Best: true,
		Diagnosis: Diagnosis{
			Correct: Quantiles{1, 2, 3, 4, 5, 6}, Offending: Quantiles{1, 2, 3, 4, 5, 6}, Gap: Quantiles{1, 2, 3, 4, 5, 6},
			Terms:   Terms{Energies: "energies", Samples: "samples", Correct: "c", Offending: "o", Unit: measure.Nat, AllAnswers: true, Error: WrongSamples, Kept: MarginKept("of the samples")},
			Samples: 9, Kept: 0.5, Spread: 1, Scale: measure.Number(math.Inf(1)), Chance: measure.Number(math.Inf(-1)),
			Collapsed: true, Why: "‖G(x) − c_y‖² \"quoted\"\n", Verdict: "v",
		},
	},
	Diverged{Step: 10, Reason: "the loss is NaN", LR: 1e-3, Left: 3},
	Saved{Path: "p", Step: 10},
	Done{Epochs: 1, Steps: 10, TrainSeconds: 3, Reason: "finished", Skipped: 3},
}

func TestEventsRoundTrip(t *testing.T) {
	dir := t.TempDir()
	log, err := openLog(dir, false, progress{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range examples {
		if v := reflect.ValueOf(e); hasZero(v) {
			t.Errorf("the example of %T leaves a field at zero", e)
		}
		log.write(e)
	}
	if err := log.close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, LogFile))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) != len(examples) {
		t.Fatalf("%d lines for %d events", len(lines), len(examples))
	}
	for i, e := range examples {
		var head struct {
			Type string
			Time time.Time
		}
		got := reflect.New(reflect.TypeOf(e))
		for _, into := range []any{&head, got.Interface()} {
			if err := json.Unmarshal([]byte(lines[i]), into); err != nil {
				t.Fatalf("%s: %v", lines[i], err)
			}
		}
		if head.Type != TypeOf(e) || time.Since(head.Time) > time.Minute || time.Since(head.Time) < 0 {
			t.Errorf("line %s has type %q and time %v", lines[i], head.Type, head.Time)
		}
		if got.Elem().Interface() != any(e) {
			t.Errorf("%T came back as %+v, was %+v", e, got.Elem(), e)
		}
	}
}

func hasZero(v reflect.Value) bool {
	if v.Kind() != reflect.Struct {
		return v.IsZero()
	}
	for i := range v.NumField() {
		if hasZero(v.Field(i)) {
			return true
		}
	}
	return false
}

// TestEveryEventHasAnExample parses the package: an event without a row above fails.
func TestEveryEventHasAnExample(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	types := 0
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Name.Name != "event" {
			continue
		}
		types++
		name, has := f.Recv.List[0].Type.(*ast.Ident).Name, false
		for _, e := range examples {
			has = has || reflect.TypeOf(e).Name() == name
		}
		if !has {
			t.Errorf("event %s has no example", name)
		}
	}
	if types != len(examples) {
		t.Errorf("%d types of events, %d examples", types, len(examples))
	}
}

// TestKeep: a resumed log has what is behind the checkpoint, and damaged lines, but not what a crash cut off.
func TestKeep(t *testing.T) {
	const start, first, damaged, third = `{"type":"start"}` + "\n", `{"type":"step","step":1}` + "\n", `{"type":"step","stxp":` + "\n", `{"type":"step","step":3}` + "\n"
	for _, c := range []struct{ old, want string }{
		{start + first + third, start + first},
		{start + damaged + first, start + damaged + first},
		{start + first + `{"type":"st`, start + first},
		{start + first + "\x00\x00\x00\x00", start + first},
		{start + first + "\x00\x00\x00" + third[3:], start + first},
	} {
		if got := string(keep([]byte(c.old), progress{Step: 2})); got != c.want {
			t.Errorf("of %q %q is kept, want %q", c.old, got, c.want)
		}
	}
}

// TestLogError sees to it that a log that cannot be written ends in an error.
func TestLogError(t *testing.T) {
	log, err := openLog(t.TempDir(), false, progress{})
	if err != nil {
		t.Fatal(err)
	}
	log.file.Close()
	log.write(Done{})
	if err := log.close(); err == nil || !strings.Contains(err.Error(), LogFile) {
		t.Errorf("error %v; it should name %s", err, LogFile)
	}
}

// TestLogBeforeCheckpoint: when the checkpoint appears, the log must be on disk up to
// it, or a kill between the two would leave a gap. Here the checkpoint fails.
func TestLogBeforeCheckpoint(t *testing.T) {
	c := blobConfig(t.TempDir())
	l := startedLoop(t, newBlobs(9), c)
	l.emit(Step{Step: 10})
	if err := os.Mkdir(filepath.Join(c.Run, CheckpointFile), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := l.save(); err == nil || !strings.Contains(err.Error(), "checkpoint") {
		t.Errorf("a checkpoint that cannot be written: error %v", err)
	}
	if text, err := os.ReadFile(filepath.Join(c.Run, LogFile)); err != nil || !strings.Contains(string(text), `"step":10`) {
		t.Errorf("the log has %q, %v", text, err)
	}
}
