package flock

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFolder: one holder at a time, named; a released lock, or that of a dead process, holds nothing.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	l, err := Folder(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Folder(dir)
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), fmt.Sprintf("process %d on ", os.Getpid())) || !strings.Contains(err.Error(), dir) {
		t.Errorf("locked twice: %v", err)
	}
	l.Release()
	l.Release()
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("a lock that was released leaves %v", entries)
	}
	// A process that died leaves its name, and no lock.
	if err := os.WriteFile(filepath.Join(dir, File), []byte("process 1 on elsewhere\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if l, err = Folder(dir); err != nil {
		t.Fatalf("after a death: %v", err)
	}
	// The lock is that of the file under the name: one that was removed counts for nothing.
	if err := os.Remove(filepath.Join(dir, File)); err != nil {
		t.Fatal(err)
	}
	other, err := Folder(dir)
	if err != nil {
		t.Fatal(err)
	}
	other.Release()
	l.Release()
	if _, err := Folder(filepath.Join(dir, "none")); err == nil || errors.Is(err, ErrInUse) {
		t.Errorf("a folder that is not there: %v", err)
	}
}
