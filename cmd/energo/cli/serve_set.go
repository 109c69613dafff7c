package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/openai"
	"github.com/energo-ml/energo/serve/shelf"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
)

// modelSettings are those of one model.
type modelSettings struct {
	Path     string        `yaml:"path"`
	Batch    int           `yaml:"batch"`
	Wait     time.Duration `yaml:"wait"`
	Queue    int           `yaml:"queue"`
	Encoder  string        `yaml:"encoder"`
	ReadOnly bool          `yaml:"read-only"`

	set []string // that were set for this model alone
	at  string   // where, as "serve.yaml:3: "; empty on the command line
}

// servedSet are the models of a server by name. Its methods are called by one goroutine at a time.
type servedSet struct {
	cmd    *cobra.Command
	jobs   []job.Job
	kinds  []kind
	models map[string]*servedModel
	loads  *prometheus.CounterVec

	mu     sync.Mutex
	listed map[string]time.Time // the models' names, and when each was put: for requests, which come at any time
	failed map[string]error     // why models, or newer versions of them, are not served
	served map[string]bool      // names whose models were ready once
	needed map[string]bool      // names without which the server is not ready
}

// servedModel is one that is served.
type servedModel struct {
	set   modelSettings
	spare bool // the server starts without it where it cannot be opened
	kinds []kind
	print string      // of the files that it was opened from
	info  os.FileInfo // of its path
}

func newServedSet(cmd *cobra.Command, jobs []job.Job, heard *speechFlags) *servedSet {
	return &servedSet{
		cmd: cmd, jobs: jobs, kinds: newKinds(heard), models: map[string]*servedModel{}, listed: map[string]time.Time{},
		failed: map[string]error{}, served: map[string]bool{}, needed: map[string]bool{},
		loads: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "energo_model_loads_total", Help: "Models that were opened, by result."}, []string{"result"}),
	}
}

// open opens a model in all its kinds.
func (s *servedSet) open(ctx context.Context, set modelSettings, env job.Env) (all []openModel, err error) {
	from := &source{cmd: s.cmd, jobs: s.jobs, env: env, path: set.Path, set: set}
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll(all))
		}
	}()
	var others []error
	for _, k := range s.kinds {
		o, err := k.opened(ctx, from)
		switch {
		case err == nil:
			all = append(all, o)
		case !errors.Is(err, errOtherKind):
			return all, err
		case err != errOtherKind:
			others = append(others, err)
		}
	}
	if len(all) == 0 {
		return nil, errors.Join(append(others, fmt.Errorf("%s%s is no model that can be served; it must be one of: %s", set.at, shown(set.Path), labelsOf(s.kinds)))...)
	}
	if len(all) == 1 && hasCard(set.Path) {
		fmt.Fprintf(s.cmd.ErrOrStderr(), "energo: warning: %s is served as a %s alone, in spite of its card: %v\n", shown(set.Path), all[0].label(), reasons(others))
	}
	for _, name := range set.set {
		if !slices.ContainsFunc(all, func(o openModel) bool { return o.heeds(name) }) {
			return all, fmt.Errorf("%s%s has no effect: %s is of the kind %s", set.at, name, shown(set.Path), labelsOf(kindsOf(all)))
		}
	}
	return all, nil
}

// hasCard tells whether a card stands beside a model of another system, which says what else it is.
func hasCard(path string) bool {
	_, err := os.Stat(strings.TrimSuffix(path, filepath.Ext(path)) + card.ModelEnding)
	return err == nil && strings.EqualFold(filepath.Ext(path), ".onnx")
}

// reasons are errors in a line, each once.
func reasons(all []error) string {
	var texts []string
	for _, err := range all {
		if text := err.Error(); !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "; ")
}

func closeAll(all []openModel) (err error) {
	for _, o := range all {
		err = errors.Join(err, o.close())
	}
	return err
}

func kindsOf(all []openModel) (kinds []kind) {
	for _, o := range all {
		kinds = append(kinds, o.kind)
	}
	return kinds
}

func labelsOf(kinds []kind) string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.label())
	}
	return strings.Join(names, ", ")
}

