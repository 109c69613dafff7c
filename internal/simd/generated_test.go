package simd

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestGenerated runs the generator again and compares what it writes with what is
// committed; only the first line, which holds the command, may differ. It needs the
// generator's modules, so it is for -long.
func TestGenerated(t *testing.T) {
	if !*long {
		t.Skip("only with -long")
	}
	directives, err := os.Open("table_amd64.go")
	if err != nil {
		t.Fatal(err)
	}
	defer directives.Close()
	groups := 0
	for lines := bufio.NewScanner(directives); lines.Scan(); {
		_, rest, ok := strings.Cut(lines.Text(), "//go:generate go -C _asm run . -group ")
		if !ok {
			continue
		}
		groups++
		group := strings.Fields(rest)[0]
		dir := t.TempDir()
		asm, stubs := filepath.Join(dir, "a.s"), filepath.Join(dir, "a.go")
		cmd := exec.Command("go", "-C", "_asm", "run", ".", "-group", group, "-out", asm, "-stubs", stubs, "-pkg", "simd")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", group, err, out)
		}
		sameAfterHeader(t, asm, group+"_amd64.s")
		sameAfterHeader(t, stubs, group+"_amd64.go")
	}
	if groups == 0 {
		t.Fatal("table_amd64.go has no go:generate line")
	}
}

func sameAfterHeader(t *testing.T, fresh, committed string) {
	t.Helper()
	var body [2][]byte
	for i, path := range []string{fresh, committed} {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, body[i], _ = bytes.Cut(data, []byte("\n"))
	}
	if !bytes.Equal(body[0], body[1]) {
		t.Errorf("%s is not what the generator writes: run go generate", committed)
	}
}
