package job

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/internal/flock"
	"github.com/energo-ml/energo/train"
)

// LockFile is in a run's folder while a process writes there.
const LockFile = ".lock"

// ErrInUse is behind the error about a folder that another process writes to.
var ErrInUse = errors.New("the folder is in use")

// Lock keeps a folder for this process. It ends with the process, whatever ends that.
type Lock struct {
	file *os.File
	path string
}

// LockFolder locks a folder. If it is in use, the error is of ErrInUse, and names the process. Where the file system has no
// locks, every folder is free.
func LockFolder(dir string) (*Lock, error) {
	path := filepath.Join(dir, LockFile)
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return nil, err
		}
		ok, err := flock.Try(f, false)
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

// Folder is a run's folder that this process writes to, and no other does.
type Folder struct {
	Dir  string
	lock *Lock
	made []string // folders that were not there, the innermost first
}

// Claim locks the folder of a run, and makes it if it is new. It refuses what CheckFolder refuses, and a folder in use.
func Claim(dir string, resume bool) (*Folder, error) {
	if resume {
		if err := CheckFolder(dir, true); err != nil {
			return nil, err
		}
	}
	f := &Folder{Dir: dir, made: absent(dir)}
	err := os.MkdirAll(dir, 0o777)
	if err == nil {
		f.lock, err = LockFolder(dir)
	}
	if err == nil {
		err = CheckFolder(dir, resume)
	}
	if err != nil {
		f.Release()
		return nil, err
	}
	return f, nil
}

// ClaimNew makes and locks the first of the folders BASE-1, BASE-2 … that is not there.
func ClaimNew(base string) (*Folder, error) {
	made := absent(filepath.Dir(base))
	if err := os.MkdirAll(filepath.Dir(base), 0o777); err != nil {
		return nil, err
	}
	for i := 1; ; i++ {
		dir := fmt.Sprintf("%s-%d", base, i)
		err := os.Mkdir(dir, 0o777)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		f := &Folder{Dir: dir, made: append([]string{dir}, made...)}
		if f.lock, err = LockFolder(dir); err != nil {
			f.Release()
			return nil, err
		}
		return f, nil
	}
}

// Release gives the folder free, and removes it, with those around it, if it was new and is empty.
func (f *Folder) Release() {
	f.lock.Release()
	for _, dir := range f.made {
		if os.Remove(dir) != nil {
			return
		}
	}
}

// absent lists a folder and those around it as far as they are not there yet, the
// innermost first.
func absent(dir string) (all []string) {
	for dir != "" && dir != filepath.Dir(dir) {
		if _, err := os.Stat(dir); err == nil {
			break
		}
		all = append(all, dir)
		dir = filepath.Dir(dir)
	}
	return all
}

// CheckFolder refuses a folder for a run that is not empty, but for what a run leaves
// that was killed before its first checkpoint; or, to resume, one that has no checkpoint.
func CheckFolder(dir string, resume bool) error {
	if resume {
		if _, err := os.Stat(filepath.Join(dir, train.CheckpointFile)); err != nil {
			return fmt.Errorf("there is nothing to resume: %s has no %s", dir, train.CheckpointFile)
		}
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if name != ConfigFile && name != train.LogFile && name != LockFile && !strings.HasSuffix(name, ".partial") {
			return fmt.Errorf("%s is not empty: it has %s; --resume resumes a run in it, and a new run needs another folder", dir, name)
		}
	}
	return nil
}
