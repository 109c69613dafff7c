package cli

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/energo-ml/energo/internal/peer"
	"github.com/energo-ml/energo/jobs"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/read/readtest"
)

// served runs energo serve with arguments until the test ends, and returns its address.
func served(t *testing.T, args ...string) string {
	t.Helper()
	cmd := newServe(jobs.All())
	cmd.SetArgs(append(args, "--listen", "127.0.0.1:0", "--log-level", "error"))
	cmd.SilenceUsage = true
	out, said := io.Pipe()
	cmd.SetOut(said)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		err := cmd.ExecuteContext(ctx)
		said.CloseWithError(io.EOF)
		ended <- err
	}()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(20 * time.Second):
			t.Error("the server does not stop")
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if at := regexp.MustCompile(`http://\S+:\d+`).FindString(lines.Text()); at != "" {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return at
		}
	}
	t.Fatalf("the server does not begin: %v", <-ended)
	return ""
}

// oneOfEach are models of the kinds that need no training, as arguments of energo serve.
func oneOfEach(t *testing.T) []string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "points")
	x, err := index.Create(dir, index.Options{Dim: 2})
	if err != nil {
		t.Fatal(err)
	}
	items := []index.Item{{ID: "a", Label: "one", Vector: []float32{0, 1}, Fields: map[string]string{"year": "2019"}}, {ID: "b/c", Vector: []float32{1, 1}}}
	if err := x.Add(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	return []string{"--model", "points=" + dir, "--model", "affine=../../../engine/onnx/testdata/affine.onnx"}
}

// knownNames are settings of Schemathesis.
const knownNames = `
[parameters]
model = "affine"
version = "1"
index = "points"
"path.id" = "a"

[[operations]]
include-path = "/v1/classify"
parameters = { model = "digits" }

[[operations]]
include-path = "/v1/predict"
parameters = { model = "table" }

[[operations]]
include-path = "/v1/audio/stream"
parameters = { model = "spoken" }
`

// trained are models of the kinds that need training, a little of which is enough, and an encoder of texts, as arguments of energo serve.
func trained(t *testing.T) (args []string) {
	t.Helper()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	run := func(name string, command ...string) {
		var said bytes.Buffer
		if code := Energo().Main(append(command, "--run", at(name), "--quiet"), &said, &said); code != 0 {
			t.Fatalf("energo %v: exit status %d: %s", command, code, said.Bytes())
		}
		args = append(args, "--model", name+"="+at(name))
	}
	file := func(name, text string) {
		if err := os.MkdirAll(filepath.Dir(at(name)), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at(name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeDigits(at("pictures"), 400, 100); err != nil {
		t.Fatal(err)
	}
	file("text/one", "the/at dog/nn sees/vbz the/at cat/nn ./.\nthe/at cat/nn sees/vbz a/at dog/nn ./.\n")
	file("text/two", "a/at cat/nn runs/vbz ./.\nthe/at dog/nn hears/vbz the/at cat/nn ./.\n")
	file("text/three", "the/at bird/nn sees/vbz a/at dog/nn ./.\n")
	file("pets.csv", "species,length,colour\n"+strings.Repeat("cat,46,black\ndog,80,brown\ncat,40,red\ndog,75,black\n", 3))
	rows := "path,text\n"
	for i := range 12 {
		words := [][]string{{"o"}, {"i", "o"}, {"o", "o", "i"}}[i%3]
		name := fmt.Sprintf("%d.wav", i)
		file("talk/"+name, "")
		if err := audio.Write(at("talk/"+name), readtest.Say(words...)); err != nil {
			t.Fatal(err)
		}
		rows += name + "," + strings.Join(words, " ") + "\n"
	}
	file("talk/corpus.csv", rows)
	run("digits", "train", "digits", "--data", at("pictures"), "--epochs", "1", "--limit", "60", "--validation", "20", "--model", "mlp")
	run("encoder", "train", "search", "--data", at("pictures"), "--epochs", "1", "--batch", "16", "--dim", "8")
	run("tagger", "train", "tagger", "--data", at("text"), "--test", "0.34", "--bits", "10", "--batch", "2", "--epochs", "1")
	run("table", "train", "table", "--data", at("pets.csv"), "--target", "species", "--model", "linear", "--epochs", "1")
	run("spoken", "train", "speech", "--data", at("talk/corpus.csv"), "--rate", fmt.Sprint(readtest.Rate), "--mels", "16", "--channels", "8", "--epochs", "1", "--batch", "4", "--validation", "4", "--ema", "0", "--augment=false")
	return append(args, "--model", "sentences=../../../seq/sentence/testdata/mean")
}

// Schemathesis holds the server to its description: it sends what the description allows, and what it does not, and wants no failure of the
// server, and answers in the forms that are described.
func TestSchemathesis(t *testing.T) {
	if !*long {
		t.Skip("it takes minutes; -long has it run")
	}
	python, err := peer.Python("python3", "schemathesis")
	if err != nil {
		t.Skip(err, "(pip install schemathesis)")
	}
	at := served(t, append(oneOfEach(t), trained(t)...)...)
	known := filepath.Join(t.TempDir(), "schemathesis.toml") // names that are there, so that requests come further than to a 404
	if err := os.WriteFile(known, []byte(knownNames), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, config := range []string{"", known} {
		args := []string{"-m", "schemathesis.cli"}
		if config != "" {
			args = append(args, "--config-file", config)
		}
		args = append(args, "run", at+"/openapi.json", "--max-examples", "20", "--generation-deterministic", "--no-color", "--suppress-health-check", "filter_too_much",
			"--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance")
		cmd := exec.Command(python, args...)
		cmd.Dir = t.TempDir()
		cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
		said, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%v: %s", err, said)
		}
		t.Logf("%s", said[max(0, bytes.Index(said, []byte("Test cases:"))):])
	}
}
