// Package wholefile writes files that appear whole or not at all, also when the
// process is killed or the machine stops in the middle.
package wholefile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// suffix ends the names of files that are being written: FILE is written as
// .FILE.NUMBER.partial beside it. One that is left behind by a kill is never read,
// and a write of FILE more than a day later removes it.
const suffix = ".partial"

// stale is the age at which a partial file can be no running writer's.
const stale = 24 * time.Hour

// Write writes data to path: readers see what was there before or all of data.
func Write(path string, data []byte) error {
	f, err := Create(path)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit()
}

// File is a file that is being written; it appears under its path by Commit. Use
// it as an io.Writer.
type File struct {
	file *os.File
	path string
}

// Create starts to write path, whose folder must exist. The caller must call Commit
// or Abort; deferring Abort at once is right, since it does nothing after Commit.
func Create(path string) (*File, error) {
	dir, base := filepath.Split(path)
	if base == "" {
		return nil, fmt.Errorf("wholefile: %q names no file", path)
	}
	sweep(dir, base)
	for {
		name := fmt.Sprintf("%s.%s.%08x%s", dir, base, rand.Uint32(), suffix)
		file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return &File{file, path}, nil
	}
}

// sweep removes what killed writers of dir/base left behind. Failing to is no error.
func sweep(dir, base string) {
	entries, err := os.ReadDir(filepath.Join(dir, "."))
	if err != nil {
		return
	}
	for _, e := range entries {
		if ok, _ := filepath.Match("????????"+suffix, cut(e.Name(), "."+base+".")); !ok {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > stale {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// cut returns name without prefix, or nothing if it has another.
func cut(name, prefix string) string {
	if len(name) < len(prefix) || name[:len(prefix)] != prefix {
		return ""
	}
	return name[len(prefix):]
}

// Write appends p.
func (f *File) Write(p []byte) (int, error) { return f.file.Write(p) }

// Commit makes the file appear under its path, on disk when Commit returns. After
// an error the path is as it was before, unless the error says that only the folder
// could not be synchronised.
func (f *File) Commit() error {
	if f.file == nil {
		return errors.New("wholefile: Commit after Commit or Abort")
	}
	name := f.file.Name()
	err := errors.Join(f.file.Sync(), f.file.Close())
	f.file = nil
	if err == nil {
		err = os.Rename(name, f.path)
	}
	if err != nil {
		os.Remove(name)
		return err
	}
	return syncFolder(filepath.Dir(f.path))
}

// Abort gives the file up. It does nothing after Commit or Abort.
func (f *File) Abort() {
	if f.file == nil {
		return
	}
	f.file.Close()
	os.Remove(f.file.Name())
	f.file = nil
}

// syncFolder makes a rename in dir last. Windows has no such call, and some file
// systems answer that they do not know it.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("wholefile: synchronise folder: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("wholefile: synchronise folder: %w", err)
	}
	return nil
}
