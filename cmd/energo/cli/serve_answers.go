package cli

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/data/tabular"
	"github.com/energo-ml/energo/engine/onnx/huggingface"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/jobs"
	"github.com/energo-ml/energo/search/classify"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/seq/sentence"
	"github.com/energo-ml/energo/seq/tag"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/embeddings"
	"github.com/energo-ml/energo/serve/predict"
)

// queued is a model with the settings of its queue.
type queued[T any] struct {
	model T
	queue serve.Queue
}

// withQueue is a model with the settings that its source has.
func withQueue[T any](from *source, model T) queued[T] {
	return queued[T]{model, serve.Queue{Items: from.set.Batch, Calls: from.set.Queue, Wait: from.set.Wait}}
}

// part is what a service does for models of one kind: it is a service, too.
type part[T any] struct {
	put  func(name string, model T) (wait func() error, err error)
	drop func(name string) bool
}

func (p part[T]) Put(name string, model T) (wait func() error, err error) { return p.put(name, model) }
func (p part[T]) Drop(name string) bool                                   { return p.drop(name) }

// answering are the settings that kinds of answers heed.
var answering = []string{"batch", "wait", "queue"}

// shared mounts a service for several kinds once.
func shared[S any](mount func(*serve.Server) (S, error)) func(*serve.Server) (S, error) {
	var on S
	mounted := false
	return func(s *serve.Server) (_ S, err error) {
		if !mounted {
			on, err = mount(s)
			mounted = err == nil
		}
		return on, err
	}
}

// nothing is for what a close has nothing to do with.
func nothing[T any](T) error { return nil }

// answerKinds are the kinds that packages serve/predict and serve/embeddings answer for.
func answerKinds() []kind {
	labels := shared(func(s *serve.Server) (*predict.Service, error) { return predict.Mount(s, predict.Options{}) })
	vectors := shared(func(s *serve.Server) (*embeddings.Service, error) { return embeddings.Mount(s, embeddings.Options{}) })
	return []kind{
		&row[queued[*classify.Classifier]]{
			name: "classifier", settings: answering, open: openClassifier, close: nothing[queued[*classify.Classifier]],
			mount: func(s *serve.Server) (service[queued[*classify.Classifier]], error) {
				on, err := labels(s)
				return part[queued[*classify.Classifier]]{func(name string, m queued[*classify.Classifier]) (func() error, error) {
					return on.PutClassifier(name, m.model, m.queue)
				}, on.DropClassifier}, err
			},
		},
		&row[queued[taggerModel]]{
			name: "tagger", settings: answering, open: openTagger, close: nothing[queued[taggerModel]],
			mount: func(s *serve.Server) (service[queued[taggerModel]], error) {
				on, err := labels(s)
				return part[queued[taggerModel]]{func(name string, m queued[taggerModel]) (func() error, error) {
					return on.PutTagger(name, m.model.Model, m.model.unscaled, m.queue)
				}, on.DropTagger}, err
			},
		},
		&row[queued[*tabular.Model]]{
			name: "table", settings: answering, open: openTable, close: nothing[queued[*tabular.Model]],
			mount: func(s *serve.Server) (service[queued[*tabular.Model]], error) {
				on, err := labels(s)
				return part[queued[*tabular.Model]]{func(name string, m queued[*tabular.Model]) (func() error, error) {
					return on.PutTable(name, m.model, m.queue)
				}, on.DropTable}, err
			},
		},
		&row[queued[encode.Encoder]]{
			name: "encoder", settings: answering, open: openPictureEncoder, close: nothing[queued[encode.Encoder]],
			mount: func(s *serve.Server) (service[queued[encode.Encoder]], error) {
				on, err := vectors(s)
				return part[queued[encode.Encoder]]{func(name string, m queued[encode.Encoder]) (func() error, error) {
					return on.PutPictures(name, m.model, m.queue)
				}, on.Drop}, err
			},
		},
		&row[queued[*sentence.Encoder]]{
			name: "encoder of texts", settings: answering, open: openTextEncoder, close: nothing[queued[*sentence.Encoder]],
			mount: func(s *serve.Server) (service[queued[*sentence.Encoder]], error) {
				on, err := vectors(s)
				return part[queued[*sentence.Encoder]]{func(name string, m queued[*sentence.Encoder]) (func() error, error) {
					return on.PutTexts(name, m.model, m.queue)
				}, on.Drop}, err
			},
		},
	}
}

// isNetworkFile tells whether a path is an ONNX file or a folder of Hugging Face.
func (s *source) isNetworkFile() bool {
	return strings.EqualFold(filepath.Ext(s.path), ".onnx") || huggingface.Is(s.path)
}

// openClassifier opens a classifier of pictures.
func openClassifier(ctx context.Context, from *source) (m queued[*classify.Classifier], err error) {
	var c *classify.Classifier
	switch {
	case from.isRun("pictures", "digits", "jem"):
		c, err = jobs.OpenClassifier(ctx, from.path, from.jobs, from.env)
	case from.isNetworkFile():
		if c, err = classify.OpenONNX(from.path); err != nil {
			err = otherKind{err} // a card may be that of speech
		}
	default:
		err = errOtherKind
	}
	return withQueue(from, c), err
}

// taggerModel is a tagger, and why its probabilities mean nothing.
type taggerModel struct {
	*tag.Model
	unscaled string
}

// openTagger opens the tagger of a run.
func openTagger(_ context.Context, from *source) (m queued[taggerModel], err error) {
	if !from.isRun("tagger") {
		return m, errOtherKind
	}
	_, s, err := job.ReadConfig(from.path, from.jobs)
	if err != nil {
		return m, err
	}
	t, err := tag.Open(from.path)
	unscaled := ""
	if c, ok := s.(*jobs.Tagger); ok {
		_, unscaled = c.Temperature()
	}
	return withQueue(from, taggerModel{t, unscaled}), err
}

// openTable opens the model of tables of a run.
func openTable(_ context.Context, from *source) (m queued[*tabular.Model], err error) {
	if !from.isRun("table") {
		return m, errOtherKind
	}
	t, err := tabular.Open(from.path)
	return withQueue(from, t), err
}

// openPictureEncoder opens an encoder of pictures.
func openPictureEncoder(_ context.Context, from *source) (m queued[encode.Encoder], err error) {
	var e encode.Encoder
	switch {
	case from.isRun("search", "siamese"):
		e, err = encode.OpenAny(from.path)
	case from.isNetworkFile():
		if e, err = encode.OpenAny(from.path); err != nil {
			err = otherKind{err} // as classifiers, whose cards need say no metric
		}
	default:
		err = errOtherKind
	}
	return withQueue(from, e), err
}

// openTextEncoder opens an encoder of texts.
func openTextEncoder(_ context.Context, from *source) (m queued[*sentence.Encoder], err error) {
	if !sentence.Is(from.path) {
		return m, errOtherKind
	}
	e, err := sentence.Open(from.path)
	if err != nil {
		err = otherKind{err}
	}
	return withQueue(from, e), err
}
