package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/energo-ml/energo/internal/notices"
)

// TestNotices holds the file against the modules that the command links now.
func TestNotices(t *testing.T) {
	text, err := gather()
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != notices.Text {
		t.Error("internal/notices/notices.txt is not what the modules say: go generate ./internal/notices")
	}
}

// TestLinked: every module in the command as it is built for this system has its notice.
func TestLinked(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}", command).Output()
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Split(strings.TrimSpace(string(out)), "\n")
	for _, name := range names {
		if name != "" && !strings.Contains(notices.Text, "\n"+name+", ") {
			t.Errorf("%s has no licence in notices.txt", name)
		}
	}
	if len(names) < 20 {
		t.Errorf("only %d packages of other modules", len(names))
	}
}
