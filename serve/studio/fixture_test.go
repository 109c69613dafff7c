package studio

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// began is when runs of fixtures begin.
var began = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

// A fixture is a run to be written.
type fixture struct {
	name          string
	lr            float64
	functional    string
	epochs, steps int // steps of an epoch
	done          string
	result        bool
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// stepLine and epochLine are events as training writes them.
func stepLine(epoch, step int, at time.Time, loss, lr float64) string {
	return fmt.Sprintf(`{"type":"step","time":%q,"epoch":%d,"step":%d,"loss":%g,"lr":%g,"grad_norm":%g}`+"\n", at.Format(time.RFC3339Nano), epoch, step, loss, lr, 2*loss)
}

func epochLine(epoch, step int, at time.Time, loss, wrong, seconds float64) string {
	const q = `{"mean":%[1]g,"p05":%[1]g,"p25":%[1]g,"p50":%[1]g,"p75":%[1]g,"p95":%[1]g}`
	of := func(v float64) string { return fmt.Sprintf(q, v) }
	return fmt.Sprintf(`{"type":"epoch","time":%q,"epoch":%d,"step":%d,"loss":%g,"error":%g,"lr":0.1,"seconds":%g,"best":true,"terms":{"energies":"energies","samples":"samples","correct":"the correct answer","offending":"the most offending answer","unit":"","error":{"key":"error","name":"Error","unit":"share","note":"of samples wrong"},"kept":{"key":"told_apart","name":"Told apart","unit":"share","note":"of samples"},"all_answers":true},"samples":10,"correct":%s,"offending":%s,"gap":%s,"kept":%g,"spread":1,"scale":1,"chance":0.9,"collapsed":false,"verdict":"."}`+"\n",
		at.Format(time.RFC3339Nano), epoch, step, loss, wrong, seconds, of(-1), of(2), of(3), 1-wrong)
}

// write writes the run into a folder.
func (x fixture) write(t testing.TB, folder string) {
	t.Helper()
	dir := filepath.Join(folder, filepath.FromSlash(x.name))
	write(t, filepath.Join(dir, "config.yaml"), fmt.Sprintf("recipe: digits\nformat: 2\nfunctional: %s\nlr: %g\nseed: 1\nepochs: %d\n", x.functional, x.lr, x.epochs))
	var log bytes.Buffer
	fmt.Fprintf(&log, `{"type":"start","time":%q,"run":%q,"recipe":"digits","params":10,"samples":100,"epochs":%d,"steps":%d,"step":0}`+"\n", began.Format(time.RFC3339Nano), x.name, x.epochs, x.epochs*x.steps)
	at, wrong := began, 0.9
	for e := 1; e <= x.epochs; e++ {
		for s := range x.steps {
			at = at.Add(10 * time.Millisecond)
			n := float64((e-1)*x.steps + s + 1)
			log.WriteString(stepLine(e, int(n), at, 2*math.Exp(-n*x.lr/20)+0.1+0.05*math.Sin(n), x.lr))
		}
		wrong = 0.02 + 0.8*math.Exp(-float64(e*x.steps)*x.lr/20)
		log.WriteString(epochLine(e, e*x.steps, at, wrong*2, wrong, at.Sub(began).Seconds()))
	}
	if x.done != "" {
		fmt.Fprintf(&log, `{"type":"done","time":%q,"epochs":%d,"steps":%d,"train_seconds":%g,"reason":%q}`+"\n", at.Format(time.RFC3339Nano), x.epochs, x.epochs*x.steps, at.Sub(began).Seconds(), x.done)
	}
	write(t, filepath.Join(dir, "events.jsonl"), log.String())
	if x.result {
		write(t, filepath.Join(dir, "result.json"), fmt.Sprintf(`{"run":%q,"epochs":%d,"steps":%d,"train_seconds":3.5,"test_error":%g,"chance":0.9,"collapsed":false,"verdict":".","kept":0.9,"energy":{"terms":{"energies":"energies","samples":"samples","correct":"c","offending":"o","unit":"","error":{"key":"error","name":"Error","unit":"share","note":"of samples wrong"},"kept":{"key":"kept","name":"Kept","unit":"share"},"all_answers":true}},"figures":[]}`,
			x.name, x.epochs, x.epochs*x.steps, wrong))
	}
}

// several are runs in each of the states but one that is under way.
func several(t testing.TB, folder string) {
	t.Helper()
	for i, lr := range []float64{0.001, 0.01, 0.1, 1} {
		for _, functional := range []string{"nll", "hinge"} {
			fixture{fmt.Sprintf("sweep/%s-%d", functional, i+1), lr, functional, 6, 40, "finished", true}.write(t, folder)
		}
	}
	fixture{"stopped-1", 0.05, "nll", 3, 40, "interrupted", false}.write(t, folder)
	fixture{"killed-1", 0.05, "square", 2, 40, "", false}.write(t, folder)
	fixture{"diverged-1", 10, "nll", 1, 40, "diverged", false}.write(t, folder)
}
