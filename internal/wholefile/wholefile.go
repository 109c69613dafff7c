// Package wholefile writes files that appear whole or not at all, also when the
// process is killed or the machine stops in the middle.
//
// Symbolic links are followed, and a file that is replaced keeps its mode (not its
// owner, nor its other hard links). Devices, pipes and sockets, which can neither
// appear nor be replaced, are written straight, and so is a file that the process has
// as its standard output or error.
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
	path string // where it is to appear; "" if it is written straight
}

// Create starts to write path, whose folder must exist. The caller must call Commit
// or Abort; deferring Abort at once is right, since it does nothing after Commit.
// Where path is a pipe, Create waits for its reader.
func Create(path string) (*File, error) {
	if f, err := straight(path); f != nil || err != nil {
		return f, err
	}
	path, old, err := follow(path)
	if err != nil {
		return nil, err
	}
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
		f := &File{file, path}
		if err := f.keepMode(old); err != nil {
			f.Abort()
			return nil, err
		}
		return f, nil
	}
}

// Straight reports whether path is written straight: a device, a pipe, a socket, or
// the process's standard output or error.
func Straight(path string) bool {
	info, err := os.Stat(path)
	return err == nil && (!info.Mode().IsRegular() && !info.IsDir() || standard(info) != nil)
}

// straight opens what is written straight; it returns nil for all else.
func straight(path string) (*File, error) {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		return nil, nil // Create says what is wrong with it, if anything is
	}
	if file := standard(info); file != nil {
		return &File{file: file}, nil
	}
	if info.Mode().IsRegular() {
		return nil, nil
	}
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	return &File{file: file}, nil
}

// standard returns the process's standard output or error if the file is it. Opened
// anew it would be written from its beginning on, over what is there.
func standard(info fs.FileInfo) *os.File {
	for _, file := range []*os.File{os.Stdout, os.Stderr} {
		if own, err := file.Stat(); err == nil && os.SameFile(own, info) {
			return file
		}
	}
	return nil
}

// maxLinks is how many symbolic links are followed, as Linux has it.
const maxLinks = 40

// follow returns the path at the end of symbolic links, and what is there: nil if
// nothing is.
func follow(path string) (end string, old fs.FileInfo, err error) {
	end = path
	for range maxLinks {
		info, err := os.Lstat(end)
		if errors.Is(err, fs.ErrNotExist) {
			return end, nil, nil
		}
		if err != nil {
			return "", nil, err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			return end, info, nil
		}
		next, err := os.Readlink(end)
		if err != nil {
			return "", nil, err
		}
		if !filepath.IsAbs(next) {
			dir, _ := filepath.Split(end) // not cleaned: the folder may be a link itself, and .. be of where it leads
			next = dir + next
		}
		end = next
	}
	return "", nil, &os.PathError{Op: "create", Path: path, Err: fmt.Errorf("more than %d symbolic links", maxLinks)}
}

// keepMode gives the file the mode of the one that it is to replace.
func (f *File) keepMode(old fs.FileInfo) error {
	if old == nil || !old.Mode().IsRegular() {
		return nil
	}
	is, err := f.file.Stat()
	if err != nil || is.Mode().Perm() == old.Mode().Perm() {
		return err
	}
	return f.file.Chmod(old.Mode().Perm())
}

// sweep removes what killed writers of dir/base left behind. Failing to is no error.
func sweep(dir, base string) {
	entries, err := os.ReadDir(folder(dir))
	if err != nil {
		return
	}
	for _, e := range entries {
		if ok, _ := filepath.Match("????????"+suffix, cut(e.Name(), "."+base+".")); !ok {
			continue
		}
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > stale {
			os.Remove(dir + e.Name())
		}
	}
}

// folder is the name of the folder that a path begins with.
func folder(dir string) string {
	if dir == "" {
		return "."
	}
	return dir
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
// could not be synchronised. What is written straight is only closed.
func (f *File) Commit() error {
	if f.file == nil {
		return errors.New("wholefile: Commit after Commit or Abort")
	}
	file := f.file
	f.file = nil
	if f.path == "" {
		return closeStraight(file)
	}
	err := errors.Join(file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), f.path)
	}
	if err != nil {
		os.Remove(file.Name())
		return err
	}
	dir, _ := filepath.Split(f.path)
	return syncFolder(folder(dir))
}

// Abort gives the file up. It does nothing after Commit or Abort. What was written
// straight stays written.
func (f *File) Abort() {
	if f.file == nil {
		return
	}
	file := f.file
	f.file = nil
	if f.path == "" {
		_ = closeStraight(file)
		return
	}
	file.Close()
	os.Remove(file.Name())
}

// closeStraight closes the file unless it is the process's own.
func closeStraight(file *os.File) error {
	if file == os.Stdout || file == os.Stderr {
		return nil
	}
	return file.Close()
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
