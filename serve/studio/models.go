package studio

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"github.com/energo-ml/energo/report"
)

// modelsMost is how many models of a kind are open at a time, and modelsIdle for how long where nobody asks for one.
const (
	modelsMost = 8
	modelsIdle = 2 * time.Minute
)

// models are those of finished runs that views have opened, until nobody has asked for one for a while.
type models[T any] struct {
	open func(ctx context.Context, dir string) (T, error)
	file string          // of a run, which is another where its model is
	base context.Context // of what is opened for several requests
	kept hold[*model[T]]

	mu    sync.Mutex
	asked time.Time
	idle  *time.Timer
}

// model is one that is open, which one request at a time uses.
type model[T any] struct {
	using sync.Mutex
	it    T
}

func newModels[T any](base context.Context, open func(ctx context.Context, dir string) (T, error)) *models[T] {
	return &models[T]{open: open, file: report.ResultFile, base: base, kept: hold[*model[T]]{most: modelsMost}}
}

// get returns the model of a run, which is opened unless it is, or the run has another file.
func (m *models[T]) get(ctx context.Context, dir string) (*model[T], error) {
	path := filepath.Join(dir, m.file)
	stamp, err := stampOfFile(path)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.asked = time.Now()
	if m.idle == nil {
		m.idle = time.AfterFunc(modelsIdle, m.rest)
	}
	m.mu.Unlock()
	return m.kept.get(ctx, m.base, path, stamp, func(ctx context.Context) (*model[T], int64, error) {
		it, err := m.open(ctx, dir)
		return &model[T]{it: it}, 1, err
	})
}

// rest lets go of the models where nobody has asked for one for a while.
func (m *models[T]) rest() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if left := modelsIdle - time.Since(m.asked); left > 0 && m.base.Err() == nil {
		m.idle = time.AfterFunc(left, m.rest)
		return
	}
	m.idle = nil
	m.kept.forget()
}

// close lets go of the models, and waits for what is being opened, whose context must have ended.
func (m *models[T]) close() {
	m.mu.Lock()
	if m.idle != nil {
		m.idle.Stop()
	}
	m.mu.Unlock()
	m.kept.close()
	m.kept.forget()
}
