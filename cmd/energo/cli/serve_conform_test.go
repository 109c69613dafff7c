package cli

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/energo-ml/energo/internal/peer"
	"github.com/energo-ml/energo/jobs"
	"github.com/energo-ml/energo/search/index"
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
	at := served(t, oneOfEach(t)...)
	known := filepath.Join(t.TempDir(), "schemathesis.toml") // names that are there, so that requests come further than to a 404
	if err := os.WriteFile(known, []byte("[parameters]\nmodel = \"affine\"\nversion = \"1\"\nindex = \"points\"\n\"path.id\" = \"a\"\n"), 0o600); err != nil {
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
