package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/report"
)

// TestReportsOfOnesOwn: the page of a run names the command that makes it again for the jobs of energo train that have a file of settings,
// and neither a command nor a file that is not there for a recipe of one's own.
func TestReportsOfOnesOwn(t *testing.T) {
	page := func(recipe, settings string) string {
		dir := t.TempDir()
		if settings != "" {
			if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(settings), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		event := `{"type":"start","time":"2026-01-02T03:04:05Z","recipe":"` + recipe + `","epochs":1,"steps":1}` + "\n"
		if err := os.WriteFile(filepath.Join(dir, "events.jsonl"), []byte(event), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := report.Write(dir, nil); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "report.html"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "plots")); err != nil && strings.Contains(string(text), "plots/") {
			t.Errorf("%s: the page names plots/, which is not there", recipe)
		}
		return string(text)
	}
	for _, c := range newTrain().Commands() {
		want := !slices.Contains([]string{"parabola", "toy2d"}, c.Name())
		if has := strings.Contains(page(c.Name(), "recipe: "+c.Name()+"\n"), "energo train "+c.Name()+" --config config.yaml"); has != want {
			t.Errorf("the page of %s has its command: %v", c.Name(), has)
		}
		if text := page(c.Name(), ""); strings.Contains(text, "config.yaml") {
			t.Errorf("the page of %s without settings names config.yaml", c.Name())
		}
	}
	if text := page("mine", "recipe: mine\n"); strings.Contains(text, "energo train") {
		t.Error("the page of a recipe of one's own names a command of energo train")
	}
}
