package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/train"
	"github.com/schollz/progressbar/v3"
)

// progress shows how a run comes along: bars on a terminal, plain lines elsewhere.
type progress struct {
	out      io.Writer
	terminal bool
	quiet    bool
	bar      *progressbar.ProgressBar
	start    train.Start
	lastLine time.Time // when the last plain line was written
}

func newProgress(out io.Writer, quiet bool) *progress {
	return &progress{out: out, terminal: terminal(out), quiet: quiet, lastLine: time.Now()}
}

func (p *progress) say(format string, args ...any) {
	if p.quiet {
		return
	}
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	fmt.Fprintf(p.out, format+"\n", args...)
}

func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}

// newBar begins a bar of the form that all have, with options of its own.
func (p *progress) newBar(total int64, options ...progressbar.Option) {
	p.bar = progressbar.NewOptions64(total, append(options, progressbar.OptionSetWriter(p.out), progressbar.OptionSetWidth(30),
		progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))...)
}

func (p *progress) download(done, total int64) {
	switch {
	case p.quiet:
	case p.terminal:
		if p.bar == nil {
			p.newBar(total, progressbar.OptionSetDescription("fetching MNIST"), progressbar.OptionShowBytes(true))
		}
		_ = p.bar.Set64(done)
	case done == total || time.Since(p.lastLine) > 5*time.Second:
		p.lastLine = time.Now()
		p.say("fetching MNIST: %.1f of %.1f MB", float64(done)/1e6, float64(total)/1e6)
	}
}

// skipped says which samples are left out, and why.
func (p *progress) skipped(all []error) {
	p.first("skipped", all)
	p.say("%s left out", counted(len(all), "sample is", "samples are"))
}

// warned says which samples are not whole.
func (p *progress) warned(all []error) { p.first("warning", all) }

// noted says what the data has chosen, or what is odd about it.
func (p *progress) noted(all []string) {
	p.end()
	for _, what := range all {
		p.say("%s", what)
	}
}

// first says something of the first of many samples.
func (p *progress) first(what string, all []error) {
	const named = 5
	p.end()
	for _, s := range all[:min(named, len(all))] {
		p.say("%s: %v", what, s)
	}
	if len(all) > named {
		p.say("… and %d more", len(all)-named)
	}
}

// firstFew says what is wrong with one of many, if few were before it.
func (p *progress) firstFew(before int, what string, err error) {
	const named = 10
	switch {
	case before < named:
		p.say("%s skipped: %v", what, err)
	case before == named:
		p.say("… more are skipped; --json names all of them")
	}
}

// env is what a job is given besides its settings.
func (p *progress) env(data string) job.Env {
	return job.Env{Data: data, Progress: p.download, Skipped: p.skipped, Warned: p.warned, Noted: p.noted}
}

// count shows how many of all are done.
func (p *progress) count(what string, done, all int) {
	switch {
	case p.quiet:
	case p.terminal:
		if p.bar == nil { // −1 is a number that nobody knows
			p.newBar(int64(all), progressbar.OptionSetDescription(what), progressbar.OptionShowIts(), progressbar.OptionShowCount())
		}
		_ = p.bar.Set(done)
	case time.Since(p.lastLine) > 10*time.Second:
		p.lastLine = time.Now()
		if all < 0 {
			p.say("%d %s", done, what)
			return
		}
		p.say("%d of %d %s", done, all, what)
	}
}

// emit shows an event.
func (p *progress) emit(e train.Event) {
	if p.quiet {
		return
	}
	switch e := e.(type) {
	case train.Start:
		p.begin(e)
	case train.Extended:
		p.say("%s", extendedLine(e))
	case train.Step:
		p.step(e)
	case train.Epoch:
		p.say("%s", epochLine(e, p.start.Epochs))
	case train.Diverged:
		p.say("step %d: %s; rolled back, lr is now %.3g (%d more forgiven)", e.Step, e.Reason, e.LR, e.Left)
	case train.Done:
		p.end()
		if e.Skipped > 0 {
			p.say("%s skipped: nothing in their batches was left to average", counted(e.Skipped, "step was", "steps were"))
		}
		p.say("%s after %s, %s and %.1f s of training", strings.ReplaceAll(e.Reason, "_", " "), counted(e.Epochs, "epoch", "epochs"), counted(e.Steps, "step", "steps"), e.TrainSeconds)
	}
}

func (p *progress) begin(e train.Start) {
	p.start = e
	resumed := ""
	if e.Step > 0 {
		resumed = fmt.Sprintf(", resumed at step %d", e.Step)
	}
	p.say("%s: %s, %s, %s, %s%s", e.Recipe, counted(e.Params, "weight", "weights"), counted(e.Samples, "training sample", "training samples"), counted(e.Epochs, "epoch", "epochs"), counted(e.Steps, "step", "steps"), resumed)
	if p.terminal {
		p.newBar(int64(e.Steps), progressbar.OptionShowIts(), progressbar.OptionSetItsString("steps"), progressbar.OptionShowCount())
		_ = p.bar.Set(e.Step)
	}
}

// extendedLine says what another number of epochs does to a run.
func extendedLine(e train.Extended) string {
	line := fmt.Sprintf("the run has %s now, before %d", counted(e.Epochs, "epoch", "epochs"), e.EpochsBefore)
	switch {
	case e.Over == "early_stop":
		return line + "; it has stopped early, which they do not change"
	case e.Over != "":
		return line + "; it is over"
	}
	line += fmt.Sprintf("; the step size was %.3g and is now %.3g", e.LRBefore, e.LR)
	if e.Unbroken {
		return line + fmt.Sprintf(", as in an unbroken run of %s", counted(e.Epochs, "epoch", "epochs"))
	}
	return line + fmt.Sprintf(": from here on it follows the schedule of %s, but the steps before did not", counted(e.Epochs, "epoch", "epochs"))
}

func (p *progress) step(e train.Step) {
	switch {
	case p.bar != nil:
		p.bar.Describe(fmt.Sprintf("epoch %d/%d  loss %.4f", e.Epoch, p.start.Epochs, e.Loss))
		_ = p.bar.Set(e.Step)
	case !p.terminal && time.Since(p.lastLine) > 10*time.Second:
		p.lastLine = time.Now()
		p.say("step %d of %d  loss %.4f  lr %.2e", e.Step, p.start.Steps, e.Loss, e.LR)
	}
}

// epochLine is an epoch of any job, in the words and the units that its figures carry.
func epochLine(e train.Epoch, epochs int) string {
	best := ""
	if e.Best {
		best = "  best"
	}
	w := e.Terms
	line := fmt.Sprintf("epoch %d/%d  loss %.4f  validation %s %s  %s: %s %s, %s %s  gap p05 %s p50 %s  %s %s  %.1f s%s",
		e.Epoch, epochs, e.Loss, lower(w.Error.Name), e.ErrorFigure().Text(), w.Energies, w.Correct, number(e.Correct.Mean), w.Offending, number(e.Offending.Mean),
		number(e.Gap.P05), number(e.Gap.P50), lower(w.Kept.Name), e.KeptFigure().Text(), e.Seconds, best)
	if e.Collapsed {
		line += "\n  collapsed: " + e.Why
	}
	return line
}
