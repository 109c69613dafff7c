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
	"sync"
	"time"

	"github.com/energo-ml/energo/engine/onnx/huggingface"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/shelf"
	"github.com/spf13/cobra"
)

// modelsLong is what energo serve says of itself.
const modelsLong = `Answers for networks by the Open Inference Protocol (version 2), which the clients of KServe and Triton speak:

  GET  /v2/models/NAME        its inputs and outputs
  GET  /v2/models/NAME/ready  also /v2/health/live, /v2/health/ready
  POST /v2/models/NAME/infer  {"inputs":[{"name","shape","datatype","data"}]}; or tensors as bytes behind the JSON
  GET  /healthz, /readyz, /metrics (Prometheus), /openapi.json (OpenAPI 3.1)
  GET  /readyz/NAME           whether this model is ready, is warmed up, or failed and why

and, by the kind of model, with what energo predict and energo tag say of files, and with vectors:

  POST /v1/classify    classes of a picture as the body, or {"model","images":["data:image/png;base64,…"]}
  POST /v1/tag         {"model","text" or "tokens","probabilities","marginals"}
  POST /v1/predict     {"model","rows":[{COLUMN: value}…]}, or CSV
  POST /v1/embeddings  as OpenAI's clients send it: {"model","input": pictures as data URLs, or texts}; GET /v1/models

A MODEL is an ONNX file, a folder in the form of Hugging Face, or a run, whose network is served as energo export writes it. Its name is
that of the file or the folder, or NAME of --model. An index is searched as by energo serve search, at /v1/search where it is the only one, and
at /v1/indexes/NAME/search. One path may be served in several ways; a line a model says which.

--models serves each entry of a folder, and follows what comes, changes and goes; --config names models with settings of their own. SIGHUP reads
both again. A new version is warmed up before it takes its name, and the old one finishes its requests.

A run of speech, an ONNX model with a card that says features (docs/onnx.md) and a folder of wav2vec 2.0 or HuBERT also read speech, as OpenAI's clients send it:

  POST /v1/audio/transcriptions  a form of file, model, response_format json, text, srt, vtt or verbose_json; language_model, hot_words[], beam
  POST /v1/audio/alignments      a form of file, text, model, response_format json, srt, vtt, ass, TextGrid, ctm or csv
  GET  /v1/audio/stream          a WebSocket: 16-bit or float32 samples in, settled and open text out
  GET  /v1/models                the names of the models

A field that has no effect is refused by its name. --lm NAME=PATH has language models that requests may name. A recording must fit
--max-body and --max-seconds.

Requests that wait for a model go through it together, --max-batch rows at most, where its first dimension is free and a trial at the
start shows that rows are independent. With --max-wait a request waits for others as long; without it those alone are joined that wait
anyway. By default it listens on this machine only, and asks nobody who they are.

For other machines there are --tokens, --tls-cert and --host. With --tokens each request but those for health needs
Authorization: Bearer TOKEN, of the scope read; changes of an index need the scope write.`

// newServe is the command that serves models, with those for an index alone and for tokens below it.
func newServe(all []job.Job) *cobra.Command {
	var m servedModels
	cmd := &cobra.Command{
		Use: "serve MODEL…", Short: "Answer over HTTP: networks by the Open Inference Protocol, and searches", Long: modelsLong,
		Example: `  energo serve resnet.onnx runs/digits-nll-mlp-1
  energo serve --model digits=runs/digits-nll-mlp-1 --max-wait 2ms
  energo serve --models /srv/models --config serve.yaml
  energo serve runs/speech-1 --lm english=english.arpa
  curl -F file=@talk.wav -F response_format=verbose_json http://127.0.0.1:8080/v1/audio/transcriptions
  curl -H 'Content-Type: application/json' -d '{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]}' http://127.0.0.1:8080/v2/models/net/infer`,
	}
	group(cmd, "", newServeSearch(), newServeToken())
	cmd.Args = nil
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 && len(m.named) == 0 && m.folder == "" && m.config == "" {
			return cmd.Help()
		}
		return m.serve(cmd, all, args)
	}
	m.flags(cmd)
	return cmd
}

// servedModels are the settings of energo serve.
type servedModels struct {
	frame  frameFlags
	named  []string // NAME=PATH
	folder string   // each entry of which is a model
	config string   // a YAML file
	set    modelSettings
	file   *configFile // what is in it
	speech speechFlags
}

func (m *servedModels) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&m.named, "model", nil, "serve a model under another `NAME=PATH`; may be given again")
	f.StringVar(&m.folder, "models", "", "`folder` each entry of which is served, also one that comes, changes or goes later")
	f.StringVar(&m.config, "config", "", "YAML `file` with models, their settings, and those of the server; docs/deploy.md describes it")
	m.frame.add(f)
	f.BoolVar(&m.set.ReadOnly, "read-only", false, "refuse to add and delete items of indexes")
	f.IntVar(&m.set.Batch, "max-batch", 32, "rows that go through a model together; 1 joins no requests")
	f.DurationVar(&m.set.Wait, "max-wait", 0, "longest time that a request waits for others to join it, as 2ms")
	m.speech.add(f)
	f.IntVar(&m.set.Queue, "max-queue", 64, "requests that wait for a model or go through it; more are refused with status 429")
}

// check refuses settings that cannot be.
func (m *servedModels) check(cmd *cobra.Command) error {
	if err := m.set.check("--max-"); err != nil {
		return usageError{err}
	}
	if err := refuseVoid(cmd, []rule{{"max-wait", m.set.Batch > 1, "with --max-batch 1 no requests are joined"}}); err != nil {
		return err
	}
	return m.frame.check(cmd)
}

