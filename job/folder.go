package job

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/internal/flock"
	"github.com/energo-ml/energo/train"
)

// ErrInUse is behind the error about a folder that another process writes to.
var ErrInUse = flock.ErrInUse

// Folder is a run's folder that this process writes to, and no other does.
type Folder struct {
	Dir  string
	lock *flock.Lock
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
		f.lock, err = flock.Folder(dir)
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
		if f.lock, err = flock.Folder(dir); err != nil {
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
		if name != ConfigFile && name != EncoderFile && name != BegunFile && name != NotesFile && name != train.LogFile && name != flock.File && !strings.HasSuffix(name, ".partial") {
			return fmt.Errorf("%s is not empty: it has %s; --resume resumes a run in it, and a new run needs another folder", dir, name)
		}
	}
	return nil
}
