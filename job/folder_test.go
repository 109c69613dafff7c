package job

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAbsent(t *testing.T) {
	dir := t.TempDir()
	got := absent(filepath.Join(dir, "a", "b"))
	if len(got) != 2 || got[0] != filepath.Join(dir, "a", "b") || got[1] != filepath.Join(dir, "a") {
		t.Errorf("absent folders %q", got)
	}
	if got := append(absent(dir), absent("")...); len(got) != 0 {
		t.Errorf("folders %q are absent", got)
	}
}

// TestClaim: folders that were made are removed again if nothing comes into them.
func TestClaim(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, "a", "b")
	f, err := Claim(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Claim(dir, false); !errors.Is(err, ErrInUse) {
		t.Errorf("claimed twice: %v", err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Errorf("the second claim took the folder away: %v", err)
	}
	f.Release()
	if _, err := os.Stat(filepath.Join(home, "a")); err == nil {
		t.Error("empty folders are left")
	}
	if _, err := Claim(dir, true); err == nil || !strings.Contains(err.Error(), "nothing to resume") {
		t.Errorf("a run that is not there is resumed: %v", err)
	}
	first, err := ClaimNew(filepath.Join(home, "runs", "x"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := ClaimNew(filepath.Join(home, "runs", "x"))
	if err != nil || filepath.Base(first.Dir) != "x-1" || filepath.Base(second.Dir) != "x-2" {
		t.Fatalf("%+v, %+v, %v", first, second, err)
	}
	if err := os.WriteFile(filepath.Join(first.Dir, "kept"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	first.Release()
	second.Release()
	if entries, _ := os.ReadDir(filepath.Join(home, "runs")); len(entries) != 1 || entries[0].Name() != "x-1" {
		t.Errorf("%v are left", entries)
	}
	if _, err := Claim(first.Dir, false); err == nil || !strings.Contains(err.Error(), "is not empty: it has kept") {
		t.Errorf("a folder with something else: %v", err)
	}
}
