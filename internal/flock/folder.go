package flock

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// File is in a folder while a process writes there.
const File = ".lock"

// ErrInUse is behind the error about a folder that another process writes to.
var ErrInUse = errors.New("the folder is in use")

// Lock keeps a folder for this process. It ends with the process, whatever ends that.
type Lock struct {
	file *os.File
	path string
}

// Folder locks a folder. If it is in use, the error is of ErrInUse, and names the process. Where the file system has no
// locks, every folder is free.
func Folder(dir string) (*Lock, error) {
	path := filepath.Join(dir, File)
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return nil, err
		}
		ok, err := Try(f, false)
		switch {
		case errors.Is(err, errors.ErrUnsupported):
		case err != nil:
			return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
		case !ok:
			err := fmt.Errorf("%w: %s writes to %s", ErrInUse, holder(f), dir)
			return nil, errors.Join(err, f.Close())
		}
		if !isAt(f, path) { // its last holder has removed it
			f.Close()
			continue
		}
		l := &Lock{f, path}
		if err := l.sign(); err != nil {
			l.Release()
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return l, nil
	}
}

// Held tells whether a process writes to a folder. It makes no file. A lock file that nobody holds is locked for a moment, in which another
// finds the folder in use: whoever asks again and again remembers the file's time meanwhile.
func Held(dir string) bool {
	f, err := os.Open(filepath.Join(dir, File))
	if err != nil {
		return false
	}
	defer f.Close()
	ok, err := Try(f, true)
	return err == nil && !ok
}

// sign writes down whose the lock is.
func (l *Lock) sign() error {
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err = fmt.Fprintf(l.file, "process %d on %s\n", os.Getpid(), host)
	return err
}

// holder says whose a lock is.
func holder(f *os.File) string {
	const longest = 200
	text, err := io.ReadAll(io.LimitReader(f, longest))
	name, whole := strings.CutSuffix(string(text), "\n")
	if err != nil || !whole { // it has only just got it
		return "another process"
	}
	return name
}

// isAt says whether a file is the one under a path.
func isAt(f *os.File, path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(mine, there)
}

// Release gives the folder free. It does nothing for nil, or after Release.
func (l *Lock) Release() {
	if l == nil || l.file == nil {
		return
	}
	err := os.Remove(l.path) // before another can have the lock
	l.file.Close()
	if err != nil { // Windows removes no file that is open
		os.Remove(l.path)
	}
	l.file = nil
}
