package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/excerpt"
)

// CheckpointFile is a run's checkpoint: everything that resuming needs, in one file
// that is replaced whole, so that a kill at any moment leaves the last one.
const CheckpointFile = "checkpoint.safetensors"

const format = "energo checkpoint 2"

// Parts of a checkpoint, as prefixes of tensors' names.
const (
	partWeights       = "weights."
	partOptimizer     = "optimizer."
	partEMA           = "ema."
	partBest          = "best."
	partState         = "state."
	partGoodWeights   = "good.weights."
	partGoodOptimizer = "good.optimizer."
	partGoodEMA       = "good.ema."
)

// save writes the checkpoint, if the run has a folder. The log is on disk before it, so that what the
// checkpoint has behind it is in the log, too.
func (l *loop) save() error {
	if l.c.Run == "" {
		return nil
	}
	if err := l.log.sync(); err != nil {
		return err
	}
	p := l.progress
	p.Seconds = l.seconds()
	done, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	settings, err := json.Marshal(l.c.settings(l.task.Samples()))
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	f := &tensor.File{Metadata: map[string]string{
		"format": format, "recipe": l.c.Recipe, "progress": string(done), "settings": string(settings),
	}}
	add := func(prefix string, part []tensor.Named) {
		for _, n := range part {
			f.Tensors = append(f.Tensors, tensor.Named{Name: prefix + n.Name, Tensor: n.Tensor})
		}
	}
	add(partWeights, values(l.params))
	add(partOptimizer, l.c.Optimizer.State())
	if l.ema != nil {
		add(partEMA, l.ema.State())
	}
	if p.hasBest() {
		add(partBest, l.best.weights)
	}
	add(partState, state(l.task))
	add(partGoodWeights, l.good.weights)
	add(partGoodOptimizer, l.good.optimizer)
	add(partGoodEMA, l.good.ema)
	path := filepath.Join(l.c.Run, CheckpointFile)
	if err := tensor.WriteFile(path, f); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	l.saved = time.Now()
	l.emit(Saved{Path: path, Step: p.Step})
	return nil
}