// check refuses settings that cannot be; prefix stands before their names.
func (s *modelSettings) check(prefix string) error {
	for _, v := range []struct {
		name  string
		value int
	}{{"batch", s.Batch}, {"queue", s.Queue}} {
		if v.value < 1 || v.value > shelf.MaxPlaces {
			return fmt.Errorf("%s%s%s is %d; it must be from 1 to %d", s.at, prefix, v.name, v.value, shelf.MaxPlaces)
		}
	}
	if s.Wait < 0 || s.Wait > time.Minute {
		return fmt.Errorf("%s%swait is %v; it must be from 0 to 1m", s.at, prefix, s.Wait)
	}
	return nil
}

// models are those that are named, by the arguments, --model and the configuration.
func (m *servedModels) models(cmd *cobra.Command, args []string) (map[string]*servedModel, error) {
	all := map[string]*servedModel{}
	add := func(name string, set modelSettings) error {
		if other, twice := all[name]; twice {
			return usagef("%s and %s would both be the model %s; give one another name by --model NAME=PATH", shown(other.set.Path), shown(set.Path), name)
		}
		if err := shelf.CheckName(name); err != nil {
			return usagef("%s%s: a model's name: %w; give it another one by --model NAME=PATH", set.at, shown(set.Path), err)
		}
		all[name] = &servedModel{set: set}
		all[name].print, all[name].info = printOf(set.Path)
		return nil
	}
	for _, path := range args {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, usagef("there is no %q to serve%s", path, didYouMean(cmd.SuggestionsFor(path)))
		}
		if err := add(nameOf(path), m.of(path)); err != nil {
			return nil, err
		}
	}
	for _, v := range m.named {
		name, path, ok := strings.Cut(v, "=")
		if !ok || name == "" || path == "" {
			return nil, usagef("--model is %q; it must be NAME=PATH", v)
		}
		if err := add(name, m.of(path)); err != nil {
			return nil, err
		}
	}
	if m.file == nil {
		return all, nil
	}
	for _, one := range m.file.models {
		set, err := one.settings(m.of(""))
		if err == nil {
			err = add(one.name, set)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// addFolder adds what is in the folder to models that are named.
func (m *servedModels) addFolder(to map[string]*servedModel) error {
	all, err := entries(m.folder)
	for name, path := range all {
		if to[name] == nil {
			to[name] = &servedModel{set: m.of(path), spare: true}
			to[name].print, to[name].info = printOf(path)
		}
	}
	return err
}

// of are the settings of a model that has none of its own.
func (m *servedModels) of(path string) modelSettings {
	set := m.set
	set.Path = path
	return set
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

// serve answers until it is told to stop.
func (m *servedModels) serve(cmd *cobra.Command, all []job.Job, args []string) error {
	if m.config != "" {
		var err error
		if m.file, err = readConfig(m.config); err != nil {
			return err
		}
		if err := m.file.apply(cmd); err != nil {
			return err
		}
	}
	if err := m.check(cmd); err != nil {
		return err
	}
	if err := m.speech.open(); err != nil {
		return err
	}
	first, err := m.models(cmd, args)
	if err != nil {
		return err
	}
	if len(first) == 0 && m.folder == "" {
		return usagef("%s: there is no model to serve", m.config)
	}
	set := newServedSet(cmd, all, &m.speech)
	live := &liveModels{m: m, set: set, args: args, first: maps.Clone(first), changed: make(chan struct{}, 1), tries: map[string]*try{}}
	if err := m.addFolder(first); err != nil {
		return err
	}
	put, err := set.start(cmd.Context(), first)
	if err != nil {
		return err
	}
	m.frame.hangUp = live.again
	ctx, stop := context.WithCancel(cmd.Context())
	var watching sync.WaitGroup
	defer watching.Wait()
	defer stop()
	return m.frame.run(ctx, cmd, "use the models, and change indexes that are not --read-only", func(s *serve.Server) (string, error) {
		if err := put(s, m.folder != "" || m.config != ""); err != nil {
			return "", err
		}
		if err := set.refuseVoid(m); err != nil {
			return "", err
		}
		fmt.Fprint(cmd.OutOrStdout(), set.kindsByName())
		what := counted(len(set.models), "model", "models")
		if m.folder != "" {
			what += " and what comes into " + shown(m.folder)
		}
		live.log = s.Log()
		watching.Go(func() { live.watch(ctx) })
		return what, nil
	})
}

// refuseVoid refuses settings for all models that none of them heeds, where no others can come.
func (s *servedSet) refuseVoid(m *servedModels) error {
	if m.folder != "" || m.config != "" {
		return nil
	}
	heeded := func(setting string) bool {
		return slices.ContainsFunc(slices.Collect(maps.Values(s.models)), func(m *servedModel) bool {
			return slices.ContainsFunc(m.kinds, func(k kind) bool { return k.heeds(setting) })
		})
	}
	var rules []rule
	for _, v := range []struct{ flag, setting string }{{"read-only", "read-only"}, {"max-batch", "batch"}, {"max-wait", "wait"}, {"max-queue", "queue"}} {
		rules = append(rules, rule{v.flag, heeded(v.setting), "there is no model that heeds it"})
	}
	for _, flag := range m.speech.names() {
		rules = append(rules, rule{flag, heeded(speechSetting), "there is no model of speech"})
	}
	return refuseVoid(s.cmd, rules)
}
