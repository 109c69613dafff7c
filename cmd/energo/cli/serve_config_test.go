package cli

import (
	"strings"
	"testing"

	"github.com/energo-ml/energo/jobs"
)

// FuzzServeConfig reads anything as a file of settings: it is taken, or an error names the file.
func FuzzServeConfig(f *testing.F) {
	for _, text := range []string{
		"listen: :8443\nhost: [a, b]\nmodels:\n  x: a.onnx\n  y: {path: b, batch: 3, wait: 2ms, queue: 4}\n", "models: {x: {read-only: true, path: p}}", "a: &x 1\nb: *x\n", "<<: {a: 1}", "[]", "---\n---\n", "models: 1", "? [a]\n: b", "max-batch: 1e99",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c := &configFile{path: "serve.yaml", text: text}
		err := c.parse()
		if err == nil {
			err = c.apply(newServe(jobs.All()))
		}
		for _, m := range c.models {
			if err == nil {
				_, err = m.settings(modelSettings{Batch: 1, Queue: 1})
			}
		}
		if err != nil && !strings.HasPrefix(err.Error(), "serve.yaml:") {
			t.Errorf("%.300q: %v, which does not name the file", text, err)
		}
	})
}

// What a file says of a model is over what is said of all, and its paths are its own.
func TestServeConfig(t *testing.T) {
	c := &configFile{path: "etc/serve.yaml", text: []byte("models:\n  a: a.onnx\n  b: {path: /b, batch: 3, wait: 2ms, encoder: runs/1}\n")}
	if err := c.parse(); err != nil {
		t.Fatal(err)
	}
	all := modelSettings{Batch: 32, Queue: 64}
	a, err := c.models[0].settings(all)
	if err != nil || a.Path != "etc/a.onnx" || a.Batch != 32 || a.Queue != 64 || len(a.set) != 0 {
		t.Errorf("%+v, %v", a, err)
	}
	b, err := c.models[1].settings(all)
	if err != nil || b.Path != "/b" || b.Batch != 3 || b.Wait.String() != "2ms" || b.Encoder != "etc/runs/1" || strings.Join(b.set, " ") != "batch wait encoder" {
		t.Errorf("%+v, %v", b, err)
	}
	for text, want := range map[string]string{
		"models: {a: {batch: 3}}":                "serve.yaml:1: the model a has no path",
		"models: {a: {path: a, batch: 0}}":       "serve.yaml:1: batch is 0; it must be from 1",
		"models: {a: {path: a, batch: many}}":    "serve.yaml:1: batch is many, which it cannot be",
		"models: {a: {path: a, wait: 2h}}":       "serve.yaml:1: wait is 2h0m0s; it must be from 0 to 1m",
		"models: {a: [1]}":                       "serve.yaml:1: the model a must be a path",
		"models: {a: {path: a, path: b}}":        "serve.yaml:1: path is there twice",
		"models: {a: {path: a, read-only: [1]}}": "serve.yaml:1: read-only is ",
	} {
		c := &configFile{path: "serve.yaml", text: []byte(text)}
		err := c.parse()
		if err == nil {
			_, err = c.models[0].settings(all)
		}
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
