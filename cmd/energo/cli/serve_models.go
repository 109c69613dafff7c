package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/huggingface"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/search/collection"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/inference"
	"github.com/energo-ml/energo/serve/search"
	"github.com/spf13/cobra"
)

// modelsLong is what energo serve says of itself.
const modelsLong = `Answers for networks by the Open Inference Protocol (version 2), which the clients of KServe and Triton speak:

  GET  /v2/models/NAME        its inputs and outputs
  GET  /v2/models/NAME/ready  also /v2/health/live, /v2/health/ready
  POST /v2/models/NAME/infer  {"inputs":[{"name","shape","datatype","data"}]}; or tensors as bytes behind the JSON
  GET  /healthz, /readyz, /metrics (Prometheus), /openapi.json (OpenAPI 3.1)

A MODEL is an ONNX file, a folder in the form of Hugging Face, or a run, whose network is served as energo export writes it. Its name is
that of the file or the folder, or NAME of --model. An index among them is searched, as energo serve search does.

Requests that wait for a model go through it together, --max-batch rows at most, where its first dimension is free and a trial at the
start shows that rows are independent. With --max-wait a request waits for others as long; without it those alone are joined that wait
anyway. By default it listens on this machine only, and asks nobody who they are.

For other machines there are --tokens, --tls-cert and --host. With --tokens each request but those for /healthz, /readyz and /v2/health needs
Authorization: Bearer TOKEN, of the scope read; changes of an index need the scope write.`

// newServe is the command that serves models, with those for an index alone and for tokens below it.
func newServe(all []job.Job) *cobra.Command {
	var m servedModels
	cmd := &cobra.Command{
		Use: "serve MODEL…", Short: "Answer over HTTP: networks by the Open Inference Protocol, and searches", Long: modelsLong,
		Example: `  energo serve resnet.onnx runs/digits-nll-mlp-1
  energo serve --model digits=runs/digits-nll-mlp-1 --max-wait 2ms
  curl -H 'Content-Type: application/json' -d '{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]}' http://127.0.0.1:8080/v2/models/net/infer`,
	}
	group(cmd, "", newServeSearch(), newServeToken())
	cmd.Args = nil
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 && len(m.named) == 0 {
			return cmd.Help()
		}
		return m.serve(cmd, all, args)
	}
	m.flags(cmd)
	return cmd
}

// servedModels are the settings of energo serve.
type servedModels struct {
	frame    frameFlags
	o        inference.Options
	named    []string // NAME=PATH
	readOnly bool
}

func (m *servedModels) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&m.named, "model", nil, "serve a model under another `NAME=PATH`; may be given again")
	m.frame.add(f)
	f.BoolVar(&m.readOnly, "read-only", false, "refuse to add and delete items of an index")
	f.IntVar(&m.o.Batch, "max-batch", 32, "rows that go through a model together; 1 joins no requests")
	f.DurationVar(&m.o.Wait, "max-wait", 0, "longest time that a request waits for others to join it, as 2ms")
	f.IntVar(&m.o.Queue, "max-queue", 64, "requests that wait for a model; more are refused with status 429")
}

// check refuses settings that cannot be.
func (m *servedModels) check(cmd *cobra.Command) error {
	for _, v := range []struct {
		flag  string
		value int
	}{{"max-batch", m.o.Batch}, {"max-queue", m.o.Queue}} {
		if v.value < 1 {
			return usagef("--%s is %d; it must be above 0", v.flag, v.value)
		}
	}
	if m.o.Wait < 0 || m.o.Wait > time.Minute {
		return usagef("--max-wait is %v; it must be from 0 to 1m", m.o.Wait)
	}
	if err := refuseVoid(cmd, []rule{{"max-wait", m.o.Batch > 1, "with --max-batch 1 no requests are joined"}}); err != nil {
		return err
	}
	return m.frame.check(cmd)
}

