package job

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/train"
	"go.yaml.in/yaml/v3"
)

// Files of a run's folder besides those of package train.
const (
	ConfigFile = report.ConfigFile
	ResultFile = report.ResultFile
	// EncoderFile is the network of a run that begins with a model of another system (Keeper).
	EncoderFile = "encoder.onnx"
	// BegunFile says what network of energo's own a run of another job begins with (Keeper).
	BegunFile = "begun.json"
	// NotesFile is what the data has chosen where no setting says it, and what is odd about it: a JSON list of sentences, which a job writes by Keeper where it has such notes.
	NotesFile = "notes.json"
)

// format numbers the layout of a run's folder. A folder of another number is refused.
const format = 2

// Options are what a run is given besides its settings.
type Options struct {
	Dir    string  // the run's folder
	Folder *Folder // Dir's, where the caller has claimed it; nil: the run does
	Resume bool
	Extend bool // let a run resume with another number of epochs
	Env    Env
	Emit   func(train.Event) // told what happens; may be nil

	left *leftOut
}

// leftOut counts the samples that a job leaves out, and keeps what is said of the first ones for the run's record.
type leftOut struct {
	count int
	first []string
}

// leftOutNamed is how many samples the record names.
const leftOutNamed = 5

// note returns an Env that counts what is left out besides telling of it.
func (l *leftOut) note(env Env) Env {
	tell := env.Skipped
	env.Skipped = func(all []error) {
		l.count += len(all)
		for _, err := range all[:min(len(all), leftOutNamed-min(leftOutNamed, len(l.first)))] {
			l.first = append(l.first, excerpt.Error(err).Error())
		}
		if tell != nil {
			tell(all)
		}
	}
	return env
}

// claim claims a run's folder, unless the caller has done so.
func (o Options) claim() (release func(), err error) {
	if o.Folder != nil {
		return func() {}, nil
	}
	f, err := Claim(o.Dir, o.Resume)
	if err != nil {
		return nil, err
	}
	return f.Release, nil
}

// Result is what a run came to, as result.json and the last line of --json have it.
type Result struct {
	report.Result
	Reason    string         `json:"reason"` // "finished", "early_stop", "settled", "interrupted", "diverged"
	BestEpoch int            `json:"best_epoch"`
	LeftOut   int            `json:"left_out,omitempty"` // samples that were not used
	Recipe    string         `json:"recipe"`
	Settings  map[string]any `json:"settings"` // those that count

	model Model
}

// Report draws the page of the run, report.html, and its pictures. The command is what trains the job, such as "energo train digits",
// for the page; it may be "".
func (r *Result) Report(command string) error { return draw(r.Run, r.model, command) }

// draw draws the page of a run, with the pictures of its test set where it has some. model may be nil.
func draw(dir string, model Model, command string) error {
	p, ok := model.(Pictured)
	if !ok {
		return report.Write(dir, nil, command)
	}
	images, err := p.Pictures()
	if err != nil {
		return err
	}
	return report.Write(dir, images, command)
}

// Resolve checks settings, each alone and beside the others, and puts in the defaults that depend on others.
// Settings that have no effect and are not at their defaults are refused.
func Resolve(j Job, s Spec) error {
	if err := s.Options().Check(); err != nil {
		return err
	}
	base := j.New().Options()
	err := s.Options().RefuseVoid(func(o *option.Option) (string, bool) {
		return fmt.Sprintf("%s %s", o.Name, o), o.String() != base.Find(o.Name).String()
	})
	if err != nil {
		return err
	}
	return s.Resolve()
}

// Train trains a job into a folder and measures what came of it. s is resolved in place. When ctx ends it saves a checkpoint
// and returns a Result whose Reason is "interrupted" and that has no test figures. A Result whose Reason is "diverged" has
// none either, and comes with an error of train.ErrDiverged.
func Train(ctx context.Context, j Job, s Spec, o Options) (*Result, error) {
	if err := Resolve(j, s); err != nil {
		return nil, err
	}
	release, err := o.claim()
	if err != nil {
		return nil, err
	}
	defer release()
	simd.SetThreads(s.Base().Threads)
	env := o.Env
	if o.Resume {
		env.Run = o.Dir
	}
	var left leftOut
	model, before, err := begin(ctx, s, left.note(env))
	if err != nil {
		return nil, err
	}
	o.left = &left
	out, err := loop(ctx, j, s, model, before, o)
	if out == nil {
		return nil, err
	}
	r := &Result{
		Result:  report.Result{Run: o.Dir, Epochs: out.Epochs, Steps: out.Steps, TrainSeconds: out.TrainSeconds, Measured: train.Ended(out)},
		LeftOut: left.count, Reason: out.Reason, BestEpoch: out.Best, Recipe: j.Name, Settings: s.Options().Values(), model: model,
	}
	if err != nil || out.Reason == "interrupted" {
		return r, err
	}
	err = finish(ctx, model, r)
	switch {
	case err != nil && ctx.Err() != nil: // the same command with --resume measures it
		r.Reason = "interrupted"
	case err != nil:
		return nil, err
	}
	return r, nil
}

