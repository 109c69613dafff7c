// Package job turns the description of a training job into all that a program does with it: flags and a file of
// settings, a run's folder, resuming, evaluation, results and the figures of a report.
//
// A job is a value, a Job, whose Spec holds the settings and makes the model. Train trains one into a folder; Eval
// measures a finished run. Package jobs has energo's own jobs; a program can add its own to them.
package job

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/onnx/export"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/train"
)

// A Job is what `energo train NAME` does.
type Job struct {
	Name, Short, Long string
	Examples          []string    // arguments behind `energo train NAME`
	Folder            string      // how Spec.Folder names runs, with what depends on settings in capitals: "digits-FUNCTIONAL-MODEL"
	New               func() Spec // the settings at their defaults
}

// Named returns the job of a name; ok is false where there is none.
func Named(all []Job, name string) (j Job, ok bool) {
	i := slices.IndexFunc(all, func(j Job) bool { return j.Name == name })
	if i < 0 {
		return Job{}, false
	}
	return all[i], true
}

// A Spec is the settings of a job, and makes its model.
type Spec interface {
	// Options lists the settings, each once.
	Options() option.List
	// Base returns the settings that all jobs have. A Spec embeds a Training, which has this method.
	Base() *Training
	// Resolve puts in the defaults that depend on other settings, and refuses settings that do not
	// go together. Each setting alone has been checked.
	Resolve() error
	// Folder names the run's folder where the user names none: "digits-nll-cnn".
	Folder() string
	// Open reads the data that the settings name and builds the untrained model. Training, resuming
	// and evaluation begin here; the same settings and data give the same weights.
	Open(ctx context.Context, env Env) (Model, error)
}

// Env is what a job is given besides its settings.
type Env struct {
	Data     string                  // other data to measure on; "" is the settings' own
	Run      string                  // the folder of the run that is opened again or resumed; "" for a new one
	Progress func(done, total int64) // of a download; may be nil
	Skipped  func(all []error)       // told of the samples that are left out, and why; may be nil
	Warned   func(all []error)       // told of the samples that are taken, and not whole; may be nil
	Noted    func(all []string)      // told what the data has chosen where no setting says it, and what is odd about the data; may be nil
}

// Skip tells of samples that are left out.
func (e *Env) Skip(all []error) {
	if e.Skipped != nil && len(all) > 0 {
		e.Skipped(all)
	}
}

// Warn tells of samples that are taken, and not whole.
func (e *Env) Warn(all []error) {
	if e.Warned != nil && len(all) > 0 {
		e.Warned(all)
	}
}

// Note tells what the data has chosen, or what is odd about it.
func (e *Env) Note(all []string) {
	if e.Noted != nil && len(all) > 0 {
		e.Noted(all)
	}
}

// A Model is trained, kept and measured.
type Model interface {
	train.Task
	// Data identifies the training data, as by its size and a checksum; a run that resumes must find it again.
	Data() string
	// Scale sets the spread of the energies before training, which later diagnoses are held against. Training begins with one
	// Evaluate before it, which may look at a part of the held samples; what that one says of the spread is the scale.
	Scale(spread measure.Number)
	// Save writes the model into a run's folder, with a card if it needs one to be opened without the job.
	Save(dir string) error
	// Load reads what Save wrote into the untrained model.
	Load(dir string) error
	// Measure measures the model on the test set. It heeds ctx as Evaluate does.
	Measure(ctx context.Context) (*Measures, error)
}

// A Beginner is a Model whose weights before training may be worth keeping, such as those of an imported network: where
// BestFromStart is true, they are the best ones unless an epoch has a lower error.
type Beginner interface {
	Model
	BestFromStart() bool
}

// Measures is what a model came to on the test set.
type Measures struct {
	train.Evaluation
	Figures []measure.Figure // besides the error
	Tables  []measure.Table
	// Write writes what else belongs into the run's folder once training is done, such as what the report draws; may be nil.
	// It heeds ctx as Evaluate does.
	Write func(ctx context.Context, dir string) error
}

// A Keeper is a Model that begins with files from elsewhere: a run keeps what it needs of them, and opens that again (Env.Run).
type Keeper interface {
	Model
	// Keep writes that into a run's folder, before training: the file EncoderFile, which Save writes again, BegunFile and NotesFile.
	Keep(dir string) error
}

// Filmed is a Model whose energy surface others can look at while it is trained.
type Filmed interface {
	Model
	// ShowFilm brings the film in a run's folder up to date. It is called after each checkpoint, so that the film is never ahead of
	// where the run would resume. The first time, what an earlier part of the run has left is written anew.
	ShowFilm(dir string) error
}

// Pictured is a Model whose test samples are pictures, which the report shows.
type Pictured interface {
	Model
	// Pictures returns those of the test set, in the order of the files that Measures.Write leaves.
	Pictures() (report.Images, error)
}

// A Shower is a Spec of models that keep energies of samples for each epoch (train.Evaluation.Watched) or in Measures.Write, and that reads these samples
// again, to be shown.
type Shower interface {
	Spec
	// Show reads them, as env.Run was trained on them, and fetches nothing. It heeds ctx.
	Show(ctx context.Context, env Env) (*Shown, error)
}

// Shown are the samples of a run, found again in its data.
type Shown struct {
	Data  string        // identifies the training data, as Model.Data does
	Held  report.Images // those that are evaluated on while training, by the numbers that watch.Set has
	Test  report.Images // … of the test set, in the order of the files that Measures.Write leaves
	Bytes int           // that they take in memory

	HeldText, TestText func(i int) string // where the samples are texts, or rows of a table; nil for pictures
}

// Show finds the samples of a run again in its data.
//
// Errors: the folder is no run, or one of a job that is not among them or shows no samples; the data is not there, or another one than the
// run was trained on.
func Show(ctx context.Context, dir string, jobs []Job, env Env) (*Shown, error) {
	j, s, err := ReadConfig(dir, jobs)
	if err != nil {
		return nil, err
	}
	shower, ok := s.(Shower)
	if !ok {
		return nil, fmt.Errorf("samples of %s are not shown", j.Name)
	}
	env.Run = dir
	shown, err := shower.Show(ctx, env)
	if err != nil {
		return nil, err
	}
	return shown, checkOwn(dir, shown.Data)
}

// A Network is a Model that is a network, which other programs can run.
type Network interface {
	Model
	// Graph returns the trained network as an ONNX model that is being built. Its metadata has what a reader needs besides what the
	// inputs and outputs say.
	Graph(ctx context.Context) (*export.Graph, error)
}

// A Predictor is a Spec whose trained model answers what is in files.
type Predictor interface {
	Spec
	// Predict opens the model in a finished run's folder by its card, without the training data, and writes CSV with a row for each sample of
	// the files at the paths, one at least, with the answers and their energies. The settings are those of the run.
	Predict(ctx context.Context, dir string, paths []string, out io.Writer) error
}

// A Carded is a Spec whose trained network opens by the card in a finished run's folder, without the data: Export asks it, and not the model,
// for the graph.
type Carded interface {
	Spec
	// Graph is as that of Network, for the network in a folder.
	Graph(dir string) (*export.Graph, error)
}
