package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAgain: the page of a run names the command that makes the run again where there is one and the run has a file of settings,
// and neither a command nor a file that is not there otherwise.
func TestAgain(t *testing.T) {
	for _, c := range []struct {
		command, settings string
		named             bool
	}{
		{"mine train digits", "recipe: digits\n", true},
		{"", "recipe: digits\n", false},
		{"mine train digits", "", false},
	} {
		dir := t.TempDir()
		files := map[string]string{"events.jsonl": `{"type":"start","time":"2026-01-02T03:04:05Z","recipe":"digits","epochs":1,"steps":1}` + "\n"}
		if c.settings != "" {
			files["config.yaml"] = c.settings
		}
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if err := Write(dir, nil, c.command); err != nil {
			t.Fatal(err)
		}
		page, err := os.ReadFile(filepath.Join(dir, "report.html"))
		if err != nil {
			t.Fatal(err)
		}
		text := string(page)
		if strings.Contains(text, "mine train digits --config config.yaml --run ../again") != c.named || c.settings == "" && strings.Contains(text, "config.yaml") {
			t.Errorf("the page of %+v: its command should be there: %v", c, c.named)
		}
		if _, err := os.Stat(filepath.Join(dir, "plots")); err != nil && strings.Contains(text, "plots/") {
			t.Errorf("the page of %+v names plots/, which is not there", c)
		}
	}
}