// finish saves and measures a model that has been trained, and writes the result and what the report draws.
func finish(ctx context.Context, model Model, r *Result) error {
	if err := model.Save(r.Run); err != nil {
		return err
	}
	m, err := model.Measure(ctx)
	if err != nil {
		return err
	}
	r.take(m)
	if m.Write != nil {
		if err := m.Write(ctx, r.Run); err != nil {
			return err
		}
	}
	return card.Write(filepath.Join(r.Run, ResultFile), r)
}

// begin opens the model and measures it before training: the spread of its energies is the model's scale.
func begin(ctx context.Context, s Spec, env Env) (model Model, before train.Evaluation, err error) {
	if model, err = s.Open(ctx, env); err != nil {
		return nil, before, err
	}
	if before, err = model.Evaluate(ctx); err != nil {
		return nil, before, err
	}
	model.Scale(before.Diagnosis.Spread)
	return model, before, nil
}

// loop writes the settings into the run's folder and trains.
func loop(ctx context.Context, j Job, s Spec, model Model, before train.Evaluation, o Options) (*train.Outcome, error) {
	if !o.Resume {
		if k, ok := model.(Keeper); ok {
			if err := k.Keep(o.Dir); err != nil {
				return nil, err
			}
		}
		if err := writeConfig(o.Dir, j, s); err != nil {
			return nil, err
		}
	}
	var unwritten error
	filmed, _ := model.(Filmed)
	emit := func(e train.Event) {
		switch e.(type) {
		case train.Extended:
			unwritten = extend(o.Dir, j, s)
		case train.Saved:
			if filmed != nil && unwritten == nil {
				unwritten = filmed.ShowFilm(o.Dir)
			}
		}
		if o.Emit != nil {
			o.Emit(e)
		}
	}
	fingerprint := s.Options().Fingerprint()
	fingerprint["data"] = model.Data()
	c := s.Base().Loop(j.Name, o.Dir, fingerprint, model.Samples(), o.Resume)
	c.Watched = before.Watched
	if b, ok := model.(Beginner); ok && b.BestFromStart() {
		c.Before = &before.Error.Value
	}
	c.Extend, c.LeftOut, c.LeftOutFirst = o.Extend, o.left.count, strings.Join(o.left.first, "; ")
	out, err := train.Run(ctx, model, c, emit)
	err = errors.Join(err, unwritten)
	if _, lost := os.Stat(filepath.Join(o.Dir, ConfigFile)); out != nil && lost != nil { // the settings are the run's, as the checkpoint says
		err = errors.Join(err, writeConfig(o.Dir, j, s))
	}
	return out, err
}

