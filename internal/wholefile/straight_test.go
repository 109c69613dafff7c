//go:build unix

package wholefile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A file that is replaced keeps its mode; a new one has the umask's.
func TestModeIsKept(t *testing.T) {
	dir := t.TempDir()
	for _, mode := range []fs.FileMode{0o600, 0o640, 0o444, 0o777, 0o666} {
		path := filepath.Join(dir, "a")
		if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := Write(path, []byte("new")); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != mode {
			t.Errorf("a file of mode %v has mode %v (%v) after it was replaced", mode, info.Mode(), err)
		}
		wantFile(t, path, "new")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// Links stay links, and what they lead to is written, in its own folder.
func TestLinksAreFollowed(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"links", "real/deep"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("../real/a", "links/relative")
	link(filepath.Join(root, "real/b"), "links/absolute")
	link("relative", "links/twice")
	link("../real/c", "links/dangling")
	link("real/deep", "folder")
	link("../d", "real/deep/up") // of real/deep, also when reached by folder
	link("round", "links/round")
	for name, target := range map[string]string{
		"links/relative": "real/a", "links/absolute": "real/b", "links/twice": "real/a", "links/dangling": "real/c",
		"folder/up": "real/d", "folder/e": "real/deep/e", "folder/../f": "real/f",
	} {
		for _, text := range []string{"first of " + name, "second"} { // there is nothing, then a file
			path := root + "/" + name
			if err := Write(path, []byte(text)); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(filepath.Join(root, target)); err != nil || string(got) != text {
				t.Errorf("%s: %s holds %q (%v), want %q", name, target, got, err, text)
			}
		}
	}
	for _, name := range []string{"relative", "absolute", "twice", "dangling", "round"} {
		if info, err := os.Lstat(filepath.Join(root, "links", name)); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("links/%s is a link no more: %v, %v", name, info, err)
		}
	}
	if got := fmt.Sprint(names(t, filepath.Join(root, "links"))); got != "[absolute dangling relative round twice]" {
		t.Errorf("the folder of links holds %s", got)
	}
	if err := Write(filepath.Join(root, "links/round"), nil); err == nil || !strings.Contains(err.Error(), "links/round") {
		t.Errorf("a link to itself: %v", err)
	}
}

// A pipe is written straight and stays a pipe.
func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	read := make(chan string)
	go func() {
		data, err := os.ReadFile(path)
		read <- fmt.Sprint(string(data), err)
	}()
	text := strings.Repeat("all of it", 1<<16)
	if !Straight(path) {
		t.Error("a pipe is not straight")
	}
	if err := Write(path, []byte(text)); err != nil {
		t.Fatal(err)
	}
	if got := <-read; got != text+"<nil>" {
		t.Errorf("%d bytes came through, want %d", len(got), len(text))
	}
	if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		t.Errorf("the pipe is now %v (%v)", info, err)
	}
}

// Devices stay devices, and what they refuse is an error. A link stands in for one, so
// that a fault in this package does not break the machine's own.
func TestDevices(t *testing.T) {
	dir := t.TempDir()
	for device, want := range map[string]error{"/dev/null": nil, "/dev/full": syscall.ENOSPC} {
		path := filepath.Join(dir, filepath.Base(device))
		if _, err := os.Stat(device); err != nil {
			t.Skipf("there is no %s here", device)
		}
		if err := os.Symlink(device, path); err != nil {
			t.Fatal(err)
		}
		if !Straight(path) {
			t.Errorf("%s is not straight", device)
		}
		if err := Write(path, []byte("x")); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", device, err, want)
		}
		if info, err := os.Stat(path); err != nil || info.Mode()&fs.ModeDevice == 0 {
			t.Errorf("%s is now %v (%v)", device, info, err)
		}
	}
	if got := fmt.Sprint(names(t, dir)); got != "[full null]" {
		t.Errorf("the folder holds %s", got)
	}
}

// What a process writes to its own standard output by a name comes between what it
// writes there otherwise, whether that is a pipe or a file.
func TestStandardOutput(t *testing.T) {
	if os.Getenv("WHOLEFILE_TEST_STDOUT") != "" {
		fmt.Println("before")
		if err := Write("/dev/stdout", []byte("within\n")); err != nil {
			t.Fatal(err)
		}
		fmt.Println("after")
		os.Exit(0)
	}
	if _, err := os.Stat("/dev/stdout"); err != nil {
		t.Skip("there is no /dev/stdout here")
	}
	child := func() *exec.Cmd {
		c := exec.Command(os.Args[0], "-test.run=^TestStandardOutput$")
		c.Env = append(os.Environ(), "WHOLEFILE_TEST_STDOUT=1")
		return c
	}
	const want = "before\nwithin\nafter\n"
	if got, err := child().Output(); err != nil || string(got) != want {
		t.Errorf("into a pipe came %q (%v), want %q", got, err, want)
	}
	path := filepath.Join(t.TempDir(), "out")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c := child()
	c.Stdout = file
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	wantFile(t, path, want)
}

// Aborting what is written straight leaves no file behind, and a plain file is not straight.
func TestStraight(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "null")
	if err := os.Symlink(os.DevNull, path); err != nil {
		t.Fatal(err)
	}
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	f.Abort()
	f.Abort()
	if f.Commit() == nil {
		t.Error("Commit after Abort succeeds")
	}
	plain := filepath.Join(dir, "plain")
	for _, p := range []string{dir, plain, filepath.Join(dir, "none")} {
		if err := os.WriteFile(plain, bytes.Repeat([]byte("x"), 3), 0o600); err != nil {
			t.Fatal(err)
		}
		if Straight(p) {
			t.Errorf("%s is straight", p)
		}
	}
}