// load puts the loop where its checkpoint stands.
func (l *loop) load() error {
	path := filepath.Join(l.c.Run, CheckpointFile)
	f, err := tensor.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is nothing to resume: %s has no %s", l.c.Run, CheckpointFile)
	}
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if err := l.read(f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func (l *loop) read(f *tensor.File) error {
	if got := f.Metadata["format"]; got != format {
		return fmt.Errorf("not a checkpoint of this version: format %q, want %q", excerpt.Of(got), format)
	}
	epochs, err := l.sameSettings(f)
	if err != nil {
		return err
	}
	var p progress
	if err := json.Unmarshal([]byte(f.Metadata["progress"]), &p); err != nil {
		return fmt.Errorf("progress: %w", err)
	}
	l.progress = p
	if err := l.enough(epochs); err != nil {
		return err
	}
	if err := l.plausible(); err != nil {
		return fmt.Errorf("progress: %w", err)
	}
	l.extend(epochs)
	if err := fill(l.params, part(f, partWeights)); err != nil {
		return err
	}
	if err := l.c.Optimizer.Restore(part(f, partOptimizer)); err != nil {
		return err
	}
	if err := l.c.Optimizer.Prepare(l.params); err != nil {
		return err
	}
	if l.ema != nil {
		if err := l.ema.Restore(part(f, partEMA)); err != nil {
			return err
		}
		if err := l.ema.Prepare(l.params); err != nil {
			return err
		}
	}
	l.best.weights = part(f, partBest)
	l.good = snapshot{part(f, partGoodWeights), part(f, partGoodOptimizer), part(f, partGoodEMA)}
	if l.progress.hasBest() {
		if err := fits(l.params, l.best.weights); err != nil {
			return err
		}
	}
	if len(l.good.weights) > 0 {
		if err := fits(l.params, l.good.weights); err != nil {
			return err
		}
	}
	return refill(state(l.task), part(f, partState), l.extended != nil)
}

// state returns what a task keeps besides its parameters.
func state(t Task) []tensor.Named {
	if s, ok := t.(Stateful); ok {
		return s.State()
	}
	return nil
}

// LoadSettings returns the settings of a run's checkpoint: Config's own, by their names, and its Fingerprint.
func LoadSettings(dir string) (map[string]string, error) {
	path := filepath.Join(dir, CheckpointFile)
	f, err := tensor.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	var all map[string]string
	if err := json.Unmarshal([]byte(f.Metadata["settings"]), &all); err != nil {
		return nil, fmt.Errorf("%s: settings: %w", path, err)
	}
	return all, nil
}

// LoadState reads what a task keeps besides its parameters out of a run's checkpoint.
func LoadState(dir string, t Stateful) error {
	path := filepath.Join(dir, CheckpointFile)
	f, err := tensor.ReadFile(path)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if err := refill(t.State(), part(f, partState), false); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// refill writes a saved state into a task's. A state that grows with the epochs may have another number of rows where that of the epochs
// has changed: the first ones are written.
func refill(state, saved []tensor.Named, extended bool) error {
	if len(state) != len(saved) {
		return fmt.Errorf("it holds %d tensors of state, the recipe has %d", len(saved), len(state))
	}
	for i, s := range state {
		n := saved[i]
		to, from := s.Tensor, n.Tensor
		if extended && to.Rank() > 0 && from.Rank() > 0 {
			rows := min(to.Dim(0), from.Dim(0))
			to, from = to.Rows(0, rows), from.Rows(0, rows)
		}
		if n.Name != s.Name || !slices.Equal(from.Shape(), to.Shape()) || from.DType() != to.DType() {
			return fmt.Errorf("its state %s %v does not fit the recipe's %s %v", n.Name, n.Tensor.Shape(), s.Name, s.Tensor.Shape())
		}
		to.CopyFrom(from)
	}
	return nil
}

// plausible refuses progress that no run of these settings can have made.
func (l *loop) plausible() error {
	p, c := l.progress, l.c
	first := p.Epoch * l.perEpoch // step of the current epoch
	switch {
	case p.Epoch < 0 || p.Epoch > c.Epochs:
		return fmt.Errorf("%d epochs are done, of %d", p.Epoch, c.Epochs)
	case p.Step < first || p.Step > first+l.perEpoch:
		return fmt.Errorf("%d steps are done in epoch %d, of %d an epoch", p.Step, p.Epoch, l.perEpoch)
	case p.BestEpoch < 0 || p.BestEpoch > p.Epoch:
		return fmt.Errorf("the best epoch is %d, of %d", p.BestEpoch, p.Epoch)
	case p.Left < 0 || p.Left > c.Forgive:
		return fmt.Errorf("%d divergences are left to forgive, of %d", p.Left, c.Forgive)
	case !(p.LRFactor > 0 && p.LRFactor <= 1):
		return fmt.Errorf("the step size's factor is %v", p.LRFactor)
	case p.Skipped < 0 || p.Skipped > p.Step:
		return fmt.Errorf("%d steps were skipped, of %d", p.Skipped, p.Step)
	case p.LossCount < 0 || !(p.Seconds >= 0):
		return fmt.Errorf("the loss of %d samples in %v seconds", p.LossCount, p.Seconds)
	case p.Reason != "" && p.Reason != "finished" && p.Reason != "early_stop":
		return fmt.Errorf("the run is over by reason of %q", excerpt.Of(p.Reason))
	}
	return nil
}

// sameSettings refuses a checkpoint of other settings, naming them, and returns its number of epochs, which may be another with Extend.
func (l *loop) sameSettings(f *tensor.File) (epochs int, err error) {
	var had map[string]string
	if err := json.Unmarshal([]byte(f.Metadata["settings"]), &had); err != nil {
		return 0, fmt.Errorf("settings: %w", err)
	}
	if epochs, err = strconv.Atoi(had["epochs"]); err != nil {
		return 0, fmt.Errorf("settings: epochs is %q; it must be a whole number", excerpt.Of(had["epochs"]))
	}
	has := l.c.settings(l.task.Samples())
	if l.c.Extend {
		has["epochs"] = had["epochs"]
	}
	names := maps.Clone(has)
	maps.Copy(names, had)
	var differ []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if was, is := had[name], has[name]; was != is {
			differ = append(differ, fmt.Sprintf("%s was %q and is now %q", name, was, is))
		}
	}
	if len(differ) > 0 {
		return 0, fmt.Errorf("the run was started with other settings: %s", strings.Join(differ, ", "))
	}
	return epochs, nil
}

// part returns the tensors of a part under their own names.
func part(f *tensor.File, prefix string) (all []tensor.Named) {
	for _, n := range f.Tensors {
		if name, ok := strings.CutPrefix(n.Name, prefix); ok {
			all = append(all, tensor.Named{Name: name, Tensor: n.Tensor})
		}
	}
	return all
}

// fits checks that saved weights are the parameters', in their order.
func fits(params []*autodiff.Param, saved []tensor.Named) error {
	if len(saved) != len(params) {
		return fmt.Errorf("it holds %d weight tensors, the model has %d", len(saved), len(params))
	}
	for i, p := range params {
		n := saved[i]
		if n.Name != p.Name || !slices.Equal(n.Tensor.Shape(), p.Value.Shape()) || n.Tensor.DType() != p.Value.DType() {
			return fmt.Errorf("its tensor %s %v does not fit the model's %s %v", n.Name, n.Tensor.Shape(), p.Name, p.Value.Shape())
		}
	}
	return nil
}

func fill(params []*autodiff.Param, saved []tensor.Named) error {
	if err := fits(params, saved); err != nil {
		return err
	}
	for i, p := range params {
		p.Value.CopyFrom(saved[i].Tensor)
	}
	return nil
}
