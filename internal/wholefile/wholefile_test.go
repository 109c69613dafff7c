package wholefile

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// A child process writes over and over, and is killed at random moments: what can be
// read afterwards is always whole.
func TestKilledWriter(t *testing.T) {
	const size = 1 << 20
	if path := os.Getenv("WHOLEFILE_TEST_PATH"); path != "" {
		for i := byte(0); ; i++ {
			if err := Write(path, bytes.Repeat([]byte{i}, size)); err != nil {
				t.Fatal(err)
			}
		}
	}
	path := filepath.Join(t.TempDir(), "a")
	if err := Write(path, make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	for trial := range 10 {
		child := exec.Command(os.Args[0], "-test.run=^TestKilledWriter$")
		child.Env = append(os.Environ(), "WHOLEFILE_TEST_PATH="+path)
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(20+7*trial) * time.Millisecond)
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := child.Wait(); err == nil {
			t.Fatal("the child ended by itself")
		}
		got, err := os.ReadFile(path)
		if err != nil || len(got) != size || !bytes.Equal(got, bytes.Repeat(got[:1], size)) {
			t.Fatalf("trial %d: %d bytes that are not whole (%v)", trial, len(got), err)
		}
	}
}

// names returns what is in the folder.
func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func wantFile(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s holds %q (%v), want %q", path, got, err, want)
	}
	if all := names(t, filepath.Dir(path)); len(all) != 1 {
		t.Errorf("folder holds %q, want only the file", all)
	}
}

func TestWriteReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.txt")
	for _, text := range []string{"first", "", "the third"} {
		if err := Write(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		wantFile(t, path, text)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o400 == 0 {
		t.Errorf("mode %v (%v), want a readable file", info.Mode(), err)
	}
}

func TestNothingAppearsBeforeCommit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.txt")
	if err := Write(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := f.Write([]byte("new")); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(path); string(got) != "old" {
			t.Fatalf("before Commit the file holds %q", got)
		}
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	f.Abort() // does nothing now
	wantFile(t, path, "newnewnew")
	if f.Commit() == nil {
		t.Error("a second Commit succeeds")
	}
}

func TestAbort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.txt")
	if err := Write(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	f.Abort()
	f.Abort()
	wantFile(t, path, "old")
}

// What kills leave behind is swept when it is old, and only that.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	long := time.Now().Add(-2 * stale)
	for name, at := range map[string]time.Time{
		".a.txt.0123abcd.partial": long,
		".a.txt.fresh678.partial": time.Now(),
		".b.txt.0123abcd.partial": long,
		".a.txt.partial":          long,
	} {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(p, at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := Write(filepath.Join(dir, "a.txt"), nil); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(names(t, dir))
	if want := "[.a.txt.fresh678.partial .a.txt.partial .b.txt.0123abcd.partial a.txt]"; got != want {
		t.Errorf("after a write the folder holds %s, want %s", got, want)
	}
}

// Writers of one path at once: one of them wins, whole.
func TestConcurrentWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	done := make(chan error)
	for i := range 8 {
		go func() {
			done <- Write(path, bytes.Repeat([]byte{byte('a' + i)}, 1<<16))
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || len(got) != 1<<16 || !bytes.Equal(got, bytes.Repeat(got[:1], 1<<16)) {
		t.Errorf("%d bytes of mixed writers (%v)", len(got), err)
	}
	if all := names(t, filepath.Dir(path)); len(all) != 1 {
		t.Errorf("folder holds %q", all)
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{"", dir + string(filepath.Separator), filepath.Join(dir, "none", "a")} {
		if Write(path, nil) == nil {
			t.Errorf("writing %q succeeds", path)
		}
	}
	// A folder in the way: the rename fails, and nothing is left behind.
	taken := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(taken, "x"), 0o777); err != nil {
		t.Fatal(err)
	}
	if Write(taken, nil) == nil {
		t.Error("writing over a folder succeeds")
	}
	if all := names(t, dir); len(all) != 1 {
		t.Errorf("folder holds %q", all)
	}
}

// A relative path without a folder is in the current one.
func TestCurrentFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := Write("a", []byte("x")); err != nil {
		t.Fatal(err)
	}
	wantFile(t, filepath.Join(".", "a"), "x")
}
