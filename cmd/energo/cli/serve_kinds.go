package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/huggingface"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/search/collection"
	"github.com/energo-ml/energo/seq/tag"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/inference"
	"github.com/energo-ml/energo/serve/search"
	"github.com/energo-ml/energo/serve/speech"
	"github.com/spf13/cobra"
)

// newKinds are the kinds of models that energo serve knows, in the order in which they are told. One path may be of several.
// A new kind is a row here.
func newKinds(heard *speechFlags) []kind {
	return append([]kind{
		&row[inference.Model]{
			name: "network", settings: []string{"batch", "wait", "queue"},
			open:  openNetwork,
			mount: func(s *serve.Server) (service[inference.Model], error) { return inference.Mount(s, release()) },
			close: func(inference.Model) error { return nil },
		},
		&row[search.Options]{
			name: "index", settings: []string{"encoder", "read-only", "queue"},
			open:  openIndexOf,
			mount: func(s *serve.Server) (service[search.Options], error) { return search.Mount(s, search.Bounds{}) },
			close: func(o search.Options) error { return o.Close() },
		},
		&row[*speech.Model]{
			name: "speech", settings: []string{speechSetting, "queue"},
			open:  openSpeech,
			mount: func(s *serve.Server) (service[*speech.Model], error) { return speech.Mount(s, heard.Options) },
			close: func(*speech.Model) error { return nil },
		},
	}, answerKinds()...)
}

// source is what a model is opened from.
type source struct {
	cmd  *cobra.Command
	jobs []job.Job
	env  job.Env
	path string
	set  modelSettings
}

// isRun tells whether the path is a folder of a run, of one of the jobs named, if there are any.
func (s *source) isRun(jobs ...string) bool {
	j, _, err := job.ReadConfig(s.path, s.jobs)
	return err == nil && (len(jobs) == 0 || slices.Contains(jobs, j.Name))
}

// errOtherKind is for paths that are not of the kind that was asked.
var errOtherKind = errors.New("the model is of another kind")

// otherKind is an error that is errOtherKind, and says why.
type otherKind struct{ error }

func (otherKind) Is(target error) bool { return target == errOtherKind }

// row is a kind of model.
type row[T any] struct {
	name     string   // for people: "network"
	settings []string // of modelSettings, that it heeds
	// open opens what is at a path, or says errOtherKind.
	open func(ctx context.Context, from *source) (T, error)
	// mount has a server answer for models of the kind.
	mount func(*serve.Server) (service[T], error)
	// close ends what was opened and is not served. What is served the service ends.
	close func(T) error

	on service[T] // once it is mounted
}

// service is what serves models of a kind by name, as those of packages inference and search.
type service[T any] interface {
	Put(name string, model T) (wait func() error, err error)
	Drop(name string) bool
}

// kind is a row of any type.
type kind interface {
	label() string
	heeds(setting string) bool
	opened(ctx context.Context, from *source) (openModel, error)
	mounted(s *serve.Server) error
	drop(name string)
}

// openModel is a model that is not served yet.
type openModel struct {
	kind
	put   func(name string) (wait func() error, err error)
	close func() error
}

func (r *row[T]) label() string { return r.name }

func (r *row[T]) heeds(setting string) bool { return slices.Contains(r.settings, setting) }

func (r *row[T]) opened(ctx context.Context, from *source) (openModel, error) {
	model, err := r.open(ctx, from)
	return openModel{
		kind:  r,
		put:   func(name string) (func() error, error) { return r.on.Put(name, model) },
		close: func() error { return r.close(model) },
	}, err
}

// mounted mounts the kind, once.
func (r *row[T]) mounted(s *serve.Server) (err error) {
	if r.on == nil {
		r.on, err = r.mount(s)
	}
	return err
}

func (r *row[T]) drop(name string) { r.on.Drop(name) }

// openNetwork opens an ONNX file, a folder of Hugging Face, or the network of a run.
func openNetwork(ctx context.Context, from *source) (inference.Model, error) {
	m := inference.Model{Batch: from.set.Batch, Wait: from.set.Wait, Queue: from.set.Queue}
	info, err := os.Stat(from.path)
	switch {
	case err != nil:
		return m, err
	case info.IsDir() && isIndex(from.path):
		return m, errOtherKind
	case !info.IsDir() || huggingface.Is(from.path):
		m.Net, err = onnx.Open(from.path, nil)
		return m, err
	}
	g, err := job.Export(ctx, from.path, from.jobs, from.env)
	if errors.Is(err, job.ErrNoNetwork) || errors.Is(err, tag.ErrNoNetwork) {
		return m, otherKind{err}
	}
	if err != nil {
		return m, err
	}
	f, err := g.Model()
	if err == nil {
		m.Net, err = onnx.New(f, nil)
	}
	if err != nil {
		return m, fmt.Errorf("%s: %w", from.path, err)
	}
	return m, nil
}

// openIndexOf opens an index.
func openIndexOf(_ context.Context, from *source) (search.Options, error) {
	o := search.Options{Private: collection.PrivateFields, ReadOnly: from.set.ReadOnly, Queue: from.set.Queue}
	if info, err := os.Stat(from.path); err != nil || !info.IsDir() || !isIndex(from.path) {
		return o, errOtherKind
	}
	x, err := openServed(from.cmd, from.path, from.set.Encoder, &o)
	if err != nil {
		return o, err
	}
	o.Close = x.Close
	return o, nil
}