// paths are the models by name, and the index, "" where there is none.
func (m *servedModels) paths(cmd *cobra.Command, args []string) (models map[string]string, indexed string, err error) {
	models = map[string]string{}
	add := func(name, path string) error {
		if other, twice := models[name]; twice {
			return usagef("%s and %s would both be the model %s; give one another name by --model NAME=PATH", shown(other), shown(path), name)
		}
		models[name] = path
		return nil
	}
	for _, path := range args {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, "", usagef("there is no %q to serve%s", path, didYouMean(cmd.SuggestionsFor(path)))
		case err != nil:
			return nil, "", err
		}
		if info.IsDir() && isIndex(path) {
			if indexed != "" {
				return nil, "", usagef("%s and %s are indexes; a server has one", shown(indexed), shown(path))
			}
			indexed = path
			continue
		}
		if err := add(nameOf(path), path); err != nil {
			return nil, "", err
		}
	}
	for _, v := range m.named {
		name, path, ok := strings.Cut(v, "=")
		if !ok || name == "" || path == "" {
			return nil, "", usagef("--model is %q; it must be NAME=PATH", v)
		}
		if err := add(name, path); err != nil {
			return nil, "", err
		}
	}
	return models, indexed, nil
}

// isIndex tells whether a folder is an index, and no network.
func isIndex(path string) bool {
	if _, err := os.Stat(filepath.Join(path, job.ConfigFile)); err == nil || huggingface.Is(path) {
		return false
	}
	x, err := index.OpenReadOnly(path)
	if err != nil {
		return !errors.Is(err, index.ErrNoIndex)
	}
	return x.Close() == nil
}

// nameOf is that of a model without one of its own.
func nameOf(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	base := filepath.Base(path)
	if ext := filepath.Ext(base); strings.EqualFold(ext, ".onnx") {
		base = strings.TrimSuffix(base, ext)
	}
	return base
}

// openNetwork opens an ONNX file, a folder of Hugging Face, or the network of a run.
func openNetwork(ctx context.Context, all []job.Job, env job.Env, path string) (*onnx.Model, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() || huggingface.Is(path) {
		return onnx.Open(path, nil)
	}
	g, err := job.Export(ctx, path, all, env)
	if err != nil {
		return nil, err
	}
	f, err := g.Model()
	if err == nil {
		var m *onnx.Model
		if m, err = onnx.New(f, nil); err == nil {
			return m, nil
		}
	}
	return nil, fmt.Errorf("%s: %w", path, err)
}

// serve answers until it is told to stop.
func (m *servedModels) serve(cmd *cobra.Command, all []job.Job, args []string) error {
	if err := m.check(cmd); err != nil {
		return err
	}
	models, indexed, err := m.paths(cmd, args)
	if err != nil {
		return err
	}
	err = refuseVoid(cmd, []rule{
		{"read-only", indexed != "", "there is no index"},
		{"max-batch", len(models) > 0, "there is no network"},
		{"max-wait", len(models) > 0, "there is no network"},
		{"max-queue", len(models) > 0, "there is no network"},
	})
	if err != nil {
		return err
	}
	p := newProgress(cmd.ErrOrStderr(), false)
	m.o.Models, m.o.Version = map[string]*onnx.Model{}, release()
	for _, name := range slices.Sorted(maps.Keys(models)) {
		if m.o.Models[name], err = openNetwork(cmd.Context(), all, p.env(""), models[name]); err != nil {
			p.end()
			return err
		}
	}
	p.end()
	if indexed == "" {
		return m.answer(cmd, nil)
	}
	o := search.Options{Private: collection.PrivateFields, ReadOnly: m.readOnly}
	x, err := openServed(cmd, indexed, "", &o)
	if err != nil {
		return err
	}
	return errors.Join(m.answer(cmd, &o), x.Close())
}

// answer serves the models, and an index unless it is nil.
func (m *servedModels) answer(cmd *cobra.Command, x *search.Options) error {
	ctx := cmd.Context()
	can, what := "use the models", counted(len(m.o.Models), "model", "models")
	if x != nil {
		can += " and " + searchers(x)
		what += " and an index"
	}
	return m.frame.run(ctx, cmd, can, func(s *serve.Server) (string, error) {
		if len(m.o.Models) > 0 {
			if err := inference.Mount(s, m.o); err != nil {
				return "", err
			}
		}
		if x != nil {
			return what, search.Mount(ctx, s, *x)
		}
		return what, nil
	})
}