// extend makes a run's folder that of another number of epochs, which is not finished: its result is that of the old number.
func extend(dir string, j Job, s Spec) error {
	if err := writeConfig(dir, j, s); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(dir, ResultFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// take fills in what was measured.
func (r *Result) take(m *Measures) {
	r.Take(m.Evaluation)
	r.Figures, r.Tables = m.Figures, m.Tables
	if r.Figures == nil {
		r.Figures = []measure.Figure{}
	}
}

// A Run is a finished run, opened again.
type Run struct {
	Job    Job
	Spec   Spec
	Model  Model // trained
	Result *Result
}

// Open opens a finished run of one of the jobs, with its trained model.
//
// Errors: the folder is no run, or one of a job that is not among them, or not finished; its settings are damaged; those of Spec.Open.
func Open(ctx context.Context, dir string, jobs []Job, env Env) (*Run, error) {
	j, s, err := ReadConfig(dir, jobs)
	if err != nil {
		return nil, err
	}
	r := &Run{Job: j, Spec: s, Result: new(Result)}
	if err := ReadResult(dir, r.Result); err != nil {
		return nil, err
	}
	r.Result.Run = dir
	simd.SetThreads(s.Base().Threads)
	env.Run = dir
	if r.Model, err = s.Open(ctx, env); err != nil {
		return nil, err
	}
	if err := checkOwn(dir, r.Model.Data()); err != nil {
		return nil, err
	}
	r.Model.Scale(r.Result.Energy.SpreadBefore)
	return r, r.Model.Load(dir)
}

// checkOwn refuses a training set that is not the one that the run's checkpoint, where there is one, was trained on.
func checkOwn(dir, data string) error {
	settings, err := train.LoadSettings(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case settings["data"] != data:
		return fmt.Errorf("the training set has %s; the run in %s was trained on %s", data, dir, excerpt.Of(settings["data"]))
	}
	return nil
}

// Report draws the page of the run, as Result.Report does.
func (r *Run) Report(command string) error { return draw(r.Result.Run, r.Model, command) }

// Eval measures the model of a finished run on the test set, or on env's data. It writes nothing.
func Eval(ctx context.Context, dir string, jobs []Job, env Env) (*Result, error) {
	r, err := Open(ctx, dir, jobs, env)
	if err != nil {
		return nil, err
	}
	m, err := r.Model.Measure(ctx)
	if err != nil {
		return nil, err
	}
	r.Result.take(m)
	return r.Result, nil
}

func writeConfig(dir string, j Job, s Spec) error {
	text, err := s.Options().Write()
	if err != nil {
		return err
	}
	head := fmt.Sprintf("recipe: %s\nformat: %d\n", j.Name, format)
	return wholefile.Write(filepath.Join(dir, ConfigFile), append([]byte(head), text...))
}

// ReadConfig returns the job and the resolved settings of a run.
func ReadConfig(dir string, jobs []Job) (Job, Spec, error) {
	path := filepath.Join(dir, ConfigFile)
	text, err := option.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Job{}, nil, fmt.Errorf("%s is no run folder: it has no %s", dir, ConfigFile)
	}
	if err != nil {
		return Job{}, nil, err
	}
	h, err := readHead(path, text)
	if err != nil {
		return Job{}, nil, err
	}
	j, ok := Named(jobs, h.Recipe)
	if !ok {
		return Job{}, nil, fmt.Errorf("%s: recipe is %q, which is no job of this program", path, excerpt.Of(h.Recipe))
	}
	s := j.New()
	if _, err := Read(path, text, j, s); err != nil {
		return j, nil, err
	}
	if err := Resolve(j, s); err != nil {
		return j, nil, fmt.Errorf("%s: %w", path, err)
	}
	return j, s, nil
}

// A head is the part of a file of settings that is no setting.
type head struct {
	Recipe string `yaml:"recipe"`
	Format *int   `yaml:"format"` // nil: a file of settings that is no run's need not name it
}

func readHead(path string, text []byte) (h head, err error) {
	var doc yaml.Node
	err = yaml.Unmarshal(text, &doc)
	switch {
	case err != nil:
	case len(doc.Content) == 0: // nothing, or comments
		return h, nil
	case doc.Content[0].Kind != yaml.MappingNode:
		return h, fmt.Errorf("%s: line %d: it must be a map of settings to values", path, doc.Content[0].Line)
	default:
		err = doc.Decode(&h)
	}
	if err != nil {
		return h, fmt.Errorf("%s: %s", path, excerpt.Error(err))
	}
	return h, nil
}

// Read reads a file of a job's settings into s and returns the names of those that it has.
//
// Errors: those of option.List.Read; the file is of another job, or of another format.
func Read(path string, text []byte, j Job, s Spec) (named []string, err error) {
	h, err := readHead(path, text)
	switch {
	case err != nil:
		return nil, err
	case h.Recipe != "" && h.Recipe != j.Name:
		return nil, fmt.Errorf("%s: recipe is %q; these are settings of %s", path, excerpt.Of(h.Recipe), j.Name)
	case h.Format != nil && *h.Format != format:
		return nil, fmt.Errorf("%s: format is %d; this program reads and writes format %d", path, *h.Format, format)
	}
	return s.Options().Read(path, text, "recipe", "format")
}

// ReadResult reads the result of a finished run into r, a pointer to what was written.
func ReadResult(dir string, r any) error {
	path := filepath.Join(dir, ResultFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s has no %s: the run is not finished; --resume resumes it", dir, ResultFile)
	}
	if err == nil {
		err = card.Decode(text, r)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