// put serves a model that was opened under a name, instead of what had it. Kinds that it is no more are dropped.
func (s *servedSet) put(name string, m *servedModel, all []openModel) (wait func() error, err error) {
	var waits []func() error
	for i, o := range all {
		w, err := o.put(name)
		if err != nil {
			return nil, errors.Join(err, closeAll(all[i:]))
		}
		waits = append(waits, w)
	}
	m.kinds = kindsOf(all)
	if before := s.models[name]; before != nil {
		for _, k := range before.kinds {
			if !slices.Contains(m.kinds, k) {
				k.drop(name)
			}
		}
	}
	s.models[name] = m
	s.list(func() { s.listed[name] = time.Now() })
	return func() (err error) {
		for _, w := range waits {
			err = errors.Join(err, w())
		}
		return err
	}, nil
}

// load opens a model, and serves it under a name. Where that fails what was served stays.
func (s *servedSet) load(ctx context.Context, name string, m *servedModel) error {
	all, err := s.open(ctx, m.set, newProgress(s.cmd.ErrOrStderr(), true).env(""))
	if err == nil {
		var wait func() error
		if wait, err = s.put(name, m, all); err == nil {
			err = wait()
		}
	}
	s.settle(name, err)
	return err
}

// settle remembers how the opening of a model ended.
func (s *servedSet) settle(name string, err error) {
	s.list(func() {
		switch {
		case err == nil:
			s.served[name] = true
			delete(s.failed, name)
		case !errors.Is(err, context.Canceled):
			s.failed[name] = err
		}
	})
	result := "success"
	if err != nil {
		result = "failure"
	}
	s.loads.WithLabelValues(result).Inc()
}

// drop serves a name no more.
func (s *servedSet) drop(name string) {
	for _, k := range s.models[name].kinds {
		k.drop(name)
	}
	delete(s.models, name)
	s.list(func() {
		delete(s.listed, name)
		delete(s.failed, name)
		delete(s.served, name)
		delete(s.needed, name)
	})
}

// forget forgets the failures of names that are not to be served any more.
func (s *servedSet) forget(want map[string]*servedModel) {
	s.list(func() {
		maps.DeleteFunc(s.failed, func(name string, _ error) bool { return want[name] == nil && !s.served[name] })
	})
}

func (s *servedSet) list(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

// openai are the models as OpenAI's clients list them.
func (s *servedSet) openai() (all []openai.Model) {
	s.list(func() {
		for name, at := range s.listed {
			all = append(all, openai.Model{Name: name, Created: at})
		}
	})
	return all
}

// start opens models before there is a server. Their names are known to it from then on, and it is ready when they are warm.
func (s *servedSet) start(ctx context.Context, first map[string]*servedModel) (put func(*serve.Server, bool) error, err error) {
	p := newProgress(s.cmd.ErrOrStderr(), false)
	defer p.end()
	open := map[string][]openModel{}
	for _, name := range slices.Sorted(maps.Keys(first)) {
		if open[name], err = s.open(ctx, first[name].set, p.env("")); err != nil {
			if first[name].spare && ctx.Err() == nil {
				fmt.Fprintf(s.cmd.ErrOrStderr(), "energo: warning: %v; it is not served\n", err)
				s.settle(name, err)
				delete(open, name)
				continue
			}
			for _, all := range open {
				err = errors.Join(err, closeAll(all))
			}
			return nil, err
		}
	}
	return func(server *serve.Server, every bool) error { return s.mount(server, every, first, open) }, nil
}

// mount has a server answer for the kinds of the models, or for every kind, where others may come.
func (s *servedSet) mount(server *serve.Server, every bool, first map[string]*servedModel, open map[string][]openModel) error {
	for _, k := range s.kinds {
		used := every
		for _, all := range open {
			used = used || slices.Contains(kindsOf(all), k)
		}
		if !used {
			continue
		}
		if err := k.mounted(server); err != nil {
			return err
		}
	}
	openai.Mount(server, s.openai)
	server.Mount(opening{s})
	if err := server.Registry().Register(s.loads); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(open)) {
		wait, err := s.put(name, first[name], open[name])
		if err != nil {
			return err
		}
		s.list(func() { s.needed[name] = !first[name].spare })
		go func() {
			err := wait()
			if errors.Is(err, shelf.ErrReplaced) {
				return // by something that is told of itself
			}
			if s.settle(name, err); err != nil {
				server.Log().Error("a model is not served", "model", name, "error", err)
			}
		}()
	}
	return nil
}

// kindsByName says what is served, a line a model.
func (s *servedSet) kindsByName() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.models)) {
		fmt.Fprintf(&b, "%s: %s\n", name, labelsOf(s.models[name].kinds))
	}
	return b.String()
}
