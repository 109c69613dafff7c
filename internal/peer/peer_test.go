package peer

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// TestMain answers as a peer where it is asked to: each line with the same one, and what is no JSON after "bad".
func TestMain(m *testing.M) {
	if os.Getenv("PEER") == "" {
		os.Exit(m.Run())
	}
	fmt.Println(`{"hello":1}`)
	for s := bufio.NewScanner(os.Stdin); s.Scan(); {
		if strings.Contains(s.Text(), "bad") {
			fmt.Println("no JSON")
			continue
		}
		fmt.Println(s.Text())
	}
}

func TestProcess(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PEER=1")
	p, err := Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	var hello, answer map[string]int
	if err := p.Answer(&hello); err != nil || hello["hello"] != 1 {
		t.Fatal(hello, err)
	}
	if err := p.Ask(map[string]int{"a": 3}, &answer); err != nil || answer["a"] != 3 {
		t.Error(answer, err)
	}
	if err := p.Ask("bad", &answer); err == nil || !strings.Contains(err.Error(), `answers "no JSON\n"`) {
		t.Error(err)
	}
	p.in.Close()
	if err := p.Answer(&answer); err == nil || !strings.Contains(err.Error(), "stopped: EOF") {
		t.Error(err)
	}
	if _, err := Start(exec.Command("./nowhere")); err == nil {
		t.Error("nowhere starts")
	}
	if _, err := Python("./nowhere", "x"); err == nil || err.Error() != "no ./nowhere can import x" {
		t.Error(err)
	}
}

func TestScripts(t *testing.T) {
	dir, err := Scripts(fstest.MapFS{"peer/a.py": {Data: []byte("pass")}})
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if text, err := os.ReadFile(filepath.Join(dir, "peer", "a.py")); err != nil || string(text) != "pass" {
		t.Errorf("%q, %v", text, err)
	}
}
