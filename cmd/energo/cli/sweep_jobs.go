package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/energo-ml/energo/job/sweep"
	"github.com/energo-ml/energo/train"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// jobsMost bounds the trials that are trained at a time.
const jobsMost = 256

// workerLine is what the process of a trial writes to its stdout, a line of JSON each.
type workerLine struct {
	Say   string `json:"say,omitempty"`   // how it comes along
	Error string `json:"error,omitempty"` // the last one, where training failed
}

// elsewhere trains trials by this program in processes of their own, which share the cores.
func (w *sweeping) elsewhere(p *progress, s *sweep.Sweep) func(context.Context, sweep.Trial, int) error {
	cores := max(1, runtime.GOMAXPROCS(0)/w.jobs)
	p.say("%d trials at a time, each on %s", w.jobs, counted(cores, "core", "cores"))
	return func(ctx context.Context, t sweep.Trial, epochs int) error {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		worker := exec.CommandContext(ctx, self)
		worker.Args = []string{os.Args[0], "sweep", w.job.Name, "--run", s.Dir(), "--trial", strconv.Itoa(t.Number), "--until", strconv.Itoa(epochs)}
		worker.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", cores))
		stdin, errIn := worker.StdinPipe() // which ends with this process, however that dies; the worker then saves and ends, too
		stdout, errOut := worker.StdoutPipe()
		if err := errors.Join(errIn, errOut); err != nil {
			return err
		}
		worker.Cancel = stdin.Close
		var last tail
		worker.Stderr = &last
		if err := worker.Start(); err != nil {
			return err
		}
		why := ""
		for lines := json.NewDecoder(stdout); ; {
			var l workerLine
			if err := lines.Decode(&l); err != nil {
				break
			}
			if why = l.Error; l.Say != "" {
				p.say("trial %d: %s", t.Number, l.Say)
			}
		}
		_, _ = io.Copy(io.Discard, stdout) // of what was no JSON, so that the process is not held up
		err = worker.Wait()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case why != "":
			return errors.New(why)
		case err != nil:
			return fmt.Errorf("its process ended: %w%s", err, last.text())
		}
		return nil
	}
}

// inTurn passes on what several trainings write, one at a time.
type inTurn struct {
	mu sync.Mutex
	w  io.Writer
}

func (o *inTurn) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(b)
}

// tail keeps the end of what is written to it.
type tail struct{ end []byte }

const tailMost = 2000

func (t *tail) Write(b []byte) (int, error) {
	t.end = append(t.end, b...)
	t.end = t.end[max(0, len(t.end)-tailMost):]
	return len(b), nil
}

func (t *tail) text() string {
	if s := strings.TrimSpace(string(t.end)); s != "" {
		return ": " + s
	}
	return ""
}

// addWorkerFlags adds those by which a sweep starts the process of a trial.
func (w *sweeping) addWorkerFlags(f *pflag.FlagSet) {
	f.IntVar(&w.trial, "trial", 0, "train this trial of the sweep in --run until stdin ends")
	f.IntVar(&w.until, "until", 0, "epochs that --trial has then; 0: all")
	for _, name := range []string{"trial", "until"} {
		if err := f.MarkHidden(name); err != nil {
			panic(err) // there is no such flag
		}
	}
}

// work trains one trial for another process, which has the sweep's folder, until stdin ends.
func (w *sweeping) work(cmd *cobra.Command) error {
	s, err := sweep.Open(w.dir)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(cmd.Context())
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, cmd.InOrStdin())
		stop()
	}()
	lines := json.NewEncoder(cmd.OutOrStdout())
	p := newProgress(saying{lines}, false)
	emit := func(e train.Event) {
		if d, ok := e.(train.Done); !ok || d.Reason != "interrupted" {
			p.emit(e)
		}
	}
	err = s.Train(ctx, sweep.Runner{Job: w.job, Env: p.env(""), Emit: emit}, w.trial, w.until)
	if ctx.Err() != nil {
		return errInterrupted
	}
	if err != nil {
		_ = lines.Encode(workerLine{Error: err.Error()}) // the error counts in any case
	}
	return err
}

// saying writes lines of progress for the process that has the sweep.
type saying struct{ to *json.Encoder }

func (s saying) Write(b []byte) (int, error) {
	return len(b), s.to.Encode(workerLine{Say: strings.TrimSuffix(string(b), "\n")})
}
